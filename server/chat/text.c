#include "chat/text.h"

#include <utf8proc.h>

static bool code_is_blank(utf8proc_int32_t code) {
    utf8proc_category_t category = utf8proc_category(code);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP || category == UTF8PROC_CATEGORY_CC ||
           category == UTF8PROC_CATEGORY_CF;
}

bool text_is_blank(struct str text) {
    size_t at = 0;
    while (at < text.len) {
        utf8proc_int32_t code;
        utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + at,
                                                (utf8proc_ssize_t)(text.len - at), &code);
        if (len <= 0 || !code_is_blank(code))
            return false;
        at += (size_t)len;
    }
    return true;
}
