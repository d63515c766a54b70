#include "store/executor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "loop/loop.h"
#include "store/store_state.h"

#include <stdio.h>

/* ---- handing over ---- */

static bool submit(struct store *store, struct work *take_work, bool wakes) {
    bool writes = take_work->writes; /* ours no more once it is pushed */
    bool taken = work_queue_push(writes ? &store->writes : &store->reads, take_work, wakes);
    if (taken)
        metrics_add(writes ? METRIC_STORE_WRITES_QUEUED : METRIC_STORE_READS_QUEUED, 1);
    else
        metrics_add(METRIC_STORE_REFUSED, 1);
    return taken;
}

bool store_submit(struct store *store, struct work *take_work) {
    return submit(store, take_work, true);
}

bool store_submit_later(struct store *store, struct work *take_work) {
    return submit(store, take_work, false);
}

void store_wake(struct store *store) {
    work_queue_wake(&store->writes);
    work_queue_wake(&store->reads);
}

static void executor_publish(struct executor *executor) {
    struct store *store = executor->store;
    if (executor->batch.count == 0 || store->ops == NULL)
        return;
    pthread_mutex_lock(&store->publish_lock);
    store->ops->committed(store->ops->arg, executor->batch.events, executor->batch.count);
    pthread_mutex_unlock(&store->publish_lock);
}

/* ---- the writer ---- */

/* How a transaction ended. */
enum attempt {
    ATTEMPT_COMMITTED,
    ATTEMPT_REFUSED, /* it could not begin */
    ATTEMPT_SPOILED, /* nothing of it is stored: what a refused work had written could not be taken
                        back alone */
    ATTEMPT_LOST,    /* nothing of it is stored: the transaction is gone */
    ATTEMPT_UNKNOWN, /* whether it is stored is not known */
};

/* *is_clean: the work has left nothing in the transaction. */
static enum err executor_run_work(struct executor *executor, struct work *work, bool *is_clean) {
    struct log_mark mark = log_batch_mark(&executor->batch);
    int64_t changes = db_changes(executor->db);
    struct tx tx = {.db = executor->db,
                    .arena = work->arena,
                    .batch = &executor->batch,
                    .now_ms = clock_now_ms()};
    enum err err = work->run(&tx, work);
    if (err != ERR_OK)
        log_batch_cut(&executor->batch, mark);
    *is_clean = db_changes(executor->db) == changes + tx.undone;
    executor->undone += tx.undone;
    return err;
}

static enum err executor_run_work_in_savepoint(struct executor *executor, struct work *work) {
    bool is_clean;
    enum err err = db_savepoint(executor->db);
    if (err != ERR_OK)
        return err;
    err = executor_run_work(executor, work, &is_clean);
    if (err == ERR_OK)
        db_release(executor->db);
    else
        db_rollback_to_savepoint(executor->db);
    return err;
}

/* All works, until one spoils the transaction or loses it. Inside a savepoint SQLite copies each
 * page before it is changed, for each work anew; a handler mostly refuses before it writes, and
 * then there is nothing to take back. */
static enum attempt executor_run_works(struct executor *executor, struct work **works, size_t count,
                                       bool with_savepoints, enum err *outcomes) {
    for (size_t i = 0; i < count; i++) {
        bool is_clean = true;
        outcomes[i] = with_savepoints ? executor_run_work_in_savepoint(executor, works[i])
                                      : executor_run_work(executor, works[i], &is_clean);
        if (!db_in_transaction(executor->db))
            return ATTEMPT_LOST;
        if (outcomes[i] != ERR_OK && !is_clean)
            return ATTEMPT_SPOILED;
    }
    return ATTEMPT_COMMITTED;
}

/* `changes` is db_changes as the transaction began. If nothing is left of what was changed
 * (requests that were sent again), nothing is written: it works on a full disk too. */
static enum attempt executor_commit(struct executor *executor, int64_t changes) {
    struct tx tx = {.db = executor->db,
                    .arena = executor->arena,
                    .batch = &executor->batch,
                    .now_ms = clock_now_ms()};
    if (log_commit(&tx) != ERR_OK) {
        db_rollback(executor->db);
        return ATTEMPT_LOST;
    }
    if (executor->undone > 0 && db_changes(executor->db) == changes + executor->undone) {
        db_rollback(executor->db);
        return ATTEMPT_COMMITTED;
    }
    uint64_t began_ns = clock_monotonic_ns();
    enum err err = db_commit(executor->db);
    metrics_observe_us(METRIC_STORE_COMMIT_SECONDS, (clock_monotonic_ns() - began_ns) / 1000);
    if (err == ERR_OK)
        return ATTEMPT_COMMITTED;
    return err == ERR_OUTCOME_UNKNOWN ? ATTEMPT_UNKNOWN : ATTEMPT_LOST;
}

/* The works in one transaction; fills outcomes. */
static enum attempt executor_attempt(struct executor *executor, struct work **works, size_t count,
                                     bool with_savepoints, enum err *outcomes) {
    log_batch_clear(&executor->batch);
    arena_reset(executor->arena);
    if (db_begin(executor->db, true) != ERR_OK)
        return ATTEMPT_REFUSED;
    log_batch_begin(&executor->batch, db_generation(executor->db));
    executor->undone = 0;
    int64_t changes = db_changes(executor->db);
    enum attempt attempt = executor_run_works(executor, works, count, with_savepoints, outcomes);
    if (attempt == ATTEMPT_COMMITTED)
        return executor_commit(executor, changes);
    db_rollback(executor->db);
    return attempt;
}

/* What was committed goes out: events first, then the replies. */
static void executor_finish(struct executor *executor, struct work **works, size_t count,
                            const enum err *outcomes) {
    bool erased = executor->batch.erased;
    history_cache_after_commit(executor->store->history, executor->batch.events,
                               executor->batch.count, erased);
    loop_hold_wakes();
    executor_publish(executor);
    log_batch_clear(&executor->batch);
    for (size_t i = 0; i < count; i++)
        works[i]->done(works[i], outcomes[i]);
    loop_release_wakes();
    metrics_add(METRIC_STORE_COMMITS, 1);
    metrics_add(METRIC_STORE_COMMITTED_WORKS, (int64_t)count);
    wal_care_after_commit(executor->store, erased);
}

static void executor_give_up(struct work **works, size_t count, enum err err) {
    for (size_t i = 0; i < count; i++)
        works[i]->done(works[i], err);
}

/* One work in a transaction of its own, after its batch was lost. A work with a nonce may run again
 * when the outcome is unknown: if it was stored, it finds itself. */
static void executor_run_alone(struct executor *executor, struct work *work, bool outcome_unknown) {
    enum err outcome = ERR_OK;
    enum attempt attempt = outcome_unknown ? ATTEMPT_UNKNOWN : ATTEMPT_LOST;
    int runs_left =
        outcome_unknown && !work->has_nonce ? 0 : 1 + (work->has_nonce ? STORE_UNKNOWN_RETRIES : 0);
    while (runs_left-- > 0) {
        attempt = executor_attempt(executor, &work, 1, true, &outcome);
        if (attempt == ATTEMPT_UNKNOWN)
            outcome_unknown = true;
        else
            break;
    }
    if (attempt == ATTEMPT_COMMITTED)
        executor_finish(executor, &work, 1, &outcome);
    else {
        if (outcome_unknown)
            history_cache_clear(executor->store->history);
        executor_give_up(&work, 1, outcome_unknown ? ERR_OUTCOME_UNKNOWN : ERR_STORAGE_UNAVAILABLE);
    }
}

static void executor_run_batch(struct executor *executor, size_t count) {
    struct work **works = executor->store->works;
    enum err *outcomes = executor->store->outcomes;
    metrics_set(METRIC_STORE_BATCH_WORKS, (int64_t)count);
    enum attempt attempt = executor_attempt(executor, works, count, false, outcomes);
    if (attempt == ATTEMPT_SPOILED) {
        metrics_add(METRIC_STORE_SPOILED, 1);
        attempt = executor_attempt(executor, works, count, true, outcomes);
    }
    switch (attempt) {
    case ATTEMPT_COMMITTED:
        executor_finish(executor, works, count, outcomes);
        break;
    case ATTEMPT_REFUSED:
        executor_give_up(works, count, ERR_STORAGE_UNAVAILABLE);
        break;
    case ATTEMPT_SPOILED: /* never with savepoints */
    case ATTEMPT_LOST:
    case ATTEMPT_UNKNOWN:
        metrics_add(METRIC_STORE_RERUNS, 1);
        LOG_WARN("a batch is run again, one request a transaction",
                 log_int("requests", (int64_t)count));
        for (size_t i = 0; i < count; i++)
            executor_run_alone(executor, works[i], attempt == ATTEMPT_UNKNOWN);
        break;
    }
}

static void *writer_main(void *arg) {
    struct executor *writer = arg;
    struct store *store = writer->store;
    bool ended = false;
    pthread_setname_np(pthread_self(), "writer");
    while (!ended) {
        size_t count = work_queue_take(&store->writes, store->works, store->batch_max,
                                       wal_care_deadline(store), &ended);
        metrics_add(METRIC_STORE_WRITES_QUEUED, -(int64_t)count);
        if (count > 0)
            executor_run_batch(writer, count);
        wal_care_run(store);
    }
    return NULL;
}

/* ---- the readers ---- */

static enum err reader_run_work(struct executor *reader, struct work *work) {
    struct history_cache *history = reader->store->history;
    struct tx tx = {.db = reader->db,
                    .arena = work->arena,
                    .batch = &reader->batch,
                    .now_ms = clock_now_ms(),
                    .history = history,
                    .history_mark = history_cache_mark(history)};
    log_batch_clear(&reader->batch);
    enum err err = db_begin(reader->db, false);
    if (err != ERR_OK)
        return err;
    log_batch_begin(&reader->batch, db_generation(reader->db));
    err = work->run(&tx, work);
    db_rollback(reader->db); /* nothing was written */
    if (err == ERR_OK)
        executor_publish(reader);
    return err;
}

static void *reader_main(void *arg) {
    struct executor *reader = arg;
    struct work *work;
    bool ended = false;
    pthread_setname_np(pthread_self(), "reader");
    while (!ended) {
        if (work_queue_take(&reader->store->reads, &work, 1, 0, &ended) == 0)
            continue;
        metrics_add(METRIC_STORE_READS_QUEUED, -1);
        work->done(work, reader_run_work(reader, work));
    }
    return NULL;
}

/* ---- threads ---- */

void store_start(struct store *store, const struct executor_ops *ops) {
    CHECK(!store->started);
    store->ops = ops;
    store->started = true;
    CHECK(pthread_create(&store->writer.thread, NULL, writer_main, &store->writer) == 0);
    for (unsigned i = 0; i < store->reader_count; i++)
        CHECK(pthread_create(&store->readers[i].thread, NULL, reader_main, &store->readers[i]) ==
              0);
}

void store_stop(struct store *store) {
    if (!store->started)
        return;
    work_queue_stop(&store->writes);
    work_queue_stop(&store->reads);
    CHECK(pthread_join(store->writer.thread, NULL) == 0);
    for (unsigned i = 0; i < store->reader_count; i++)
        CHECK(pthread_join(store->readers[i].thread, NULL) == 0);
    store->started = false;
}
