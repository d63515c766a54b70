/* One database connection behind a small driver interface: open, run a query with values into rows,
 * begin, commit, rollback, savepoint. db_sqlite.c implements it; db_postgres.c will.
 *
 * Thread: the executor that owns the connection. Errors: ERR_STORAGE_UNAVAILABLE (full, read-only,
 * corrupt; logged with the driver's words) unless a function says more; a unique violation is
 * DB_CONFLICT through db_run's result. */
#pragma once
#include "base/arena.h"
#include "base/check.h"
#include "base/str.h"
#include "base/uuid.h"
#include "protocol/err.h"
#include <stdbool.h>
#include <stdint.h>

struct db;

enum db_kind { DB_INT, DB_TEXT, DB_BLOB, DB_NULL };

struct db_value {
    enum db_kind kind;
    int64_t integer;
    struct str bytes; /* DB_TEXT, DB_BLOB; of a row: in the arena that was given */
};
#define DB_I(x) ((struct db_value){.kind = DB_INT, .integer = (int64_t)(x)})
#define DB_T(s) ((struct db_value){.kind = DB_TEXT, .bytes = (s)})
#define DB_B(pointer, length)                                                                      \
    ((struct db_value){.kind = DB_BLOB, .bytes = {(const char *)(pointer), (length)}})
#define DB_N ((struct db_value){.kind = DB_NULL})

/* Rows of queries.def (the aggregates') and queries_core.def (the log's and the store's own):
 * QUERY(id, "SQL with $1…") → QUERY_<id>. A statement is prepared at its first use on a connection
 * and kept; it must name every one of its values ($1 to $count). */
enum query_id {
#define QUERY(id, sql) QUERY_##id,
#include "store/queries.def"
#include "store/queries_core.def"
#undef QUERY
    QUERY_COUNT
};

struct db_rows {
    size_t count, columns;
    struct db_value *values; /* row-major: values[row * columns + column] */
    int64_t changed;         /* rows inserted, updated or deleted */
    bool conflict;           /* a UNIQUE constraint refused it; nothing was changed by this query */
};

/* Runs a query with its values; rows are copied into `arena`. */
enum err db_run(struct db *db, struct arena *arena, enum query_id query,
                const struct db_value *values, size_t count, struct db_rows *out) MUST_CHECK;
/* db_run with the values written out: DB_RUN(db, arena, QUERY_x, &rows, DB_I(1), DB_T(s)) */
#define DB_RUN(db, arena, query, out, ...)                                                         \
    db_run((db), (arena), (query), (const struct db_value[]){__VA_ARGS__},                         \
           sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value), (out))
/* The same without values. */
#define DB_RUN0(db, arena, query, out) db_run((db), (arena), (query), NULL, 0, (out))
static inline const struct db_value *db_at(const struct db_rows *rows, size_t row, size_t column) {
    CHECK(row < rows->count && column < rows->columns);
    return &rows->values[row * rows->columns + column];
}
/* For hot loops: calls `visit` a row without copying; values are borrowed until the next row. Stops
 * when it returns false. */
enum err db_each(struct db *db, enum query_id query, const struct db_value *values, size_t count,
                 bool (*visit)(const struct db_value *row, size_t columns, void *arg),
                 void *arg) MUST_CHECK;

enum err db_begin(struct db *db, bool writes) MUST_CHECK;
/* Counts what this connection could not follow: others' commits, noticed by db_begin, and its own
 * rollbacks. While it stays the same, what was read in an earlier transaction still holds but for
 * the connection's own statements since. On a connection that does not write, each transaction
 * counts. */
uint64_t db_generation(const struct db *db);
enum err db_commit(struct db *db) MUST_CHECK; /* ERR_OUTCOME_UNKNOWN when it cannot be known */
void db_rollback(struct db *db);
enum err db_savepoint(struct db *db) MUST_CHECK;
void db_release(struct db *db);               /* of the innermost savepoint */
void db_rollback_to_savepoint(struct db *db); /* and releases it */
/* The UUID in a blob column; all zero when it is not one (a LEFT JOIN without a row). */
static inline void db_read_uuid(const struct db_value *value, struct uuid *out) {
    *out = (struct uuid){0};
    if (value->bytes.len == sizeof out->bytes)
        memcpy(out->bytes, value->bytes.ptr, sizeof out->bytes);
}
