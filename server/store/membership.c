#include "store/membership.h"

#include "store/log_batch.h"
#include "store/rows.h"

enum err membership_of(struct tx *tx, int64_t room, int64_t account, struct membership_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_membership_of, &rows, DB_I(room), DB_I(account));
    *out = (struct membership_row){0};
    if (err != ERR_OK || rows.count == 0)
        return err;
    const struct db_value *row = rows.values;
    *out = (struct membership_row){
        .key = row[0].integer,
        .room = row[1].integer,
        .account = row[2].integer,
        .joined_seq = row[3].integer,
        .is_open = row[4].integer != 0,
        .read_seq = row[5].integer,
        .read_pos = row[6].integer,
    };
    return ERR_OK;
}

/* No event that a client has seen before this work's own lies beyond it: the head, and what the
 * batch has gathered so far. */
static enum err membership_pos_now(struct tx *tx, int64_t *pos) {
    enum err err = log_head(tx, pos);
    if (err == ERR_OK)
        *pos += (int64_t)tx->batch->count;
    return err;
}

enum err membership_open(struct tx *tx, const struct membership_row *old, int64_t room,
                         int64_t account, int64_t joined_seq, int64_t *key) {
    struct db_rows rows;
    int64_t pos = 0;
    enum err err = membership_pos_now(tx, &pos);
    if (err != ERR_OK)
        return err;
    if (old->key != 0) {
        *key = old->key;
        return DB_RUN(tx->db, tx->arena, QUERY_membership_open, &rows, DB_I(old->key),
                      DB_I(joined_seq), DB_I(tx->now_ms), DB_I(pos));
    }
    err = DB_RUN(tx->db, tx->arena, QUERY_membership_insert, &rows, DB_I(room), DB_I(account),
                 DB_I(joined_seq), DB_I(tx->now_ms), DB_I(pos));
    return row_key(err, &rows, key);
}

enum err membership_close(struct tx *tx, int64_t key) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_membership_close, &rows, DB_I(key));
}

enum err membership_set_read(struct tx *tx, int64_t key, int64_t seq) {
    struct db_rows rows;
    int64_t pos = 0;
    enum err err = membership_pos_now(tx, &pos);
    return err == ERR_OK ? DB_RUN(tx->db, tx->arena, QUERY_membership_read_set, &rows, DB_I(key),
                                  DB_I(seq), DB_I(pos))
                         : err;
}

enum err membership_page(struct tx *tx, int64_t room, struct str after, int64_t limit,
                         struct account_rows *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_membership_page, &rows, DB_I(room), DB_T(after),
                          DB_I(limit));
    return account_bind_rows(tx, err, &rows, out);
}

enum err membership_unread(struct tx *tx, int64_t room, int64_t reader, int64_t seq, int64_t *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_membership_unread, &rows, DB_I(room), DB_I(seq),
                          DB_I(reader));
    return row_key(err, &rows, out);
}

enum err membership_markers_since(struct tx *tx, int64_t account, int64_t pos,
                                  struct marker_list *out) {
    struct db_rows rows;
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_membership_markers, &rows, DB_I(account), DB_I(pos));
    if (err != ERR_OK)
        return err;
    out->count = rows.count;
    out->items = arena_zalloc_array(tx->arena, rows.count, sizeof *out->items);
    for (size_t i = 0; i < rows.count; i++) {
        const struct db_value *row = db_at(&rows, i, 0);
        out->items[i] = (struct marker){
            .room = row_uuid(&row[0]), .seq = row[1].integer, .unread = row[2].integer};
    }
    return ERR_OK;
}
