#include "api/cors.h"

#include <ctype.h>

/* So long browsers keep a preflight's answer; none keeps it longer than two hours. */
enum { PREFLIGHT_LIFE_S = 7200 };

/* ---- the setting ---- */

static bool is_host_char(char c) {
    return isalnum((unsigned char)c) || c == '-' || c == '.' || c == ':' || c == '[' || c == ']';
}

/* An Origin header never holds the port that is the scheme's own: such a row would match nothing.
 */
static bool is_origin(struct str text) {
    struct str https = STR("https://"), http = STR("http://");
    bool is_secure = str_starts_with(text, https);
    if (!is_secure && !str_starts_with(text, http))
        return false;
    struct str host = str_slice(text, is_secure ? https.len : http.len, text.len);
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_char(host.ptr[i]))
            return false;
    }
    return host.len > 0 && !str_ends_with(host, is_secure ? STR(":443") : STR(":80"));
}

static bool refuse(struct buf *error, struct str origin, const char *why) {
    buf_appendf(error, "cors.origins: \"%.*s\" %s", STR_ARG(origin), why);
    return false;
}

static void add_origin(struct cors *cors, size_t *used, struct str origin) {
    char *at = cors->text + *used;
    CHECK(*used + origin.len <= sizeof cors->text);
    for (size_t i = 0; i < origin.len; i++)
        at[i] = (char)tolower((unsigned char)origin.ptr[i]);
    *used += origin.len;
    cors->origins[cors->count++] = str_make(at, origin.len);
}

bool cors_init(struct cors *cors, struct str list, struct buf *error) {
    size_t used = 0;
    *cors = (struct cors){0};
    while (list.len > 0) {
        struct str item, origin;
        str_cut(list, ',', &item, &list);
        origin = str_trim(item);
        if (str_equal(origin, STR("*")))
            return refuse(error, origin, "would let every site in: name the origins");
        if (!is_origin(origin))
            return refuse(
                error, origin,
                "is no origin: http(s)://HOST or http(s)://HOST:PORT, no slash at the end "
                "and no port that is the scheme's own");
        if (cors->count == CORS_ORIGINS_MAX || used + origin.len > sizeof cors->text)
            return refuse(error, origin, "is one origin too many");
        add_origin(cors, &used, origin);
    }
    return true;
}

/* ---- a request ---- */

static struct str listed_origin(const struct cors *cors, const struct http_request *request) {
    struct str origin = http_request_header(request, "Origin");
    for (unsigned i = 0; i < cors->count && origin.ptr != NULL; i++) {
        if (str_equal(cors->origins[i], origin))
            return cors->origins[i];
    }
    return (struct str){0};
}

bool cors_allows(const struct cors *cors, const struct http_request *request) {
    return listed_origin(cors, request).ptr != NULL;
}

static bool is_covered(struct str path) {
    return str_starts_with(path, STR("/api/v1/")) || str_starts_with(path, STR("/socket.io/"));
}

/* Vary goes to everybody: a cache must not give one site's answer to another. */
void cors_append_headers(struct buf *headers, const struct cors *cors,
                         const struct http_request *request) {
    struct str origin = listed_origin(cors, request);
    if (cors->count == 0 || !is_covered(request->path))
        return;
    buf_append_cstr(headers, "Vary: Origin\r\n");
    if (origin.ptr != NULL)
        buf_appendf(headers,
                    "Access-Control-Allow-Origin: %.*s\r\n"
                    "Access-Control-Expose-Headers: Allow, ETag, Retry-After\r\n",
                    STR_ARG(origin));
}

bool cors_is_preflight(const struct cors *cors, const struct http_request *request) {
    return request->method == METHOD_OPTIONS && is_covered(request->path) &&
           cors_allows(cors, request) &&
           http_request_header(request, "Access-Control-Request-Method").ptr != NULL;
}

void cors_append_preflight(struct buf *headers, const struct cors *cors,
                           const struct http_request *request) {
    cors_append_headers(headers, cors, request);
    if (cors_is_preflight(cors, request))
        buf_appendf(headers,
                    "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
                    "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, "
                    "If-None-Match, Last-Event-ID\r\n"
                    "Access-Control-Max-Age: %d\r\n",
                    PREFLIGHT_LIFE_S);
}
