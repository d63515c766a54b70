#include "store/history_cache.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <pthread.h>

struct history_page {
    struct list used;    /* of the cache, the longest unused first */
    struct list of_room; /* of the room */
    struct history_key key;
    struct history_stamp stamp;
    struct blob *json;
};

struct history_room {
    struct list pages; /* never empty */
};

struct history_cache {
    pthread_mutex_t lock;
    size_t max_bytes, bytes;
    uint64_t erasures;
    struct strmap pages; /* the bytes of a key → struct history_page */
    struct map rooms;    /* key of the room → struct history_room */
    struct list used;
};

_Static_assert(sizeof(struct history_key) == 5 * sizeof(int64_t), "a key has no gaps");

static struct str history_key_bytes(const struct history_key *key) {
    return str_make((const char *)key, sizeof *key);
}

static size_t history_page_bytes(const struct blob *json) {
    return sizeof(struct history_page) + HISTORY_PAGE_OVERHEAD_BYTES + json->len;
}

struct history_cache *history_cache_create(size_t max_bytes) {
    if (max_bytes == 0)
        return NULL;
    struct history_cache *cache = mem_zalloc(1, sizeof *cache);
    CHECK(pthread_mutex_init(&cache->lock, NULL) == 0);
    cache->max_bytes = max_bytes;
    strmap_init(&cache->pages);
    map_init(&cache->rooms);
    list_init(&cache->used);
    return cache;
}

/* ---- under the lock ---- */

static void history_drop_page(struct history_cache *cache, struct history_page *take_page) {
    struct history_page *page = take_page;
    uint64_t room_key = (uint64_t)page->key.room;
    struct history_room *room = map_get(&cache->rooms, room_key);
    strmap_remove(&cache->pages, history_key_bytes(&page->key));
    list_remove(&page->used);
    list_remove(&page->of_room);
    if (list_is_empty(&room->pages)) {
        map_remove(&cache->rooms, room_key);
        mem_free(room);
    }
    cache->bytes -= history_page_bytes(page->json);
    blob_unref(page->json);
    mem_free(page);
}

static void history_drop_room(struct history_cache *cache, int64_t key) {
    struct history_room *room;
    while ((room = map_get(&cache->rooms, (uint64_t)key)) != NULL)
        history_drop_page(cache, CONTAINER_OF(room->pages.next, struct history_page, of_room));
}

/* Drops what was unused for longest until no more than `bytes` are left. */
static void history_shrink(struct history_cache *cache, size_t bytes) {
    while (cache->bytes > bytes)
        history_drop_page(cache, CONTAINER_OF(cache->used.next, struct history_page, used));
}

static struct history_room *history_room_of(struct history_cache *cache, int64_t key) {
    struct history_room *room = map_get(&cache->rooms, (uint64_t)key);
    if (room == NULL) {
        room = mem_alloc(sizeof *room);
        list_init(&room->pages);
        map_put(&cache->rooms, (uint64_t)key, room);
    }
    return room;
}

static void history_add_page(struct history_cache *cache, const struct history_key *key,
                             const struct history_stamp *stamp, struct blob *json) {
    struct history_page *page = mem_alloc(sizeof *page);
    *page = (struct history_page){.key = *key, .stamp = *stamp, .json = blob_ref(json)};
    list_push_back(&cache->used, &page->used);
    list_push_back(&history_room_of(cache, key->room)->pages, &page->of_room);
    strmap_put(&cache->pages, history_key_bytes(key), page);
    cache->bytes += history_page_bytes(json);
}

static bool history_is_newer(const struct history_stamp *one, const struct history_stamp *other) {
    return one->room_seq > other->room_seq || one->people_pos > other->people_pos;
}

/* ---- readers ---- */

uint64_t history_cache_mark(struct history_cache *cache) {
    if (cache == NULL)
        return 0;
    pthread_mutex_lock(&cache->lock);
    uint64_t mark = cache->erasures;
    pthread_mutex_unlock(&cache->lock);
    return mark;
}

struct blob *history_cache_find(struct history_cache *cache, const struct history_key *key,
                                const struct history_stamp *stamp) {
    struct blob *json = NULL;
    pthread_mutex_lock(&cache->lock);
    struct history_page *page = strmap_get(&cache->pages, history_key_bytes(key));
    if (page != NULL && page->stamp.room_seq == stamp->room_seq &&
        page->stamp.people_pos == stamp->people_pos) {
        json = blob_ref(page->json);
        list_remove(&page->used);
        list_push_back(&cache->used, &page->used);
    }
    pthread_mutex_unlock(&cache->lock);
    metrics_add(json != NULL ? METRIC_HISTORY_HITS : METRIC_HISTORY_MISSES, 1);
    return json;
}

void history_cache_keep(struct history_cache *cache, uint64_t mark, const struct history_key *key,
                        const struct history_stamp *stamp, struct blob *json) {
    size_t bytes = history_page_bytes(json);
    if (bytes > cache->max_bytes / HISTORY_PAGE_SHARE)
        return;
    pthread_mutex_lock(&cache->lock);
    struct history_page *there = strmap_get(&cache->pages, history_key_bytes(key));
    if (mark == cache->erasures && (there == NULL || !history_is_newer(&there->stamp, stamp))) {
        if (there != NULL)
            history_drop_page(cache, there);
        history_shrink(cache, cache->max_bytes - bytes);
        history_add_page(cache, key, stamp, json);
    }
    metrics_set(METRIC_HISTORY_BYTES, (int64_t)cache->bytes);
    pthread_mutex_unlock(&cache->lock);
}

/* ---- the writer ---- */

/* The count first: what a reader brings from here on is refused, what it brought before is dropped
 * below. */
void history_cache_after_commit(struct history_cache *cache, const struct log_event *events,
                                size_t count, bool erased) {
    if (cache == NULL)
        return;
    pthread_mutex_lock(&cache->lock);
    cache->erasures += erased ? 1 : 0;
    for (size_t i = 0; i < count && cache->bytes > 0; i++)
        if (events[i].audience % 4 == AUDIENCE_KIND_ROOM && events[i].pos != 0)
            history_drop_room(cache, events[i].audience / 4);
    metrics_set(METRIC_HISTORY_BYTES, (int64_t)cache->bytes);
    pthread_mutex_unlock(&cache->lock);
}

void history_cache_clear(struct history_cache *cache) {
    if (cache == NULL)
        return;
    pthread_mutex_lock(&cache->lock);
    cache->erasures++;
    history_shrink(cache, 0);
    metrics_set(METRIC_HISTORY_BYTES, 0);
    pthread_mutex_unlock(&cache->lock);
}

void history_cache_destroy(struct history_cache *take_cache) {
    struct history_cache *cache = take_cache;
    if (cache == NULL)
        return;
    history_cache_clear(cache);
    strmap_finish(&cache->pages);
    map_finish(&cache->rooms);
    CHECK(pthread_mutex_destroy(&cache->lock) == 0);
    mem_free(cache);
}
