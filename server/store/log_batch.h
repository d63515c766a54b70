/* What a batch gathers until it is committed: its events in order, the rooms' seqs. Private to
 * store/. Thread: the executor's. */
#pragma once
#include "base/map.h"
#include "store/log.h"

/* A room whose newest seq is known, this batch's events included. */
struct log_room {
    int64_t seq;
};

/* Rooms that are remembered from batch to batch; all are forgotten when there are more. */
enum { LOG_ROOMS_MAX = 16384 };

struct log_batch {
    struct log_event *events;
    size_t count, cap;
    struct map rooms; /* room key → struct log_room, in the heap; as of `generation` */
    uint64_t generation;
    bool writes; /* false on a reader: nothing may be logged */
    bool erased; /* a work of it has blanked text */
};

/* Where a savepoint stands. */
struct log_mark {
    size_t count;
    bool erased;
};

void log_batch_init(struct log_batch *batch, bool writes);
void log_batch_finish(struct log_batch *batch);
/* Empty again, memory kept, and the rooms' seqs too. */
void log_batch_clear(struct log_batch *batch);
/* A transaction has begun: forgets the rooms' seqs unless they are of the same db_generation. */
void log_batch_begin(struct log_batch *batch, uint64_t generation);
struct log_mark log_batch_mark(const struct log_batch *batch);
/* Cuts the emits after the mark and gives their seqs back. */
void log_batch_cut(struct log_batch *batch, struct log_mark mark);
/* Numbers the batch's logged events, writes their rows, the memberships' joined_pos and the head.
 * Last of all before the commit. */
enum err log_commit(struct tx *tx) MUST_CHECK;

/* The value of `key` in the table meta, of exactly `len` bytes, which is kept from now on; drawn by
 * the caller in `inout` if there is none. In a write transaction. */
enum err meta_keep(struct db *db, struct arena *arena, struct str key, void *inout,
                   size_t len) MUST_CHECK;

/* ---- cursors ---- */
/* What cursors are made with: from the table meta, for the whole process; a process serves one
 * database. */
enum { CURSOR_EPOCH_CHARS = 8, CURSOR_SECRET_BYTES = 16 };
struct cursor_secret {
    char epoch[CURSOR_EPOCH_CHARS + 1];
    unsigned char key[CURSOR_SECRET_BYTES];
};
/* Before any thread that formats cursors starts. */
void cursor_use(const struct cursor_secret *secret);
/* Draws what is missing in meta, and a new epoch when the database is a restored backup; in a write
 * transaction. */
enum err cursor_prepare(struct db *db, struct arena *arena, struct cursor_secret *out) MUST_CHECK;
/* The check bits of an event that has its numbers; pos 0: the beginning. */
uint32_t cursor_check(const struct log_event *event);
/* The event at pos, without data and room_id; *found false when there is no such row. */
enum err log_read(struct tx *tx, int64_t pos, struct log_event *out, bool *found) MUST_CHECK;
/* A row of log_row or log_of_audience. */
void log_event_from_row(const struct db_value *row, struct log_event *out);
