#include "store/db_open.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A prepared query. SQLite numbers $1… in the order in which it meets them, so the places are
 * looked up by name. */
struct db_statement {
    sqlite3_stmt *stmt;
    uint8_t places[DB_PARAMETERS_MAX]; /* of $1 …, in SQLite's own numbers */
    uint8_t parameters;
};

struct db {
    sqlite3 *handle;
    char *path, *vfs;
    bool in_transaction;
    int64_t wal_pages;
    int failed_result; /* what was logged last, and when: a full disk fails a thousand times a
                          second */
    uint64_t failed_at_ms;
    sqlite3_stmt *begin_read, *begin_write, *commit, *rollback;
    sqlite3_stmt *savepoint, *release, *rollback_to;
    struct db_statement statements[QUERY_COUNT];
};

static const char *const db_queries[QUERY_COUNT] = {
#define QUERY(id, sql) [QUERY_##id] = (sql),
#include "store/queries.def"
#include "store/queries_core.def"
#undef QUERY
};

static const char *const db_query_names[QUERY_COUNT] = {
#define QUERY(id, sql) [QUERY_##id] = #id,
#include "store/queries.def"
#include "store/queries_core.def"
#undef QUERY
};

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

/* After a failed fsync the kernel may have thrown the pages away and say "done" the next time: what
 * is on disk is unknown, and the only honest way on is to read it anew. */
static void db_end_on_failed_sync(const struct db *db, int result) {
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

static enum err db_fail(struct db *db, int result, const char *what) {
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

static int db_prepare_fixed(struct db *db, const char *sql, sqlite3_stmt **out) {
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
    };
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < sizeof fixed / sizeof *fixed; i++)
        result = db_prepare_fixed(db, fixed[i].sql, fixed[i].out);
    return result;
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
    int result = sqlite3_open_v2(options->path, &db->handle, flags, options->vfs);
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
    sqlite3_stmt *fixed[] = {take_db->begin_read, take_db->begin_write, take_db->commit,
                             take_db->rollback,   take_db->savepoint,   take_db->release,
                             take_db->rollback_to};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        sqlite3_finalize(fixed[i]);
    CHECK(sqlite3_close(take_db->handle) == SQLITE_OK);
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

/* ---- queries ---- */

/* Finds where $1… stand. Each must be there, so that a value that no place takes is seen at once.
 */
static void db_find_places(struct db_statement *statement) {
    int found = sqlite3_bind_parameter_count(statement->stmt);
    CHECK(found <= DB_PARAMETERS_MAX);
    for (int i = 1; i <= found; i++) {
        char name[8];
        snprintf(name, sizeof name, "$%d", i);
        int place = sqlite3_bind_parameter_index(statement->stmt, name);
        CHECK(place > 0);
        statement->places[i - 1] = (uint8_t)place;
    }
    statement->parameters = (uint8_t)found;
}

static int db_prepare(struct db *db, enum query_id query) {
    struct db_statement *statement = &db->statements[query];
    if (statement->stmt != NULL)
        return SQLITE_OK;
    int result = db_prepare_fixed(db, db_queries[query], &statement->stmt);
    if (result == SQLITE_OK)
        db_find_places(statement);
    return result;
}

enum err db_prepare_all(struct db *db, struct buf *error) {
    enum err err = ERR_OK;
    for (int i = 0; i < QUERY_COUNT; i++) {
        if (db_prepare(db, (enum query_id)i) == SQLITE_OK)
            continue;
        buf_appendf(error, "%s: %s\n", db_query_names[i], sqlite3_errmsg(db->handle));
        err = ERR_INTERNAL;
    }
    return err;
}

static int db_bind(const struct db_statement *statement, const struct db_value *values,
                   size_t count) {
    int result = SQLITE_OK;
    CHECK(count == statement->parameters);
    for (size_t i = 0; result == SQLITE_OK && i < count; i++) {
        const struct db_value *value = &values[i];
        int place = statement->places[i];
        const char *bytes = value->bytes.ptr == NULL ? "" : value->bytes.ptr;
        switch (value->kind) {
        case DB_INT:
            result = sqlite3_bind_int64(statement->stmt, place, value->integer);
            break;
        case DB_TEXT:
            result = sqlite3_bind_text64(statement->stmt, place, bytes, value->bytes.len,
                                         SQLITE_STATIC, SQLITE_UTF8);
            break;
        case DB_BLOB:
            result =
                sqlite3_bind_blob64(statement->stmt, place, bytes, value->bytes.len, SQLITE_STATIC);
            break;
        case DB_NULL:
            result = sqlite3_bind_null(statement->stmt, place);
            break;
        }
    }
    return result;
}

/* The value of a column; text and blobs are borrowed from SQLite until the next row. */
static struct db_value db_column(sqlite3_stmt *stmt, int column) {
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return DB_I(sqlite3_column_int64(stmt, column));
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(stmt, column);
        return DB_T(str_make(text, (size_t)sqlite3_column_bytes(stmt, column)));
    }
    case SQLITE_BLOB: {
        const void *bytes = sqlite3_column_blob(stmt, column);
        size_t len = (size_t)sqlite3_column_bytes(stmt, column);
        return DB_B(len == 0 ? "" : bytes, len);
    }
    case SQLITE_NULL:
        return DB_N;
    default:
        CHECK(false); /* a floating-point number: no column holds one */
        return DB_N;
    }
}

static bool db_is_unique_violation(int result) {
    return result == SQLITE_CONSTRAINT_UNIQUE || result == SQLITE_CONSTRAINT_PRIMARYKEY ||
           result == SQLITE_CONSTRAINT_ROWID;
}

/* Prepares, binds, and calls `visit` for each row until it returns false. *conflict may be NULL
 * where none can be. */
static enum err db_walk(struct db *db, enum query_id query, const struct db_value *values,
                        size_t count,
                        bool (*visit)(const struct db_value *row, size_t columns, void *arg),
                        void *arg, bool *conflict) {
    struct db_value row[64];
    int result = db_prepare(db, query);
    if (result != SQLITE_OK)
        return db_fail(db, result, db_query_names[query]);
    sqlite3_stmt *stmt = db->statements[query].stmt;
    int columns = sqlite3_column_count(stmt);
    CHECK((size_t)columns <= sizeof row / sizeof *row);
    result = db_bind(&db->statements[query], values, count);
    while (result == SQLITE_OK || result == SQLITE_ROW) {
        result = sqlite3_step(stmt);
        if (result != SQLITE_ROW)
            break;
        for (int i = 0; i < columns; i++)
            row[i] = db_column(stmt, i);
        if (!visit(row, (size_t)columns, arg)) {
            result = SQLITE_DONE;
            break;
        }
    }
    enum err err = ERR_OK;
    if (db_is_unique_violation(result) && conflict != NULL)
        *conflict = true;
    else if (result != SQLITE_DONE)
        err = db_fail(db, result, db_query_names[query]);
    sqlite3_reset(stmt); /* repeats the error of the step */
    sqlite3_clear_bindings(stmt);
    return err;
}

struct db_collect {
    struct arena *arena;
    struct db_rows *rows;
    size_t cap; /* rows */
};

static bool db_collect_row(const struct db_value *row, size_t columns, void *arg) {
    struct db_collect *collect = arg;
    struct db_rows *rows = collect->rows;
    rows->columns = columns;
    if (rows->count == collect->cap) {
        collect->cap = collect->cap == 0 ? 4 : collect->cap * 2;
        struct db_value *grown =
            arena_alloc(collect->arena, collect->cap * columns * sizeof *grown);
        if (rows->count > 0)
            memcpy(grown, rows->values, rows->count * columns * sizeof *grown);
        rows->values = grown;
    }
    struct db_value *out = &rows->values[rows->count++ * columns];
    for (size_t i = 0; i < columns; i++) {
        out[i] = row[i];
        if (row[i].kind == DB_TEXT || row[i].kind == DB_BLOB)
            out[i].bytes = arena_strdup(collect->arena, row[i].bytes);
    }
    return true;
}

enum err db_run(struct db *db, struct arena *arena, enum query_id query,
                const struct db_value *values, size_t count, struct db_rows *out) {
    *out = (struct db_rows){.count = 0};
    struct db_collect collect = {.arena = arena, .rows = out};
    int64_t before = sqlite3_total_changes64(db->handle);
    enum err err = db_walk(db, query, values, count, db_collect_row, &collect, &out->conflict);
    if (err == ERR_OK && sqlite3_total_changes64(db->handle) != before)
        out->changed = sqlite3_changes64(db->handle);
    return err;
}

enum err db_each(struct db *db, enum query_id query, const struct db_value *values, size_t count,
                 bool (*visit)(const struct db_value *row, size_t columns, void *arg), void *arg) {
    return db_walk(db, query, values, count, visit, arg, NULL);
}

enum err db_exec(struct db *db, const char *sql) {
    int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? ERR_OK : db_fail(db, result, "statements");
}

enum err db_exec_integer(struct db *db, const char *sql, int64_t *out) {
    sqlite3_stmt *stmt = NULL;
    *out = 0;
    int result = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(stmt);
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    enum err err =
        result == SQLITE_ROW || result == SQLITE_DONE ? ERR_OK : db_fail(db, result, "a query");
    sqlite3_finalize(stmt);
    return err;
}

static int db_note_damage(void *arg, int columns, char **values, char **names) {
    (void)columns, (void)names;
    if (strcmp(values[0], "ok") != 0)
        buf_append_cstr(arg, values[0]);
    return 0;
}

enum err db_check_file(struct db *db, struct arena *arena, struct str *damage) {
    struct buf found = BUF_INIT;
    int result =
        sqlite3_exec(db->handle, "PRAGMA integrity_check(1)", db_note_damage, &found, NULL);
    *damage = arena_strdup(arena, buf_str(&found));
    buf_finish(&found);
    return result == SQLITE_OK ? ERR_OK : db_fail(db, result, "integrity check");
}

/* ---- transactions ---- */

static int db_step_fixed(sqlite3_stmt *stmt) {
    int result = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

enum err db_begin(struct db *db, bool writes) {
    CHECK(!db->in_transaction);
    int result = db_step_fixed(writes ? db->begin_write : db->begin_read);
    if (result != SQLITE_OK)
        return db_fail(db, result, "begin");
    db->in_transaction = true;
    return ERR_OK;
}

enum err db_commit(struct db *db) {
    CHECK(db->in_transaction);
    int result = db_step_fixed(db->commit);
    if (result == SQLITE_OK) {
        db->in_transaction = false;
        return ERR_OK;
    }
    (void)db_fail(db, result, "commit");
    db_rollback(db);
    /* A full disk or a lock: the commit frame was not written whole. After another error a start
     * might find it valid. */
    return (result & 0xff) == SQLITE_IOERR ? ERR_OUTCOME_UNKNOWN : ERR_STORAGE_UNAVAILABLE;
}

void db_rollback(struct db *db) {
    /* Fails only when SQLite has rolled back by itself already. */
    if (!sqlite3_get_autocommit(db->handle))
        db_end_on_failed_sync(db, db_step_fixed(db->rollback));
    CHECK(sqlite3_get_autocommit(db->handle));
    db->in_transaction = false;
}

enum err db_savepoint(struct db *db) {
    int result = db_step_fixed(db->savepoint);
    return result == SQLITE_OK ? ERR_OK : db_fail(db, result, "savepoint");
}

void db_release(struct db *db) {
    int result = db_step_fixed(db->release);
    if (result != SQLITE_OK)
        (void)db_fail(db, result, "release");
}

void db_rollback_to_savepoint(struct db *db) {
    if (!db_in_transaction(db))
        return; /* nothing is left to roll back */
    int result = db_step_fixed(db->rollback_to);
    if (result == SQLITE_OK)
        result = db_step_fixed(db->release);
    if (result != SQLITE_OK)
        (void)db_fail(db, result, "rollback to savepoint");
}

bool db_in_transaction(const struct db *db) {
    return db->in_transaction && !sqlite3_get_autocommit(db->handle);
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
