#include "chat/digest.h"

#include "base/random.h"

#include <sodium.h>
#include <string.h>

enum { DIGEST_KEY_BYTES = 32 };

static enum err digest_key(struct tx *tx, unsigned char key[DIGEST_KEY_BYTES]) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_meta_get, &rows, DB_T(STR("nonce_key")));
    if (err != ERR_OK)
        return err;
    if (rows.count > 0 && db_at(&rows, 0, 0)->bytes.len == DIGEST_KEY_BYTES) {
        memcpy(key, db_at(&rows, 0, 0)->bytes.ptr, DIGEST_KEY_BYTES);
        return ERR_OK;
    }
    random_bytes(key, DIGEST_KEY_BYTES);
    return DB_RUN(tx->db, tx->arena, QUERY_meta_set, &rows, DB_T(STR("nonce_key")),
                  DB_B(key, DIGEST_KEY_BYTES));
}

enum err digest_request(struct tx *tx, const struct str *parts, size_t count,
                        unsigned char out[NONCE_DIGEST_BYTES]) {
    unsigned char key[DIGEST_KEY_BYTES];
    crypto_generichash_state state;
    enum err err = digest_key(tx, key);
    if (err != ERR_OK)
        return err;
    crypto_generichash_init(&state, key, sizeof key, NONCE_DIGEST_BYTES);
    for (size_t i = 0; i < count; i++) {
        const uint64_t len = parts[i].len; /* goes in too: no two requests give the same bytes */
        crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
        crypto_generichash_update(&state, (const unsigned char *)parts[i].ptr, parts[i].len);
    }
    crypto_generichash_final(&state, out, NONCE_DIGEST_BYTES);
    return ERR_OK;
}
