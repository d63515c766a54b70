#include "store/lock.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool folder_sync(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = fsync(fd) == 0;
    return close(fd) == 0 && done;
}

/* mkdir -p; what is made is made durable, or the database in it could be lost with its folder. */
static bool folder_make(char *path) {
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    char *slash = strrchr(path, '/');
    if (errno != ENOENT || slash == NULL || slash == path)
        return false;
    *slash = '\0';
    bool made = folder_make(path);
    *slash = '/';
    return made && (mkdir(path, 0700) == 0 || errno == EEXIST);
}

static bool folder_sync_parent(const char *dir) {
    struct buf parent = BUF_INIT;
    buf_appendf(&parent, "%s/..", dir);
    bool done = folder_sync(buf_cstr(&parent));
    buf_finish(&parent);
    return done;
}

/* Who holds it, as the holder wrote it; for the message only. */
static void folder_lock_say_taken(const char *data_dir, int fd, struct buf *error) {
    char pid[24] = "";
    ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
    buf_appendf(error, "%s: in use by another parley", data_dir);
    if (len > 0)
        buf_appendf(error, " (process %.*s)", (int)strcspn(pid, "\n"), pid);
    buf_append_cstr(error, "; stop it, or name another --data folder");
}

enum err folder_lock_take(const char *data_dir, struct folder_lock *out, struct buf *error) {
    char *dir = mem_strdup(data_dir);
    struct buf path = BUF_INIT;
    enum err err = ERR_STORAGE_UNAVAILABLE;
    int fd = -1;
    out->fd = -1;
    buf_appendf(&path, "%s/lock", data_dir);
    if (!folder_make(dir) || !folder_sync_parent(dir)) {
        buf_appendf(error, "%s: the data folder cannot be made: %s", data_dir, strerror(errno));
        goto out;
    }
    fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        buf_appendf(
            error,
            "%s: the data folder cannot be written: %s; give it to the user that runs Parley",
            data_dir, strerror(errno));
        goto out;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        folder_lock_say_taken(data_dir, fd, error);
        goto out;
    }
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        buf_appendf(error, "%s: the data folder cannot be written: %s", data_dir, strerror(errno));
        goto out;
    }
    out->fd = fd;
    fd = -1;
    err = ERR_OK;
out:
    if (fd >= 0)
        close(fd);
    buf_finish(&path);
    mem_free(dir);
    return err;
}

void folder_lock_release(struct folder_lock *lock) {
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}
