/* Making accounts: what sign-up, the first owner and the operator have in common.
 *
 * Thread: account_make_prepare on a worker, the others on the writer inside the call's transaction.
 */
#pragma once
#include "auth/call.h"
#include "store/account.h"

/* As people gave it; an empty display_name becomes the name. */
struct account_wish {
    struct str name, display_name, email, password;
};

/* Checks the wish, hashes the password, and leaves both in call->prepared. ERR_INVALID_FIELD. */
enum err account_make_prepare(struct call *call, const struct account_wish *wish) MUST_CHECK;
/* Makes the account that was prepared, and tells. Its own maker, but for the operator. People who
 * are no guests join general, which is made if it is missing. An owner voids the first owner's
 * link. ERR_NAME_TAKEN, ERR_EMAIL_TAKEN. */
enum err account_make(struct call *call, enum role role, struct account_row *out) MUST_CHECK;
/* Whether an owner exists, disabled or not. */
enum err account_owner_exists(struct tx *tx, bool *out) MUST_CHECK;

/* ---- the first owner's link: the hash of its secret in meta ---- */
enum err owner_claim_set(struct tx *tx, struct str secret) MUST_CHECK;
enum err owner_claim_clear(struct tx *tx) MUST_CHECK;
/* ERR_INVITE_INVALID when it is not the secret. */
enum err owner_claim_check(struct tx *tx, struct str secret) MUST_CHECK;
