/* Executors: the threads that own database connections. One writer with group commit, some readers.
 *
 * A piece of work is handed over whole and comes back through work->done on the executor's thread.
 * Per batch the writer does: BEGIN IMMEDIATE; for each work: work->run, cutting its emits if it is
 * refused (if it had written, all is rolled back and run again, each work in a savepoint);
 * log_commit (pos, log rows, seqs, head); COMMIT (one fsync); ops->committed (all events, in pos
 * order); work->done for each work. If the transaction itself is lost (FULL, …) the batch is run
 * again one work a transaction; if the outcome of the COMMIT is unknown, works with has_nonce are
 * run again and the others are done with ERR_OUTCOME_UNKNOWN. A failed fsync ends the process. */
#pragma once
#include "base/buf.h"
#include "base/list.h"
#include "store/log.h"

struct work {
    struct list link;
    struct arena *arena; /* alive until done */
    bool writes;
    bool has_nonce; /* may be run again when it is not known whether it was committed */
    /* Runs the work inside a transaction. Not ERR_OK: its effects are taken back. May be called
     * again: it has no effect but rows and emits. */
    enum err (*run)(struct tx *tx, struct work *work);
    /* The work is over, on the executor's thread: `outcome` as run returned it, or the store's own
     * error. The callee owns it now. */
    void (*done)(struct work *work, enum err outcome);
};

struct executor_ops {
    /* Logged and unlogged events of a committed batch, in order, on the executor's thread. Before
     * any done of the batch. Readers call it too, with unlogged events only; never two calls at
     * once. `events` is borrowed for the call, the data lives as log.h says. */
    void (*committed)(void *arg, const struct log_event *events, size_t count);
    void *arg;
};

struct store_options {
    struct str data_dir; /* made if missing; parley.db inside */
    unsigned read_threads;
    size_t batch_max;           /* works in one transaction */
    size_t queue_max;           /* works waiting, per kind */
    size_t history_cache_bytes; /* 0: no history_cache */
    const char *synchronous;    /* "FULL" but for tests */
    const char *vfs;            /* NULL: SQLite's own; tests name theirs */
    uint64_t idle_checkpoint_ms;
    uint64_t erase_after_ms; /* from log_note_erased's commit to the first try to drive the text out
                                of the WAL; 0: 5,000 */
};

struct store;
/* Locks the folder (a second server is refused, with a clear message), opens, migrates, checks the
 * schema version, starts no thread. */
enum err store_open(const struct store_options *options, struct store **out,
                    struct buf *error) MUST_CHECK;
/* Starts the executors' threads. `ops` is borrowed for ever. */
void store_start(struct store *store, const struct executor_ops *ops);
/* Hands work over; false when the queue is full or stopping (the caller answers ERR_OVERLOADED).
 * Any thread. */
bool store_submit(struct store *store, struct work *take_work) MUST_CHECK;
/* The same, but an idle executor sleeps on until store_wake, which must follow: what one turn of a
 * loop reads becomes one batch, and one fan-out. */
bool store_submit_later(struct store *store, struct work *take_work) MUST_CHECK;
/* Wakes executors that slept over store_submit_later. Any thread, at the end of each loop's turn.
 */
void store_wake(struct store *store);
/* Finishes what is queued, stops the threads. */
void store_stop(struct store *store);
/* Closes the connections, gives the lock back. After store_stop. */
void store_close(struct store *store);
/* The log's head when the store was opened: where the ring begins. And its cursor check bits. */
int64_t store_head_at_open(const struct store *store, uint32_t *check);
