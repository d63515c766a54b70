/* Linked into the test build of the server: PARLEY_TEST_VFS=SEED:CUT_AFTER[:WRITES] puts the whole
 * server on the power-cut VFS, to end with POWERCUT_EXIT after CUT_AFTER writes, syncs, truncations
 * and deletions (0: never), or at the WRITES-th write to the database file, in a checkpoint.
 * Without the variable it is the product. */
#include "vfs_powercut.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void powercut_choose(void) {
    const char *choice = getenv("PARLEY_TEST_VFS");
    unsigned long long seed = 0, cut_after = 0, writes = 0;
    if (choice == NULL)
        return;
    if (sscanf(choice, "%llu:%llu:%llu", &seed, &cut_after, &writes) < 2) {
        fputs("PARLEY_TEST_VFS: SEED:CUT_AFTER[:WRITES] is expected\n", stderr);
        exit(2);
    }
    powercut_install(seed, cut_after, true);
    if (writes > 0)
        powercut_cut_in_checkpoint(writes);
    unsetenv("PARLEY_TEST_VFS"); /* the settings know no such variable */
}
