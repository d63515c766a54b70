/* The inside of the SQLite driver, shared by its two files: db_sqlite_open.c opens, explains
 * failures and looks after the write-ahead log; db_sqlite.c runs queries and transactions. Thread:
 * the connection's. */
#pragma once
#include "store/db_cache.h"
#include "store/db_open.h"

#include <sqlite3.h>

/* A prepared query. SQLite numbers $1… in the order in which it meets them, so the places are
 * looked up by name. */
struct db_statement {
    sqlite3_stmt *stmt;
    uint8_t places[DB_PARAMETERS_MAX]; /* of $1 …, in SQLite's own numbers */
    uint8_t parameters;
    bool returns_key;       /* its text ended with RETURNING_KEY */
    uint8_t reads, changes; /* tables of the cache, by db_cache_table */
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
    sqlite3_stmt *savepoint, *release, *rollback_to, *data_version;
    struct db_cache *cache; /* NULL on a connection that does not write */
    int64_t version;        /* changes when another connection has committed */
    uint64_t generation;
    struct db_statement *preparing;
    struct db_statement statements[QUERY_COUNT];
};

/* Prepares a statement that is kept as long as the connection. An SQLite result. */
int db_prepare_fixed(struct db *db, const char *sql, sqlite3_stmt **out) MUST_CHECK;
/* Logs a failed result and says what it is for the caller. */
enum err db_fail(struct db *db, int result, const char *what);
/* Ends the process if an fsync has failed: after that the kernel may have thrown the pages away and
 * say "done" the next time; what is on disk is unknown, and the only honest way on is to read it
 * anew. */
void db_end_on_failed_sync(const struct db *db, int result);
