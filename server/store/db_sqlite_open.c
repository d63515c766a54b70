#include "store/db_sqlite.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/wal_vfs.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* ---- what can go wrong ---- */

/* What is wrong and what to do, for results that an operator can do something about. */
static const char *db_advice(int result) {
    switch (result & 0xff) {
    case SQLITE_FULL:
        return "the disk is full: make room in the data folder's file system";
    case SQLITE_READONLY:
        return "the data folder or its files cannot be written: give them to the user that runs "
               "Parley, and look whether the file "
               "system is mounted read-only";
    case SQLITE_CORRUPT:
        return "the database is damaged: stop the server and put a backup in its place (README, "
               "\"Restore\")";
    case SQLITE_NOTADB:
        return "parley.db is not a database: name another --data folder, or put a backup in its "
               "place (README, \"Restore\")";
    case SQLITE_CANTOPEN:
        return "the database cannot be opened: look at the permissions of the data folder and its "
               "files";
    case SQLITE_IOERR:
        return "the disk reports errors: look at the kernel's log";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program holds the database: close it";
    default:
        return "unexpected; please report it";
    }
}

void db_end_on_failed_sync(const struct db *db, int result) {
    if (result != SQLITE_IOERR_FSYNC && result != SQLITE_IOERR_DIR_FSYNC)
        return;
    LOG_ERROR("fsync failed, the process ends: nobody knows what is on disk; look at the kernel's "
              "log, then start again",
              log_cstr("file", db->path), log_int("code", result));
    _exit(DB_EXIT_FSYNC);
}

static void db_log_failure(struct db *db, int result, const char *what) {
    uint64_t now_ms = clock_monotonic_ms();
    if (db->failed_result == result && now_ms - db->failed_at_ms < DB_LOG_EVERY_MS)
        return;
    db->failed_result = result;
    db->failed_at_ms = now_ms;
    LOG_ERROR("storage failed", log_cstr("what", what), log_cstr("why", sqlite3_errmsg(db->handle)),
              log_int("code", result), log_cstr("advice", db_advice(result)));
}

enum err db_fail(struct db *db, int result, const char *what) {
    db_end_on_failed_sync(db, result);
    db_log_failure(db, result, what);
    if (db->in_transaction && sqlite3_get_autocommit(db->handle))
        db->in_transaction = false;
    switch (result & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return ERR_INTERNAL; /* our mistake, not the disk's */
    default:
        return ERR_STORAGE_UNAVAILABLE;
    }
}

/* ---- opening ---- */

static void db_log_sqlite(void *arg, int result, const char *message) {
    (void)arg;
    switch (result & 0xff) {
    case SQLITE_NOTICE: /* "recovered 12 frames from WAL file" */
        LOG_INFO("sqlite", log_cstr("what", message), log_int("code", result));
        break;
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
        LOG_WARN("sqlite", log_cstr("what", message), log_int("code", result));
        break;
    default:
        break; /* a refused UNIQUE among them: the caller knows */
    }
}

static void db_configure_once(void) {
    /* Refused when something has used SQLite before us (a test's VFS): then its defaults hold,
     * which cost speed only. */
    if (sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1) !=
        SQLITE_OK) /* savepoints' journals stay in memory */
        return;
    sqlite3_config(SQLITE_CONFIG_LOG, db_log_sqlite, NULL);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int db_on_commit(void *arg, sqlite3 *handle, const char *name, int pages) {
    (void)handle, (void)name;
    ((struct db *)arg)->wal_pages = pages;
    return SQLITE_OK; /* the executor runs the checkpoints, after the acknowledgements have gone out
                       */
}

int db_prepare_fixed(struct db *db, const char *sql, sqlite3_stmt **out) {
    return sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

static int db_prepare_transaction_statements(struct db *db) {
    const struct {
        const char *sql;
        sqlite3_stmt **out;
    } fixed[] = {
        {"BEGIN", &db->begin_read},
        {"BEGIN IMMEDIATE", &db->begin_write},
        {"COMMIT", &db->commit},
        {"ROLLBACK", &db->rollback},
        {"SAVEPOINT work", &db->savepoint},
        {"RELEASE work", &db->release},
        {"ROLLBACK TO work", &db->rollback_to},
        {"PRAGMA data_version", &db->data_version},
    };
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < sizeof fixed / sizeof *fixed; i++)
        result = db_prepare_fixed(db, fixed[i].sql, fixed[i].out);
    return result;
}

/* SQLite tells while it prepares a statement what that reads and changes. */
static int db_note_tables(void *arg, int action, const char *table, const char *column,
                          const char *name, const char *trigger) {
    struct db *db = arg;
    (void)column, (void)name, (void)trigger;
    if (db->preparing == NULL || table == NULL)
        return SQLITE_OK;
    if (action == SQLITE_READ)
        db->preparing->reads |= db_cache_table(table);
    else if (action == SQLITE_INSERT || action == SQLITE_DELETE || action == SQLITE_UPDATE)
        db->preparing->changes |= db_cache_table(table);
    return SQLITE_OK;
}

static int db_remember(struct db *db) {
    db->cache = mem_alloc(sizeof *db->cache);
    db_cache_init(db->cache);
    return sqlite3_set_authorizer(db->handle, db_note_tables, db);
}

static int db_is_wal(void *arg, int columns, char **values, char **names) {
    (void)columns, (void)names;
    *(bool *)arg = strcmp(values[0], "wal") == 0;
    return 0;
}

/* The pragmas of one connection. journal_mode reads the file, so a damaged one is found here. */
static int db_set_up(struct db *db, const struct db_options *options) {
    char pragmas[512];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; PRAGMA secure_delete=ON; PRAGMA "
             "foreign_keys=ON; "
             "PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; "
             "PRAGMA cache_size=-%d; ",
             options->synchronous == NULL ? "FULL" : options->synchronous,
             options->writes ? DB_WRITER_CACHE_KIB : DB_READER_CACHE_KIB);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, DB_BUSY_TIMEOUT_MS);
    /* A reader cannot set the journal mode, and need not: it is written in the file. */
    const char *from = options->writes ? pragmas : strchr(pragmas, ';') + 1;
    int result = sqlite3_exec(db->handle, from, NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_exec(db->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    bool wal = false;
    if (result == SQLITE_OK)
        result = sqlite3_exec(db->handle, "PRAGMA journal_mode", db_is_wal, &wal, NULL);
    if (result == SQLITE_OK && !wal)
        result = SQLITE_CANTOPEN; /* the file system has no shared memory: a network share */
    if (result == SQLITE_OK)
        sqlite3_wal_hook(db->handle, db_on_commit, db);
    if (result == SQLITE_OK && options->writes)
        result = db_remember(db);
    return result == SQLITE_OK ? db_prepare_transaction_statements(db) : result;
}

enum err db_open(const struct db_options *options, struct db **out, struct buf *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, db_configure_once);
    struct db *db = mem_zalloc(1, sizeof *db);
    db->path = mem_strdup(options->path);
    db->vfs = options->vfs == NULL ? NULL : mem_strdup(options->vfs);
    int flags = SQLITE_OPEN_NOMUTEX | (options->writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                       : SQLITE_OPEN_READONLY);
    bool is_full = options->synchronous == NULL || strcmp(options->synchronous, "FULL") == 0;
    int result =
        sqlite3_open_v2(options->path, &db->handle, flags,
                        options->writes && is_full ? wal_vfs_over(options->vfs) : options->vfs);
    /* SQLite opens what it may only read without a word; the first write would then fail. Asked
     * before anything else, so that no WAL is made beside such a file. */
    if (result == SQLITE_OK && options->writes && sqlite3_db_readonly(db->handle, "main") != 0)
        result = SQLITE_READONLY;
    if (result == SQLITE_OK)
        result = db_set_up(db, options);
    if (result == SQLITE_OK) {
        *out = db;
        return ERR_OK;
    }
    db_end_on_failed_sync(db, result);
    buf_appendf(error, "%s: %s (%s)", options->path, db_advice(result),
                db->handle == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db->handle));
    db_close(db);
    return ERR_STORAGE_UNAVAILABLE;
}

void db_close(struct db *take_db) {
    if (take_db == NULL)
        return;
    for (int i = 0; i < QUERY_COUNT; i++)
        sqlite3_finalize(take_db->statements[i].stmt);
    sqlite3_stmt *fixed[] = {take_db->begin_read,  take_db->begin_write, take_db->commit,
                             take_db->rollback,    take_db->savepoint,   take_db->release,
                             take_db->rollback_to, take_db->data_version};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        sqlite3_finalize(fixed[i]);
    CHECK(sqlite3_close(take_db->handle) == SQLITE_OK);
    if (take_db->cache != NULL)
        db_cache_finish(take_db->cache);
    mem_free(take_db->cache);
    mem_free(take_db->path);
    mem_free(take_db->vfs);
    mem_free(take_db);
}

const char *db_path(const struct db *db) {
    return db->path;
}

const char *db_vfs(const struct db *db) {
    return db->vfs;
}

const char *db_error(struct db *db) {
    return sqlite3_errmsg(db->handle);
}

/* ---- the write-ahead log ---- */

int64_t db_wal_pages(const struct db *db) {
    return db->wal_pages;
}

enum err db_checkpoint(struct db *db, enum db_checkpoint kind, int wait_ms, bool *complete) {
    int pages = 0, home = 0;
    int mode =
        kind == DB_CHECKPOINT_TRUNCATE ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    CHECK(!db->in_transaction);
    sqlite3_busy_timeout(db->handle, wait_ms);
    int result = sqlite3_wal_checkpoint_v2(db->handle, "main", mode, &pages, &home);
    sqlite3_busy_timeout(db->handle, DB_BUSY_TIMEOUT_MS);
    bool in_the_way = (result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED;
    *complete = result == SQLITE_OK && pages == home;
    if (*complete)
        db->wal_pages = 0;
    return result == SQLITE_OK || in_the_way ? ERR_OK : db_fail(db, result, "checkpoint");
}
