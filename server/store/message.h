/* Messages and their nonces: rows. Thread: executors. Strs live in tx->arena. */
#pragma once
#include "protocol/model.h"
#include "store/log.h"

struct message_row {
    int64_t key, room, author; /* keys */
    struct message *message;
};

/* ERR_NOT_FOUND when there is no such row. */
enum err message_by_key(struct tx *tx, int64_t key, struct message_row *out) MUST_CHECK;
enum err message_by_id(struct tx *tx, struct uuid id, struct message_row *out) MUST_CHECK;
/* Stores `message` (id, seq, text, nonce, created_at) of account `author` in room `room`. */
enum err message_insert(struct tx *tx, int64_t room, int64_t author, const struct message *message, int64_t *key) MUST_CHECK;
enum err message_set_text(struct tx *tx, int64_t key, struct str text, int64_t at) MUST_CHECK;
/* The text is gone; the tombstone keeps id, seq and nonce. */
enum err message_blank(struct tx *tx, int64_t key, int64_t at) MUST_CHECK;
/* Messages before or after `seq` (exclusive), none with a seq below `first`; oldest first. */
enum err message_page_before(struct tx *tx, int64_t room, int64_t seq, int64_t first, int64_t limit, struct message_list *out) MUST_CHECK;
enum err message_page_after(struct tx *tx, int64_t room, int64_t seq, int64_t first, int64_t limit, struct message_list *out) MUST_CHECK;

/* ---- nonces ---- */
enum { NONCE_DIGEST_BYTES = 16 };
/* *found: the author has used the nonce; then its message and the digest of the first request. */
enum err nonce_get(struct tx *tx, int64_t author, struct str nonce, bool *found, int64_t *message,
                   uint8_t digest[NONCE_DIGEST_BYTES]) MUST_CHECK;
enum err nonce_insert(struct tx *tx, int64_t author, struct str nonce, int64_t message,
                      const uint8_t digest[NONCE_DIGEST_BYTES]) MUST_CHECK;
/* The same for other creating operations; kept for REQUEST_NONCE_HOURS. */
enum { REQUEST_NONCE_HOURS = 24 };
enum err request_nonce_get(struct tx *tx, int64_t author, struct str nonce, bool *found, int64_t *subject,
                           uint8_t digest[NONCE_DIGEST_BYTES]) MUST_CHECK;
enum err request_nonce_set(struct tx *tx, int64_t author, struct str nonce, struct str operation, int64_t subject,
                           const uint8_t digest[NONCE_DIGEST_BYTES]) MUST_CHECK;
