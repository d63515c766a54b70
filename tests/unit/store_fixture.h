/* What the tests of the store share: a folder that is removed again, a store on it, works that are
 * waited for, rows made by plain SQL. Thread: the test's. */
#pragma once
#include "base/buf.h"
#include "store/executor.h"

#include <pthread.h>

/* ---- folders ---- */
/* A fresh folder; its path is valid until fixture_remove_folder. */
char *fixture_make_folder(void);
void fixture_remove_folder(char *take_path);
/* Whether a file of the folder holds the text. */
bool fixture_file_contains(const char *folder, const char *file, const char *text);

/* ---- stores ---- */
struct fixture_options {
    const char *vfs, *synchronous;
    size_t batch_max, queue_max; /* 0: 512, 4096 */
    uint64_t idle_checkpoint_ms; /* 0: 50 */
    uint64_t erase_after_ms;
    size_t history_cache_bytes;
};
/* Opens; fails the test when that is refused. `options` may be NULL. */
struct store *fixture_open(const char *folder, const struct fixture_options *options);
/* Opens, expects a refusal, and returns the words; valid until the next call. */
const char *fixture_refusal(const char *folder);
/* Stops and closes. */
void fixture_close(struct store *take_store);

/* ---- works ---- */
struct fixture_work {
    struct work work;
    enum err (*body)(struct tx *tx, struct fixture_work *self);
    int64_t number; /* for the body */
    int64_t seq;    /* for what the body finds */
    int runs;
    struct arena *arena;
    bool is_done;
    enum err outcome;
};
void fixture_work_init(struct fixture_work *work, bool writes, int64_t number,
                       enum err (*body)(struct tx *tx, struct fixture_work *self));
void fixture_submit(struct store *store, struct fixture_work *work);
/* Waits until it is done; its arena lives until fixture_work_finish. */
enum err fixture_wait(struct fixture_work *work);
void fixture_work_finish(struct fixture_work *work);
/* All at once, as a body of its own, waited for. */
enum err fixture_write(struct store *store, int64_t number,
                       enum err (*body)(struct tx *tx, struct fixture_work *self));
enum err fixture_read(struct store *store, int64_t number,
                      enum err (*body)(struct tx *tx, struct fixture_work *self));

/* Holds the writer, so that what is submitted meanwhile makes one batch. */
struct fixture_gate {
    struct fixture_work work;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_reached, is_open;
};
void fixture_gate_close(struct fixture_gate *gate, struct store *store);
void fixture_gate_open(struct fixture_gate *gate);

/* ---- rows ---- */
/* Runs SQL with numbers put in place, in a work's transaction. */
enum err fixture_sql(struct tx *tx, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* The first column of the first row. */
enum err fixture_integer(struct tx *tx, int64_t *out, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;
/* The same from outside of any work, on a connection of its own. */
int64_t fixture_query(const char *folder, const char *sql);
/* Another program changes the database. */
void fixture_change(const char *folder, const char *sql);
/* An account, a room without events. Keys are the caller's. */
enum err fixture_make_account(struct tx *tx, int64_t account) MUST_CHECK;
enum err fixture_make_room(struct tx *tx, int64_t room) MUST_CHECK;
/* A membership as the product makes it: member.joined in the room, room.joined for the person,
 * joined_pos by the commit. */
enum err fixture_join(struct tx *tx, int64_t room, int64_t account) MUST_CHECK;
enum err fixture_leave(struct tx *tx, int64_t room, int64_t account) MUST_CHECK;
/* A message with its nonce and its event. */
enum err fixture_send(struct tx *tx, int64_t room, int64_t author, int64_t message,
                      int64_t *seq) MUST_CHECK;
