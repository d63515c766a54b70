#include "base/clock.h"
#include "base/mem.h"
#include "store/log_batch.h"

/* ---- the batch ---- */

void log_batch_init(struct log_batch *batch, bool writes) {
    *batch = (struct log_batch){.writes = writes};
    map_init(&batch->rooms);
}

static void log_batch_forget_rooms(struct log_batch *batch) {
    size_t at = 0;
    void *room;
    while (map_next(&batch->rooms, &at, NULL, &room))
        mem_free(room);
    map_finish(&batch->rooms);
    map_init(&batch->rooms);
}

void log_batch_finish(struct log_batch *batch) {
    log_batch_forget_rooms(batch);
    mem_free(batch->events);
}

void log_batch_clear(struct log_batch *batch) {
    batch->count = 0;
    batch->erased = false;
}

void log_batch_begin(struct log_batch *batch, uint64_t generation) {
    if (batch->generation != generation || batch->rooms.count > LOG_ROOMS_MAX)
        log_batch_forget_rooms(batch);
    batch->generation = generation;
}

struct log_mark log_batch_mark(const struct log_batch *batch) {
    return (struct log_mark){.count = batch->count, .erased = batch->erased};
}

void log_batch_cut(struct log_batch *batch, struct log_mark mark) {
    CHECK(mark.count <= batch->count);
    while (batch->count > mark.count) {
        const struct log_event *event = &batch->events[--batch->count];
        if (event->seq == 0)
            continue;
        struct log_room *room = map_get(&batch->rooms, (uint64_t)(event->audience / 4));
        CHECK(room != NULL && room->seq == event->seq);
        room->seq--;
    }
    batch->erased = mark.erased;
}

/* ---- emitting ---- */

static bool log_event_is_logged(const struct log_event *event) {
    return (event_type(event->type)->flags & EVENT_LOGGED) != 0;
}

/* The room with its seq. */
static enum err log_room_of(struct tx *tx, int64_t key, struct log_room **out) {
    struct log_batch *batch = tx->batch;
    *out = map_get(&batch->rooms, (uint64_t)key);
    if (*out != NULL)
        return ERR_OK;
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_log_room_seq, &rows, DB_I(key));
    if (err != ERR_OK)
        return err;
    if (rows.count == 0)
        return ERR_NOT_FOUND;
    struct log_room *room = mem_zalloc(1, sizeof *room);
    room->seq = db_at(&rows, 0, 0)->integer;
    map_put(&batch->rooms, (uint64_t)key, room);
    *out = room;
    return ERR_OK;
}

enum err log_room_seq(struct tx *tx, int64_t room, int64_t *seq) {
    struct log_room *found;
    enum err err = log_room_of(tx, room, &found);
    if (err == ERR_OK)
        *seq = found->seq;
    return err;
}

static struct log_event *log_batch_append(struct log_batch *batch, const struct log_event *event) {
    if (batch->count == batch->cap) {
        batch->cap = batch->cap == 0 ? 64 : batch->cap * 2;
        batch->events = mem_realloc(batch->events, batch->cap * sizeof *batch->events);
    }
    batch->events[batch->count] = *event;
    return &batch->events[batch->count++];
}

enum err emit(struct tx *tx, const struct log_event *event, int64_t *seq) {
    bool logged = log_event_is_logged(event);
    struct log_room *room = NULL;
    CHECK(tx->batch != NULL && (tx->batch->writes || !logged));
    if (seq != NULL)
        *seq = 0;
    if (logged && event->audience % 4 == AUDIENCE_KIND_ROOM) {
        enum err err = log_room_of(tx, event->audience / 4, &room);
        if (err != ERR_OK)
            return err;
    }
    struct log_event *added = log_batch_append(tx->batch, event);
    added->pos = 0;
    added->seq = room == NULL ? 0 : ++room->seq;
    added->created_at = tx->now_ms;
    if (seq != NULL)
        *seq = added->seq;
    return ERR_OK;
}

void log_note_erased(struct tx *tx) {
    CHECK(tx->batch != NULL && tx->batch->writes);
    tx->batch->erased = true;
}

/* ---- the commit ---- */

enum err log_head(struct tx *tx, int64_t *pos) {
    struct db_rows rows;
    enum err err = DB_RUN0(tx->db, tx->arena, QUERY_log_head, &rows);
    if (err == ERR_OK)
        *pos = db_at(&rows, 0, 0)->integer;
    return err;
}

static enum err log_write_event(struct tx *tx, const struct log_event *event) {
    struct db_rows rows;
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_log_insert, &rows, DB_I(event->pos), DB_I(event->type),
               DB_I(event->audience), DB_I(event->seq), DB_I(event->actor), DB_I(event->subject),
               DB_I(event->fact), DB_I(event->created_at));
    if (err == ERR_OK && rows.conflict)
        err = ERR_INTERNAL; /* a row beyond the head: doctor tells */
    if (err == ERR_OK && event->membership != 0)
        err = DB_RUN(tx->db, tx->arena, QUERY_log_joined_pos_set, &rows, DB_I(event->membership),
                     DB_I(event->pos));
    return err;
}

enum err log_commit(struct tx *tx) {
    struct log_batch *batch = tx->batch;
    struct db_rows rows;
    int64_t head = 0;
    enum err err = log_head(tx, &head);
    int64_t pos = head;
    for (size_t i = 0; err == ERR_OK && i < batch->count; i++) {
        struct log_event *event = &batch->events[i];
        if (!log_event_is_logged(event))
            continue;
        event->pos = ++pos;
        event->check = cursor_check(event);
        err = log_write_event(tx, event);
    }
    if (err == ERR_OK && pos > head)
        err = DB_RUN(tx->db, tx->arena, QUERY_log_head_set, &rows, DB_I(pos));
    return err;
}

/* ---- reading ---- */

enum err log_newest_of(struct tx *tx, int64_t audience, int64_t *pos) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_log_newest_of, &rows, DB_I(audience));
    *pos = err == ERR_OK && rows.count > 0 ? db_at(&rows, 0, 0)->integer : 0;
    return err;
}

void log_event_from_row(const struct db_value *row, struct log_event *out) {
    *out = (struct log_event){
        .pos = row[0].integer,
        .type = (enum event_id)row[1].integer,
        .audience = row[2].integer,
        .seq = row[3].integer,
        .actor = row[4].integer,
        .subject = row[5].integer,
        .fact = row[6].integer,
        .created_at = row[7].integer,
    };
}

enum err log_read(struct tx *tx, int64_t pos, struct log_event *out, bool *found) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_log_row, &rows, DB_I(pos));
    *found = err == ERR_OK && rows.count > 0;
    if (*found)
        log_event_from_row(rows.values, out);
    return err;
}
