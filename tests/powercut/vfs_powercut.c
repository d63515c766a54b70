#include "vfs_powercut.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POWERCUT_STATES_MAX = 64, POWERCUT_ENTRIES_MAX = 256 };

/* Something done to a file since its last sync. */
struct powercut_op {
    struct powercut_op *next;
    bool is_truncate;
    int64_t offset; /* of a truncation: the new size */
    size_t len;
    unsigned char bytes[];
};

/* A file's content, whatever its name. */
struct powercut_inode {
    struct powercut_inode *next; /* of all: one that has lost its name may still be open */
    unsigned char *durable;
    size_t size;
    struct powercut_op *first, **last; /* not synced, in order */
};

/* A name, and every file that it stood for since the folder's last sync; NULL: for none. */
struct powercut_entry {
    char *path;
    struct powercut_inode *states[POWERCUT_STATES_MAX]; /* [0] is durable, the last one is now */
    size_t count;
};

struct powercut_file {
    sqlite3_file base;
    struct powercut_inode *inode; /* NULL: a temporary file, left to the real VFS */
    bool is_database;
    bool syncs_folder; /* with its first sync, as SQLite's unix VFS does for journals and the WAL */
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs *real;
    struct powercut_entry entries[POWERCUT_ENTRIES_MAX];
    size_t entry_count;
    struct powercut_inode *inodes;
    uint64_t random, operations, cut_after, syncs, writes;
    uint64_t database_writes, cut_after_database_writes;
    int fail_write, fail_sync;
    uint64_t fail_left;
} powercut = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* splitmix64 */
static uint64_t powercut_random(void) {
    uint64_t z = (powercut.random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* True `percent` times of a hundred. */
static bool powercut_chance(unsigned percent) {
    return powercut_random() % 100 < percent;
}

/* ---- the cut ---- */

/* A file's content while it is being made up. */
struct powercut_image {
    unsigned char *bytes;
    size_t size, cap;
    unsigned char *stopped; /* a sector that missed one write gets no later one: the kernel writes
                               whole sectors */
    size_t sectors;
    unsigned percent; /* of the writes that reached the disk */
    bool has_garbage; /* in holes, instead of zeros */
};

static void powercut_image_reserve(struct powercut_image *image, size_t size) {
    if (size <= image->cap)
        return;
    size_t cap = size * 2 + POWERCUT_SECTOR_BYTES, sectors = cap / POWERCUT_SECTOR_BYTES + 1;
    image->bytes = mem_realloc(image->bytes, cap);
    image->stopped = mem_realloc(image->stopped, sectors);
    memset(image->stopped + image->sectors, 0, sectors - image->sectors);
    image->cap = cap;
    image->sectors = sectors;
}

static void powercut_image_grow(struct powercut_image *image, size_t size) {
    powercut_image_reserve(image, size);
    for (; image->size < size; image->size++)
        image->bytes[image->size] = image->has_garbage ? (unsigned char)powercut_random() : 0;
}

static void powercut_image_write(struct powercut_image *image, const struct powercut_op *op) {
    size_t at = (size_t)op->offset, end = at + op->len;
    powercut_image_reserve(image, end);
    while (at < end) {
        size_t sector = at / POWERCUT_SECTOR_BYTES, next = (sector + 1) * POWERCUT_SECTOR_BYTES;
        size_t len = (next < end ? next : end) - at;
        if (image->stopped[sector] == 0 && powercut_chance(image->percent)) {
            powercut_image_grow(image, at + len);
            memcpy(image->bytes + at, op->bytes + (at - (size_t)op->offset), len);
        } else {
            image->stopped[sector] = 1;
        }
        at += len;
    }
}

/* One state in which the file may be found. */
static struct powercut_image powercut_image_draw(const struct powercut_inode *inode) {
    static const unsigned percents[] = {0, 10, 50, 90, 99, 100};
    struct powercut_image image = {.percent = percents[powercut_random() % 6],
                                   .has_garbage = powercut_chance(25)};
    powercut_image_grow(&image, inode->size);
    if (inode->size > 0)
        memcpy(image.bytes, inode->durable, inode->size);
    for (const struct powercut_op *op = inode->first; op != NULL; op = op->next) {
        if (!op->is_truncate)
            powercut_image_write(&image, op);
        else if (powercut_chance(50) && (size_t)op->offset < image.size)
            image.size = (size_t)op->offset;
    }
    return image;
}

static void powercut_wreck_file(const char *path, const struct powercut_inode *inode) {
    unlink(path);
    if (inode == NULL)
        return;
    struct powercut_image image = powercut_image_draw(inode);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    for (size_t done = 0; done < image.size;) {
        ssize_t len = write(fd, image.bytes + done, image.size - done);
        CHECK(len > 0);
        done += (size_t)len;
    }
    close(fd);
    mem_free(image.bytes);
    mem_free(image.stopped);
}

/* Under the lock, for ever: no other thread does anything to a file any more. */
static _Noreturn void powercut_cut_locked(void) {
    for (size_t i = 0; i < powercut.entry_count; i++) {
        struct powercut_entry *entry = &powercut.entries[i];
        char shm[4096];
        powercut_wreck_file(entry->path, entry->states[powercut_random() % entry->count]);
        snprintf(shm, sizeof shm, "%s-shm", entry->path);
        unlink(shm);
    }
    _exit(POWERCUT_EXIT);
}

void powercut_cut(void) {
    pthread_mutex_lock(&powercut.lock);
    powercut_cut_locked();
}

/* Counts an operation that has just been noted as not yet durable. */
static void powercut_count(void) {
    if (++powercut.operations == powercut.cut_after)
        powercut_cut_locked();
}

/* ---- names ---- */

static struct powercut_inode *powercut_inode_create(void) {
    struct powercut_inode *inode = mem_zalloc(1, sizeof *inode);
    inode->last = &inode->first;
    inode->next = powercut.inodes;
    powercut.inodes = inode;
    return inode;
}

static void powercut_inode_resize(struct powercut_inode *inode, size_t size) {
    inode->durable = mem_realloc(inode->durable, size + 1);
    if (size > inode->size)
        memset(inode->durable + inode->size, 0, size - inode->size);
    inode->size = size;
}

/* A file that was there before: all of it is durable. */
static struct powercut_inode *powercut_inode_load(const char *path) {
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct powercut_inode *inode = powercut_inode_create();
    CHECK(fstat(fd, &about) == 0);
    powercut_inode_resize(inode, (size_t)about.st_size);
    CHECK(pread(fd, inode->durable, inode->size, 0) == (ssize_t)inode->size);
    close(fd);
    return inode;
}

static struct powercut_entry *powercut_entry_find(const char *path) {
    for (size_t i = 0; i < powercut.entry_count; i++)
        if (strcmp(powercut.entries[i].path, path) == 0)
            return &powercut.entries[i];
    CHECK(powercut.entry_count < POWERCUT_ENTRIES_MAX);
    struct powercut_entry *entry = &powercut.entries[powercut.entry_count++];
    entry->path = mem_strdup(path);
    entry->states[0] = powercut_inode_load(path);
    entry->count = 1;
    return entry;
}

static void powercut_entry_set(struct powercut_entry *entry, struct powercut_inode *inode) {
    CHECK(entry->count < POWERCUT_STATES_MAX);
    entry->states[entry->count++] = inode;
}

/* All files lie in one folder. */
static void powercut_sync_folder(void) {
    for (size_t i = 0; i < powercut.entry_count; i++) {
        struct powercut_entry *entry = &powercut.entries[i];
        entry->states[0] = entry->states[entry->count - 1];
        entry->count = 1;
    }
}

/* ---- files ---- */

static void powercut_note(struct powercut_inode *inode, bool is_truncate, const void *bytes,
                          size_t len, int64_t offset) {
    struct powercut_op *op = mem_zalloc(1, sizeof *op + len);
    op->is_truncate = is_truncate;
    op->offset = offset;
    op->len = len;
    if (len > 0)
        memcpy(op->bytes, bytes, len);
    *inode->last = op;
    inode->last = &op->next;
}

static void powercut_make_durable(struct powercut_inode *inode) {
    struct powercut_op *next;
    for (struct powercut_op *op = inode->first; op != NULL; op = next) {
        next = op->next;
        if (op->is_truncate) {
            powercut_inode_resize(inode, (size_t)op->offset);
        } else {
            size_t end = (size_t)op->offset + op->len;
            if (end > inode->size)
                powercut_inode_resize(inode, end);
            memcpy(inode->durable + op->offset, op->bytes, op->len);
        }
        mem_free(op);
    }
    inode->first = NULL;
    inode->last = &inode->first;
}

static sqlite3_file *powercut_real(sqlite3_file *file) {
    return ((struct powercut_file *)(void *)file)->real;
}

static int powercut_close(sqlite3_file *file) {
    return powercut_real(file)->pMethods->xClose(powercut_real(file));
}

static int powercut_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset) {
    return powercut_real(file)->pMethods->xRead(powercut_real(file), out, len, offset);
}

/* A failure that a test has asked for. */
static int powercut_planned_failure(void) {
    if (powercut.fail_write == SQLITE_OK || powercut.fail_left == 0)
        return SQLITE_OK;
    powercut.fail_left--;
    return powercut.fail_write;
}

static int powercut_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset) {
    struct powercut_inode *inode = ((struct powercut_file *)(void *)file)->inode;
    sqlite3_file *real = powercut_real(file);
    if (inode == NULL)
        return real->pMethods->xWrite(real, bytes, len, offset);
    pthread_mutex_lock(&powercut.lock);
    int result = powercut_planned_failure();
    if (result == SQLITE_OK)
        result = real->pMethods->xWrite(real, bytes, len, offset);
    if (result == SQLITE_OK) {
        powercut.writes++;
        powercut_note(inode, false, bytes, (size_t)len, offset);
        powercut_count();
        if (((struct powercut_file *)(void *)file)->is_database &&
            ++powercut.database_writes == powercut.cut_after_database_writes)
            powercut_cut_locked();
    }
    pthread_mutex_unlock(&powercut.lock);
    return result;
}

static int powercut_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct powercut_inode *inode = ((struct powercut_file *)(void *)file)->inode;
    sqlite3_file *real = powercut_real(file);
    if (inode == NULL)
        return real->pMethods->xTruncate(real, size);
    pthread_mutex_lock(&powercut.lock);
    int result = real->pMethods->xTruncate(real, size);
    if (result == SQLITE_OK) {
        powercut.writes++;
        powercut_note(inode, true, NULL, 0, size);
        powercut_count();
    }
    pthread_mutex_unlock(&powercut.lock);
    return result;
}

static int powercut_sync(sqlite3_file *file, int flags) {
    struct powercut_file *self = (struct powercut_file *)(void *)file;
    (void)flags;
    if (self->inode == NULL)
        return SQLITE_OK;
    pthread_mutex_lock(&powercut.lock);
    int result = powercut.fail_sync;
    powercut_count(); /* the power may go before the sync is done */
    if (result == SQLITE_OK) {
        powercut.syncs++;
        powercut_make_durable(self->inode);
        if (self->syncs_folder)
            powercut_sync_folder();
        self->syncs_folder = false;
    }
    pthread_mutex_unlock(&powercut.lock);
    return result;
}

static int powercut_file_size(sqlite3_file *file, sqlite3_int64 *out) {
    return powercut_real(file)->pMethods->xFileSize(powercut_real(file), out);
}

static int powercut_lock_file(sqlite3_file *file, int level) {
    return powercut_real(file)->pMethods->xLock(powercut_real(file), level);
}

static int powercut_unlock_file(sqlite3_file *file, int level) {
    return powercut_real(file)->pMethods->xUnlock(powercut_real(file), level);
}

static int powercut_check_lock(sqlite3_file *file, int *out) {
    return powercut_real(file)->pMethods->xCheckReservedLock(powercut_real(file), out);
}

static int powercut_control(sqlite3_file *file, int op, void *arg) {
    return powercut_real(file)->pMethods->xFileControl(powercut_real(file), op, arg);
}

static int powercut_sector_size(sqlite3_file *file) {
    (void)file;
    return POWERCUT_SECTOR_BYTES;
}

static int powercut_traits(sqlite3_file *file) {
    return powercut_real(file)->pMethods->xDeviceCharacteristics(powercut_real(file));
}

static int powercut_shm_map(sqlite3_file *file, int page, int size, int extend,
                            void volatile **out) {
    return powercut_real(file)->pMethods->xShmMap(powercut_real(file), page, size, extend, out);
}

static int powercut_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return powercut_real(file)->pMethods->xShmLock(powercut_real(file), offset, count, flags);
}

static void powercut_shm_barrier(sqlite3_file *file) {
    powercut_real(file)->pMethods->xShmBarrier(powercut_real(file));
}

static int powercut_shm_unmap(sqlite3_file *file, int deletes) {
    return powercut_real(file)->pMethods->xShmUnmap(powercut_real(file), deletes);
}

static const sqlite3_io_methods powercut_methods = {
    .iVersion = 2,
    .xClose = powercut_close,
    .xRead = powercut_read,
    .xWrite = powercut_write,
    .xTruncate = powercut_truncate,
    .xSync = powercut_sync,
    .xFileSize = powercut_file_size,
    .xLock = powercut_lock_file,
    .xUnlock = powercut_unlock_file,
    .xCheckReservedLock = powercut_check_lock,
    .xFileControl = powercut_control,
    .xSectorSize = powercut_sector_size,
    .xDeviceCharacteristics = powercut_traits,
    .xShmMap = powercut_shm_map,
    .xShmLock = powercut_shm_lock,
    .xShmBarrier = powercut_shm_barrier,
    .xShmUnmap = powercut_shm_unmap,
};

/* ---- the VFS ---- */

static int powercut_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                         int *out_flags) {
    struct powercut_file *self = (struct powercut_file *)(void *)file;
    const int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    (void)vfs;
    memset(self, 0, sizeof *self);
    self->real = (sqlite3_file *)(self + 1);
    pthread_mutex_lock(&powercut.lock);
    struct powercut_entry *entry =
        name != NULL && (flags & kept) != 0 ? powercut_entry_find(name) : NULL;
    int result = powercut.real->xOpen(powercut.real, name, self->real, flags, out_flags);
    if (result == SQLITE_OK && entry != NULL) {
        if (entry->states[entry->count - 1] == NULL)
            powercut_entry_set(entry, powercut_inode_create());
        self->inode = entry->states[entry->count - 1];
        self->is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
        self->syncs_folder =
            (flags & SQLITE_OPEN_CREATE) != 0 && (flags & SQLITE_OPEN_MAIN_DB) == 0;
    }
    if (result == SQLITE_OK)
        self->base.pMethods = &powercut_methods;
    pthread_mutex_unlock(&powercut.lock);
    return result;
}

static int powercut_delete(sqlite3_vfs *vfs, const char *name, int syncs_folder) {
    (void)vfs;
    pthread_mutex_lock(&powercut.lock);
    struct powercut_entry *entry = powercut_entry_find(name);
    int result = powercut.real->xDelete(powercut.real, name, 0);
    if (result == SQLITE_OK) {
        powercut_entry_set(entry, NULL);
        powercut_count();
        if (syncs_folder != 0)
            powercut_sync_folder();
    }
    pthread_mutex_unlock(&powercut.lock);
    return result;
}

void powercut_install(uint64_t seed, uint64_t cut_after, bool as_default) {
    static sqlite3_vfs vfs;
    CHECK(powercut.real == NULL);
    powercut.real = sqlite3_vfs_find(NULL);
    powercut.random = seed;
    powercut.cut_after = cut_after;
    vfs = *powercut.real;
    vfs.zName = POWERCUT_VFS_NAME;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct powercut_file) + powercut.real->szOsFile;
    vfs.xOpen = powercut_open;
    vfs.xDelete = powercut_delete;
    CHECK(sqlite3_vfs_register(&vfs, as_default) == SQLITE_OK);
}

void powercut_cut_in_checkpoint(uint64_t writes) {
    pthread_mutex_lock(&powercut.lock);
    powercut.cut_after_database_writes = powercut.database_writes + writes;
    pthread_mutex_unlock(&powercut.lock);
}

uint64_t powercut_sync_count(void) {
    pthread_mutex_lock(&powercut.lock);
    uint64_t count = powercut.syncs;
    pthread_mutex_unlock(&powercut.lock);
    return count;
}

uint64_t powercut_write_count(void) {
    pthread_mutex_lock(&powercut.lock);
    uint64_t count = powercut.writes;
    pthread_mutex_unlock(&powercut.lock);
    return count;
}

void powercut_fail_writes(int result, uint64_t count) {
    pthread_mutex_lock(&powercut.lock);
    powercut.fail_write = result;
    powercut.fail_left = count;
    pthread_mutex_unlock(&powercut.lock);
}

void powercut_fail_syncs(int result) {
    pthread_mutex_lock(&powercut.lock);
    powercut.fail_sync = result;
    pthread_mutex_unlock(&powercut.lock);
}
