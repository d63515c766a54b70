/* The inside of a store: connections, queues, threads. Private to store/. */
#pragma once
#include "store/db_open.h"
#include "store/executor.h"
#include "store/history_cache.h"
#include "store/lock.h"
#include "store/log_batch.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    STORE_READ_THREADS_MAX = 64,
    STORE_UNKNOWN_RETRIES = 2, /* runs more of a work whose commit's outcome was not known */
    STORE_IDLE_CHECKPOINT_PAGES = 500, /* a WAL shorter than this is left alone when idle */
    STORE_WAL_PAGES_MAX = 16000,      /* 64 MB; beyond this a checkpoint runs between two batches */
    STORE_CHECKPOINT_RETRY_MS = 1000, /* after one that a reader stood in the way of */
    STORE_ERASE_MAX_MS =
        60000, /* what was erased is out of the WAL by then, unless a reader stops it */
    STORE_ERASE_AFTER_MS = 5000, /* when the first try begins: more erasures may follow */
    STORE_ERASE_RETRY_MS = 1000,
    STORE_ERASE_WAIT_MS = 20, /* that one try holds up the writer for a reader */
};

/* Works that wait for an executor. */
struct work_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a work came, or the end */
    struct list works;
    size_t count, max;
    bool stopping;
    atomic_bool slept_over; /* something came and woke nobody */
};

/* A thread with its connection. Its fields are the thread's own. */
struct executor {
    struct store *store;
    struct db *db;
    struct arena *arena; /* of one batch */
    struct log_batch batch;
    int64_t undone; /* tx.undone of the works of the transaction in hand */
    pthread_t thread;
};

/* When the writer looks after the WAL; monotonic milliseconds, 0: no need. */
struct wal_care {
    uint64_t checkpoint_at;
    uint64_t erase_at;
};

struct store {
    char *data_dir;
    struct folder_lock lock;
    size_t batch_max;
    uint64_t idle_checkpoint_ms, erase_after_ms;
    const struct executor_ops *ops;
    pthread_mutex_t publish_lock; /* committed() is never called twice at once */
    int64_t head_at_open;
    uint32_t check_at_open;
    bool started;

    struct history_cache *history; /* NULL: none */
    struct work_queue writes, reads;
    struct executor writer;
    struct wal_care wal; /* the writer's */
    enum err *outcomes;  /* the writer's: of the works of its batch */
    struct work **works; /* the writer's: the batch */
    unsigned reader_count;
    struct executor readers[STORE_READ_THREADS_MAX];
};

void work_queue_init(struct work_queue *queue, size_t max);
void work_queue_finish(struct work_queue *queue);
/* False when it is full or stopping. `wakes`: a thread that waits takes it at once; else at the
 * next work_queue_wake, or when it looks for work anyway. */
bool work_queue_push(struct work_queue *queue, struct work *take_work, bool wakes);
/* Cheap when nothing sleeps in the queue. Any thread. */
void work_queue_wake(struct work_queue *queue);
/* Takes up to `max` works, in order; waits for the first until `deadline` (monotonic ms, 0: for
 * ever). 0: the deadline has come, or *ended: the queue is stopped and empty. */
size_t work_queue_take(struct work_queue *queue, struct work **out, size_t max,
                       uint64_t deadline_ms, bool *ended);
/* No more works are taken in; what waits is still given out. */
void work_queue_stop(struct work_queue *queue);

/* ---- wal_care.c: on the writer's thread, between batches ---- */
/* After a commit. */
void wal_care_after_commit(struct store *store, bool erased);
/* When something is to be done next, 0: nothing. */
uint64_t wal_care_deadline(const struct store *store);
/* Does what is due. */
void wal_care_run(struct store *store);
