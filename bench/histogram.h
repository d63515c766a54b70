/* Latencies in nanoseconds, counted in buckets at most 1/128 wide: percentiles of millions in 60
 * KB. One thread. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BITS = 7, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

struct histogram {
    uint64_t count[HISTOGRAM_BUCKETS];
    uint64_t total;
};

void histogram_add(struct histogram *h, uint64_t ns);

/* The value that the share (0 to 1) of all counted ones does not pass; 0 when nothing was counted.
 */
uint64_t histogram_percentile(const struct histogram *h, double share);

#endif
