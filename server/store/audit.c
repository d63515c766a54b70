#include "store/audit.h"

#include "store/rows.h"

#include <sodium.h>

struct audit_row {
    int64_t created_at, actor;
    struct str action, subject;
};

static void audit_hash_number(crypto_hash_sha256_state *state, int64_t number) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)number >> (8 * i));
    crypto_hash_sha256_update(state, bytes, sizeof bytes);
}

/* Lengths go in too: no two rows give the same bytes. */
static void audit_hash_text(crypto_hash_sha256_state *state, struct str text) {
    audit_hash_number(state, (int64_t)text.len);
    crypto_hash_sha256_update(state, (const unsigned char *)text.ptr, text.len);
}

/* Makes the hash of the row before into the row's own. */
static void audit_hash(const struct audit_row *row, unsigned char chain[AUDIT_HASH_BYTES]) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, chain, AUDIT_HASH_BYTES);
    audit_hash_number(&state, row->created_at);
    audit_hash_number(&state, row->actor);
    audit_hash_text(&state, row->action);
    audit_hash_text(&state, row->subject);
    crypto_hash_sha256_final(&state, chain);
}

enum err audit_append(struct tx *tx, int64_t actor, struct str action, struct str subject) {
    struct db_rows rows;
    const struct audit_row row = {tx->now_ms, actor, action, subject};
    unsigned char chain[AUDIT_HASH_BYTES] = {0};
    enum err err = DB_RUN0(tx->db, tx->arena, QUERY_audit_last, &rows);
    if (err != ERR_OK)
        return err;
    if (rows.count > 0 && db_at(&rows, 0, 0)->bytes.len == sizeof chain)
        memcpy(chain, db_at(&rows, 0, 0)->bytes.ptr, sizeof chain);
    audit_hash(&row, chain);
    return DB_RUN(tx->db, tx->arena, QUERY_audit_insert, &rows, DB_I(row.created_at), DB_I(actor),
                  DB_T(action), DB_T(subject), DB_B(chain, sizeof chain));
}

struct audit_walk {
    unsigned char chain[AUDIT_HASH_BYTES];
    int64_t broken;
};

static bool audit_visit(const struct db_value *row, size_t columns, void *arg) {
    struct audit_walk *walk = arg;
    const struct audit_row audit = {row[1].integer, row[2].integer, row[3].bytes, row[4].bytes};
    CHECK(columns == 6);
    audit_hash(&audit, walk->chain);
    if (!str_equal(row[5].bytes, str_make((const char *)walk->chain, sizeof walk->chain)))
        walk->broken = row[0].integer;
    return walk->broken == 0;
}

enum err audit_find_break(struct tx *tx, int64_t *key) {
    struct audit_walk walk = {0};
    enum err err = db_each(tx->db, QUERY_audit_all, NULL, 0, audit_visit, &walk);
    *key = walk.broken;
    return err;
}
