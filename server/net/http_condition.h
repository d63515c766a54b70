/* Conditional requests (RFC 9110 section 13), one byte range (section 14) and the dates they use
 * (section 5.6.7). Socket-free; any thread. */
#pragma once
#include "net/http_request.h"
#include <stdint.h>

/* What the resource is now. */
struct http_validators {
    struct str etag;    /* strong, with its quotes */
    int64_t modified_s; /* seconds since 1970 */
};

enum http_condition {
    HTTP_CONDITION_MET,          /* answer as if there were none */
    HTTP_CONDITION_NOT_MODIFIED, /* 304 */
    HTTP_CONDITION_FAILED,       /* 412 */
};

/* If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since of a GET or HEAD, in the order
 * of section 13.2.2. A date that is none counts as absent. */
enum http_condition http_condition_check(const struct http_request *request,
                                         const struct http_validators *now);

/* What a client holds is still the same: `if_none_match` (the header, or empty) names `etag`, which
 * comes with its quotes; weak comparison (section 13.1.2). */
bool http_etag_matches(struct str if_none_match, struct str etag);

enum http_range {
    HTTP_RANGE_NONE,   /* none asked for, or none that counts: all is sent */
    HTTP_RANGE_ONE,    /* 206: bytes [from, to) */
    HTTP_RANGE_BEYOND, /* 416 */
};

/* The range that a GET asks for of `size` bytes, if its If-Range holds. Several ranges, other units
 * and what is no range are ignored, as section 14.2 allows. */
enum http_range http_condition_range(const struct http_request *request,
                                     const struct http_validators *now, size_t size, size_t *from,
                                     size_t *to);

enum { HTTP_DATE_BYTES = 30 };
/* "Sun, 06 Nov 1994 08:49:37 GMT", NUL-terminated. */
void http_date_format(int64_t seconds, char out[HTTP_DATE_BYTES]);
/* The form above and the two obsolete ones that a recipient must take. */
bool http_date_parse(struct str text, int64_t *seconds);
