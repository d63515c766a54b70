/* Presence: who has a session open. In memory; every change is told once a second at most, in one
 * event for all.
 *
 * Thread: any; one small lock. A person whose last session ended stays online for
 * PRESENCE_LINGER_MS, so that a reload is not seen; whose last session fell silent does not: that
 * has been long enough. */
#pragma once
#include "base/arena.h"
#include "base/check.h"
#include "base/uuid.h"
#include "protocol/model.h"

enum { PRESENCE_LINGER_MS = 3000, PRESENCE_TICK_MS = 1000 };

/* One session more for the person; false when `limit` are open already (0: no limit). */
bool presence_enter(int64_t account, struct uuid id, unsigned limit) MUST_CHECK;
void presence_leave(int64_t account, bool was_silent);
/* Who is online, in no order, in `arena`. */
struct uuid_list presence_who(struct arena *arena);
/* Who came and went since the last call. False when nobody did. */
bool presence_take_changes(struct arena *arena, int64_t now_ms, struct uuid_list *online,
                           struct uuid_list *offline);
/* For tests and the end of the process. */
void presence_finish(void);
