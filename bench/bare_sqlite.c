/* The floor for durable messages: one thread that stores messages in SQLite as fast as it can, with
 * the server's schema, the rows that one message.send reads and writes, and N messages a
 * transaction. Nobody is asked, told or sent anything.
 *
 *   bare_sqlite FILE BATCH SECONDS SCHEMA.sql [SCHEMA.sql ...]
 *
 * FILE must not exist. Prints one line of JSON. */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { SCHEMA_BYTES_MAX = 1 << 20, ID_BYTES = 16, DIGEST_BYTES = 32, PEOPLE = 100, ROOMS = 8 };

/* The server's own statements, where the tables of queries have them; the rest are the message's.
 */
enum query {
    MEMBERSHIP,
    MESSAGE_INSERT,
    NONCE_INSERT,
    LOG_HEAD,
    LOG_INSERT,
    LOG_HEAD_SET,
    QUERIES
};

static const char *const texts[QUERIES] = {
    [MEMBERSHIP] =
        "SELECT m.is_open, r.archived_at FROM membership m JOIN room r ON r.key = m.room "
        "WHERE m.room = ?1 AND m.account = ?2",
    [MESSAGE_INSERT] = "INSERT INTO message (id, room, seq, author, text, nonce, created_at) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [NONCE_INSERT] = "INSERT INTO nonce (author, nonce, message, digest) VALUES (?1, ?2, ?3, ?4)",
    [LOG_HEAD] = "SELECT pos FROM log_head WHERE workspace = 1",
    [LOG_INSERT] =
        "INSERT INTO log (pos, workspace, type, audience, seq, actor, subject, fact, created_at) "
        "VALUES (?1, 1, 1, ?2, ?3, ?4, ?5, 0, ?6)",
    [LOG_HEAD_SET] = "UPDATE log_head SET pos = ?1 WHERE workspace = 1",
};

static sqlite3 *db;
static sqlite3_stmt *statements[QUERIES];
static sqlite3_int64 room_seq[ROOMS + 1];

static void check(int result) {
    if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW) {
        fprintf(stderr, "bare_sqlite: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

static void run(const char *sql) {
    check(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static void run_file(const char *path) {
    static char sql[SCHEMA_BYTES_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    sql[fread(sql, 1, sizeof(sql) - 1, file)] = '\0';
    fclose(file);
    run(sql);
}

/* Runs a bound statement; answers the first column of its row, 0 without one. */
static sqlite3_int64 step(enum query query) {
    sqlite3_stmt *statement = statements[query];
    int result = sqlite3_step(statement);
    check(result);
    sqlite3_int64 value = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    check(sqlite3_reset(statement));
    return value;
}

static void bind_integer(enum query query, int place, sqlite3_int64 value) {
    check(sqlite3_bind_int64(statements[query], place, value));
}

static void bind_bytes(enum query query, int place, const void *bytes, size_t length) {
    check(sqlite3_bind_blob(statements[query], place, bytes, (int)length, SQLITE_STATIC));
}

static void bind_text(enum query query, int place, const char *text, size_t length) {
    check(sqlite3_bind_text(statements[query], place, text, (int)length, SQLITE_STATIC));
}

static void open_with_people(const char *path, int argc, char **schemas) {
    check(sqlite3_open(path, &db));
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA "
        "foreign_keys=ON;"
        "PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192");
    for (int i = 0; i < argc; i++) {
        run_file(schemas[i]);
    }
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "INSERT OR IGNORE INTO log_head VALUES (1, 0);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             "INSERT INTO account (key, id, name, name_folded, name_skeleton, display_name, email, "
             "role, status, bio,"
             " password_hash, created_at) SELECT i, randomblob(16), i, i, i, i, '', 2, '', '', '', "
             "0 FROM n;"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             "INSERT INTO room (key, id, name, topic, private, general, maker, created_at)"
             " SELECT i, randomblob(16), i, '', 0, 0, 1, 0 FROM n;",
             PEOPLE, ROOMS);
    run(sql);
    run("INSERT INTO membership (room, account, joined_pos, joined_seq, joined_at, is_open, "
        "read_seq, read_pos)"
        " SELECT r.key, a.key, 0, 0, 0, 1, 0, 0 FROM room r, account a");
    for (int i = 0; i < QUERIES; i++) {
        check(
            sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL));
    }
}

static void message_store(sqlite3_int64 number, sqlite3_int64 pos, sqlite3_int64 now_ms) {
    sqlite3_int64 room = number % ROOMS + 1;
    sqlite3_int64 author = number % PEOPLE + 1;
    uint8_t id[ID_BYTES], digest[DIGEST_BYTES] = {0};
    char nonce[40], text[101];
    memset(text, 'x', 100);
    sqlite3_randomness(sizeof(id), id);
    memcpy(digest, id, sizeof(id));
    for (int i = 0; i < 6; i++) { /* UUIDv7: the time stands first */
        id[i] = (uint8_t)((uint64_t)now_ms >> (8 * (5 - i)));
    }
    int nonce_length = snprintf(nonce, sizeof(nonce), "%012llx-%023llx", (unsigned long long)now_ms,
                                (unsigned long long)number); /* as long as one, and as ordered */

    bind_integer(MEMBERSHIP, 1, room);
    bind_integer(MEMBERSHIP, 2, author);
    step(MEMBERSHIP);

    bind_bytes(MESSAGE_INSERT, 1, id, sizeof(id));
    bind_integer(MESSAGE_INSERT, 2, room);
    bind_integer(MESSAGE_INSERT, 3, ++room_seq[room]);
    bind_integer(MESSAGE_INSERT, 4, author);
    bind_text(MESSAGE_INSERT, 5, text, 100);
    bind_text(MESSAGE_INSERT, 6, nonce, (size_t)nonce_length);
    bind_integer(MESSAGE_INSERT, 7, now_ms);
    step(MESSAGE_INSERT);
    sqlite3_int64 key = sqlite3_last_insert_rowid(db);

    bind_integer(NONCE_INSERT, 1, author);
    bind_text(NONCE_INSERT, 2, nonce, (size_t)nonce_length);
    bind_integer(NONCE_INSERT, 3, key);
    bind_bytes(NONCE_INSERT, 4, digest, sizeof(digest));
    step(NONCE_INSERT);

    bind_integer(LOG_INSERT, 1, pos);
    bind_integer(LOG_INSERT, 2, room * 4);
    bind_integer(LOG_INSERT, 3, room_seq[room]);
    bind_integer(LOG_INSERT, 4, author);
    bind_integer(LOG_INSERT, 5, key);
    bind_integer(LOG_INSERT, 6, now_ms);
    step(LOG_INSERT);
}

static void batch_store(sqlite3_int64 first, long batch, sqlite3_int64 now_ms) {
    run("BEGIN IMMEDIATE");
    sqlite3_int64 pos = step(LOG_HEAD);
    for (long i = 0; i < batch; i++) {
        message_store(first + i, ++pos, now_ms);
    }
    bind_integer(LOG_HEAD_SET, 1, pos);
    step(LOG_HEAD_SET);
    run("COMMIT");
}

static double now_s(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    struct stat there;
    long batch = argc > 4 ? strtol(argv[2], NULL, 10) : 0;
    double seconds = argc > 4 ? strtod(argv[3], NULL) : 0;
    if (batch < 1 || seconds <= 0 || stat(argv[1], &there) == 0) {
        fputs("usage: bare_sqlite NEW_FILE BATCH SECONDS SCHEMA.sql [SCHEMA.sql ...]\n", stderr);
        return 2;
    }
    open_with_people(argv[1], argc - 4, argv + 4);
    double start = now_s(CLOCK_MONOTONIC);
    double elapsed;
    sqlite3_int64 stored = 0;
    do {
        batch_store(stored, batch, (sqlite3_int64)(now_s(CLOCK_REALTIME) * 1000));
        stored += batch;
        elapsed = now_s(CLOCK_MONOTONIC) - start;
    } while (elapsed < seconds);
    printf("{\"messages\":%lld,\"seconds\":%.3f,\"batch\":%ld,\"acked_per_s\":%.0f}\n",
           (long long)stored, elapsed, batch, (double)stored / elapsed);
    for (int i = 0; i < QUERIES; i++) {
        sqlite3_finalize(statements[i]);
    }
    sqlite3_close(db);
    return 0;
}
