/* Heap memory. Nothing here returns NULL: out of memory ends the process, and the limits on every
 * queue and buffer keep it from getting there. Any thread. */
#pragma once
#include <stddef.h>

/* `size` bytes, not initialized; size 0 gives a pointer that may only be freed. */
void *mem_alloc(size_t size);
/* `count` members of `size` bytes each, all zero; the product is checked against overflow. */
void *mem_zalloc(size_t count, size_t size);
/* Like realloc: `old` (or NULL) is given up, the result holds its first bytes. */
void *mem_realloc(void *old, size_t size);
/* A NUL-terminated copy of a NUL-terminated string. */
char *mem_strdup(const char *text);
/* Gives back what the functions above returned; NULL is allowed. */
void mem_free(void *take_ptr);
