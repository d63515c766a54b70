/* Tickets: single-use secrets of 30 seconds that stand for a session where no header can be sent
 * (an EventSource's address). A ticket dies with its session: who redeems it is looked up afresh.
 *
 * Thread: any; one small lock. In memory: a restart voids all. Bounded: whoever has many loses the
 * own oldest, so that nobody alone can push out another's; when all places are taken, the oldest of
 * all goes. */
#pragma once
#include "auth/token.h"

enum { TICKETS_MAX = 4096, TICKETS_PER_ACCOUNT_MAX = 64, TICKET_LIFE_MS = 30000 };

/* A ticket for the account's session, in the arena. */
struct str ticket_issue(struct arena *arena, int64_t account, int64_t session_row, int64_t now_ms);
/* The session that it stands for, and uses it up; 0: unknown, used or too old. */
int64_t ticket_redeem(struct str ticket, int64_t now_ms);
