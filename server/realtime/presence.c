#include "realtime/presence.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metrics.h"
#include <pthread.h>

struct person {
    struct uuid id;
    unsigned sessions;
    bool told_online;
    int64_t left_at_ms; /* when the last session ended; 0: long ago */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map people; /* account → struct person, while online or not yet told offline */

bool presence_enter(int64_t account, struct uuid id, unsigned limit) {
    bool entered = true;
    pthread_mutex_lock(&lock);
    struct person *person = map_get(&people, (uint64_t)account);
    if (person == NULL) {
        person = mem_zalloc(1, sizeof *person);
        person->id = id;
        map_put(&people, (uint64_t)account, person);
    }
    if (limit != 0 && person->sessions >= limit)
        entered = false;
    else
        person->sessions++;
    pthread_mutex_unlock(&lock);
    return entered;
}

void presence_leave(int64_t account, bool was_silent) {
    pthread_mutex_lock(&lock);
    struct person *person = map_get(&people, (uint64_t)account);
    CHECK(person != NULL && person->sessions > 0);
    if (--person->sessions == 0)
        person->left_at_ms = was_silent ? 0 : clock_now_ms();
    pthread_mutex_unlock(&lock);
}

struct uuid_list presence_who(struct arena *arena) {
    struct uuid_list list = {0};
    pthread_mutex_lock(&lock);
    list.items = arena_alloc(arena, (people.count + 1) * sizeof(struct uuid));
    size_t at = 0;
    void *value;
    while (map_next(&people, &at, NULL, &value))
        list.items[list.count++] = ((struct person *)value)->id;
    pthread_mutex_unlock(&lock);
    return list;
}

static bool is_gone(const struct person *person, int64_t now_ms) {
    return person->sessions == 0 && now_ms - person->left_at_ms >= PRESENCE_LINGER_MS;
}

/* Removes those whose sessions ended a while ago, and tells so of each: also of those who came and
 * went between two ticks, as whoever began a stream meanwhile was told that they are there. The map
 * must not change while it is walked, so they are collected first. */
static void take_gone(struct arena *arena, int64_t now_ms, struct uuid_list *offline) {
    uint64_t *gone = arena_alloc(arena, (people.count + 1) * sizeof *gone);
    size_t gone_count = 0, at = 0;
    uint64_t key;
    void *value;
    while (map_next(&people, &at, &key, &value)) {
        if (is_gone(value, now_ms))
            gone[gone_count++] = key;
    }
    for (size_t i = 0; i < gone_count; i++) {
        struct person *person = map_remove(&people, gone[i]);
        offline->items[offline->count++] = person->id;
        mem_free(person);
    }
}

bool presence_take_changes(struct arena *arena, int64_t now_ms, struct uuid_list *online,
                           struct uuid_list *offline) {
    pthread_mutex_lock(&lock);
    *online =
        (struct uuid_list){.items = arena_alloc(arena, (people.count + 1) * sizeof(struct uuid))};
    *offline =
        (struct uuid_list){.items = arena_alloc(arena, (people.count + 1) * sizeof(struct uuid))};
    take_gone(arena, now_ms, offline);
    size_t at = 0;
    void *value;
    while (map_next(&people, &at, NULL, &value)) {
        struct person *person = value;
        if (!person->told_online && person->sessions > 0) {
            person->told_online = true;
            online->items[online->count++] = person->id;
        }
    }
    metrics_set(METRIC_PRESENCE_ONLINE, (int64_t)people.count);
    pthread_mutex_unlock(&lock);
    return online->count != 0 || offline->count != 0;
}

void presence_finish(void) {
    pthread_mutex_lock(&lock);
    size_t at = 0;
    void *value;
    while (map_next(&people, &at, NULL, &value))
        mem_free(value);
    map_finish(&people);
    pthread_mutex_unlock(&lock);
}
