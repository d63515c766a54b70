#include "store/nonce.h"

#include "base/random.h"
#include "store/log_batch.h"
#include "store/rows.h"

static unsigned char nonce_digest_key[NONCE_KEY_BYTES];

const unsigned char *nonce_key(void) {
    return nonce_digest_key;
}

enum err nonce_prepare_key(struct db *db, struct arena *arena) {
    random_bytes(nonce_digest_key, sizeof nonce_digest_key);
    return meta_keep(db, arena, STR("nonce_key"), nonce_digest_key, sizeof nonce_digest_key);
}

static enum err nonce_bind(enum err err, const struct db_rows *rows, struct nonce_row *out) {
    *out = (struct nonce_row){0};
    if (err != ERR_OK || rows->count == 0)
        return err;
    out->subject = db_at(rows, 0, 0)->integer;
    struct str digest = db_at(rows, 0, 1)->bytes;
    if (digest.len != sizeof out->digest)
        return ERR_INTERNAL;
    memcpy(out->digest, digest.ptr, sizeof out->digest);
    return ERR_OK;
}

enum err nonce_of(struct tx *tx, int64_t author, struct str nonce, struct nonce_row *out) {
    struct db_rows rows;
    return nonce_bind(DB_RUN(tx->db, tx->arena, QUERY_nonce_get, &rows, DB_I(author), DB_T(nonce)),
                      &rows, out);
}

enum err nonce_insert(struct tx *tx, int64_t author, struct str nonce, const struct nonce_row *row,
                      bool *is_new) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_nonce_insert, &rows, DB_I(author), DB_T(nonce),
                          DB_I(row->subject), DB_B(row->digest, sizeof row->digest));
    *is_new = err == ERR_OK && rows.changed > 0;
    return err;
}

enum err request_nonce_of(struct tx *tx, int64_t author, struct str nonce, struct nonce_row *out) {
    struct db_rows rows;
    return nonce_bind(DB_RUN(tx->db, tx->arena, QUERY_request_nonce_get, &rows, DB_I(author),
                             DB_T(nonce), DB_I(tx->now_ms - REQUEST_NONCE_LIFE_MS)),
                      &rows, out);
}

enum err request_nonce_put(struct tx *tx, int64_t author, struct str nonce, struct str operation,
                           const struct nonce_row *row) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_request_nonce_prune, &rows,
                          DB_I(tx->now_ms - REQUEST_NONCE_LIFE_MS));
    if (err == ERR_OK)
        err = DB_RUN(tx->db, tx->arena, QUERY_request_nonce_put, &rows, DB_I(author), DB_T(nonce),
                     DB_T(operation), DB_I(row->subject), DB_B(row->digest, sizeof row->digest),
                     DB_I(tx->now_ms));
    return err;
}
