#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/store_state.h"

void wal_care_after_commit(struct store *store, bool erased) {
    struct wal_care *wal = &store->wal;
    int64_t pages = db_wal_pages(store->writer.db);
    uint64_t now_ms = clock_monotonic_ms();
    metrics_set(METRIC_STORE_WAL_PAGES, pages);
    if (erased && wal->erase_at == 0)
        wal->erase_at = now_ms + store->erase_after_ms;
    if (pages > STORE_WAL_PAGES_MAX && wal->checkpoint_at == 0)
        wal->checkpoint_at = now_ms; /* not later, however busy */
    else if (pages > STORE_IDLE_CHECKPOINT_PAGES && pages <= STORE_WAL_PAGES_MAX)
        wal->checkpoint_at = now_ms + store->idle_checkpoint_ms; /* moved on by each commit: idle */
}

uint64_t wal_care_deadline(const struct store *store) {
    uint64_t checkpoint_at = store->wal.checkpoint_at, erase_at = store->wal.erase_at;
    if (checkpoint_at == 0 || (erase_at != 0 && erase_at < checkpoint_at))
        return erase_at;
    return checkpoint_at;
}

/* A failed checkpoint has been logged and leaves the WAL as it is: it is tried again. */
static bool wal_care_checkpoint(struct store *store, enum db_checkpoint kind) {
    bool complete = false;
    uint64_t began_ns = clock_monotonic_ns();
    enum err err = db_checkpoint(store->writer.db, kind, STORE_ERASE_WAIT_MS, &complete);
    metrics_observe_us(METRIC_STORE_CHECKPOINT_SECONDS, (clock_monotonic_ns() - began_ns) / 1000);
    metrics_set(METRIC_STORE_WAL_PAGES, db_wal_pages(store->writer.db));
    return err == ERR_OK && complete;
}

void wal_care_run(struct store *store) {
    struct wal_care *wal = &store->wal;
    uint64_t now_ms = clock_monotonic_ms();
    if (wal->erase_at != 0 && now_ms >= wal->erase_at) {
        bool done = wal_care_checkpoint(store, DB_CHECKPOINT_TRUNCATE);
        wal->erase_at = done ? 0 : now_ms + STORE_ERASE_RETRY_MS;
        if (done)
            wal->checkpoint_at = 0;
    }
    if (wal->checkpoint_at != 0 && now_ms >= wal->checkpoint_at) {
        bool done = wal_care_checkpoint(store, DB_CHECKPOINT_PASSIVE);
        wal->checkpoint_at = done ? 0 : now_ms + STORE_CHECKPOINT_RETRY_MS;
    }
}
