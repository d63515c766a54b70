#include "base/map.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"

/* Both maps probe linearly, are at most 3/4 full, and close the gap behind a removed entry by
 * moving later ones back, so there are no tombstones and a map that shrinks stays fast. */
enum { MAP_FIRST_SLOTS = 8 };

static bool must_grow(size_t count, size_t cap) {
    return cap == 0 || count + 1 > cap - cap / 4;
}

/* An entry at `at` whose home is `home` may move back to `gap`: home does not lie in (gap, at],
 * going round. */
static bool may_move(size_t home, size_t gap, size_t at, size_t mask) {
    return ((at - home) & mask) >= ((at - gap) & mask);
}

/* ---- by number ---- */

/* Fibonacci hashing (Knuth, The Art of Computer Programming, section 6.4): the highest bits of the
 * product, as many as count the slots. */
static size_t map_home(const struct map *map, uint64_t key) {
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - __builtin_ctzll(map->cap)));
}

/* The key's slot, or the free one where it would go. The map has slots. */
static struct map_slot *map_find(const struct map *map, uint64_t key) {
    size_t at = map_home(map, key);
    while (map->slots[at].value != NULL && map->slots[at].key != key)
        at = (at + 1) & (map->cap - 1);
    return &map->slots[at];
}

void map_init(struct map *map) {
    *map = (struct map){NULL, 0, 0};
}

void map_finish(struct map *map) {
    mem_free(map->slots);
    map_init(map);
}

void *map_get(const struct map *map, uint64_t key) {
    return map->count == 0 ? NULL : map_find(map, key)->value;
}

static void map_grow(struct map *map) {
    struct map old = *map;
    map->cap = old.cap == 0 ? MAP_FIRST_SLOTS : old.cap * 2;
    map->slots = mem_zalloc(map->cap, sizeof *map->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value != NULL)
            *map_find(map, old.slots[i].key) = old.slots[i];
    mem_free(old.slots);
}

void *map_put(struct map *map, uint64_t key, void *value) {
    CHECK(value != NULL);
    if (must_grow(map->count, map->cap))
        map_grow(map);
    struct map_slot *slot = map_find(map, key);
    void *old = slot->value;
    map->count += old == NULL;
    *slot = (struct map_slot){key, value};
    return old;
}

void *map_remove(struct map *map, uint64_t key) {
    struct map_slot *slot = map->count == 0 ? NULL : map_find(map, key);
    if (slot == NULL || slot->value == NULL)
        return NULL;
    void *value = slot->value;
    size_t mask = map->cap - 1;
    size_t gap = (size_t)(slot - map->slots);
    for (size_t at = (gap + 1) & mask; map->slots[at].value != NULL; at = (at + 1) & mask) {
        if (may_move(map_home(map, map->slots[at].key), gap, at, mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    map->slots[gap].value = NULL;
    map->count--;
    return value;
}

bool map_next(const struct map *map, size_t *at, uint64_t *key, void **value) {
    for (; *at < map->cap; (*at)++) {
        const struct map_slot *slot = &map->slots[*at];
        if (slot->value == NULL)
            continue;
        if (key != NULL)
            *key = slot->key;
        if (value != NULL)
            *value = slot->value;
        (*at)++;
        return true;
    }
    return false;
}

/* ---- by bytes ---- */

static struct strmap_slot *strmap_find(const struct strmap *map, struct str key, uint64_t hash) {
    size_t at = (size_t)hash & (map->cap - 1);
    for (;; at = (at + 1) & (map->cap - 1)) {
        struct strmap_slot *slot = &map->slots[at];
        if (slot->key == NULL ||
            (slot->hash == hash && str_equal(str_make(slot->key, slot->key_len), key)))
            return slot;
    }
}

void strmap_init(struct strmap *map) {
    *map = (struct strmap){NULL, 0, 0};
}

void strmap_finish(struct strmap *map) {
    for (size_t i = 0; i < map->cap; i++)
        mem_free(map->slots[i].key);
    mem_free(map->slots);
    strmap_init(map);
}

void *strmap_get(const struct strmap *map, struct str key) {
    return map->count == 0 ? NULL : strmap_find(map, key, text_hash(key))->value;
}

static void strmap_grow(struct strmap *map) {
    struct strmap old = *map;
    map->cap = old.cap == 0 ? MAP_FIRST_SLOTS : old.cap * 2;
    map->slots = mem_zalloc(map->cap, sizeof *map->slots);
    for (size_t i = 0; i < old.cap; i++) {
        const struct strmap_slot *slot = &old.slots[i];
        if (slot->key != NULL)
            *strmap_find(map, str_make(slot->key, slot->key_len), slot->hash) = *slot;
    }
    mem_free(old.slots);
}

void *strmap_put(struct strmap *map, struct str key, void *value) {
    CHECK(value != NULL);
    if (must_grow(map->count, map->cap))
        strmap_grow(map);
    uint64_t hash = text_hash(key);
    struct strmap_slot *slot = strmap_find(map, key, hash);
    void *old = slot->value;
    if (slot->key == NULL) {
        char *copy = mem_alloc(key.len);
        if (key.len > 0)
            memcpy(copy, key.ptr, key.len);
        *slot = (struct strmap_slot){copy, key.len, hash, NULL};
        map->count++;
    }
    slot->value = value;
    return old;
}

void *strmap_remove(struct strmap *map, struct str key) {
    struct strmap_slot *slot = map->count == 0 ? NULL : strmap_find(map, key, text_hash(key));
    if (slot == NULL || slot->key == NULL)
        return NULL;
    void *value = slot->value;
    mem_free(slot->key);
    size_t mask = map->cap - 1;
    size_t gap = (size_t)(slot - map->slots);
    for (size_t at = (gap + 1) & mask; map->slots[at].key != NULL; at = (at + 1) & mask) {
        if (may_move((size_t)map->slots[at].hash & mask, gap, at, mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    map->slots[gap] = (struct strmap_slot){NULL, 0, 0, NULL};
    map->count--;
    return value;
}

bool strmap_next(const struct strmap *map, size_t *at, struct str *key, void **value) {
    for (; *at < map->cap; (*at)++) {
        const struct strmap_slot *slot = &map->slots[*at];
        if (slot->key == NULL)
            continue;
        if (key != NULL)
            *key = str_make(slot->key, slot->key_len);
        if (value != NULL)
            *value = slot->value;
        (*at)++;
        return true;
    }
    return false;
}
