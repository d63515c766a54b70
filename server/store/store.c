/* Opening and closing; the threads are executor.c's. */
#include "base/log.h"
#include "base/mem.h"
#include "store/migrate.h"
#include "store/nonce.h"
#include "store/store_state.h"

#include <sys/stat.h>

static const char *store_path(struct buf *path, const char *data_dir) {
    buf_appendf(path, "%s/parley.db", data_dir);
    return buf_cstr(path);
}

/* What every database holds from the start: the head, the cursors' secret, the epoch, the nonces'
 * key. */
static enum err store_prepare_rows(struct store *store) {
    struct executor *writer = &store->writer;
    struct cursor_secret secret;
    struct db_rows rows;
    enum err err = db_begin(writer->db, true);
    if (err != ERR_OK)
        return err;
    err = DB_RUN0(writer->db, writer->arena, QUERY_log_head_begin, &rows);
    if (err == ERR_OK)
        err = cursor_prepare(writer->db, writer->arena, &secret);
    if (err == ERR_OK)
        err = nonce_prepare_key(writer->db, writer->arena);
    if (err != ERR_OK) {
        db_rollback(writer->db);
        return err;
    }
    cursor_use(&secret);
    return db_commit(writer->db);
}

static enum err store_read_head(struct store *store) {
    struct tx tx = {.db = store->writer.db, .arena = store->writer.arena};
    struct log_event event = {.pos = 0};
    bool found = false;
    enum err err = log_head(&tx, &store->head_at_open);
    if (err == ERR_OK && store->head_at_open > 0)
        err = log_read(&tx, store->head_at_open, &event, &found);
    if (err == ERR_OK)
        store->check_at_open = cursor_check(&event);
    return err;
}

static enum err store_open_executor(struct store *store, struct executor *executor,
                                    const struct db_options *options, struct buf *error) {
    executor->store = store;
    executor->arena = arena_create();
    log_batch_init(&executor->batch, options->writes);
    return db_open(options, &executor->db, error);
}

static enum err store_open_connections(struct store *store, const struct store_options *options,
                                       struct buf *error) {
    struct buf path = BUF_INIT;
    struct db_options db_options = {.path = store_path(&path, store->data_dir),
                                    .writes = true,
                                    .synchronous = options->synchronous,
                                    .vfs = options->vfs};
    mode_t mask = umask(077); /* the database is its owner's alone; no thread runs yet */
    enum err err = store_open_executor(store, &store->writer, &db_options, error);
    if (err == ERR_OK)
        err = migrate_run(store->writer.db, error);
    umask(mask);
    if (err == ERR_OK)
        err = store_prepare_rows(store);
    if (err == ERR_OK)
        err = store_read_head(store);
    db_options.writes = false;
    for (unsigned i = 0; err == ERR_OK && i < options->read_threads; i++, store->reader_count++)
        err = store_open_executor(store, &store->readers[i], &db_options, error);
    if (err == ERR_OK && !folder_sync(store->data_dir))
        err = ERR_STORAGE_UNAVAILABLE;
    if (err != ERR_OK && error->len == 0)
        buf_appendf(error, "%s: %s", buf_cstr(&path),
                    store->writer.db == NULL ? "cannot be opened" : db_error(store->writer.db));
    buf_finish(&path);
    return err;
}

enum err store_open(const struct store_options *options, struct store **out, struct buf *error) {
    CHECK(options->read_threads > 0 && options->read_threads <= STORE_READ_THREADS_MAX);
    CHECK(options->batch_max > 0 && options->queue_max > 0);
    struct store *store = mem_zalloc(1, sizeof *store);
    struct buf dir = BUF_INIT;
    buf_append_str(&dir, options->data_dir);
    store->data_dir = mem_strdup(buf_cstr(&dir));
    buf_finish(&dir);
    store->lock.fd = -1;
    store->batch_max = options->batch_max;
    store->idle_checkpoint_ms = options->idle_checkpoint_ms;
    store->erase_after_ms =
        options->erase_after_ms == 0 ? STORE_ERASE_AFTER_MS : options->erase_after_ms;
    store->works = mem_zalloc(options->batch_max, sizeof *store->works);
    store->outcomes = mem_zalloc(options->batch_max, sizeof *store->outcomes);
    store->history = history_cache_create(options->history_cache_bytes);
    CHECK(pthread_mutex_init(&store->publish_lock, NULL) == 0);
    work_queue_init(&store->writes, options->queue_max);
    work_queue_init(&store->reads, options->queue_max);
    enum err err = folder_lock_take(store->data_dir, &store->lock, error);
    if (err == ERR_OK)
        err = store_open_connections(store, options, error);
    if (err == ERR_OK)
        *out = store;
    else
        store_close(store);
    return err;
}

static void store_close_executor(struct executor *executor) {
    if (executor->store == NULL)
        return;
    db_close(executor->db);
    log_batch_finish(&executor->batch);
    arena_destroy(executor->arena);
}

void store_close(struct store *store) {
    CHECK(!store->started);
    /* The writer last: whoever closes last brings the WAL home. */
    for (unsigned i = 0; i < STORE_READ_THREADS_MAX; i++)
        store_close_executor(&store->readers[i]);
    store_close_executor(&store->writer);
    work_queue_finish(&store->writes);
    work_queue_finish(&store->reads);
    pthread_mutex_destroy(&store->publish_lock);
    history_cache_destroy(store->history);
    folder_lock_release(&store->lock);
    mem_free(store->works);
    mem_free(store->outcomes);
    mem_free(store->data_dir);
    mem_free(store);
}

int64_t store_head_at_open(const struct store *store, uint32_t *check) {
    *check = store->check_at_open;
    return store->head_at_open;
}
