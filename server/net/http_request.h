/* One HTTP request, whole: what llhttp and our limits let through. Thread: made on a loop, then
 * owned by whoever took it. */
#pragma once
#include "base/arena.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* llhttp has the names HTTP_GET … for its own. */
enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER,
};

/* What a target that is a whole address begins with (RFC 9112 section 3.2.2). */
enum http_scheme { SCHEME_NONE, SCHEME_HTTP, SCHEME_HTTPS };

struct http_header {
    struct str name; /* as sent; compare without case */
    struct str value;
};

struct http_request {
    struct arena *arena; /* owns all below and the struct itself */
    enum http_method method;
    struct str method_name;
    enum http_scheme scheme; /* that the target names, or SCHEME_NONE */
    struct str path;         /* percent-encoded, begins with '/', without query; or "*" (OPTIONS) */
    struct str query;        /* without '?', may be empty */
    struct str host;         /* the target's authority, else the one Host header, else (HTTP/1.0)
                                empty */
    struct http_header *headers;
    size_t header_count;
    struct str body;
    bool keep_alive;
    bool is_http10;
    /* Set by the connection: */
    uint8_t client[16];      /* whose it is: the peer's address, or what trusted proxies say */
    bool is_forwarded_plain; /* it came to a trusted proxy by plain HTTP */
};

/* The first header of that name (ASCII case ignored), or an empty str with ptr NULL. */
struct str http_request_header(const struct http_request *request, const char *name);
/* The name of a header that is there twice and of which there can be one only, as its value is no
 * list (RFC 9110 section 5.3), among those that we read; NULL: none. Host, Content-Length and
 * Transfer-Encoding are the parser's. */
const char *http_request_doubled(const struct http_request *request);
/* One of the headers of that name is a comma-separated list that holds exactly this token. */
bool http_request_offers(const struct http_request *request, const char *name, struct str token);
/* The cookie's value, or ptr NULL. The first of that name counts. */
struct str http_request_cookie(const struct http_request *request, const char *name);
/* It asks about the server as a whole and no address of it: OPTIONS * (RFC 9110 section 9.3.7). */
bool http_request_is_server_wide(const struct http_request *request);
/* True for a correct RFC 6455 section 4.2.1 handshake (GET, Upgrade, Connection, version 13, a
 * 16-byte key). `bad` is set when it means to upgrade but is malformed; `wrong_version` when only
 * the version differs (answer 426 with Sec-WebSocket-Version). */
bool http_request_wants_websocket(const struct http_request *request, bool *bad,
                                  bool *wrong_version);
/* Frees the arena and with it the request. */
void http_request_destroy(struct http_request *request);
