/* Invites, one-time secrets in meta, the audit's chain: rows. Thread: executors. */
#pragma once
#include "protocol/model.h"
#include "store/log.h"

enum { SECRET_HASH_BYTES = 32 };

struct invite_row {
    int64_t key, room; /* room: 0: none */
    struct invite invite;
};
struct invite_new {
    uint8_t secret_hash[SECRET_HASH_BYTES];
    enum role role;
    int64_t room, uses, created_by, expires_at;
};
enum err invite_insert(struct tx *tx, const struct invite_new *invite, struct uuid *id) MUST_CHECK;
/* ERR_INVITE_INVALID / ERR_NOT_FOUND: unknown, expired or used up. */
enum err invite_by_secret(struct tx *tx, const uint8_t secret_hash[SECRET_HASH_BYTES], struct invite_row *out) MUST_CHECK;
enum err invite_by_id(struct tx *tx, struct uuid id, struct invite_row *out) MUST_CHECK;
enum err invite_all_live(struct tx *tx, struct invite_list *out) MUST_CHECK;
enum err invite_use(struct tx *tx, int64_t key) MUST_CHECK;
enum err invite_end(struct tx *tx, int64_t key) MUST_CHECK;

/* The hash of the first owner's one-time secret; *found false when there is none. */
enum err owner_claim_get(struct tx *tx, bool *found, uint8_t hash[SECRET_HASH_BYTES]) MUST_CHECK;
enum err owner_claim_set(struct tx *tx, const uint8_t hash[SECRET_HASH_BYTES]) MUST_CHECK;
enum err owner_claim_clear(struct tx *tx) MUST_CHECK;

/* Appends a row to the audit, chained by hash to the one before. `actor`: account, 0 the operator. No secrets in `subject`. */
enum err audit_append(struct tx *tx, int64_t actor, const char *action, struct str subject) MUST_CHECK;
