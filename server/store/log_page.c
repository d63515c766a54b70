/* Pages for whoever was away: one audience after the other is read in small chunks by the index
 * (audience, pos), and the chunks are merged by pos. */
#include "store/log_batch.h"

enum {
    LOG_CHUNK_FIRST =
        8, /* events of an audience that are read at first; doubled from chunk to chunk */
    LOG_CHUNK_MAX = 64,
};
_Static_assert(EVENT_COUNT < 63, "the types that are not shown fit a positive 64-bit number");

/* One audience being read. */
struct log_tail {
    int64_t audience;
    int64_t after; /* everything up to here was read */
    int64_t from_seq;
    int64_t limit; /* of the chunk in hand */
    struct log_event *chunk;
    size_t count, at;
    bool is_read; /* nothing comes after the chunk */
};

/* Everything that one person is shown after a pos. */
struct log_reader {
    struct tx *tx;
    int64_t account;
    int64_t hidden; /* a bit for every type that the reader is not shown */
    struct log_open_room *rooms;
    size_t room_count;
    struct log_tail *tails; /* rooms, the person, the workspace */
    size_t tail_count;
};

static const struct log_loader *log_loader;

void log_set_loader(const struct log_loader *loader) {
    log_loader = loader;
}

/* ---- what the reader is shown ---- */

static int64_t log_hidden_types(enum role role) {
    int64_t hidden = 0;
    for (int i = EVENT_NOTHING + 1; i < EVENT_COUNT; i++) {
        unsigned flags = event_type((enum event_id)i)->flags;
        if ((flags & EVENT_INTERNAL) != 0 || (role == ROLE_GUEST && (flags & EVENT_NO_GUEST) != 0))
            hidden |= (int64_t)1 << i;
    }
    return hidden;
}

/* False spares a walk through a whole audience of which nothing would be left. */
static bool log_shows_any(enum event_audience audience, int64_t hidden) {
    for (int i = EVENT_NOTHING + 1; i < EVENT_COUNT; i++) {
        const struct event_type *type = event_type((enum event_id)i);
        if (type->audience == audience && (type->flags & EVENT_LOGGED) != 0 &&
            ((hidden >> i) & 1) == 0)
            return true;
    }
    return false;
}

static void log_reader_add(struct log_reader *reader, int64_t audience, int64_t after,
                           int64_t from_seq) {
    reader->tails[reader->tail_count++] = (struct log_tail){
        .audience = audience, .after = after, .from_seq = from_seq, .limit = LOG_CHUNK_FIRST};
}

/* The audiences of the account, each with where its reading begins. */
static enum err log_reader_open(struct log_reader *reader, struct tx *tx, int64_t account,
                                enum role role, int64_t pos) {
    struct db_rows rows;
    *reader = (struct log_reader){.tx = tx, .account = account, .hidden = log_hidden_types(role)};
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_log_memberships, &rows, DB_I(account));
    if (err != ERR_OK)
        return err;
    reader->tails = arena_zalloc_array(tx->arena, rows.count + 2, sizeof *reader->tails);
    reader->rooms = arena_zalloc_array(tx->arena, rows.count, sizeof *reader->rooms);
    reader->room_count = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        const struct log_open_room open = {.room = db_at(&rows, i, 0)->integer,
                                           .from_seq = db_at(&rows, i, 2)->integer};
        int64_t joined_pos = db_at(&rows, i, 1)->integer;
        reader->rooms[i] = open;
        log_reader_add(reader, audience_room(open.room), joined_pos > pos ? joined_pos - 1 : pos,
                       open.from_seq);
    }
    log_reader_add(reader, audience_person(account), pos, 0);
    if (log_shows_any(AUDIENCE_WORKSPACE, reader->hidden))
        log_reader_add(reader, audience_workspace(), pos, 0);
    return ERR_OK;
}

/* ---- merging ---- */

/* Reads the next chunk of a tail whose chunk is used up. */
static enum err log_tail_fill(struct log_reader *reader, struct log_tail *tail) {
    struct db_rows rows;
    enum err err = DB_RUN(reader->tx->db, reader->tx->arena, QUERY_log_of_audience, &rows,
                          DB_I(tail->audience), DB_I(tail->after), DB_I(tail->limit),
                          DB_I(reader->hidden), DB_I(tail->from_seq));
    if (err != ERR_OK)
        return err;
    tail->chunk = arena_zalloc_array(reader->tx->arena, rows.count, sizeof *tail->chunk);
    for (size_t i = 0; i < rows.count; i++)
        log_event_from_row(&rows.values[i * rows.columns], &tail->chunk[i]);
    tail->count = rows.count;
    tail->at = 0;
    tail->is_read = (int64_t)rows.count < tail->limit;
    if (rows.count > 0)
        tail->after = tail->chunk[rows.count - 1].pos;
    tail->limit = tail->limit * 2 > LOG_CHUNK_MAX ? LOG_CHUNK_MAX : tail->limit * 2;
    return ERR_OK;
}

static int64_t log_tail_next_pos(const struct log_tail *tail) {
    return tail->at < tail->count ? tail->chunk[tail->at].pos
                                  : INT64_MAX; /* INT64_MAX: nothing is left */
}

/* Lets the tail at the top of the heap sink to its place. */
static void log_heap_sink(struct log_tail **heap, size_t count, size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < count && log_tail_next_pos(heap[left]) < log_tail_next_pos(heap[least]))
            least = left;
        if (right < count && log_tail_next_pos(heap[right]) < log_tail_next_pos(heap[least]))
            least = right;
        if (least == at)
            return;
        struct log_tail *sinking = heap[at];
        heap[at] = heap[least];
        heap[least] = sinking;
        at = least;
    }
}

/* Up to `max` events into `out`; *count < max: there are no more. */
static enum err log_reader_merge(struct log_reader *reader, struct log_event *out, size_t max,
                                 size_t *count) {
    struct log_tail **heap =
        arena_zalloc_array(reader->tx->arena, reader->tail_count, sizeof *heap);
    enum err err = ERR_OK;
    *count = 0;
    for (size_t i = 0; err == ERR_OK && i < reader->tail_count; i++) {
        heap[i] = &reader->tails[i];
        err = log_tail_fill(reader, heap[i]);
    }
    for (size_t i = reader->tail_count / 2; err == ERR_OK && i-- > 0;)
        log_heap_sink(heap, reader->tail_count, i);
    while (err == ERR_OK && *count < max && log_tail_next_pos(heap[0]) != INT64_MAX) {
        struct log_tail *tail = heap[0];
        out[(*count)++] = tail->chunk[tail->at++];
        if (tail->at == tail->count && !tail->is_read)
            err = log_tail_fill(reader, tail);
        if (err == ERR_OK)
            log_heap_sink(heap, reader->tail_count, 0);
    }
    return err;
}

/* ---- pages ---- */

/* Which room an event is about: the audience's, or the subject of room.joined and room.left. 0:
 * none. */
static int64_t log_event_room(const struct log_event *event) {
    if (event->audience % 4 == AUDIENCE_KIND_ROOM)
        return event->audience / 4;
    bool is_about_room = event_type(event->type)->subject == SUBJECT_ROOM &&
                         event->audience % 4 == AUDIENCE_KIND_PERSON;
    return is_about_room ? event->subject : 0;
}

/* Fills room_id; events of one room often follow each other, `last` saves asking again. */
static enum err log_load_room_id(struct tx *tx, struct log_event *event,
                                 const struct log_event *last) {
    struct db_rows rows;
    int64_t room = log_event_room(event);
    if (room == 0)
        return ERR_OK;
    if (last != NULL && log_event_room(last) == room) {
        event->room_id = last->room_id;
        return ERR_OK;
    }
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_log_room_id, &rows, DB_I(room));
    if (err != ERR_OK)
        return err;
    if (rows.count == 0 || db_at(&rows, 0, 0)->bytes.len != sizeof event->room_id.bytes)
        return ERR_INTERNAL;
    memcpy(event->room_id.bytes, db_at(&rows, 0, 0)->bytes.ptr, sizeof event->room_id.bytes);
    return ERR_OK;
}

/* Whose view the data is: what is for one person is told as that person sees it. */
static int64_t log_event_reader(const struct log_event *event) {
    return event->audience % 4 == AUDIENCE_KIND_PERSON ? event->audience / 4 : 0;
}

/* `account`: the reader, 0: whomever each event is for. */
static enum err log_load_events(struct tx *tx, int64_t account, struct log_event *events,
                                size_t count) {
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        events[i].check = cursor_check(&events[i]);
        err = log_load_room_id(tx, &events[i], i == 0 ? NULL : &events[i - 1]);
        if (err == ERR_OK && log_loader != NULL)
            err = log_loader->load(tx, account != 0 ? account : log_event_reader(&events[i]),
                                   &events[i]);
    }
    return err;
}

enum err log_page(struct tx *tx, int64_t account, enum role role, int64_t pos,
                  struct log_page *out) {
    struct log_reader reader;
    int64_t head = 0;
    *out = (struct log_page){.next_pos = pos};
    enum err err = log_head(tx, &head);
    if (err == ERR_OK)
        err = log_reader_open(&reader, tx, account, role, pos);
    if (err != ERR_OK)
        return err;
    out->events = arena_zalloc_array(tx->arena, LOG_PAGE_EVENTS, sizeof *out->events);
    err = log_reader_merge(&reader, out->events, LOG_PAGE_EVENTS, &out->count);
    if (err != ERR_OK)
        return err;
    out->at_head = out->count < LOG_PAGE_EVENTS;
    out->next_pos = out->at_head ? head : out->events[out->count - 1].pos;
    if (out->at_head) {
        out->rooms = reader.rooms;
        out->room_count = reader.room_count;
    }
    return log_load_events(tx, account, out->events, out->count);
}

enum err log_after(struct tx *tx, int64_t pos, struct log_event **out, size_t *count) {
    struct db_rows rows;
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_log_after, &rows, DB_I(pos), DB_I(LOG_PAGE_EVENTS));
    if (err != ERR_OK)
        return err;
    *out = arena_zalloc_array(tx->arena, rows.count, sizeof **out);
    *count = rows.count;
    for (size_t i = 0; i < rows.count; i++)
        log_event_from_row(&rows.values[i * rows.columns], &(*out)[i]);
    return log_load_events(tx, 0, *out, *count);
}

enum err log_count_missed(struct tx *tx, int64_t account, enum role role, int64_t pos,
                          int64_t limit, int64_t *out) {
    struct log_reader reader;
    enum err err = log_reader_open(&reader, tx, account, role, pos);
    *out = 0;
    for (size_t i = 0; err == ERR_OK && *out <= limit && i < reader.tail_count; i++) {
        struct db_rows rows;
        err = DB_RUN(tx->db, tx->arena, QUERY_log_count_audience, &rows,
                     DB_I(reader.tails[i].audience), DB_I(reader.tails[i].after),
                     DB_I(limit + 1 - *out), DB_I(reader.hidden), DB_I(reader.tails[i].from_seq));
        if (err == ERR_OK)
            *out += db_at(&rows, 0, 0)->integer;
    }
    return err;
}
