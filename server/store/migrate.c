#include "store/migrate.h"

#include "base/log.h"
#include "migrations.h"

#include <stdio.h>

int64_t migrate_newest(void) {
    return (int64_t)(sizeof migrations / sizeof *migrations);
}

static enum err migrate_floor(struct db *db, int64_t *out) {
    return db_exec_integer(
        db, "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE key = 'schema_floor'",
        out);
}

static enum err migrate_check(struct db *db, int64_t schema, struct buf *error) {
    int64_t floor = 0, tables = 0;
    enum err err = ERR_OK;
    if (schema > migrate_newest()) {
        err = migrate_floor(db, &floor);
        if (err == ERR_OK && (floor == 0 || floor > migrate_newest())) {
            buf_appendf(error,
                        "%s: its schema (%lld) was made by a newer release; this one knows up to "
                        "%lld: install that release again",
                        db_path(db), (long long)schema, (long long)migrate_newest());
            err = ERR_STORAGE_UNAVAILABLE;
        }
        return err;
    }
    if (schema == 0)
        err = db_exec_integer(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err == ERR_OK && tables > 0) {
        buf_appendf(error, "%s: a database, but not Parley's: name another --data folder",
                    db_path(db));
        err = ERR_STORAGE_UNAVAILABLE;
    }
    return err;
}

/* One migration and its number, together or not at all. */
static enum err migrate_step(struct db *db, int64_t number) {
    char mark[160];
    snprintf(mark, sizeof mark,
             "PRAGMA user_version = %lld;"
             "INSERT INTO meta (key, value) VALUES ('schema_floor', '%d') ON CONFLICT (key) DO "
             "UPDATE SET value = excluded.value;",
             (long long)number, SCHEMA_FLOOR);
    enum err err = db_begin(db, true);
    if (err != ERR_OK)
        return err;
    err = db_exec(db, migrations[number - 1]);
    if (err == ERR_OK)
        err = db_exec(db, mark);
    if (err == ERR_OK)
        return db_commit(db);
    db_rollback(db);
    return err;
}

enum err migrate_run(struct db *db, struct buf *error) {
    int64_t schema = 0;
    enum err err = db_exec_integer(db, "PRAGMA user_version", &schema);
    if (err == ERR_OK)
        err = migrate_check(db, schema, error);
    while (err == ERR_OK && schema < migrate_newest()) {
        err = migrate_step(db, ++schema);
        if (err == ERR_OK)
            LOG_INFO("schema migrated", log_int("schema", schema));
    }
    if (err != ERR_OK && error->len == 0)
        buf_appendf(error, "%s: migration to schema %lld failed: %s", db_path(db),
                    (long long)schema, db_error(db));
    return err;
}
