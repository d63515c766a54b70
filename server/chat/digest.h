/* Keyed digests of requests: a nonce used again for something else shows, and a digest alone tells
 * nothing of the text that it is of.
 *
 * Thread: the writer, inside a transaction (the key is drawn when it is first needed). */
#pragma once
#include "store/nonce.h"

enum err digest_request(struct tx *tx, const struct str *parts, size_t count,
                        unsigned char out[NONCE_DIGEST_BYTES]) MUST_CHECK;
