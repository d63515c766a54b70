/* Signing in and out, for every operation that ends in either.
 *
 * Thread: the writer, inside the call's transaction. */
#pragma once
#include "auth/call.h"
#include "store/account.h"

/* Makes a session for the account and sets the call's effect: a cookie, or with `as_token` a bearer
 * token. */
enum err sign_in_grant(struct call *call, const struct account_row *account,
                       bool as_token) MUST_CHECK;

/* What session.ended's `fact` says besides its subject (events.def). */
enum session_end {
    SESSION_END_GONE = 0,      /* that session, or with none named all */
    SESSION_END_OTHERS = 1,    /* all but that one */
    SESSION_END_RECONNECT = 2, /* all are to connect again: the role changed */
};

/* Tells every node that sessions of the account ended; `session` 0: all. */
enum err sign_out_tell(struct call *call, int64_t account, int64_t session,
                       enum session_end how) MUST_CHECK;
/* Ends all sessions and tokens of the account, and tells. */
enum err sign_out_everywhere(struct call *call, int64_t account) MUST_CHECK;
