#include "base/text.h"

#include "base/check.h"
#include "base/random.h"

#include <pthread.h>
#include <sodium.h>

static size_t base64_encode(const void *bytes, size_t len, char *out, int variant) {
    size_t cap = sodium_base64_encoded_len(len, variant);
    sodium_bin2base64(out, cap, bytes, len, variant);
    return cap - 1;
}

/* sodium refuses stray bits, missing padding and characters of the other alphabet; `end` catches
 * what it would leave unread. */
static bool base64_decode(struct str text, void *out, size_t cap, size_t *len, int variant) {
    const char *end = text.ptr;
    *len = 0;
    if (text.len == 0) /* its ptr may be NULL */
        return true;
    return sodium_base642bin(out, cap, text.ptr, text.len, NULL, len, &end, variant) == 0 &&
           end == text.ptr + text.len;
}

size_t text_base64url_encode(const void *bytes, size_t len, char *out) {
    return base64_encode(bytes, len, out, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool text_base64url_decode(struct str text, void *out, size_t cap, size_t *len) {
    return base64_decode(text, out, cap, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

size_t text_base64_encode(const void *bytes, size_t len, char *out) {
    return base64_encode(bytes, len, out, sodium_base64_VARIANT_ORIGINAL);
}

bool text_base64_decode(struct str text, void *out, size_t cap, size_t *len) {
    return base64_decode(text, out, cap, len, sodium_base64_VARIANT_ORIGINAL);
}

size_t text_decimal_encode(uint64_t value, char out[TEXT_DECIMAL_MAX_BYTES]) {
    char digits[TEXT_DECIMAL_MAX_BYTES];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

void text_hex_encode(const void *bytes, size_t len, char *out) {
    sodium_bin2hex(out, len * 2 + 1, bytes, len);
}

bool text_hex_decode(struct str text, void *out, size_t len) {
    size_t done = 0;
    if (text.len != len * 2)
        return false;
    return sodium_hex2bin(out, len, text.ptr, text.len, NULL, &done, NULL) == 0 && done == len;
}

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

static void hash_key_draw(void) {
    random_bytes(hash_key, sizeof hash_key);
}

uint64_t text_hash(struct str bytes) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, hash_key_draw) == 0);
    uint64_t hash;
    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "SipHash gives 64 bits");
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)bytes.ptr, bytes.len, hash_key);
    return hash;
}

bool text_equal_secret(struct str a, struct str b) {
    return a.len == b.len && sodium_memcmp(a.ptr, b.ptr, a.len) == 0;
}
