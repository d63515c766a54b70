#include "auth/password.h"

#include "base/metrics.h"
#include <sodium.h>
#include <string.h>

static struct password_options password_cost;
static char password_of_nobody[crypto_pwhash_STRBYTES];

static void password_hash_to(struct str password, char out[crypto_pwhash_STRBYTES]) {
    metrics_add(METRIC_PASSWORD_HASHES, 1);
    /* It fails only when there is no memory for it. */
    CHECK(crypto_pwhash_str_alg(
              out, password.ptr, password.len, (unsigned long long)password_cost.passes,
              (size_t)password_cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) == 0);
}

void password_init(const struct password_options *options) {
    unsigned char secret[32];
    CHECK(sodium_init() >= 0);
    password_cost = *options;
    randombytes_buf(secret, sizeof secret);
    password_hash_to(str_make((const char *)secret, sizeof secret), password_of_nobody);
    sodium_memzero(secret, sizeof secret);
}

struct str password_hash(struct arena *arena, struct str password) {
    char hash[crypto_pwhash_STRBYTES];
    password_hash_to(password, hash);
    return arena_strdup(arena, str_from_cstr(hash));
}

/* libsodium wants a NUL-terminated text in a field of that size. False: it cannot be one of its
 * hashes. */
static bool password_copy(struct str hash, char out[crypto_pwhash_STRBYTES]) {
    if (hash.len == 0 || hash.len >= crypto_pwhash_STRBYTES)
        return false;
    memset(out, 0, crypto_pwhash_STRBYTES);
    memcpy(out, hash.ptr, hash.len);
    return true;
}

bool password_verify(struct str hash, struct str password) {
    char text[crypto_pwhash_STRBYTES];
    bool is_somebody = password_copy(hash, text);
    metrics_add(METRIC_PASSWORD_HASHES, 1);
    bool matches = crypto_pwhash_str_verify(is_somebody ? text : password_of_nobody, password.ptr,
                                            password.len) == 0;
    return is_somebody && matches;
}

bool password_needs_rehash(struct str hash) {
    char text[crypto_pwhash_STRBYTES];
    return !password_copy(hash, text) ||
           crypto_pwhash_str_needs_rehash(text, (unsigned long long)password_cost.passes,
                                          (size_t)password_cost.memory_bytes) != 0;
}
