/* Bytes as text and back, hashes of short keys, comparison of secrets. Any thread. */
#pragma once
#include "base/str.h"

/* Bytes that the texts below need for `len` bytes, the NUL included. */
#define TEXT_BASE64URL_BYTES(len) (((len)*4 + 2) / 3 + 1)
#define TEXT_HEX_BYTES(len) ((len)*2 + 1)

/* base64url without padding (RFC 4648 section 5), NUL-terminated. Returns the text's length. */
size_t text_base64url_encode(const void *bytes, size_t len, char *out);
/* Strict: no padding, no white space, no stray bits. False when it is not one or is longer than
 * `cap` bytes decoded. */
bool text_base64url_decode(struct str text, void *out, size_t cap, size_t *len);
/* Standard base64 with padding (RFC 4648 section 4), NUL-terminated: (len + 2) / 3 * 4 + 1 bytes.
 */
size_t text_base64_encode(const void *bytes, size_t len, char *out);
bool text_base64_decode(struct str text, void *out, size_t cap, size_t *len);

enum { TEXT_DECIMAL_MAX_BYTES = 20 };
/* The digits, without a NUL. Returns their number. */
size_t text_decimal_encode(uint64_t value, char out[TEXT_DECIMAL_MAX_BYTES]);

/* Lower-case hex, NUL-terminated. */
void text_hex_encode(const void *bytes, size_t len, char *out);
/* Either case; the text must be exactly 2 * len characters. */
bool text_hex_decode(struct str text, void *out, size_t len);

/* SipHash-2-4 (libsodium's crypto_shorthash) with a key that the process draws at its start: for
 * hash tables. */
uint64_t text_hash(struct str bytes);
/* Equal, in a time that depends on the lengths only. For secrets. */
bool text_equal_secret(struct str a, struct str b);
