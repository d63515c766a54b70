#include "base/uuid.h"

#include "base/clock.h"
#include "base/random.h"

#include <pthread.h>
#include <string.h>

/* 12 bits of counter (rand_a) order the ids of one millisecond; when they run out, or when the
 * clock stood still or went back, the time in the ids runs ahead of the clock (RFC 9562
 * section 6.2, method 1). */
enum { COUNTER_MAX = 0xFFF, COUNTER_START_MAX = 0x7FF };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_ms;
static unsigned counter;

/* The next (millisecond, counter), above all before. `start` is where a fresh millisecond begins to
 * count. */
static void next_stamp(unsigned start, uint64_t *ms, unsigned *count) {
    uint64_t now_ms = (uint64_t)clock_now_ms();
    pthread_mutex_lock(&lock);
    if (now_ms > last_ms) {
        last_ms = now_ms;
        counter = start;
    } else if (counter < COUNTER_MAX) {
        counter++;
    } else {
        last_ms++;
        counter = start;
    }
    *ms = last_ms;
    *count = counter;
    pthread_mutex_unlock(&lock);
}

/* The random bits of an id, drawn for many at once: one system call a message otherwise. Ids are no
 * secrets. */
static void draw_bits(uint8_t out[16]) {
    enum { DRAWN_IDS = 64 };
    static _Thread_local uint8_t drawn[DRAWN_IDS][16];
    static _Thread_local size_t left;
    if (left == 0) {
        random_bytes(drawn, sizeof drawn);
        left = DRAWN_IDS;
    }
    memcpy(out, drawn[--left], sizeof drawn[0]);
}

struct uuid uuid_v7(void) {
    struct uuid uuid = {{0}};
    draw_bits(uuid.bytes);
    uint64_t ms;
    unsigned count;
    next_stamp((unsigned)(uuid.bytes[6] << 8 | uuid.bytes[7]) & COUNTER_START_MAX, &ms, &count);
    for (int i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    uuid.bytes[6] = (uint8_t)(0x70 | count >> 8);
    uuid.bytes[7] = (uint8_t)(count & 0xFF);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3F) | 0x80);
    return uuid;
}

/* The 8-4-4-4-12 groups: bytes before which a '-' stands. */
static bool dash_before(size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

/* A digit's value and one more; 0: it is none. */
static const uint8_t hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool uuid_parse(struct str text, struct uuid *out) {
    struct uuid uuid;
    size_t from = 0;
    if (text.len != UUID_TEXT_BYTES - 1)
        return false;
    for (size_t i = 0; i < 16; i++) {
        if (dash_before(i) && text.ptr[from++] != '-')
            return false;
        uint8_t high = hex_digits[(unsigned char)text.ptr[from++]];
        uint8_t low = hex_digits[(unsigned char)text.ptr[from++]];
        if (high == 0 || low == 0)
            return false;
        uuid.bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    *out = uuid;
    return true;
}

void uuid_format(struct uuid uuid, char out[UUID_TEXT_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        if (dash_before(i))
            *out++ = '-';
        *out++ = digits[uuid.bytes[i] >> 4];
        *out++ = digits[uuid.bytes[i] & 15];
    }
    *out = '\0';
}

bool uuid_equal(struct uuid a, struct uuid b) {
    return uuid_compare(a, b) == 0;
}

bool uuid_is_zero(struct uuid uuid) {
    return uuid_equal(uuid, (struct uuid){{0}});
}

int uuid_compare(struct uuid a, struct uuid b) {
    return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}
