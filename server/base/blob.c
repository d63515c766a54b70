#include "base/blob.h"

#include "base/check.h"
#include "base/mem.h"

struct blob *blob_create(size_t cap) {
    CHECK(cap <= UINT32_MAX);
    struct blob *blob = mem_alloc(sizeof *blob + cap);
    atomic_init(&blob->refs, 1);
    blob->len = 0;
    blob->cap = (uint32_t)cap;
    return blob;
}

struct blob *blob_from_bytes(const void *bytes, size_t len) {
    struct blob *blob = blob_create(len);
    blob_append(blob, bytes, len);
    return blob;
}

void blob_append(struct blob *blob, const void *bytes, size_t len) {
    CHECK(len <= blob->cap - blob->len);
    if (len == 0)
        return;
    memcpy(blob->bytes + blob->len, bytes, len);
    blob->len += (uint32_t)len;
}

struct blob *blob_shrink(struct blob *take_blob) {
    CHECK(atomic_load_explicit(&take_blob->refs, memory_order_relaxed) == 1);
    struct blob *blob = mem_realloc(take_blob, sizeof *blob + take_blob->len);
    blob->cap = blob->len;
    return blob;
}

struct blob *blob_ref(struct blob *blob) {
    unsigned before = atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    CHECK(before > 0 && before < UINT32_MAX);
    return blob;
}

void blob_unref(struct blob *take_blob) {
    if (take_blob == NULL)
        return;
    /* Acquire and release: whoever frees sees all that the other holders did. */
    unsigned before = atomic_fetch_sub_explicit(&take_blob->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1)
        mem_free(take_blob);
}
