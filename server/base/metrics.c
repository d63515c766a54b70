#include "base/metrics.h"

#include "base/buf.h"
#include "base/check.h"

#include <stdalign.h>
#include <stdatomic.h>

/* Threads write to different shards, so that hot counters do not travel between cores; reading adds
 * them up. */
enum { METRICS_SHARDS = 8, CACHE_LINE_BYTES = 64 };

enum metric_kind { METRIC_KIND_COUNTER, METRIC_KIND_GAUGE, METRIC_KIND_HISTOGRAM };

struct metric_row {
    const char *name, *help;
    enum metric_kind kind;
};

static const struct metric_row rows[METRIC_COUNT] = {
#define METRIC(id, kind, name, help) {name, help, METRIC_KIND_##kind},
#include "base/metrics.def"
#undef METRIC
};

/* Upper bounds of the buckets; one more counts what is above. */
static const uint64_t bounds_us[] = {50,     100,     250,     500,    1000,   2500,
                                     5000,   10000,   25000,   50000,  100000, 250000,
                                     500000, 1000000, 2500000, 5000000};
enum { BOUNDS = sizeof bounds_us / sizeof *bounds_us };

struct shard {
    alignas(CACHE_LINE_BYTES)
        atomic_int_least64_t value[METRIC_COUNT]; /* of a histogram: the sum, in microseconds */
    atomic_int_least64_t buckets[METRIC_COUNT][BOUNDS + 1];
};

static struct shard shards[METRICS_SHARDS];

static struct shard *own_shard(void) {
    static atomic_uint next;
    static _Thread_local struct shard *own;
    if (own == NULL)
        own = &shards[atomic_fetch_add(&next, 1) % METRICS_SHARDS];
    return own;
}

static void add(atomic_int_least64_t *to, int64_t n) {
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void metrics_add(enum metric metric, int64_t n) {
    add(&own_shard()->value[metric], n);
}

void metrics_set(enum metric metric, int64_t value) {
    CHECK(rows[metric].kind == METRIC_KIND_GAUGE);
    /* By the difference, so that set and add may be mixed; two threads that set one gauge at once
     * are not foreseen. */
    add(&shards[0].value[metric], value - metrics_get(metric));
}

void metrics_observe_us(enum metric metric, uint64_t us) {
    CHECK(rows[metric].kind == METRIC_KIND_HISTOGRAM);
    size_t bucket = 0;
    while (bucket < BOUNDS && us > bounds_us[bucket])
        bucket++;
    struct shard *shard = own_shard();
    add(&shard->buckets[metric][bucket], 1);
    add(&shard->value[metric], (int64_t)us);
}

int64_t metrics_get(enum metric metric) {
    int64_t sum = 0;
    for (size_t i = 0; i < METRICS_SHARDS; i++)
        sum += atomic_load_explicit(&shards[i].value[metric], memory_order_relaxed);
    return sum;
}

static int64_t bucket_count(enum metric metric, size_t bucket) {
    int64_t sum = 0;
    for (size_t i = 0; i < METRICS_SHARDS; i++)
        sum += atomic_load_explicit(&shards[i].buckets[metric][bucket], memory_order_relaxed);
    return sum;
}

/* Microseconds as exact decimal seconds. */
static void append_seconds(struct buf *out, uint64_t us) {
    buf_appendf(out, "%llu.%06llu", (unsigned long long)(us / 1000000),
                (unsigned long long)(us % 1000000));
}

static void write_histogram(struct buf *out, enum metric metric) {
    const char *name = rows[metric].name;
    int64_t count = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        count += bucket_count(metric, i);
        buf_appendf(out, "%s_bucket{le=\"", name);
        append_seconds(out, bounds_us[i]);
        buf_appendf(out, "\"} %lld\n", (long long)count);
    }
    count += bucket_count(metric, BOUNDS);
    buf_appendf(out, "%s_bucket{le=\"+Inf\"} %lld\n%s_sum ", name, (long long)count, name);
    append_seconds(out, (uint64_t)metrics_get(metric));
    buf_appendf(out, "\n%s_count %lld\n", name, (long long)count);
}

void metrics_write(struct buf *out) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
        const struct metric_row *row = &rows[metric];
        buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                    kinds[row->kind]);
        if (row->kind == METRIC_KIND_HISTOGRAM)
            write_histogram(out, metric);
        else
            buf_appendf(out, "%s %lld\n", row->name, (long long)metrics_get(metric));
    }
}
