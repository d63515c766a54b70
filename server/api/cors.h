/* CORS (WHATWG Fetch section 3.3): which other sites' pages may use the api from a browser, as the
 * setting `cors.origins` lists them. They come with a token: credentials are never allowed, a
 * cookie of theirs counts nothing and none is set (SECURITY.md 1). Set up once before the loops
 * start, then read by any thread. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "net/http_request.h"

enum { CORS_ORIGINS_MAX = 64, CORS_LIST_MAX_BYTES = 4096 };

struct cors {
    struct str origins[CORS_ORIGINS_MAX]; /* as browsers write them: lower case, no default port */
    unsigned count;                       /* 0: off */
    char text[CORS_LIST_MAX_BYTES];       /* what the strs above point into */
};

/* `list`: scheme://host[:port] with commas between; may be empty. False (what is wrong in `error`)
 * for anything else, "*" and "null" included: whoever may use the api is named. */
bool cors_init(struct cors *cors, struct str list, struct buf *error) MUST_CHECK;
/* A page of a listed origin sent this request. */
bool cors_allows(const struct cors *cors, const struct http_request *request);
/* Appends the header lines that go with every answer to `request` below /api/v1/ and /socket.io/,
 * errors included; nothing while the setting is empty. */
void cors_append_headers(struct buf *headers, const struct cors *cors,
                         const struct http_request *request);
/* A listed origin's browser asks before it sends (section 3.2.2). */
bool cors_is_preflight(const struct cors *cors, const struct http_request *request);
/* The header lines for an answer to OPTIONS: those above, and to a preflight what it may send.
 * Every method is allowed everywhere: which ones a path takes its answer says (405, 404), and a
 * page sees an answer only after its preflight went well. */
void cors_append_preflight(struct buf *headers, const struct cors *cors,
                           const struct http_request *request);
