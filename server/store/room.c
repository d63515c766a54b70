#include "store/room.h"

#include "store/log_batch.h"
#include "store/rows.h"

enum { ROOM_COLUMN_COUNT = 11 }; /* then come those of one reader */

/* The rows of the batch in hand are not in the log yet. */
static enum err room_refresh_seq(struct tx *tx, int64_t key, int64_t *seq) {
    return tx->batch != NULL && tx->batch->writes ? log_room_seq(tx, key, seq) : ERR_OK;
}

static enum err room_bind(struct tx *tx, const struct db_value *row, struct room_row *out) {
    *out = (struct room_row){
        .key = row[0].integer,
        .id = row_uuid(&row[1]),
        .name = row[2].bytes,
        .topic = row[3].bytes,
        .is_private = row[4].integer != 0,
        .is_general = row[5].integer != 0,
        .maker = row[6].integer,
        .seq = row[7].integer,
        .created_at = row[8].integer,
        .archived_at = row[9].integer,
        .maker_id = row_uuid(&row[10]),
    };
    return room_refresh_seq(tx, out->key, &out->seq);
}

static enum err room_one(struct tx *tx, enum err err, const struct db_rows *rows,
                         struct room_row *out) {
    if (err != ERR_OK)
        return err;
    return rows->count == 0 ? ERR_NOT_FOUND : room_bind(tx, rows->values, out);
}

enum err room_by_key(struct tx *tx, int64_t key, struct room_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_by_key, &rows, DB_I(key));
    return room_one(tx, err, &rows, out);
}

enum err room_by_id(struct tx *tx, struct uuid id, struct room_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_by_id, &rows, DB_ID(id));
    return room_one(tx, err, &rows, out);
}

enum err room_find_general(struct tx *tx, struct room_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN0(tx->db, tx->arena, QUERY_room_general, &rows);
    return room_one(tx, err, &rows, out);
}

enum err room_insert(struct tx *tx, const struct room_new *room, struct room_row *out) {
    struct db_rows rows;
    struct uuid id = uuid_v7();
    int64_t key = 0;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_insert, &rows, DB_ID(id), DB_T(room->name),
                          DB_T(room->topic), DB_I(room->is_private), DB_I(room->is_general),
                          DB_I(room->maker), DB_I(tx->now_ms));
    err = row_key(err, &rows, &key);
    return err == ERR_OK ? room_by_key(tx, key, out) : err;
}

enum err room_set_profile(struct tx *tx, int64_t key, struct str name, struct str topic) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_room_profile_set, &rows, DB_I(key), DB_T(name),
                  DB_T(topic));
}

enum err room_set_archived(struct tx *tx, int64_t key, int64_t archived_at) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_room_archived_set, &rows, DB_I(key), DB_I(archived_at));
}

enum err room_find_place(struct tx *tx, const struct room_filter *filter, struct uuid id,
                         struct room_place *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_room_sort_name, &rows, DB_ID(id),
                          DB_I(filter->reader), DB_I(filter->with_public));
    if (err == ERR_OK && rows.count == 0)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        *out = (struct room_place){.name = db_at(&rows, 0, 0)->bytes,
                                   .key = db_at(&rows, 0, 1)->integer};
    return err;
}

/* ---- as one reader sees them ---- */

static enum err room_bind_mine(struct tx *tx, const struct db_value *row, struct my_room *out) {
    struct room_row room;
    const struct db_value *mine = row + ROOM_COLUMN_COUNT;
    enum err err = room_bind(tx, row, &room);
    if (err != ERR_OK)
        return err;
    *out = (struct my_room){
        .id = room.id,
        .name = room.name,
        .topic = room.topic,
        .private = room.is_private,
        .archived = room.archived_at != 0,
        .maker = room.maker_id,
        .seq = room.seq,
        .created_at = room.created_at,
        .joined = mine[0].integer != 0,
        .members = mine[1].integer,
        .read_seq = mine[2].integer,
        .unread = mine[3].integer,
    };
    return ERR_OK;
}

static enum err room_list_of(struct tx *tx, enum err err, const struct db_rows *rows,
                             struct my_room_list *out) {
    if (err != ERR_OK)
        return err;
    out->count = rows->count;
    out->items = arena_zalloc_array(tx->arena, rows->count, sizeof *out->items);
    for (size_t i = 0; err == ERR_OK && i < rows->count; i++)
        err = room_bind_mine(tx, db_at(rows, i, 0), &out->items[i]);
    return err;
}

enum err room_mine(struct tx *tx, int64_t reader, int64_t key, struct my_room *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_my_room_by_key, &rows, DB_I(reader), DB_I(key));
    if (err == ERR_OK && rows.count == 0)
        err = ERR_NOT_FOUND;
    return err == ERR_OK ? room_bind_mine(tx, rows.values, out) : err;
}

enum err room_all_mine(struct tx *tx, int64_t reader, struct my_room_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_my_room_all, &rows, DB_I(reader));
    return room_list_of(tx, err, &rows, out);
}

enum err room_page(struct tx *tx, const struct room_filter *filter, const struct room_place *after,
                   int64_t limit, struct my_room_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_my_room_page, &rows, DB_I(filter->reader),
                          DB_I(filter->with_public), DB_I(filter->archived), DB_T(after->name),
                          DB_I(after->key), DB_I(limit));
    return room_list_of(tx, err, &rows, out);
}

struct room room_public_view(const struct room_row *row) {
    return (struct room){
        .id = row->id,
        .name = row->name,
        .topic = row->topic,
        .private = row->is_private,
        .archived = row->archived_at != 0,
        .maker = row->maker_id,
        .seq = row->seq,
        .created_at = row->created_at,
    };
}
