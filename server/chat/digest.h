/* Keyed digests of requests: a nonce used again for something else shows, and a digest alone tells
 * nothing of the text that it is of.
 *
 * Thread: any. */
#pragma once
#include "store/nonce.h"

void digest_request(const struct str *parts, size_t count, unsigned char out[NONCE_DIGEST_BYTES]);
