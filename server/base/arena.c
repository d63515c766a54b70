#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdio.h>

struct chunk {
    struct chunk *before; /* older chunk; the first one is in the arena */
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct chunk *chunk; /* the one being filled, NULL: the first */
    char *at;            /* free bytes of that chunk */
    size_t room;
    size_t used;
    size_t next_bytes;
    alignas(max_align_t) char first[ARENA_FIRST_CHUNK_BYTES];
};

static void arena_start(struct arena *arena) {
    arena->chunk = NULL;
    arena->at = arena->first;
    arena->room = sizeof arena->first;
    arena->used = 0;
    arena->next_bytes = (size_t)ARENA_FIRST_CHUNK_BYTES * 2;
}

static void arena_free_chunks(struct arena *arena) {
    while (arena->chunk != NULL) {
        struct chunk *before = arena->chunk->before;
        mem_free(arena->chunk);
        arena->chunk = before;
    }
}

struct arena *arena_create(void) {
    struct arena *arena = mem_alloc(sizeof *arena);
    arena_start(arena);
    return arena;
}

void arena_destroy(struct arena *take_arena) {
    if (take_arena == NULL)
        return;
    arena_free_chunks(take_arena);
    mem_free(take_arena);
}

void arena_reset(struct arena *arena) {
    arena_free_chunks(arena);
    arena_start(arena);
}

/* A new chunk becomes the one being filled; what is left of the old one is given up. */
static void arena_grow(struct arena *arena, size_t size) {
    size_t cap = size > arena->next_bytes ? size : arena->next_bytes;
    struct chunk *chunk = mem_alloc(sizeof *chunk + cap);
    chunk->before = arena->chunk;
    arena->chunk = chunk;
    arena->at = chunk->bytes;
    arena->room = cap;
    if (arena->next_bytes < ARENA_CHUNK_MAX_BYTES)
        arena->next_bytes *= 2;
}

void *arena_alloc(struct arena *arena, size_t size) {
    const size_t align = alignof(max_align_t);
    CHECK(size <= SIZE_MAX / 2);
    size = size == 0 ? align : (size + align - 1) / align * align;
    if (size > arena->room)
        arena_grow(arena, size);
    void *ptr = arena->at;
    arena->at += size;
    arena->room -= size;
    arena->used += size;
    return ptr;
}

void *arena_zalloc(struct arena *arena, size_t size) {
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_zalloc_array(struct arena *arena, size_t count, size_t size) {
    size_t total;
    CHECK(!__builtin_mul_overflow(count, size, &total));
    return arena_zalloc(arena, total);
}

struct str arena_strdup(struct arena *arena, struct str s) {
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return str_make(copy, s.len);
}

struct str arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    CHECK(format != NULL); /* gcc with UBSan asks for it */
    int len = vsnprintf(NULL, 0, format, args);
    CHECK(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    CHECK(vsnprintf(text, (size_t)len + 1, format, again) == len);
    va_end(again);
    return str_make(text, (size_t)len);
}

size_t arena_used_bytes(const struct arena *arena) {
    return arena->used;
}
