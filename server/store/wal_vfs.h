/* An SQLite VFS that writes the frames of a commit to the write-ahead log in a few large writes.
 * SQLite writes each frame's header and page by themselves. Here they gather in a buffer until the
 * log is synced, read, truncated or closed, or the buffer is full. All other files are the base
 * VFS's own.
 *
 * Only for connections with `synchronous=FULL`: there every commit syncs the log before readers are
 * told of it, so nobody looks for what is still in the buffer. Thread: registering any; the file
 * belongs to its connection. https://www.sqlite.org/vfs.html, https://www.sqlite.org/walformat.html
 */
#pragma once

enum { WAL_VFS_BUFFER_BYTES = 65536, WAL_VFS_BASES_MAX = 4 };

/* The name of the VFS over `base` (NULL: the default one); registers it at the first call. NULL
 * when there is no such base, or too many were asked for. Any thread. */
const char *wal_vfs_over(const char *base);
