#include "store/backup.h"

#include "store/db_open.h"
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

/* An empty file of our own making, so that nothing that was there is ever written over. */
static enum err backup_make_file(const char *file, struct tx *tx, struct str *detail) {
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return ERR_FILE_EXISTS;
    if (fd < 0 || close(fd) != 0) {
        *detail = arena_printf(tx->arena, "%s: %s", file, strerror(errno));
        return ERR_STORAGE_UNAVAILABLE;
    }
    return ERR_OK;
}

/* All pages of one snapshot, which the open read transaction of `from` holds. */
static int backup_copy(sqlite3 *to, sqlite3 *from) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == NULL)
        return sqlite3_extended_errcode(to);
    int result;
    while ((result = sqlite3_backup_step(backup, BACKUP_STEP_PAGES)) == SQLITE_OK)
        usleep(BACKUP_PAUSE_MS * 1000);
    int finished = sqlite3_backup_finish(backup);
    return result == SQLITE_DONE ? finished : result;
}

static int backup_run(sqlite3 *to, sqlite3 *from) {
    sqlite3_busy_timeout(from, DB_BUSY_TIMEOUT_MS);
    int result = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = backup_copy(to, from);
    /* One file, without a WAL beside it, that says what it is. */
    if (result == SQLITE_OK)
        result = sqlite3_exec(
            to,
            "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;"
            "INSERT INTO meta (key, value) VALUES ('restored', '1') ON CONFLICT (key) DO NOTHING",
            NULL, NULL, NULL);
    return result;
}

/* `file` is on disk, its name too. */
static bool backup_make_durable(struct tx *tx, struct str file) {
    size_t slash = file.len;
    while (slash > 0 && file.ptr[slash - 1] != '/')
        slash--;
    int fd = open(arena_strdup(tx->arena, file).ptr, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done && folder_sync(arena_strdup(tx->arena, str_slice(file, 0, slash)).ptr);
}

enum err backup_write(struct tx *tx, struct str file, int64_t *bytes, struct str *detail) {
    const char *path = arena_strdup(tx->arena, file).ptr;
    sqlite3 *to = NULL, *from = NULL;
    struct stat about;
    *detail = STR_EMPTY;
    if (file.len == 0 || file.ptr[0] != '/' || memchr(file.ptr, '\0', file.len) != NULL)
        return ERR_INVALID_FIELD;
    enum err err = backup_make_file(path, tx, detail);
    if (err != ERR_OK)
        return err;
    int result = sqlite3_open_v2(db_path(tx->db), &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                                 db_vfs(tx->db));
    if (result == SQLITE_OK)
        result = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK)
        result = backup_run(to, from);
    sqlite3_close(from);
    sqlite3_close(to);
    if (result == SQLITE_OK && backup_make_durable(tx, file) && stat(path, &about) == 0) {
        *bytes = about.st_size;
        return ERR_OK;
    }
    *detail = arena_printf(tx->arena, "%s: %s", path,
                           result == SQLITE_OK ? strerror(errno) : sqlite3_errstr(result));
    unlink(path);
    return ERR_STORAGE_UNAVAILABLE;
}
