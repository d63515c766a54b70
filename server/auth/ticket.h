/* Tickets: single-use secrets of 30 seconds that stand for a session where no header can be sent
 * (an EventSource's address). A ticket dies with its session: who redeems it is looked up afresh.
 *
 * Thread: any; one small lock. In memory: a restart voids all. Bounded: the oldest goes first. */
#pragma once
#include "auth/token.h"

enum { TICKETS_MAX = 4096, TICKET_LIFE_MS = 30000 };

/* A ticket for the session, in the arena. */
struct str ticket_issue(struct arena *arena, int64_t session_row, int64_t now_ms);
/* The session that it stands for, and uses it up; 0: unknown, used or too old. */
int64_t ticket_redeem(struct str ticket, int64_t now_ms);
