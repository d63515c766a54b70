#include "base/mem.h"

#include "base/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *mem_alloc(size_t size) {
    void *ptr = malloc(size == 0 ? 1 : size);
    CHECK(ptr != NULL);
    return ptr;
}

void *mem_zalloc(size_t count, size_t size) {
    void *ptr = count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
    CHECK(ptr != NULL);
    return ptr;
}

void *mem_realloc(void *old, size_t size) {
    void *ptr = realloc(old, size == 0 ? 1 : size);
    CHECK(ptr != NULL);
    return ptr;
}

char *mem_strdup(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(mem_alloc(size), text, size);
}

void mem_free(void *take_ptr) {
    free(take_ptr);
}
