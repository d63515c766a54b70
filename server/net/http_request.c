#include "net/http_request.h"

#include "base/text.h"
#include "net/ws_extension.h"

void http_request_destroy(struct http_request *request) {
    arena_destroy(request->arena);
}

struct str http_request_header(const struct http_request *request, const char *name) {
    struct str wanted = str_from_cstr(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_equal_nocase(request->headers[i].name, wanted))
            return request->headers[i].value;
    }
    return (struct str){0};
}

static const char *const single_headers[] = {
    "Authorization",
    "Access-Control-Request-Method",
    "Content-Type",
    "Cookie", /* RFC 6265 section 5.4 */
    "Idempotency-Key",
    "If-Modified-Since",
    "If-Range",
    "If-Unmodified-Since",
    "Last-Event-ID",
    "Origin",
    "Range",
    "Sec-Fetch-Site",
    "Sec-WebSocket-Key",     /* RFC 6455 section 11.3.1 */
    "Sec-WebSocket-Version", /* RFC 6455 section 11.3.5 */
};

const char *http_request_doubled(const struct http_request *request) {
    unsigned seen = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        for (size_t k = 0; k < sizeof single_headers / sizeof single_headers[0]; k++) {
            if (!str_equal_nocase(request->headers[i].name, str_from_cstr(single_headers[k])))
                continue;
            if ((seen & (1U << k)) != 0)
                return single_headers[k];
            seen |= 1U << k;
        }
    }
    return NULL;
}

/* RFC 6265 section 5.4, read back: pairs parted by "; ". */
struct str http_request_cookie(const struct http_request *request, const char *name) {
    struct str rest = http_request_header(request, "Cookie"), pair, key, value;
    while (rest.len > 0) {
        str_cut(rest, ';', &pair, &rest);
        bool is_pair = str_cut(str_trim(pair), '=', &key, &value);
        if (is_pair && str_equal(key, str_from_cstr(name)))
            return value;
    }
    return (struct str){0};
}

bool http_request_offers(const struct http_request *request, const char *name, struct str token) {
    struct str wanted = str_from_cstr(name), list, item;
    for (size_t i = 0; i < request->header_count; i++) {
        list = request->headers[i].value;
        while (str_equal_nocase(request->headers[i].name, wanted) && list.len > 0) {
            str_cut(list, ',', &item, &list);
            if (str_equal(str_trim(item), token))
                return true;
        }
    }
    return false;
}

/* A comma-separated list holds the token, case ignored. */
static bool list_has(struct str list, struct str token) {
    struct str item;
    while (list.len > 0) {
        str_cut(list, ',', &item, &list);
        if (str_equal_nocase(str_trim(item), token))
            return true;
    }
    return false;
}

/* RFC 6455 section 9.1: whoever sends a malformed list must not be served. */
static bool has_malformed_extensions(const struct http_request *request) {
    static const struct ws_deflate_options nothing;
    struct ws_deflate_params params = {0};
    struct str name = STR("Sec-WebSocket-Extensions");
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_equal_nocase(request->headers[i].name, name) &&
            !ws_extension_negotiate(request->headers[i].value, &nothing, &params))
            return true;
    }
    return false;
}

bool http_request_is_server_wide(const struct http_request *request) {
    return str_equal(request->path, STR("*"));
}

bool http_request_wants_websocket(const struct http_request *request, bool *bad,
                                  bool *wrong_version) {
    *bad = *wrong_version = false;
    if (!list_has(http_request_header(request, "Upgrade"), STR("websocket")))
        return false;
    unsigned char key[32];
    size_t key_length = 0;
    struct str version = http_request_header(request, "Sec-WebSocket-Version");
    *wrong_version = version.ptr != NULL && !str_equal(version, STR("13"));
    *bad = request->method != METHOD_GET || request->is_http10 || version.ptr == NULL ||
           *wrong_version ||
           !list_has(http_request_header(request, "Connection"), STR("upgrade")) ||
           !text_base64_decode(http_request_header(request, "Sec-WebSocket-Key"), key, sizeof key,
                               &key_length) ||
           key_length != 16 || has_malformed_extensions(request);
    return !*bad;
}
