#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_fail(const char *cond, const char *file, int line) {
    fprintf(stderr, "CHECK failed: %s at %s:%d\n", cond, file, line);
    abort();
}
