#include "store/invite.h"

#include <sodium.h>

/* The columns of INVITE_COLUMNS. */
static void read_row(const struct db_value *row, struct invite_row *out) {
    *out = (struct invite_row){.key = row[0].integer, .room = row[8].integer};
    out->invite = (struct invite){.role = (enum role)row[2].integer,
                                  .uses_left = row[3].integer,
                                  .created_at = row[4].integer,
                                  .expires_at = row[5].integer,
                                  .created_by = row[6].bytes};
    db_read_uuid(&row[1], &out->invite.id);
    db_read_uuid(&row[7], &out->invite.room);
}

enum err invite_insert(struct tx *tx, const struct invite_new *invite, struct uuid *id) {
    struct db_rows rows;
    *id = uuid_v7();
    return DB_RUN(tx->db, tx->arena, QUERY_invite_insert, &rows, DB_B(id->bytes, sizeof id->bytes),
                  DB_B(invite->secret_hash, SECRET_HASH_BYTES), DB_I(invite->role), DB_I(invite->room), DB_I(invite->uses),
                  DB_I(invite->created_by), DB_I(tx->now_ms), DB_I(invite->expires_at));
}

enum err invite_by_secret(struct tx *tx, const uint8_t secret_hash[SECRET_HASH_BYTES], struct invite_row *out) {
    struct db_rows rows;
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_invite_by_secret, &rows, DB_B(secret_hash, SECRET_HASH_BYTES), DB_I(tx->now_ms));
    if (err != ERR_OK)
        return err;
    if (rows.count == 0)
        return ERR_INVITE_INVALID;
    read_row(rows.values, out);
    return ERR_OK;
}

enum err invite_by_id(struct tx *tx, struct uuid id, struct invite_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_by_id, &rows, DB_B(id.bytes, sizeof id.bytes), DB_I(tx->now_ms));
    if (err != ERR_OK)
        return err;
    if (rows.count == 0)
        return ERR_NOT_FOUND;
    read_row(rows.values, out);
    return ERR_OK;
}

enum err invite_all_live(struct tx *tx, struct invite_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_list_live, &rows, DB_I(tx->now_ms));
    if (err != ERR_OK)
        return err;
    out->count = rows.count;
    out->items = arena_zalloc_array(tx->arena, rows.count + 1, sizeof(struct invite));
    for (size_t i = 0; i < rows.count; i++) {
        struct invite_row row;
        read_row(db_at(&rows, i, 0), &row);
        out->items[i] = row.invite;
    }
    return ERR_OK;
}

enum err invite_use(struct tx *tx, int64_t key) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_use, &rows, DB_I(key));
    return err == ERR_OK && rows.changed == 0 ? ERR_INVITE_INVALID : err;
}

enum err invite_end(struct tx *tx, int64_t key) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_invite_end, &rows, DB_I(key));
}

/* ---- the first owner's secret ---- */

static const struct str CLAIM_KEY = STR_INIT("owner_claim");

enum err owner_claim_get(struct tx *tx, bool *found, uint8_t hash[SECRET_HASH_BYTES]) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_meta_get, &rows, DB_T(CLAIM_KEY));
    if (err != ERR_OK)
        return err;
    *found = rows.count > 0 && db_at(&rows, 0, 0)->bytes.len == SECRET_HASH_BYTES;
    if (*found)
        memcpy(hash, db_at(&rows, 0, 0)->bytes.ptr, SECRET_HASH_BYTES);
    return ERR_OK;
}

enum err owner_claim_set(struct tx *tx, const uint8_t hash[SECRET_HASH_BYTES]) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_meta_set, &rows, DB_T(CLAIM_KEY), DB_B(hash, SECRET_HASH_BYTES));
}

enum err owner_claim_clear(struct tx *tx) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_meta_delete, &rows, DB_T(CLAIM_KEY));
}

/* ---- audit ---- */

enum err audit_append(struct tx *tx, int64_t actor, const char *action, struct str subject) {
    struct db_rows rows;
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    enum err err = db_run(tx->db, tx->arena, QUERY_audit_last, NULL, 0, &rows);
    if (err != ERR_OK)
        return err;
    struct str facts = arena_printf(tx->arena, "%lld\n%lld\n%s\n%.*s", (long long)tx->now_ms, (long long)actor, action,
                                    STR_ARG(subject));
    crypto_hash_sha256_init(&state);
    if (rows.count > 0)
        crypto_hash_sha256_update(&state, (const uint8_t *)db_at(&rows, 0, 0)->bytes.ptr, db_at(&rows, 0, 0)->bytes.len);
    crypto_hash_sha256_update(&state, (const uint8_t *)facts.ptr, facts.len);
    crypto_hash_sha256_final(&state, hash);
    return DB_RUN(tx->db, tx->arena, QUERY_audit_insert, &rows, DB_I(tx->now_ms), DB_I(actor),
                  DB_T(str_from_cstr(action)), DB_T(subject), DB_B(hash, sizeof hash));
}
