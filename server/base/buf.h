/* A growing byte buffer. Thread: whoever owns it. Owner: the caller, with buf_init/buf_finish. It
 * grows without an own limit: check the size of input before appending it. The bytes are not
 * NUL-terminated; buf_cstr makes them so. */
#pragma once
#include "base/check.h"
#include "base/str.h"
#include <stdarg.h>
#include <string.h>

struct buf {
    char *data;
    size_t len, cap;
};

#define BUF_INIT                                                                                   \
    { NULL, 0, 0 }

/* Empty; no memory is taken until something is appended. */
void buf_init(struct buf *buf);
/* Frees the bytes; the buffer is empty and may be used again. */
void buf_finish(struct buf *buf);
/* Length 0; the memory is kept. */
void buf_clear(struct buf *buf);
/* Makes room for `extra` more bytes and returns where they go; add what was written to buf->len. */
char *buf_reserve(struct buf *buf, size_t extra);
/* Memory for exactly `cap` bytes, not less than len: for who bounds it. */
void buf_resize(struct buf *buf, size_t cap);
static inline void buf_append(struct buf *buf, const void *ptr, size_t len) {
    if (len == 0)
        return;
    memcpy(len <= buf->cap - buf->len ? buf->data + buf->len : buf_reserve(buf, len), ptr, len);
    buf->len += len;
}
void buf_append_str(struct buf *buf, struct str s);
static inline void buf_append_cstr(struct buf *buf, const char *text) {
    buf_append(buf, text, strlen(text));
}
static inline void buf_append_char(struct buf *buf, char c) {
    buf_append(buf, &c, 1);
}
void buf_append_i64(struct buf *buf, int64_t value);
void buf_append_u64(struct buf *buf, uint64_t value);
void buf_appendf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vappendf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* The bytes, borrowed until the next change. */
struct str buf_str(const struct buf *buf);
/* The same with a NUL after them (which is not counted in len). */
const char *buf_cstr(struct buf *buf);
