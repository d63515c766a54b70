#include "store/db_cache.h"

#include "base/mem.h"

#include <string.h>

/* One row; its bytes lie behind the values, in the same allocation. */
struct db_cached {
    uint64_t read_at;
    uint8_t tables;
    size_t columns;
    struct db_value values[];
};

static const char *const db_cache_tables[] = {"account", "session", "room", "membership"};

static const bool db_cache_queries[QUERY_COUNT] = {
    [QUERY_session_by_key] = true,
    [QUERY_session_by_hash] = true,
    [QUERY_room_by_id] = true,
    [QUERY_membership_of] = true,
};

void db_cache_init(struct db_cache *cache) {
    *cache = (struct db_cache){.clock = 1};
    strmap_init(&cache->entries);
}

static void db_cache_forget(struct db_cache *cache) {
    size_t at = 0;
    void *entry;
    while (strmap_next(&cache->entries, &at, NULL, &entry))
        mem_free(entry);
    strmap_finish(&cache->entries);
}

void db_cache_finish(struct db_cache *cache) {
    db_cache_forget(cache);
}

uint8_t db_cache_table(const char *name) {
    for (size_t i = 0; i < sizeof db_cache_tables / sizeof *db_cache_tables; i++)
        if (strcmp(db_cache_tables[i], name) == 0)
            return (uint8_t)(1U << i);
    return 0;
}

bool db_cache_holds(enum query_id query) {
    return db_cache_queries[query];
}

/* The query and its values as bytes; of length 0 when they are too long. */
static struct str db_cache_key(char key[static DB_CACHE_KEY_MAX_BYTES], enum query_id query,
                               const struct db_value *values, size_t count) {
    size_t len = 0;
    key[len++] = (char)query;
    _Static_assert(QUERY_COUNT <= 256, "a query fits into a byte");
    for (size_t i = 0; i < count; i++) {
        const struct db_value *value = &values[i];
        bool is_number = value->kind == DB_INT;
        const void *bytes = is_number ? (const void *)&value->integer : value->bytes.ptr;
        size_t size = is_number ? sizeof value->integer : value->bytes.len;
        if (len + 2 + size > DB_CACHE_KEY_MAX_BYTES)
            return STR_EMPTY;
        key[len++] = (char)value->kind;
        key[len++] = (char)size;
        if (size > 0)
            memcpy(key + len, bytes, size);
        len += size;
    }
    return str_make(key, len);
}

static bool db_cache_is_fresh(const struct db_cache *cache, const struct db_cached *entry) {
    if ((entry->tables & cache->unsettled) != 0)
        return false;
    for (size_t i = 0; i < sizeof db_cache_tables / sizeof *db_cache_tables; i++)
        if ((entry->tables >> i & 1) != 0 && cache->changed_at[i] > entry->read_at)
            return false;
    return true;
}

bool db_cache_find(struct db_cache *cache, struct arena *arena, enum query_id query,
                   const struct db_value *values, size_t count, struct db_rows *out) {
    char bytes[DB_CACHE_KEY_MAX_BYTES];
    struct str key = db_cache_key(bytes, query, values, count);
    const struct db_cached *entry = key.len == 0 ? NULL : strmap_get(&cache->entries, key);
    if (entry == NULL || !db_cache_is_fresh(cache, entry))
        return false;
    struct db_value *row = arena_alloc(arena, entry->columns * sizeof *row);
    for (size_t i = 0; i < entry->columns; i++) {
        row[i] = entry->values[i];
        if (row[i].bytes.len > 0)
            row[i].bytes = arena_strdup(arena, row[i].bytes);
    }
    *out = (struct db_rows){.count = 1, .columns = entry->columns, .values = row};
    return true;
}

static struct db_cached *db_cached_make(const struct db_rows *rows, size_t bytes) {
    size_t head = sizeof(struct db_cached) + rows->columns * sizeof *rows->values;
    struct db_cached *entry = mem_alloc(head + bytes);
    char *end = (char *)entry + head;
    entry->columns = rows->columns;
    for (size_t i = 0; i < rows->columns; i++) {
        struct db_value *value = &entry->values[i];
        *value = rows->values[i];
        if (value->bytes.len == 0) {
            value->bytes = STR_EMPTY; /* its pointer is the arena's */
            continue;
        }
        memcpy(end, value->bytes.ptr, value->bytes.len);
        value->bytes.ptr = end;
        end += value->bytes.len;
    }
    return entry;
}

void db_cache_keep(struct db_cache *cache, enum query_id query, const struct db_value *values,
                   size_t count, const struct db_rows *rows, uint8_t tables) {
    char key_bytes[DB_CACHE_KEY_MAX_BYTES];
    struct str key = db_cache_key(key_bytes, query, values, count);
    size_t bytes = 0;
    if (rows->count != 1 || key.len == 0 || (tables & cache->unsettled) != 0)
        return;
    for (size_t i = 0; i < rows->columns; i++)
        bytes += rows->values[i].bytes.len;
    if (bytes > DB_CACHE_ROW_MAX_BYTES)
        return;
    if (cache->entries.count >= DB_CACHE_ENTRIES_MAX)
        db_cache_forget(cache);
    struct db_cached *entry = db_cached_make(rows, bytes);
    entry->read_at = cache->clock;
    entry->tables = tables;
    mem_free(strmap_put(&cache->entries, key, entry));
}

void db_cache_note_change(struct db_cache *cache, uint8_t tables) {
    if (tables == 0)
        return;
    cache->unsettled |= tables;
    cache->clock++;
    for (size_t i = 0; i < sizeof cache->changed_at / sizeof *cache->changed_at; i++)
        if ((tables >> i & 1) != 0)
            cache->changed_at[i] = cache->clock;
}

void db_cache_settle(struct db_cache *cache) {
    /* What was kept since the change is of other tables; what was kept before it is stale. */
    if (cache->unsettled == 0)
        return;
    db_cache_note_change(cache, cache->unsettled);
    cache->unsettled = 0;
}
