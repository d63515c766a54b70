#include "base/random.h"

#include "base/check.h"

#include <sodium.h>

/* sodium_init is idempotent, thread-safe and cheap once done. */
void random_bytes(void *out, size_t len) {
    CHECK(sodium_init() >= 0);
    randombytes_buf(out, len);
}

uint64_t random_u64(void) {
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

uint32_t random_below(uint32_t limit) {
    CHECK(limit > 0 && sodium_init() >= 0);
    return randombytes_uniform(limit);
}
