#include "net/http_condition.h"

#include <stdio.h>
#include <time.h>

/* ---- dates ---- */

void http_date_format(int64_t seconds, char out[HTTP_DATE_BYTES]) {
    time_t when = (time_t)seconds;
    struct tm utc;
    out[0] = '\0';
    if (gmtime_r(&when, &utc) != NULL)
        (void)strftime(out, HTTP_DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

/* strptime() skips white space and more that is not in the grammar; what it gave back as text must
 * be what came. The server never leaves the C locale. */
static bool parse_as(const char *text, const char *format, int64_t *seconds) {
    struct tm utc = {0};
    char again[64];
    const char *end = strptime(text, format, &utc);
    if (end == NULL || *end != '\0')
        return false;
    *seconds = (int64_t)timegm(&utc);
    return strftime(again, sizeof again, format, &utc) > 0 &&
           str_equal(str_from_cstr(again), str_from_cstr(text));
}

bool http_date_parse(struct str text, int64_t *seconds) {
    static const char *const formats[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                          "%a %b %e %H:%M:%S %Y"};
    char copy[48];
    if (text.len >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (parse_as(copy, formats[i], seconds))
            return true;
    }
    return false;
}

static bool header_date(const struct http_request *request, const char *name, int64_t *seconds) {
    return http_date_parse(http_request_header(request, name), seconds);
}

/* ---- conditions ---- */

/* A list of entity tags, or "*". Strong comparison takes no weak tag (section 8.8.3.2). Our tags
 * hold no comma. */
static bool list_has(struct str list, struct str etag, bool is_strong) {
    struct str item;
    if (str_equal(list, STR("*")))
        return true;
    while (list.len > 0) {
        str_cut(list, ',', &item, &list);
        item = str_trim(item);
        if (!is_strong && str_starts_with(item, STR("W/")))
            item = str_slice(item, 2, item.len);
        if (str_equal(item, etag))
            return true;
    }
    return false;
}

bool http_etag_matches(struct str if_none_match, struct str etag) {
    return list_has(if_none_match, etag, false);
}

enum http_condition http_condition_check(const struct http_request *request,
                                         const struct http_validators *now) {
    struct str match = http_request_header(request, "If-Match");
    struct str none_match = http_request_header(request, "If-None-Match");
    int64_t since = 0;
    if (match.ptr != NULL) {
        if (!list_has(match, now->etag, true))
            return HTTP_CONDITION_FAILED;
    } else if (header_date(request, "If-Unmodified-Since", &since) && now->modified_s > since) {
        return HTTP_CONDITION_FAILED;
    }
    if (none_match.ptr != NULL)
        return http_etag_matches(none_match, now->etag) ? HTTP_CONDITION_NOT_MODIFIED
                                                        : HTTP_CONDITION_MET;
    if (header_date(request, "If-Modified-Since", &since) && now->modified_s <= since)
        return HTTP_CONDITION_NOT_MODIFIED;
    return HTTP_CONDITION_MET;
}

/* ---- ranges ---- */

/* A tag or a date; only one that is surely the same lets parts be put together (section 13.1.5). */
static bool if_range_holds(const struct http_request *request, const struct http_validators *now) {
    struct str value = http_request_header(request, "If-Range");
    int64_t date = 0;
    if (value.ptr == NULL || str_equal(value, now->etag))
        return true;
    return http_date_parse(value, &date) && date == now->modified_s;
}

enum http_range http_condition_range(const struct http_request *request,
                                     const struct http_validators *now, size_t size, size_t *from,
                                     size_t *to) {
    struct str header = http_request_header(request, "Range"), first, last;
    int64_t a = 0, b = 0;
    if (request->method != METHOD_GET ||
        !str_equal_nocase(str_slice(header, 0, 6), STR("bytes=")) ||
        !str_cut(str_slice(header, 6, header.len), '-', &first, &last) ||
        !if_range_holds(request, now))
        return HTTP_RANGE_NONE;
    bool has_first = str_to_i64(first, &a), has_last = str_to_i64(last, &b);
    if ((!has_first && first.len > 0) || (!has_last && last.len > 0) || (!has_first && !has_last) ||
        b < 0 || (has_first && has_last && b < a))
        return HTTP_RANGE_NONE;
    if (!has_first) {
        *from = b < (int64_t)size ? size - (size_t)b : 0;
        *to = size;
    } else {
        *from = (size_t)a;
        *to = has_last && b < (int64_t)size ? (size_t)b + 1 : size;
    }
    return *from < *to ? HTTP_RANGE_ONE : HTTP_RANGE_BEYOND;
}
