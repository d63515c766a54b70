#include "store/message.h"

#include "store/rows.h"

static void message_bind(struct tx *tx, const struct db_value *row, struct uuid room_id,
                         struct message *out) {
    struct author *author = arena_alloc(tx->arena, sizeof *author);
    *author = (struct author){
        .id = row_uuid(&row[10]), .name = row[11].bytes, .display_name = row[12].bytes};
    *out = (struct message){
        .id = row_uuid(&row[3]),
        .room = room_id,
        .seq = row[4].integer,
        .author = author,
        .text = row[5].bytes,
        .nonce = row[6].bytes,
        .created_at = row[7].integer,
        .edited_at = row[8].integer,
        .deleted_at = row[9].integer,
    };
}

static enum err message_one(struct tx *tx, enum err err, const struct db_rows *rows,
                            struct uuid room_id, struct message_row *out) {
    if (err != ERR_OK)
        return err;
    if (rows->count == 0)
        return ERR_NOT_FOUND;
    const struct db_value *row = rows->values;
    out->key = row[0].integer;
    out->room = row[1].integer;
    out->author = row[2].integer;
    message_bind(tx, row, room_id, &out->message);
    return ERR_OK;
}

enum err message_insert(struct tx *tx, const struct message_new *message, struct uuid *id,
                        int64_t *key) {
    struct db_rows rows;
    *id = uuid_v7();
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_insert, &rows, DB_ID(*id),
                          DB_I(message->room), DB_I(message->seq), DB_I(message->author),
                          DB_T(message->text), DB_T(message->nonce), DB_I(tx->now_ms));
    if (err == ERR_OK && rows.conflict)
        return ERR_INTERNAL; /* a row with a seq beyond the room's: doctor tells */
    return row_key(err, &rows, key);
}

enum err message_take_back(struct tx *tx, int64_t key) {
    struct db_rows rows;
    tx->undone += 2; /* the row came and goes */
    return DB_RUN(tx->db, tx->arena, QUERY_message_take_back, &rows, DB_I(key));
}

enum err message_by_key(struct tx *tx, int64_t key, struct uuid room_id, struct message_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_by_key, &rows, DB_I(key));
    return message_one(tx, err, &rows, room_id, out);
}

enum err message_by_id(struct tx *tx, struct uuid id, int64_t room, struct uuid room_id,
                       struct message_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_by_id, &rows, DB_ID(id), DB_I(room));
    return message_one(tx, err, &rows, room_id, out);
}

enum err message_set_text(struct tx *tx, int64_t key, struct str text) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_message_edit, &rows, DB_I(key), DB_T(text),
                  DB_I(tx->now_ms));
}

enum err message_set_deleted(struct tx *tx, int64_t key) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_message_delete, &rows, DB_I(key), DB_I(tx->now_ms));
}

static enum err message_page(struct tx *tx, enum query_id query, const struct message_range *range,
                             int64_t limit, struct message_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, query, &rows, DB_I(range->room), DB_I(range->from),
                          DB_I(range->to), DB_I(limit));
    if (err != ERR_OK)
        return err;
    out->count = rows.count;
    out->items = arena_zalloc_array(tx->arena, rows.count, sizeof *out->items);
    for (size_t i = 0; i < rows.count; i++) {
        size_t place = query == QUERY_message_page_down ? rows.count - 1 - i : i;
        message_bind(tx, db_at(&rows, i, 0), range->room_id, &out->items[place]);
    }
    return ERR_OK;
}

enum err message_newest(struct tx *tx, const struct message_range *range, int64_t limit,
                        struct message_list *out) {
    return message_page(tx, QUERY_message_page_down, range, limit, out);
}

enum err message_oldest(struct tx *tx, const struct message_range *range, int64_t limit,
                        struct message_list *out) {
    return message_page(tx, QUERY_message_page_up, range, limit, out);
}

enum err message_any_between(struct tx *tx, int64_t room, int64_t from, int64_t before, bool *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_any_between, &rows, DB_I(room),
                          DB_I(from), DB_I(before));
    *out = err == ERR_OK && rows.count > 0;
    return err;
}
