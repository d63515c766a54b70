#include "store/session.h"

#include "base/random.h"
#include "store/rows.h"

/* Drawn, not counted on: a counted key may come again once the newest session is gone, and what
 * still names that one (a ticket, a socket, a row of the log) would name the next person's. */
static int64_t session_draw_key(void) {
    return (int64_t)(random_u64() >> 1 | 1);
}

enum err session_insert(struct tx *tx, int64_t account,
                        const unsigned char hash[SESSION_HASH_BYTES], enum session_kind kind,
                        int64_t expires_at, int64_t *key) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_session_insert, &rows, DB_I(session_draw_key()),
                          DB_I(account), DB_B(hash, SESSION_HASH_BYTES), DB_I(kind),
                          DB_I(tx->now_ms), DB_I(expires_at));
    CHECK(err != ERR_OK || !rows.conflict); /* 256 random bits do not come twice */
    return row_key(err, &rows, key);
}

static enum err session_one(struct tx *tx, enum query_id query, struct db_value value,
                            struct session_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, query, &rows, value);
    if (err != ERR_OK)
        return err;
    if (rows.count == 0)
        return ERR_INVALID_TOKEN;
    const struct db_value *row = rows.values;
    *out = (struct session_row){
        .key = row[0].integer,
        .kind = (enum session_kind)row[1].integer,
        .created_at = row[2].integer,
        .expires_at = row[3].integer,
        .account = row[4].integer,
        .author = {.id = row_uuid(&row[5]), .name = row[8].bytes, .display_name = row[9].bytes},
        .role = (enum role)row[6].integer,
    };
    bool is_disabled = row[7].integer != 0;
    return is_disabled || out->expires_at <= tx->now_ms ? ERR_INVALID_TOKEN : ERR_OK;
}

enum err session_by_key(struct tx *tx, int64_t key, struct session_row *out) {
    return session_one(tx, QUERY_session_by_key, DB_I(key), out);
}

enum err session_by_hash(struct tx *tx, const unsigned char hash[SESSION_HASH_BYTES],
                         struct session_row *out) {
    return session_one(tx, QUERY_session_by_hash, DB_B(hash, SESSION_HASH_BYTES), out);
}

enum err session_is_valid(struct tx *tx, int64_t session_row) {
    struct session_row row;
    return session_by_key(tx, session_row, &row);
}

enum err session_remove(struct tx *tx, int64_t key) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_session_delete, &rows, DB_I(key));
}

enum err session_remove_all(struct tx *tx, int64_t account, int64_t except) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_session_delete_all, &rows, DB_I(account), DB_I(except));
}

enum err session_remove_expired(struct tx *tx, int64_t account) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_session_delete_expired, &rows, DB_I(account),
                  DB_I(tx->now_ms));
}
