/* The buckets of limits.def. LIMIT_NONE: no bucket of its own; LIMIT_BASE: the person's or
 * address's own. */
#pragma once

enum limit {
    LIMIT_NONE,
    LIMIT_BASE,
#define LIMIT(id, per_minute, burst, doc) LIMIT_##id,
#include "protocol/limits.def"
#include "protocol/undef.h"
    LIMIT_COUNT
};
