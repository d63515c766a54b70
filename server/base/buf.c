#include "base/buf.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

enum { BUF_FIRST_BYTES = 256 };

void buf_init(struct buf *buf) {
    *buf = (struct buf)BUF_INIT;
}

void buf_finish(struct buf *buf) {
    mem_free(buf->data);
    buf_init(buf);
}

void buf_clear(struct buf *buf) {
    buf->len = 0;
}

char *buf_reserve(struct buf *buf, size_t extra) {
    size_t need;
    CHECK(!__builtin_add_overflow(buf->len, extra, &need));
    if (need > buf->cap || buf->data == NULL) {
        size_t cap = buf->cap < BUF_FIRST_BYTES ? BUF_FIRST_BYTES : buf->cap * 2;
        buf->cap = cap < need ? need : cap;
        buf->data = mem_realloc(buf->data, buf->cap);
    }
    return buf->data + buf->len;
}

void buf_resize(struct buf *buf, size_t cap) {
    CHECK(cap >= buf->len);
    buf->data = mem_realloc(buf->data, cap);
    buf->cap = cap;
}

void buf_append_str(struct buf *buf, struct str s) {
    buf_append(buf, s.ptr, s.len);
}

void buf_append_u64(struct buf *buf, uint64_t value) {
    char digits[TEXT_DECIMAL_MAX_BYTES];
    buf_append(buf, digits, text_decimal_encode(value, digits));
}

void buf_append_i64(struct buf *buf, int64_t value) {
    if (value >= 0) {
        buf_append_u64(buf, (uint64_t)value);
        return;
    }
    buf_append_char(buf, '-');
    buf_append_u64(buf, -(uint64_t)value);
}

void buf_appendf(struct buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vappendf(buf, format, args);
    va_end(args);
}

void buf_vappendf(struct buf *buf, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    size_t room = buf->cap - buf->len;
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang 14 misses the va_copy */
    int len = vsnprintf(buf_reserve(buf, 0), room, format, args);
    CHECK(len >= 0);
    if ((size_t)len >= room)
        CHECK(vsnprintf(buf_reserve(buf, (size_t)len + 1), (size_t)len + 1, format, again) == len);
    va_end(again);
    buf->len += (size_t)len;
}

struct str buf_str(const struct buf *buf) {
    return buf->len == 0 ? STR_EMPTY : str_make(buf->data, buf->len);
}

const char *buf_cstr(struct buf *buf) {
    *buf_reserve(buf, 1) = '\0';
    return buf->data;
}
