#include "store/db_sqlite.h"

#include <stdio.h>

/* SQLite gathers what RETURNING returns in a temporary table, made for that one row. So the words
 * are cut off, and the key of the row just inserted is the row. */
#define RETURNING_KEY " RETURNING key"

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
    struct str sql = str_from_cstr(db_queries[query]);
    statement->returns_key = str_ends_with(sql, STR(RETURNING_KEY));
    if (statement->returns_key)
        sql.len -= strlen(RETURNING_KEY);
    db->preparing = statement;
    int result = sqlite3_prepare_v3(db->handle, sql.ptr, (int)sql.len, SQLITE_PREPARE_PERSISTENT,
                                    &statement->stmt, NULL);
    db->preparing = NULL;
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
    if (result == SQLITE_DONE && db->statements[query].returns_key) {
        row[0] = DB_I(sqlite3_last_insert_rowid(db->handle));
        visit(row, 1, arg);
    }
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

static enum err db_run_anew(struct db *db, struct arena *arena, enum query_id query,
                            const struct db_value *values, size_t count, struct db_rows *out) {
    *out = (struct db_rows){.count = 0};
    struct db_collect collect = {.arena = arena, .rows = out};
    int64_t before = sqlite3_total_changes64(db->handle);
    enum err err = db_walk(db, query, values, count, db_collect_row, &collect, &out->conflict);
    if (err == ERR_OK && sqlite3_total_changes64(db->handle) != before)
        out->changed = sqlite3_changes64(db->handle);
    return err;
}

enum err db_run(struct db *db, struct arena *arena, enum query_id query,
                const struct db_value *values, size_t count, struct db_rows *out) {
    struct db_cache *cache = db->cache;
    if (cache == NULL)
        return db_run_anew(db, arena, query, values, count, out);
    bool is_held = db->in_transaction && db_cache_holds(query);
    if (is_held && db_cache_find(cache, arena, query, values, count, out))
        return ERR_OK;
    enum err err = db_run_anew(db, arena, query, values, count, out);
    db_cache_note_change(cache, db->statements[query].changes);
    if (is_held && err == ERR_OK)
        db_cache_keep(cache, query, values, count, out, db->statements[query].reads);
    return err;
}

enum err db_each(struct db *db, enum query_id query, const struct db_value *values, size_t count,
                 bool (*visit)(const struct db_value *row, size_t columns, void *arg), void *arg) {
    return db_walk(db, query, values, count, visit, arg, NULL);
}

enum err db_exec(struct db *db, const char *sql) {
    if (db->cache != NULL)
        db_cache_note_change(db->cache, DB_CACHE_ALL_TABLES);
    db->generation++;
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

/* Another program's changes (an operator with sqlite3) are seen at the next transaction. */
static void db_notice_strangers(struct db *db) {
    bool is_known = sqlite3_step(db->data_version) == SQLITE_ROW &&
                    sqlite3_column_int64(db->data_version, 0) == db->version;
    if (!is_known) {
        db->version = sqlite3_column_int64(db->data_version, 0);
        db->generation++;
        db_cache_note_change(db->cache, DB_CACHE_ALL_TABLES);
        db_cache_settle(db->cache);
    }
    sqlite3_reset(db->data_version);
}

static void db_end_transaction(struct db *db) {
    db->in_transaction = false;
    if (db->cache != NULL)
        db_cache_settle(db->cache);
}

enum err db_begin(struct db *db, bool writes) {
    CHECK(!db->in_transaction);
    int result = db_step_fixed(writes ? db->begin_write : db->begin_read);
    if (result != SQLITE_OK)
        return db_fail(db, result, "begin");
    db->in_transaction = true;
    if (db->cache != NULL)
        db_notice_strangers(db);
    else
        db->generation++;
    return ERR_OK;
}

enum err db_commit(struct db *db) {
    CHECK(db->in_transaction);
    int result = db_step_fixed(db->commit);
    if (result == SQLITE_OK) {
        db_end_transaction(db);
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
    db->generation++;
    db_end_transaction(db);
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
    db->generation++;
    int result = db_step_fixed(db->rollback_to);
    if (result == SQLITE_OK)
        result = db_step_fixed(db->release);
    if (result != SQLITE_OK)
        (void)db_fail(db, result, "rollback to savepoint");
}

uint64_t db_generation(const struct db *db) {
    return db->generation;
}

int64_t db_changes(const struct db *db) {
    return sqlite3_total_changes64(db->handle);
}

bool db_in_transaction(const struct db *db) {
    return db->in_transaction && !sqlite3_get_autocommit(db->handle);
}
