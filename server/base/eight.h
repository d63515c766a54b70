/* Eight bytes of a text looked at together (Warren, Hacker's Delight, section 6-1). Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* That byte in each of the eight. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))
/* The high bit of each. */
#define EIGHT_HIGH EIGHT(0x80)

/* Whether some byte is below `limit`, which is at most 0x80; one of 0x80 or more never is. */
static inline bool eight_has_below(uint64_t bytes, unsigned char limit) {
    return ((bytes - EIGHT(limit)) & ~bytes & EIGHT_HIGH) != 0;
}

/* Whether some byte is `c`. */
static inline bool eight_has(uint64_t bytes, unsigned char c) {
    return eight_has_below(bytes ^ EIGHT(c), 1);
}
