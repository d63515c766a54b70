/* The driver's other half: opening and keeping a connection. For the executors, migrations, doctor
 * and backup; handlers see db.h alone.
 *
 * Thread: the one that uses the connection. Errors: ERR_STORAGE_UNAVAILABLE; where there is an
 * `error`, what is wrong and what to do about it, in words for the operator. A failed fsync ends
 * the process with DB_EXIT_FSYNC: nobody knows any more what is on disk. */
#pragma once
#include "base/buf.h"
#include "store/db.h"

enum {
    DB_EXIT_FSYNC = 74,          /* EX_IOERR */
    DB_BUSY_TIMEOUT_MS = 5000,   /* for another program's lock on the file */
    DB_LOG_EVERY_MS = 1000,      /* the same failure is logged once in this time */
    DB_PARAMETERS_MAX = 32,      /* $1 … of one query */
    DB_WRITER_CACHE_KIB = 16384, /* pages of a batch stay in memory */
    DB_READER_CACHE_KIB = 2048,
};

struct db_options {
    const char *path;
    bool writes; /* makes the file if it is not there; false: a connection that cannot write */
    const char *synchronous; /* "FULL", "NORMAL", "OFF"; NULL: FULL */
    const char *vfs;         /* NULL: SQLite's own */
};

enum err db_open(const struct db_options *options, struct db **out, struct buf *error) MUST_CHECK;
/* NULL is allowed. */
void db_close(struct db *take_db);
const char *db_path(const struct db *db);
const char *db_vfs(const struct db *db); /* NULL: SQLite's own */
/* Why the last call failed, in the driver's words. Borrowed until the next call. */
const char *db_error(struct db *db);

/* Runs statements without values and without rows: migrations, pragmas. */
enum err db_exec(struct db *db, const char *sql) MUST_CHECK;
/* The first column of the first row of a query without values; 0 without one. */
enum err db_exec_integer(struct db *db, const char *sql, int64_t *out) MUST_CHECK;
/* Prepares every query there is: what a test calls so that a mistake in a query does not wait for
 * its first use. */
enum err db_prepare_all(struct db *db, struct buf *error) MUST_CHECK;
/* Reads the whole file and its indexes; *damage: the first thing found, empty when all is well. */
enum err db_check_file(struct db *db, struct arena *arena, struct str *damage) MUST_CHECK;
/* False when the transaction begun with db_begin is gone (a full disk can take it away at any
 * statement). */
bool db_in_transaction(const struct db *db);
/* Rows that this connection has ever inserted, updated or deleted, what was rolled back included.
 */
int64_t db_changes(const struct db *db);

/* ---- the write-ahead log ---- */
/* Pages in it after the last commit of this connection; 0 once a checkpoint has brought all of them
 * home. */
int64_t db_wal_pages(const struct db *db);
enum db_checkpoint { DB_CHECKPOINT_PASSIVE, DB_CHECKPOINT_TRUNCATE };
/* Outside a transaction. *complete: nothing is left in the WAL that is not in the database;
 * TRUNCATE: and its file is empty. A reader in the way is no error, but *complete is false.
 * TRUNCATE waits for readers up to `wait_ms`. */
enum err db_checkpoint(struct db *db, enum db_checkpoint kind, int wait_ms,
                       bool *complete) MUST_CHECK;
