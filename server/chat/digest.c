#include "chat/digest.h"

#include <sodium.h>

void digest_request(const struct str *parts, size_t count, unsigned char out[NONCE_DIGEST_BYTES]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, nonce_key(), NONCE_KEY_BYTES, NONCE_DIGEST_BYTES);
    for (size_t i = 0; i < count; i++) {
        const uint64_t len = parts[i].len; /* goes in too: no two requests give the same bytes */
        crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
        crypto_generichash_update(&state, (const unsigned char *)parts[i].ptr, parts[i].len);
    }
    crypto_generichash_final(&state, out, NONCE_DIGEST_BYTES);
}
