/* An arena: many small allocations that die together, one a request. Chunks double up to
 * ARENA_CHUNK_MAX_BYTES; the first one lies in the arena's own allocation. Thread: one at a time; a
 * request takes its arena along when it is handed over. Nothing in it is freed singly. */
#pragma once
#include "base/check.h"
#include "base/str.h"
#include <stdarg.h>

enum { ARENA_FIRST_CHUNK_BYTES = 2048, ARENA_CHUNK_MAX_BYTES = 65536 };

struct arena;

struct arena *arena_create(void);
/* Frees the arena and everything in it; NULL is allowed. */
void arena_destroy(struct arena *take_arena);
/* Forgets everything in it and keeps the first chunk. */
void arena_reset(struct arena *arena);
/* `size` bytes aligned for any type, not initialized. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, zeroed. */
void *arena_zalloc(struct arena *arena, size_t size);
/* A zeroed array; the product is checked against overflow. */
void *arena_zalloc_array(struct arena *arena, size_t count, size_t size);
/* A copy with a NUL behind it (not counted in len). */
struct str arena_strdup(struct arena *arena, struct str s);
/* Formatted text, NUL-terminated. */
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct str arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Bytes given out since creation or reset: for limits. */
size_t arena_used_bytes(const struct arena *arena);
