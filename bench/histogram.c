#include "histogram.h"

#include <stddef.h>

enum { SUB = 1 << HISTOGRAM_BITS };

/* Values below SUB have a bucket each; above, every power of two is cut into SUB equal buckets. */
static size_t bucket_of(uint64_t ns) {
    if (ns < SUB) {
        return (size_t)ns;
    }
    unsigned exponent = 63U - (unsigned)__builtin_clzll(ns) - HISTOGRAM_BITS;
    return ((size_t)(exponent + 1) << HISTOGRAM_BITS) + (size_t)((ns >> exponent) - SUB);
}

static uint64_t bucket_end(size_t bucket) {
    if (bucket < SUB) {
        return bucket;
    }
    unsigned exponent = (unsigned)(bucket >> HISTOGRAM_BITS) - 1;
    uint64_t first = ((uint64_t)(bucket & (SUB - 1)) + SUB) << exponent;
    return first + ((uint64_t)1 << exponent) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns) {
    h->count[bucket_of(ns)]++;
    h->total++;
}

uint64_t histogram_percentile(const struct histogram *h, double share) {
    uint64_t wanted = (uint64_t)(share * (double)h->total);
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->count[i];
        if (seen > wanted || (seen == h->total && seen > 0)) {
            return bucket_end(i);
        }
    }
    return 0;
}
