/* A VFS for SQLite, for tests only, under which the power can be cut: what was written and not
 * synced is then lost in part and in any order, torn at sectors of POWERCUT_SECTOR_BYTES, and names
 * made or deleted without a sync of their folder come and go. It also counts syncs, and fails
 * writes on demand.
 *
 * It wraps SQLite's own VFS. Beside each file it keeps what is durable and the list of what was
 * written since; at the cut the files are rewritten into one of the states that a disk could
 * legally be found in, drawn by the seed, and the process ends with POWERCUT_EXIT. The -shm file is
 * memory and is deleted. Nothing is really synced: the process ends, the kernel does not.
 *
 * Thread: any; one lock around everything. Never part of the product: it is linked into test
 * programs, and into a test build of the server where the environment chooses it (powercut_env.c).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { POWERCUT_EXIT = 77, POWERCUT_SECTOR_BYTES = 512 };
#define POWERCUT_VFS_NAME "powercut"

/* Registers the VFS, as SQLite's default too if asked. `cut_after` writes, syncs, truncations and
 * deletions the power goes (0: never); the seed decides what is lost. Once in a process. */
void powercut_install(uint64_t seed, uint64_t cut_after, bool as_default);
/* The power goes at the `writes`-th write to the database file itself, too: in the midst of a
 * checkpoint. */
void powercut_cut_in_checkpoint(uint64_t writes);
/* Cuts now. */
_Noreturn void powercut_cut(void);

/* Syncs asked for so far, of all files. */
uint64_t powercut_sync_count(void);
/* Writes and truncations so far. */
uint64_t powercut_write_count(void);
/* From now on writes to the WAL and the database give this SQLite result (SQLITE_FULL, …); 0: they
 * work again. After `count` failures they work again by themselves. */
void powercut_fail_writes(int result, uint64_t count);
/* The same for syncs. */
void powercut_fail_syncs(int result);
