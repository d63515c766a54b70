/* The log: emit() in handlers, numbers and commit at the end of a batch, cursors, and pages for
 * whoever was away.
 *
 * Thread: executors. A tx lives for one batch (writer) or one request (reader); all pointers in it
 * die with it. */
#pragma once
#include "protocol/events.h"
#include "store/db.h"

/* Who an event is for: key * 4 + kind. The hub maps it to sessions; the log is indexed by
 * (audience, pos). */
enum { AUDIENCE_KIND_ROOM = 0, AUDIENCE_KIND_PERSON = 1, AUDIENCE_KIND_WORKSPACE = 2 };
static inline int64_t audience_room(int64_t room_key) {
    return room_key * 4 + AUDIENCE_KIND_ROOM;
}
static inline int64_t audience_person(int64_t account_key) {
    return account_key * 4 + AUDIENCE_KIND_PERSON;
}
static inline int64_t audience_workspace(void) {
    return 1 * 4 + AUDIENCE_KIND_WORKSPACE;
}

struct log_event {
    enum event_id type;
    uint32_t check; /* of the cursor at pos: filled in by emit and log_commit, as pos is */
    int64_t audience;
    int64_t actor;   /* account key, 0: the operator */
    int64_t subject; /* key of what events.def names */
    int64_t fact;    /* ROOM audience: the seq of the message that the event is about, if that is an
                        older one, else 0; room.joined: from_seq (log_open_room); others: events.def */
    struct uuid room_id; /* ROOM audience and room.joined/left: goes into the envelope */
    const void *
        data; /* struct <event>_data, alive until the batch's replies went out; NULL for INTERNAL */
    int64_t membership; /* not 0: joined_pos of this membership row becomes this event's pos */
    /* filled in by emit and log_commit */
    int64_t pos; /* 0: not logged (typing …) */
    int64_t seq; /* ROOM audience, LOGGED */
    int64_t created_at;
};

struct history_cache;

/* A transaction in hand, given to handlers inside struct call. */
struct tx {
    struct db *db;
    struct arena *arena;     /* the request's: results and event data go here */
    struct log_batch *batch; /* emits of the whole batch; on a read executor only unlogged events
                                may be emitted */
    int64_t now_ms;
    struct history_cache *history; /* on a read executor, if there is one */
    uint64_t history_mark;         /* history_cache_mark from before the transaction */
    int64_t undone; /* rows that the work has changed and changed back: they need no rollback */
};

/* Appends an event to the batch (copied). Of a LOGGED room event it takes and returns the next seq,
 * 0 otherwise. Unlogged events (typing.started, read.updated) are delivered after the commit too
 * and forgotten. Fails only by the database. */
enum err emit(struct tx *tx, const struct log_event *event, int64_t *seq) MUST_CHECK;

/* The log's position at this transaction's snapshot. On the writer: before the batch, whose events
 * have no pos yet. */
enum err log_head(struct tx *tx, int64_t *pos) MUST_CHECK;
/* The room's newest seq as this transaction sees it, this batch's events included; the next emit()
 * of a LOGGED event there takes the one after it. (The log's rows of the batch are written at
 * its end.) ERR_NOT_FOUND: no such room. */
enum err log_room_seq(struct tx *tx, int64_t room, int64_t *seq) MUST_CHECK;
/* The pos of the newest event of an audience at this transaction's snapshot; 0: none. The events of
 * the writer's batch in hand do not count. */
enum err log_newest_of(struct tx *tx, int64_t audience, int64_t *pos) MUST_CHECK;
/* Says that this work blanks text (delete, edit, purge): once it is committed, the writer drives it
 * out of the WAL too, within STORE_ERASE_MAX_MS unless a reader stops it for longer. */
void log_note_erased(struct tx *tx);

/* ---- cursors: "<epoch>:<pos>:<check>" ---- */
enum { CURSOR_MAX_BYTES = 64 };
/* Writes a cursor for an event already numbered; any thread. Returns its length. */
size_t cursor_format(int64_t pos, uint32_t check, char out[CURSOR_MAX_BYTES]);
/* The cursor for `pos` (reads the log row for its check bits; pos 0: the beginning). */
enum err cursor_at(struct tx *tx, int64_t pos, struct str *out) MUST_CHECK;
enum cursor_state { CURSOR_VALID, CURSOR_INVALID, CURSOR_TOO_OLD };
/* Reads a client's cursor against epoch, head and the event at pos. Never an error for bad input.
 */
enum err cursor_parse(struct tx *tx, struct str cursor, enum cursor_state *state,
                      int64_t *pos) MUST_CHECK;

/* ---- pages of the stream for one person ---- */
struct log_open_room {
    int64_t room;
    int64_t from_seq; /* private rooms: of the own joining; what is about a message before it is not
                         for this reader */
};
struct log_page {
    struct log_event *events; /* in pos order, with data loaded as it is now; in tx->arena */
    size_t count;
    int64_t
        next_pos; /* everything addressed to the person up to here is in this or earlier pages */
    bool at_head; /* next_pos is the head of this snapshot */
    struct log_open_room *rooms; /* when at_head: the person's open memberships at the head */
    size_t room_count;
};
/* Whether an event is about a message from before its reader joined. */
static inline bool log_is_before_joining(int64_t fact, int64_t from_seq) {
    return fact != 0 && fact < from_seq;
}
/* Events addressed to the person after `pos`: open memberships from max(pos + 1, joined_pos) but
 * what is about messages before from_seq, the person, the workspace; merged by pos, INTERNAL ones
 * left out, at most LOG_PAGE_EVENTS. */
enum { LOG_PAGE_EVENTS = 200 };
enum err log_page(struct tx *tx, int64_t account, enum role role, int64_t pos,
                  struct log_page *out) MUST_CHECK;
/* The log itself after `pos`, whoever it is for, INTERNAL events too, with data as log_page gives
 * it: for a node that missed them on the bus. At most LOG_PAGE_EVENTS, in tx->arena. */
enum err log_after(struct tx *tx, int64_t pos, struct log_event **out, size_t *count) MUST_CHECK;
/* How many events log_page would give from pos to the head, counted up to limit + 1. */
enum err log_count_missed(struct tx *tx, int64_t account, enum role role, int64_t pos,
                          int64_t limit, int64_t *out) MUST_CHECK;
/* Loads `data` of an event whose other members are there (replay): the subject's row as it is now.
 * Implemented over struct log_loader, which chat fills (one function a subject kind), so that store
 * knows no rules. */
struct log_loader {
    enum err (*load)(struct tx *tx, int64_t reader_account, struct log_event *event);
};
void log_set_loader(const struct log_loader *loader);
