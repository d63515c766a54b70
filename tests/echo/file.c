#include "echo.h"

#include "net/static_file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 1024 * 1024 };

static const char *const names[] = {"file", "index.html"};

/* Bytes that do not repeat early, so that a wrong range shows. */
static bool write_bytes(const char *path, size_t count) {
    FILE *file = fopen(path, "we");
    bool is_ok = file != NULL;
    uint32_t state = 1;
    for (size_t i = 0; i < count && is_ok; i++) {
        state = state * 1664525 + 1013904223;
        is_ok = putc((int)(state >> 24), file) != EOF;
    }
    return file != NULL && fclose(file) == 0 && is_ok;
}

struct static_files *echo_file_load(struct buf *error) {
    char folder[] = "/tmp/parley-echo-XXXXXX", path[64];
    struct static_files *files = NULL;
    bool is_ok = mkdtemp(folder) != NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && is_ok; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        is_ok = write_bytes(path, FILE_BYTES);
    }
    if (is_ok)
        files = static_files_load(folder, error);
    else
        buf_appendf(error, "cannot write %s: %s", folder, strerror(errno));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return files;
}
