/* Coming into rooms and going out: the rows and the events, in the order that streams rely on. Who
 * may is asked before.
 *
 * Thread: the writer, inside a transaction. */
#pragma once
#include "store/membership.h"
#include "store/room.h"

/* Makes the person a member; one who is already stays one, without an event. `actor`: who does it,
 * 0: the operator. */
enum err member_join(struct tx *tx, int64_t actor, const struct room_row *room,
                     const struct account_row *person) MUST_CHECK;
/* Ends the membership, which is open. */
enum err member_leave(struct tx *tx, int64_t actor, const struct room_row *room,
                      const struct account_row *person,
                      const struct membership_row *membership) MUST_CHECK;
