/* A copy of the database while the server runs: SQLite's online backup of one snapshot. Sending
 * goes on meanwhile; the WAL only grows. The copy is one file, and is marked: a server that opens
 * it starts a new epoch, so that no cursor from before the restoring counts. To restore: stop the
 * server, put the copy in the place of DATA/parley.db, delete DATA/parley.db-wal and -shm, start.
 */
#pragma once
#include "store/log.h"

enum {
    BACKUP_STEP_PAGES = 256, /* copied in one go … */
    BACKUP_PAUSE_MS = 1,     /* … and then the disk is left to the writer */
};

/* Writes the copy to `file`, an absolute path where nothing is yet (made with mode 0600; removed
 * again when it fails). A read executor, which is busy until it is done. ERR_FILE_EXISTS,
 * ERR_INVALID_FIELD (not absolute), ERR_STORAGE_UNAVAILABLE with *detail. */
enum err backup_write(struct tx *tx, struct str file, int64_t *bytes,
                      struct str *detail) MUST_CHECK;
