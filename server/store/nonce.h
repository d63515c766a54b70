/* Nonces as rows: what makes a retry safe. Messages' ones are kept for ever, those of other
 * creating operations for 24 hours.
 *
 * Thread: the executor whose transaction it is. */
#pragma once
#include "store/log.h"

enum { NONCE_KEY_BYTES = 32, NONCE_DIGEST_BYTES = 32, REQUEST_NONCE_LIFE_MS = 24 * 60 * 60 * 1000 };

/* What a nonce was used for; subject 0: it is new. */
struct nonce_row {
    int64_t subject; /* the message, or what the operation made */
    unsigned char digest[NONCE_DIGEST_BYTES];
};

/* The key of the digests, drawn once for a database; a process serves one. Any thread, once the
 * store is open. */
const unsigned char *nonce_key(void);
/* Reads or draws it, in a write transaction, before any other thread starts. */
enum err nonce_prepare_key(struct db *db, struct arena *arena) MUST_CHECK;
enum err nonce_of(struct tx *tx, int64_t author, struct str nonce,
                  struct nonce_row *out) MUST_CHECK;
/* *is_new false: there is one already, and nothing was changed. */
enum err nonce_insert(struct tx *tx, int64_t author, struct str nonce, const struct nonce_row *row,
                      bool *is_new) MUST_CHECK;
enum err request_nonce_of(struct tx *tx, int64_t author, struct str nonce,
                          struct nonce_row *out) MUST_CHECK;
/* Keeps it, and forgets all that are too old, whoever's. */
enum err request_nonce_put(struct tx *tx, int64_t author, struct str nonce, struct str operation,
                           const struct nonce_row *row) MUST_CHECK;
