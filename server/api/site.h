/* The site: under which names this server answers, and from which pages requests with a cookie may
 * come (SECURITY.md 1 and 5). Set up once before the loops start, then read by any thread. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "net/http_request.h"
#include <stdbool.h>
#include <stdint.h>

struct site {
    struct str public_url; /* "https://chat.example.org", without a slash at the end; links are
                              built from it */
    bool is_secure;        /* https: the cookie is Secure */
    struct str
        names[4]; /* hosts known, in lower case, with the port unless it is the scheme's own */
    struct str origins[4]; /* of the pages that are ours */
    unsigned count;
    char text[640]; /* what the strs above point into */
};

/* With a public URL: that one is known. Without: the loopback names at `port`, by https where we
 * speak TLS. False (what is wrong in `error`) for a URL that is not scheme://host[:port]. */
bool site_init(struct site *site, struct str public_url, uint16_t port, bool is_tls,
               struct buf *error) MUST_CHECK;
/* Case of letters ignored. */
bool site_knows_host(const struct site *site, struct str host);
/* The same on whatever port: for the address that only sends people on. */
bool site_knows_name(const struct site *site, struct str host);
/* Whether a target that begins with this scheme (or none) means the site (RFC 9110 section 7.4). */
bool site_knows_scheme(const struct site *site, enum http_scheme scheme);
bool site_knows_origin(const struct site *site, struct str origin);

/* True when a cookie on this request counts: Origin is ours, or absent and Sec-Fetch-Site says
 * same-origin. */
bool site_trusts_page(const struct site *site, const struct http_request *request);
/* True when a page of another site sent it: for requests that need no cookie but set one (sign-in).
 * Clients that are no browsers send neither header. */
bool site_is_foreign_page(const struct site *site, const struct http_request *request);
