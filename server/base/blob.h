/* Bytes shared by reference: packets, frames, files in memory. One allocation holds the count and
 * the bytes.
 *
 * Whoever creates a blob fills it while it has the only reference; from the moment that it is
 * handed to another thread or queue nobody changes it again. References may be taken and given back
 * on any thread; the last one frees. */
#pragma once
#include "base/check.h"
#include "base/str.h"
#include <stdatomic.h>
#include <stdint.h>

struct blob {
    atomic_uint refs;
    uint32_t len;
    uint32_t cap;
    unsigned char bytes[];
};

/* Room for `cap` bytes, length 0, one reference (the caller's). */
struct blob *blob_create(size_t cap);
/* A copy of `bytes`, one reference. */
struct blob *blob_from_bytes(const void *bytes, size_t len);
/* Appends while the caller has the only reference; CHECKs that it fits. */
void blob_append(struct blob *blob, const void *bytes, size_t len);
/* Gives back the room behind len while the caller has the only reference; the blob may move. */
struct blob *blob_shrink(struct blob *take_blob) MUST_CHECK;
/* One reference more; returns the same blob. */
struct blob *blob_ref(struct blob *blob);
/* Gives one reference back; NULL is allowed. */
void blob_unref(struct blob *take_blob);

static inline struct str blob_str(const struct blob *blob) {
    return (struct str){(const char *)blob->bytes, blob->len};
}
