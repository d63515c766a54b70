/* Borrowed bytes: a pointer and a length, not NUL-terminated, often text. A struct str owns
 * nothing; whoever makes one says how long the bytes live. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* From a string literal; STR_INIT is the form for static initializers. */
#define STR_INIT(literal)                                                                          \
    { "" literal, sizeof(literal) - 1 }
#define STR(literal) ((struct str)STR_INIT(literal))
#define STR_EMPTY ((struct str){"", 0})
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_make(const char *ptr, size_t len) {
    return (struct str){ptr, len};
}

/* Borrows a NUL-terminated string; NULL gives the empty one. */
static inline struct str str_from_cstr(const char *text) {
    return text == NULL ? STR_EMPTY : (struct str){text, strlen(text)};
}

static inline bool str_is_empty(struct str s) {
    return s.len == 0;
}

static inline bool str_equal(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal but for the case of ASCII letters. */
bool str_equal_nocase(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
/* Bytes [from, to) of s; both are cut to its length, and to < from gives the empty string. */
struct str str_slice(struct str s, size_t from, size_t to);
/* Where `needle` first begins in s, or STR_NOT_FOUND. The empty needle is found at 0. */
#define STR_NOT_FOUND SIZE_MAX
size_t str_find(struct str s, struct str needle);
size_t str_find_char(struct str s, char c);
/* Without the ASCII white space (space, \t, \r, \n) at both ends. */
struct str str_trim(struct str s);
/* Cuts s at the first `separator`: *head is what was before it, *rest what comes after. False (and
 * *head = s, *rest empty) without one. */
bool str_cut(struct str s, char separator, struct str *head, struct str *rest);
/* Strict decimal: an optional '-', then digits only, no leading zeros but "0" itself, no "-0", no
 * overflow. */
bool str_to_i64(struct str s, int64_t *out);
