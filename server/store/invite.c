#include "store/invite.h"

#include "store/rows.h"

static void invite_bind(const struct db_value *row, struct invite_row *out) {
    *out = (struct invite_row){
        .key = row[0].integer,
        .id = row_uuid(&row[1]),
        .role = (enum role)row[2].integer,
        .room = row[3].integer,
        .uses_left = row[4].integer,
        .created_by = row[5].integer,
        .created_at = row[6].integer,
        .expires_at = row[7].integer,
        .created_by_name = row[8].bytes,
        .room_id = row_uuid(&row[9]),
    };
}

static enum err invite_one(enum err err, const struct db_rows *rows, struct invite_row *out) {
    if (err != ERR_OK)
        return err;
    if (rows->count == 0)
        return ERR_NOT_FOUND;
    invite_bind(rows->values, out);
    return ERR_OK;
}

enum err invite_insert(struct tx *tx, const struct invite_new *invite, struct invite_row *out) {
    struct db_rows rows;
    struct uuid id = uuid_v7();
    int64_t key = 0;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_insert, &rows, DB_ID(id),
                          DB_B(invite->hash, sizeof invite->hash), DB_I(invite->role),
                          DB_I(invite->room), DB_I(invite->uses), DB_I(invite->created_by),
                          DB_I(tx->now_ms), DB_I(invite->expires_at));
    err = row_key(err, &rows, &key);
    if (err != ERR_OK)
        return err;
    return invite_by_key(tx, key, out);
}

enum err invite_by_key(struct tx *tx, int64_t key, struct invite_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_by_key, &rows, DB_I(key));
    return invite_one(err, &rows, out);
}

enum err invite_by_id(struct tx *tx, struct uuid id, struct invite_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_by_id, &rows, DB_ID(id));
    return invite_one(err, &rows, out);
}

enum err invite_by_hash(struct tx *tx, const unsigned char hash[INVITE_HASH_BYTES],
                        struct invite_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_by_hash, &rows,
                          DB_B(hash, INVITE_HASH_BYTES), DB_I(tx->now_ms));
    err = invite_one(err, &rows, out);
    return err == ERR_NOT_FOUND ? ERR_INVITE_INVALID : err;
}

enum err invite_all(struct tx *tx, int64_t limit, struct invite_list *out) {
    struct db_rows rows;
    struct invite_row row;
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_invite_live, &rows, DB_I(tx->now_ms), DB_I(limit));
    if (err != ERR_OK)
        return err;
    out->count = rows.count;
    out->items = arena_zalloc_array(tx->arena, rows.count, sizeof *out->items);
    for (size_t i = 0; i < rows.count; i++) {
        invite_bind(db_at(&rows, i, 0), &row);
        out->items[i] = invite_view(&row);
    }
    return ERR_OK;
}

enum err invite_count(struct tx *tx, int64_t *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_count_live, &rows, DB_I(tx->now_ms));
    return row_key(err, &rows, out);
}

enum err invite_use(struct tx *tx, int64_t key) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_invite_use, &rows, DB_I(key));
    return err == ERR_OK && rows.changed == 0 ? ERR_INVITE_INVALID : err;
}

enum err invite_end(struct tx *tx, int64_t key) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_invite_revoke, &rows, DB_I(key));
}

struct invite invite_view(const struct invite_row *row) {
    return (struct invite){
        .id = row->id,
        .role = row->role,
        .uses_left = row->uses_left,
        .created_at = row->created_at,
        .expires_at = row->expires_at,
        .created_by = row->created_by_name,
        .room = row->room_id,
    };
}
