/* The data folder and its lock: one server, or one subcommand, works on a folder at a time
 * (SECURITY 15). The lock is the kernel's, on DATA/lock: it goes with the process, however that
 * ends, and the file stays. Any thread. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "protocol/err.h"

struct folder_lock {
    int fd; /* -1: not held */
};

/* Makes the folder (mode 0700) if it is not there, its parents too, and locks it.
 * ERR_STORAGE_UNAVAILABLE, with words for the operator: somebody else holds it, or it cannot be
 * written. Foreign files in it are left alone. */
enum err folder_lock_take(const char *data_dir, struct folder_lock *out,
                          struct buf *error) MUST_CHECK;
/* Gives it back; one not held may be given back. */
void folder_lock_release(struct folder_lock *lock);
/* Makes the folder's entries durable (new files in it). False: it cannot be done; errno says why.
 */
bool folder_sync(const char *dir) MUST_CHECK;
