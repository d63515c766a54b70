/* Linked into the test build of the server: PARLEY_TEST_VFS=SEED:CUT_AFTER[:WRITES] puts the whole
 * server on the power-cut VFS, to end with POWERCUT_EXIT after CUT_AFTER writes, syncs, truncations
 * and deletions (0: never), or at the WRITES-th write to the database file, in a checkpoint.
 * Without the variable it is the product. */
#include "vfs_powercut.h"

#include <stdio.h>
#include <stdlib.h>

/* Numbers with colons between; how many they are, 0 when there is anything else. */
static size_t read_numbers(const char *text, uint64_t *out, size_t max) {
    for (size_t count = 0; count < max;) {
        char *end = NULL;
        out[count++] = strtoull(text, &end, 10);
        if (end == text || (*end != ':' && *end != '\0'))
            return 0;
        if (*end == '\0')
            return count;
        text = end + 1;
    }
    return 0;
}

__attribute__((constructor)) static void powercut_choose(void) {
    const char *choice = getenv("PARLEY_TEST_VFS");
    uint64_t numbers[3] = {0}; /* seed, cut_after, writes */
    if (choice == NULL)
        return;
    if (read_numbers(choice, numbers, 3) < 2) {
        fputs("PARLEY_TEST_VFS: SEED:CUT_AFTER[:WRITES] is expected\n", stderr);
        exit(2);
    }
    powercut_install(numbers[0], numbers[1], true);
    if (numbers[2] > 0)
        powercut_cut_in_checkpoint(numbers[2]);
    unsetenv("PARLEY_TEST_VFS"); /* the settings know no such variable */
}
