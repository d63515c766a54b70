/* Retries of operations that make something: a request with a nonce that its caller used within the
 * last 24 hours finds what the first one made, and makes nothing. An operation has this by a
 * parameter `nonce` in its row (over HTTP the header Idempotency-Key, draft-ietf-httpapi-
 * idempotency-key-header) and by calling these two. Messages have nonces of their own, for ever.
 *
 * The answer is not kept: what was made is read anew, so a retry shows it as it is now. A secret
 * that the first answer held (an invite's link) is not in the database, so a retry leaves it out:
 * keeping it for a day would undo that only its hash is stored, and making a new one would void a
 * link that may be in somebody's hands.
 *
 * Thread: the writer, inside the call's transaction. */
#pragma once
#include "auth/call.h"
#include "store/nonce.h"

struct retry {
    struct str nonce;     /* empty: the caller gave none */
    struct nonce_row row; /* subject: what the first request made; 0: this is the first */
};

/* `params` with their defaults filled in: one that was not given counts as its zero value, so that
 * a default spelt out and one left away are the same request. ERR_NONCE_REUSED when the nonce was
 * used for another operation, or with other parameters. */
enum err retry_find(struct call *call, const void *params, struct str nonce,
                    struct retry *out) MUST_CHECK;
/* Keeps what this first request made (its row's key); nothing without a nonce. */
enum err retry_keep(struct call *call, struct retry *retry, int64_t subject) MUST_CHECK;
