/* Sessions as rows: a signed-in browser or a bearer token; of its secret only the SHA-256 is kept.
 *
 * Thread: the executor whose transaction it is. */
#pragma once
#include "store/log.h"

enum { SESSION_HASH_BYTES = 32 };

enum session_kind { SESSION_COOKIE, SESSION_BEARER };

struct session_row {
    int64_t key;
    enum session_kind kind;
    int64_t created_at, expires_at;
    int64_t account;
    struct author author; /* the account as others see it */
    enum role role;
};

enum err session_insert(struct tx *tx, int64_t account,
                        const unsigned char hash[SESSION_HASH_BYTES], enum session_kind kind,
                        int64_t expires_at, int64_t *key) MUST_CHECK;
/* ERR_INVALID_TOKEN when it is not there, has expired, or its account is disabled. */
enum err session_by_key(struct tx *tx, int64_t key, struct session_row *out) MUST_CHECK;
enum err session_by_hash(struct tx *tx, const unsigned char hash[SESSION_HASH_BYTES],
                         struct session_row *out) MUST_CHECK;
/* session_by_key without its result. */
enum err session_is_valid(struct tx *tx, int64_t session_row) MUST_CHECK;
enum err session_remove(struct tx *tx, int64_t key) MUST_CHECK;
/* All of the account's, but for `except` (0: none). */
enum err session_remove_all(struct tx *tx, int64_t account, int64_t except) MUST_CHECK;
/* Those of the account that have expired. */
enum err session_remove_expired(struct tx *tx, int64_t account) MUST_CHECK;
