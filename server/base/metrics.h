/* Counters, gauges and histograms of the process; the rows are in metrics.def. Any thread; updates
 * are single relaxed atomics, spread over a few shards so that busy loops do not share a cache
 * line. */
#pragma once
#include <stdint.h>

enum metric {
#define METRIC(id, kind, name, help) METRIC_##id,
#include "base/metrics.def"
#undef METRIC
    METRIC_COUNT
};

struct buf;

/* Counter or gauge: adds n (a gauge may go down). */
void metrics_add(enum metric metric, int64_t n);
/* Gauge: sets it. */
void metrics_set(enum metric metric, int64_t value);
/* Histogram: one observation, in microseconds. */
void metrics_observe_us(enum metric metric, uint64_t us);
/* Counter or gauge: its value now. */
int64_t metrics_get(enum metric metric);
/* Appends everything in Prometheus' text format 0.0.4. */
void metrics_write(struct buf *out);
