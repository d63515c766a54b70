#include "store/room.h"

enum { ROOM_COLUMN_COUNT = 11 };

/* The columns of ROOM_COLUMNS and the maker's id. */
static void read_room(const struct db_value *row, struct room *out) {
    *out = (struct room){.name = row[2].bytes,
                         .topic = row[3].bytes,
                         .private = row[4].integer != 0,
                         .archived = row[5].integer != 0,
                         .seq = row[7].integer,
                         .created_at = row[8].integer};
    db_read_uuid(&row[1], &out->id);
    db_read_uuid(&row[10], &out->maker);
}

static enum err read_one(struct tx *tx, const struct db_rows *rows, struct room_row *out) {
    if (rows->count == 0)
        return ERR_NOT_FOUND;
    out->key = rows->values[0].integer;
    out->maker = rows->values[6].integer;
    out->is_general = rows->values[9].integer != 0;
    read_room(rows->values, &out->room);
    return log_room_seq(tx, out->key, &out->room.seq);
}

enum err room_by_key(struct tx *tx, int64_t key, struct room_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_by_key, &rows, DB_I(key));
    return err == ERR_OK ? read_one(tx, &rows, out) : err;
}

enum err room_by_id(struct tx *tx, struct uuid id, struct room_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_by_id, &rows, DB_B(id.bytes, sizeof id.bytes));
    return err == ERR_OK ? read_one(tx, &rows, out) : err;
}

enum err room_find_general(struct tx *tx, struct room_row *out) {
    struct db_rows rows;
    enum err err = db_run(tx->db, tx->arena, QUERY_room_general, NULL, 0, &rows);
    return err == ERR_OK ? read_one(tx, &rows, out) : err;
}

enum err room_insert(struct tx *tx, const struct room_new *room, int64_t *key) {
    struct db_rows rows;
    struct uuid id = uuid_v7();
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_insert, &rows, DB_B(id.bytes, sizeof id.bytes), DB_T(room->name),
                          DB_T(room->topic), DB_I(room->is_private), DB_I(room->is_general), DB_I(room->maker),
                          DB_I(tx->now_ms));
    if (err == ERR_OK)
        *key = db_at(&rows, 0, 0)->integer;
    return err;
}

enum err room_save(struct tx *tx, int64_t key, struct str name, struct str topic) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_room_update_row, &rows, DB_I(key), DB_T(name), DB_T(topic));
}

enum err room_set_archived(struct tx *tx, int64_t key, int64_t at) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_room_archived_set, &rows, DB_I(key), DB_I(at));
}

/* ---- rooms with what is the reader's own ---- */

static enum err read_mine(struct tx *tx, const struct db_value *row, struct my_room *out) {
    const struct db_value *own = row + ROOM_COLUMN_COUNT;
    struct room room;
    read_room(row, &room);
    *out = (struct my_room){.id = room.id,
                            .name = room.name,
                            .topic = room.topic,
                            .private = room.private,
                            .archived = room.archived,
                            .maker = room.maker,
                            .created_at = room.created_at,
                            .joined = own[0].integer != 0,
                            .read_seq = own[1].integer,
                            .members = own[2].integer,
                            .unread = own[3].integer};
    return log_room_seq(tx, row[0].integer, &out->seq);
}

static enum err read_list(struct tx *tx, const struct db_rows *rows, struct my_room_list *out) {
    enum err err = ERR_OK;
    out->items = arena_zalloc_array(tx->arena, rows->count + 1, sizeof(struct my_room));
    for (out->count = 0; out->count < rows->count && err == ERR_OK; out->count++)
        err = read_mine(tx, db_at(rows, out->count, 0), &out->items[out->count]);
    return err;
}

enum err room_mine(struct tx *tx, int64_t key, int64_t account, struct my_room *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_mine, &rows, DB_I(key), DB_I(account));
    if (err != ERR_OK)
        return err;
    return rows.count > 0 ? read_mine(tx, rows.values, out) : ERR_NOT_FOUND;
}

enum err room_read_page(struct tx *tx, int64_t account, const struct room_page *page, struct my_room_list *out,
                        int64_t *last_key) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_list_page, &rows, DB_I(account), DB_T(page->after_name),
                          DB_I(page->after_key), DB_I(page->archived), DB_I(page->with_public), DB_I(page->limit));
    if (err != ERR_OK)
        return err;
    *last_key = rows.count > 0 ? db_at(&rows, rows.count - 1, 0)->integer : 0;
    return read_list(tx, &rows, out);
}

enum err room_all_joined(struct tx *tx, int64_t account, struct my_room_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_joined, &rows, DB_I(account));
    return err == ERR_OK ? read_list(tx, &rows, out) : err;
}

/* ---- memberships ---- */

enum err membership_get(struct tx *tx, int64_t room, int64_t account, struct membership *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_membership_get, &rows, DB_I(room), DB_I(account));
    if (err != ERR_OK)
        return err;
    if (rows.count == 0)
        return ERR_NOT_FOUND;
    *out = (struct membership){.key = rows.values[0].integer,
                               .is_open = rows.values[1].integer != 0,
                               .joined_seq = rows.values[2].integer,
                               .read_seq = rows.values[3].integer};
    return ERR_OK;
}

enum err membership_open(struct tx *tx, int64_t room, int64_t account, int64_t joined_seq, int64_t *key) {
    struct membership old;
    struct db_rows rows;
    int64_t read_seq = joined_seq - 1; /* what was before is not unread */
    enum err err = membership_get(tx, room, account, &old);
    if (err == ERR_OK) {
        *key = old.key;
        return DB_RUN(tx->db, tx->arena, QUERY_membership_reopen, &rows, DB_I(old.key), DB_I(joined_seq),
                      DB_I(tx->now_ms), DB_I(read_seq));
    }
    if (err != ERR_NOT_FOUND)
        return err;
    err = DB_RUN(tx->db, tx->arena, QUERY_membership_insert, &rows, DB_I(room), DB_I(account), DB_I(joined_seq),
                 DB_I(tx->now_ms), DB_I(read_seq));
    if (err == ERR_OK)
        *key = db_at(&rows, 0, 0)->integer;
    return err;
}

enum err membership_close(struct tx *tx, int64_t key) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_membership_close, &rows, DB_I(key));
}

enum err membership_set_read(struct tx *tx, int64_t key, int64_t seq, int64_t pos) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_membership_read_set, &rows, DB_I(key), DB_I(seq), DB_I(pos));
}

enum err membership_count_unread(struct tx *tx, int64_t room, int64_t account, int64_t seq, int64_t *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_membership_unread, &rows, DB_I(room), DB_I(seq), DB_I(account));
    if (err == ERR_OK)
        *out = db_at(&rows, 0, 0)->integer;
    return err;
}

enum err membership_markers_since(struct tx *tx, int64_t account, int64_t pos, struct marker_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_membership_markers, &rows, DB_I(account), DB_I(pos));
    if (err != ERR_OK)
        return err;
    out->items = arena_zalloc_array(tx->arena, rows.count + 1, sizeof(struct marker));
    for (out->count = 0; out->count < rows.count && err == ERR_OK; out->count++) {
        struct marker *marker = &out->items[out->count];
        db_read_uuid(db_at(&rows, out->count, 0), &marker->room);
        marker->seq = db_at(&rows, out->count, 2)->integer;
        err = membership_count_unread(tx, db_at(&rows, out->count, 1)->integer, account, marker->seq, &marker->unread);
    }
    return err;
}
