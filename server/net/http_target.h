/* The target of an HTTP request (RFC 9112 section 3.2) and the authority in it or in Host. Nothing
 * is copied: what is found points into the text given, or is a literal. Any thread. */
#pragma once
#include "base/check.h"
#include "net/http_request.h"

struct http_target {
    enum http_scheme scheme; /* SCHEME_NONE: it names no host either */
    struct str authority;    /* host[:port] as sent */
    struct str path;         /* percent-encoded, begins with '/'; or "*": the server as a whole */
    struct str query;        /* without '?', may be empty */
};

/* Takes apart the origin form (`/path?query`), the absolute form (`http://host/path?query`, https
 * too, case ignored; RFC 9112 section 3.2.2) and, with OPTIONS, `*` (section 3.2.4; the absolute
 * form with neither path nor query means the same). False for anything else: the authority form, a
 * fragment, another scheme, an authority that http_target_is_authority does not take. */
bool http_target_parse(struct str text, enum http_method method,
                       struct http_target *out) MUST_CHECK;
/* host[:port] as RFC 3986 section 3.2.2 spells it, the host not empty and an IPv6 address in
 * brackets, the port empty or up to 65535. No user name before it (RFC 9110 section 4.2.4). */
bool http_target_is_authority(struct str text);
