/* Hash maps: `struct map` from uint64_t, `struct strmap` from bytes (copied), both to a pointer
 * that the map does not own. Open addressing. Bytes are hashed by SipHash with a key of the
 * process, so nobody outside can make them collide; numbers are not: they must be ours (keys of
 * rows, places in the log), never a stranger's choice. Thread: whoever owns the map. A value is
 * never NULL: NULL means "not there". */
#pragma once
#include "base/str.h"

struct map_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

struct map {
    struct map_slot *slots; /* a power of two, or NULL while empty */
    size_t cap, count;
};

void map_init(struct map *map);
/* Frees the slots, not the values. */
void map_finish(struct map *map);
/* The value, or NULL. */
void *map_get(const struct map *map, uint64_t key);
/* Stores `value` (not NULL) and returns the value that it replaces, or NULL. */
void *map_put(struct map *map, uint64_t key, void *value);
/* Takes the key out and returns its value, or NULL. */
void *map_remove(struct map *map, uint64_t key);
/* Walks the entries in no order: start with *at = 0, until false. The map must not change meanwhile
 * (replacing the value of an existing key is allowed). `key` and `value` may be NULL. */
bool map_next(const struct map *map, size_t *at, uint64_t *key, void **value);

struct strmap_slot {
    char *key; /* owned copy, NULL: free */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct strmap {
    struct strmap_slot *slots;
    size_t cap, count;
};

void strmap_init(struct strmap *map);
void strmap_finish(struct strmap *map);
void *strmap_get(const struct strmap *map, struct str key);
void *strmap_put(struct strmap *map, struct str key, void *value);
void *strmap_remove(struct strmap *map, struct str key);
bool strmap_next(const struct strmap *map, size_t *at, struct str *key, void **value);
