#include "base/str.h"

static unsigned char ascii_lower(char c) {
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

bool str_equal_nocase(struct str a, struct str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

bool str_starts_with(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_equal(str_make(s.ptr, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_equal(str_slice(s, s.len - suffix.len, s.len), suffix);
}

struct str str_slice(struct str s, size_t from, size_t to) {
    if (to > s.len)
        to = s.len;
    if (from >= to)
        return STR_EMPTY;
    return str_make(s.ptr + from, to - from);
}

size_t str_find(struct str s, struct str needle) {
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return STR_NOT_FOUND;
    const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at == NULL ? STR_NOT_FOUND : (size_t)(at - s.ptr);
}

size_t str_find_char(struct str s, char c) {
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return at == NULL ? STR_NOT_FOUND : (size_t)(at - s.ptr);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s) {
    while (s.len > 0 && is_space(s.ptr[0]))
        s = str_make(s.ptr + 1, s.len - 1);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str s, char separator, struct str *head, struct str *rest) {
    size_t at = str_find_char(s, separator);
    *head = str_slice(s, 0, at);
    *rest = at == STR_NOT_FOUND ? STR_EMPTY : str_slice(s, at + 1, s.len);
    return at != STR_NOT_FOUND;
}

bool str_to_i64(struct str s, int64_t *out) {
    bool negative = s.len > 0 && s.ptr[0] == '-';
    struct str digits = str_slice(s, negative ? 1 : 0, s.len);
    if (digits.len == 0 || (digits.ptr[0] == '0' && (digits.len > 1 || negative)))
        return false;
    int64_t value =
        0; /* counted downwards: there is one negative number more than there are positive ones */
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9' ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digits.ptr[i] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value;
    return true;
}
