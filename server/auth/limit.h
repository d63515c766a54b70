/* Rate limits: buckets by person and by address, in memory, over all connections.
 *
 * Thread: any; one small lock. The table has a fixed size: where it is crowded, the bucket that is
 * nearest to full again is forgotten. A bucket is the moment at which it will be full again (the
 * generic cell rate algorithm), so filling costs nothing. */
#pragma once
#include "base/check.h"
#include "protocol/limits.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    LIMIT_SETS = 4096,
    LIMIT_WAYS = 16, /* buckets a set: LIMIT_SETS * LIMIT_WAYS at most */
};

struct limit_rate {
    int64_t per_minute; /* more than 0 */
    int64_t burst;      /* at least 1 */
};

struct limit_options {
    bool on;                   /* false: everything is let through */
    struct limit_rate person;  /* of LIMIT_BASE */
    struct limit_rate address; /* of LIMIT_BASE */
    struct limit_rate
        rates[LIMIT_COUNT]; /* of the rows of limits.def; the first two are not used */
};

/* Before any other thread starts. All buckets are full afterwards. */
void limit_init(const struct limit_options *options);
/* Takes one from the bucket: 0, or the milliseconds to wait, and then nothing is taken. */
uint64_t limit_take_person(enum limit limit, int64_t account);
/* IPv6, or IPv4 mapped into it: one bucket a /64, or an IPv4 address. */
uint64_t limit_take_address(enum limit limit, const uint8_t address[16]);
