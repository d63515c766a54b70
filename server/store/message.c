#include "store/message.h"

/* The columns of MESSAGE_COLUMNS. */
static void read_message(struct arena *arena, const struct db_value *row, struct message *out) {
    struct author *author = arena_zalloc(arena, sizeof *author);
    db_read_uuid(&row[4], &author->id);
    author->name = row[5].bytes;
    author->display_name = row[6].bytes;
    *out = (struct message){.seq = row[3].integer,
                            .author = author,
                            .text = row[7].bytes,
                            .nonce = row[8].bytes,
                            .created_at = row[9].integer,
                            .edited_at = row[10].integer,
                            .deleted_at = row[11].integer};
    db_read_uuid(&row[1], &out->id);
    db_read_uuid(&row[2], &out->room);
}

static enum err read_one(struct tx *tx, const struct db_rows *rows, struct message_row *out) {
    if (rows->count == 0)
        return ERR_NOT_FOUND;
    out->key = rows->values[0].integer;
    out->author = rows->values[12].integer;
    out->room = rows->values[13].integer;
    out->message = arena_alloc(tx->arena, sizeof *out->message);
    read_message(tx->arena, rows->values, out->message);
    return ERR_OK;
}

enum err message_by_key(struct tx *tx, int64_t key, struct message_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_by_key, &rows, DB_I(key));
    return err == ERR_OK ? read_one(tx, &rows, out) : err;
}

enum err message_by_id(struct tx *tx, struct uuid id, struct message_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_by_id, &rows, DB_B(id.bytes, sizeof id.bytes));
    return err == ERR_OK ? read_one(tx, &rows, out) : err;
}

enum err message_insert(struct tx *tx, int64_t room, int64_t author, const struct message *message, int64_t *key) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_insert, &rows, DB_B(message->id.bytes, sizeof message->id.bytes),
                          DB_I(room), DB_I(message->seq), DB_I(author), DB_T(message->text), DB_T(message->nonce),
                          DB_I(message->created_at));
    if (err == ERR_OK)
        *key = db_at(&rows, 0, 0)->integer;
    return err;
}

enum err message_set_text(struct tx *tx, int64_t key, struct str text, int64_t at) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_message_text_set, &rows, DB_I(key), DB_T(text), DB_I(at));
}

enum err message_blank(struct tx *tx, int64_t key, int64_t at) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_message_blank, &rows, DB_I(key), DB_I(at));
}

/* Rows in either order, as a list with the oldest first. */
static void read_list(struct tx *tx, const struct db_rows *rows, bool newest_first, struct message_list *out) {
    out->count = rows->count;
    out->items = arena_zalloc_array(tx->arena, rows->count + 1, sizeof(struct message));
    for (size_t i = 0; i < rows->count; i++)
        read_message(tx->arena, db_at(rows, newest_first ? rows->count - 1 - i : i, 0), &out->items[i]);
}

enum err message_page_before(struct tx *tx, int64_t room, int64_t seq, int64_t first, int64_t limit, struct message_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_before, &rows, DB_I(room), DB_I(seq), DB_I(first), DB_I(limit));
    if (err == ERR_OK)
        read_list(tx, &rows, true, out);
    return err;
}

enum err message_page_after(struct tx *tx, int64_t room, int64_t seq, int64_t first, int64_t limit, struct message_list *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_message_after, &rows, DB_I(room), DB_I(seq), DB_I(first), DB_I(limit));
    if (err == ERR_OK)
        read_list(tx, &rows, false, out);
    return err;
}

/* ---- nonces ---- */

static void read_nonce(const struct db_rows *rows, bool *found, int64_t *subject, uint8_t *digest) {
    *found = rows->count > 0;
    if (!*found)
        return;
    *subject = db_at(rows, 0, 0)->integer;
    memset(digest, 0, NONCE_DIGEST_BYTES);
    if (db_at(rows, 0, 1)->bytes.len == NONCE_DIGEST_BYTES)
        memcpy(digest, db_at(rows, 0, 1)->bytes.ptr, NONCE_DIGEST_BYTES);
}

enum err nonce_get(struct tx *tx, int64_t author, struct str nonce, bool *found, int64_t *message,
                   uint8_t digest[NONCE_DIGEST_BYTES]) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_nonce_get, &rows, DB_I(author), DB_T(nonce));
    if (err == ERR_OK)
        read_nonce(&rows, found, message, digest);
    return err;
}

enum err nonce_insert(struct tx *tx, int64_t author, struct str nonce, int64_t message,
                      const uint8_t digest[NONCE_DIGEST_BYTES]) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_nonce_insert, &rows, DB_I(author), DB_T(nonce), DB_I(message),
                  DB_B(digest, NONCE_DIGEST_BYTES));
}

enum err request_nonce_get(struct tx *tx, int64_t author, struct str nonce, bool *found, int64_t *subject,
                           uint8_t digest[NONCE_DIGEST_BYTES]) {
    struct db_rows rows;
    int64_t since = tx->now_ms - (int64_t)REQUEST_NONCE_HOURS * 3600 * 1000;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_request_nonce_get, &rows, DB_I(author), DB_T(nonce), DB_I(since));
    if (err == ERR_OK)
        read_nonce(&rows, found, subject, digest);
    return err;
}

enum err request_nonce_set(struct tx *tx, int64_t author, struct str nonce, struct str operation, int64_t subject,
                           const uint8_t digest[NONCE_DIGEST_BYTES]) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_request_nonce_set, &rows, DB_I(author), DB_T(nonce), DB_T(operation),
                  DB_I(subject), DB_B(digest, NONCE_DIGEST_BYTES), DB_I(tx->now_ms));
}
