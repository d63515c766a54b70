#include "auth/limit.h"

#include "base/clock.h"
#include "base/text.h"

#include <pthread.h>
#include <string.h>

struct limit_bucket {
    uint64_t key;     /* keyed hash of whose it is */
    uint64_t full_ns; /* when it is full again, monotonic; past: it is */
};

struct limit_table {
    pthread_mutex_t lock;
    struct limit_options options;
    struct limit_bucket buckets[LIMIT_SETS][LIMIT_WAYS];
};

static struct limit_table limits = {.lock = PTHREAD_MUTEX_INITIALIZER};

void limit_init(const struct limit_options *options) {
    pthread_mutex_lock(&limits.lock);
    limits.options = *options;
    memset(limits.buckets, 0, sizeof limits.buckets);
    pthread_mutex_unlock(&limits.lock);
}

/* The bucket of that key; a new one takes the place of the fullest. */
static struct limit_bucket *limit_find(uint64_t key) {
    struct limit_bucket *set = limits.buckets[key % LIMIT_SETS], *fullest = set;
    for (size_t i = 0; i < LIMIT_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].full_ns < fullest->full_ns)
            fullest = &set[i];
    }
    *fullest = (struct limit_bucket){.key = key};
    return fullest;
}

static uint64_t limit_take(const struct limit_rate *rate, uint64_t key) {
    CHECK(rate->per_minute > 0 && rate->burst > 0);
    const uint64_t each_ns = UINT64_C(60000000000) / (uint64_t)rate->per_minute;
    const uint64_t depth_ns = each_ns * (uint64_t)rate->burst;
    const uint64_t now_ns = clock_monotonic_ns();
    uint64_t wait_ns = 0;
    pthread_mutex_lock(&limits.lock);
    struct limit_bucket *bucket = limit_find(key);
    uint64_t full_ns = (bucket->full_ns > now_ns ? bucket->full_ns : now_ns) + each_ns;
    if (full_ns - now_ns > depth_ns)
        wait_ns = full_ns - now_ns - depth_ns;
    else
        bucket->full_ns = full_ns;
    pthread_mutex_unlock(&limits.lock);
    return (wait_ns + 999999) / 1000000;
}

/* Whose bucket, as bytes to hash. */
struct limit_owner {
    uint32_t limit, kind; /* kind 0: a person, 1: an address */
    uint8_t id[16];
};

static uint64_t limit_owner_key(const struct limit_owner *owner) {
    return text_hash(str_make((const char *)owner, sizeof *owner));
}

static const struct limit_rate *limit_rate_of(enum limit limit, const struct limit_rate *base) {
    return limit == LIMIT_BASE ? base : &limits.options.rates[limit];
}

uint64_t limit_take_person(enum limit limit, int64_t account) {
    struct limit_owner owner = {.limit = (uint32_t)limit, .kind = 0};
    if (!limits.options.on || limit == LIMIT_NONE)
        return 0;
    memcpy(owner.id, &account, sizeof account);
    return limit_take(limit_rate_of(limit, &limits.options.person), limit_owner_key(&owner));
}

uint64_t limit_take_address(enum limit limit, const uint8_t address[16]) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct limit_owner owner = {.limit = (uint32_t)limit, .kind = 1};
    if (!limits.options.on || limit == LIMIT_NONE)
        return 0;
    memcpy(owner.id, address, memcmp(address, mapped, sizeof mapped) == 0 ? 16 : 8);
    return limit_take(limit_rate_of(limit, &limits.options.address), limit_owner_key(&owner));
}
