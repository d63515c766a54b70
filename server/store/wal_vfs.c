#include "store/wal_vfs.h"

#include "base/list.h"
#include "base/mem.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A log being written; the base's file follows in the same memory. */
struct wal_file {
    sqlite3_file file; /* first: SQLite sees nothing else */
    uint8_t *buffer;   /* from the first write on */
    size_t len;
    sqlite3_int64 offset; /* where the buffer's first byte belongs */
};

struct wal_vfs {
    sqlite3_vfs vfs;
    sqlite3_vfs *base;
    char name[64];
};

static struct wal_file *self_of(sqlite3_file *file) {
    return CONTAINER_OF(file, struct wal_file, file);
}

static sqlite3_file *base_of(sqlite3_file *file) {
    return (sqlite3_file *)(void *)(self_of(file) + 1);
}

/* A failed write is not tried again: SQLite is told, takes the commit for failed, and writes other
 * frames to this place next. */
static int write_out(sqlite3_file *file) {
    struct wal_file *self = self_of(file);
    size_t len = self->len;
    if (len == 0)
        return SQLITE_OK;
    self->len = 0;
    return base_of(file)->pMethods->xWrite(base_of(file), self->buffer, (int)len, self->offset);
}

/* ---- what a log's file is asked ---- */

static int wal_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    struct wal_file *self = self_of(file);
    size_t size = (size_t)count;
    bool is_next = offset == self->offset + (sqlite3_int64)self->len;
    if (!is_next || self->len + size > WAL_VFS_BUFFER_BYTES) {
        int result = write_out(file);
        if (result != SQLITE_OK)
            return result;
    }
    if (size > WAL_VFS_BUFFER_BYTES)
        return base_of(file)->pMethods->xWrite(base_of(file), bytes, count, offset);
    if (self->buffer == NULL)
        self->buffer = mem_alloc(WAL_VFS_BUFFER_BYTES);
    if (self->len == 0)
        self->offset = offset;
    memcpy(self->buffer + self->len, bytes, size);
    self->len += size;
    return SQLITE_OK;
}

static int wal_read(sqlite3_file *file, void *out, int count, sqlite3_int64 offset) {
    int result = write_out(file);
    return result == SQLITE_OK ? base_of(file)->pMethods->xRead(base_of(file), out, count, offset)
                               : result;
}

static int wal_sync(sqlite3_file *file, int flags) {
    int result = write_out(file);
    return result == SQLITE_OK ? base_of(file)->pMethods->xSync(base_of(file), flags) : result;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int result = write_out(file);
    return result == SQLITE_OK ? base_of(file)->pMethods->xTruncate(base_of(file), size) : result;
}

static int wal_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    int result = write_out(file);
    return result == SQLITE_OK ? base_of(file)->pMethods->xFileSize(base_of(file), size) : result;
}

static int wal_close(sqlite3_file *file) {
    int written = write_out(file);
    mem_free(self_of(file)->buffer);
    self_of(file)->buffer = NULL;
    int closed = base_of(file)->pMethods->xClose(base_of(file));
    return written != SQLITE_OK ? written : closed;
}

static int wal_lock(sqlite3_file *file, int level) {
    return base_of(file)->pMethods->xLock(base_of(file), level);
}

static int wal_unlock(sqlite3_file *file, int level) {
    return base_of(file)->pMethods->xUnlock(base_of(file), level);
}

static int wal_check_reserved(sqlite3_file *file, int *is_reserved) {
    return base_of(file)->pMethods->xCheckReservedLock(base_of(file), is_reserved);
}

static int wal_control(sqlite3_file *file, int operation, void *arg) {
    return base_of(file)->pMethods->xFileControl(base_of(file), operation, arg);
}

static int wal_sector_size(sqlite3_file *file) {
    return base_of(file)->pMethods->xSectorSize(base_of(file));
}

static int wal_characteristics(sqlite3_file *file) {
    return base_of(file)->pMethods->xDeviceCharacteristics(base_of(file));
}

static const sqlite3_io_methods wal_methods = {
    .iVersion = 1, /* a log is never mapped, and has no shared memory of its own */
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_file_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_reserved,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

static int wal_vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                        int *out_flags) {
    sqlite3_vfs *base = CONTAINER_OF(vfs, struct wal_vfs, vfs)->base;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return base->xOpen(base, path, file, flags, out_flags);
    *self_of(file) = (struct wal_file){.file = {.pMethods = NULL}};
    memset(base_of(file), 0, (size_t)base->szOsFile);
    int result = base->xOpen(base, path, base_of(file), flags, out_flags);
    if (base_of(file)->pMethods != NULL) /* it is to be closed then, even after an error */
        file->pMethods = &wal_methods;
    return result;
}

/* ---- registering ---- */

/* A copy of the base's table: its other functions do not look at the pointer that they are given,
 * or at its pAppData, which is the same. */
static bool wal_vfs_register(struct wal_vfs *self, sqlite3_vfs *base) {
    *self = (struct wal_vfs){.vfs = *base, .base = base};
    snprintf(self->name, sizeof self->name, "wal over %s", base->zName);
    self->vfs.zName = self->name;
    self->vfs.pNext = NULL;
    self->vfs.szOsFile = (int)sizeof(struct wal_file) + base->szOsFile;
    self->vfs.xOpen = wal_vfs_open;
    return sqlite3_vfs_register(&self->vfs, 0) == SQLITE_OK;
}

const char *wal_vfs_over(const char *base_name) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct wal_vfs made[WAL_VFS_BASES_MAX];
    static size_t count;
    sqlite3_vfs *base = sqlite3_vfs_find(base_name);
    const char *name = NULL;
    if (base == NULL)
        return NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count && name == NULL; i++)
        name = made[i].base == base ? made[i].name : NULL;
    if (name == NULL && count < WAL_VFS_BASES_MAX && wal_vfs_register(&made[count], base))
        name = made[count++].name;
    pthread_mutex_unlock(&lock);
    return name;
}
