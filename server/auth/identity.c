#include "auth/identity.h"

#include <pthread.h>
#include <stdlib.h>
#include <unicode/uspoof.h>
#include <utf8proc.h>

enum { NAME_CODE_POINTS_MAX = 40 };

/* A text normalized by utf8proc, moved into the arena. */
static bool identity_map(struct arena *arena, struct str text, int options, struct str *out) {
    utf8proc_uint8_t *mapped = NULL;
    utf8proc_ssize_t len =
        utf8proc_map((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &mapped,
                     (utf8proc_option_t)options);
    if (len < 0)
        return false;
    *out = arena_strdup(arena, str_make((const char *)mapped, (size_t)len));
    free(mapped); /* utf8proc's own, from malloc */
    return true;
}

bool identity_fold(struct arena *arena, struct str text, struct str *out) {
    if (text.len == 0) {
        *out = STR_EMPTY;
        return true;
    }
    return identity_map(arena, text,
                        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                            UTF8PROC_IGNORE,
                        out);
}

/* ---- names ---- */

static bool is_letter_or_digit(utf8proc_int32_t code) {
    utf8proc_category_t category = utf8proc_category(code);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           category == UTF8PROC_CATEGORY_ND;
}

/* A vowel sign or accent that belongs to the letter before it. */
static bool is_mark(utf8proc_int32_t code) {
    utf8proc_category_t category = utf8proc_category(code);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC;
}

static bool name_is_well_formed(struct str name) {
    size_t at = 0, count = 0, letters = 0;
    while (at < name.len) {
        utf8proc_int32_t code;
        utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)name.ptr + at,
                                                (utf8proc_ssize_t)(name.len - at), &code);
        if (len <= 0)
            return false;
        if (is_letter_or_digit(code))
            letters++;
        else if (code != '.' && code != '_' && code != '-' && !(is_mark(code) && letters > 0))
            return false;
        at += (size_t)len;
        count++;
    }
    return letters > 0 && count <= NAME_CODE_POINTS_MAX;
}

static USpoofChecker *name_checker;

static void name_checker_open(void) {
    UErrorCode status = U_ZERO_ERROR;
    name_checker = uspoof_open(&status);
    CHECK(U_SUCCESS(status)); /* its data is part of the library */
}

/* What the text looks like (UTS 39). ICU gives the length that it needs when the buffer is too
 * short. */
static bool name_look(struct arena *arena, struct str name, struct str *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, name_checker_open);
    UErrorCode status = U_ZERO_ERROR;
    int32_t cap = (int32_t)(name.len * 8 + 16);
    char *text = arena_alloc(arena, (size_t)cap);
    int32_t len =
        uspoof_getSkeletonUTF8(name_checker, 0, name.ptr, (int32_t)name.len, text, cap, &status);
    *out = str_make(text, len < 0 ? 0 : (size_t)len);
    return U_SUCCESS(status) && len <= cap;
}

/* Some letters look alike as capitals alone, some as small ones: the name is looked at as it is
 * shown, and once more folded. */
static bool name_skeleton(struct arena *arena, struct str name, struct str *out) {
    struct str look, folded;
    return name_look(arena, name, &look) && identity_fold(arena, look, &folded) &&
           name_look(arena, folded, out);
}

bool identity_parse_name(struct arena *arena, struct str text, struct identity_name *out) {
    return text.len > 0 &&
           identity_map(arena, text, UTF8PROC_STABLE | UTF8PROC_COMPOSE, &out->name) &&
           name_is_well_formed(out->name) && identity_fold(arena, out->name, &out->folded) &&
           name_is_well_formed(out->folded) && name_skeleton(arena, out->name, &out->skeleton);
}

/* ---- addresses ---- */

bool identity_parse_email(struct arena *arena, struct str text, struct str *folded) {
    struct str local, domain;
    if (!str_cut(text, '@', &local, &domain) || local.len == 0 || domain.len == 0 ||
        str_find_char(domain, '@') != STR_NOT_FOUND)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return false;
    return identity_fold(arena, text, folded);
}

enum err identity_find(struct tx *tx, struct str login, struct account_row *out) {
    struct str folded;
    if (!identity_fold(tx->arena, login, &folded))
        return ERR_NOT_FOUND;
    bool is_email = str_find_char(folded, '@') != STR_NOT_FOUND;
    return is_email ? account_by_email(tx, folded, out) : account_by_name(tx, folded, out);
}
