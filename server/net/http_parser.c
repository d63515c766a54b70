#include "net/http_parser.h"

#include "base/buf.h"
#include "base/mem.h"
#include "net/http_target.h"
#include <llhttp.h>

/* Chunk headers and extensions may cost as much again as the body, and a little. */
enum { FRAMING_SLACK_BYTES = 4096 };

/* Which part comes now. Head and trailers pass the scanner; between them llhttp counts. */
enum part { PART_HEAD, PART_BODY, PART_TRAILERS };

struct http_parser {
    llhttp_t llhttp;
    struct http_limits limits;
    struct http_request *request;
    struct buf name, value, url, body;
    enum err error;
    enum part part;
    size_t head_bytes; /* the trailers' too */
    size_t raw_body_bytes, body_limit_bytes;
    /* the scanner's: the byte before, and what it knows of the line */
    char last;
    bool line_is_empty, in_request_line;
    bool headers_done, done, wants_continue;
};

static int on_url(llhttp_t *llhttp, const char *at, size_t length);
static int on_header_field(llhttp_t *llhttp, const char *at, size_t length);
static int on_header_value(llhttp_t *llhttp, const char *at, size_t length);
static int on_header_value_complete(llhttp_t *llhttp);
static int on_headers_complete(llhttp_t *llhttp);
static int on_chunk_header(llhttp_t *llhttp);
static int on_body(llhttp_t *llhttp, const char *at, size_t length);
static int on_message_complete(llhttp_t *llhttp);

static const llhttp_settings_t callbacks = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void begin_request(struct http_parser *parser) {
    struct arena *arena = arena_create();
    parser->request = arena_zalloc(arena, sizeof *parser->request);
    parser->request->arena = arena;
    parser->request->headers =
        arena_zalloc_array(arena, HTTP_HEADERS_MAX, sizeof(struct http_header));
    parser->part = PART_HEAD;
    parser->head_bytes = parser->raw_body_bytes = 0;
    parser->last = '\0';
    parser->line_is_empty = parser->in_request_line = true;
    parser->headers_done = parser->done = parser->wants_continue = false;
    parser->error = ERR_OK;
    buf_clear(&parser->name);
    buf_clear(&parser->value);
    buf_clear(&parser->url);
    buf_clear(&parser->body);
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &callbacks);
    parser->llhttp.data = parser;
}

struct http_parser *http_parser_create(const struct http_limits *limits) {
    struct http_parser *parser = mem_zalloc(1, sizeof *parser);
    parser->limits = *limits;
    begin_request(parser);
    return parser;
}

void http_parser_destroy(struct http_parser *parser) {
    http_request_destroy(parser->request);
    buf_finish(&parser->name);
    buf_finish(&parser->value);
    buf_finish(&parser->url);
    buf_finish(&parser->body);
    mem_free(parser);
}

bool http_parser_is_idle(const struct http_parser *parser) {
    return parser->head_bytes == 0;
}

struct http_request *http_parser_take_request(struct http_parser *parser) {
    CHECK(parser->done);
    struct http_request *request = parser->request;
    begin_request(parser);
    return request;
}

/* ---- what llhttp found ---- */

static int fail(struct http_parser *parser, enum err error) {
    if (parser->error == ERR_OK)
        parser->error = error;
    return -1;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t length) {
    struct http_parser *parser = llhttp->data;
    if (parser->url.len + length > HTTP_URL_MAX_BYTES)
        return fail(parser, ERR_URI_TOO_LONG);
    buf_append(&parser->url, at, length);
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t length) {
    struct http_parser *parser = llhttp->data;
    buf_append(&parser->name, at, length);
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t length) {
    struct http_parser *parser = llhttp->data;
    buf_append(&parser->value, at, length);
    return 0;
}

static int on_header_value_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;
    struct http_request *request = parser->request;
    if (parser->name.len == 0)
        return fail(parser, ERR_INVALID_REQUEST);
    if (!parser->headers_done) { /* trailers are dropped */
        if (request->header_count == HTTP_HEADERS_MAX)
            return fail(parser, ERR_HEADERS_TOO_LARGE);
        request->headers[request->header_count++] =
            (struct http_header){arena_strdup(request->arena, buf_str(&parser->name)),
                                 arena_strdup(request->arena, str_trim(buf_str(&parser->value)))};
    }
    buf_clear(&parser->name);
    buf_clear(&parser->value);
    return 0;
}

static enum http_method method_of(uint8_t method) {
    switch ((int)method) {
    case HTTP_GET:
        return METHOD_GET;
    case HTTP_HEAD:
        return METHOD_HEAD;
    case HTTP_POST:
        return METHOD_POST;
    case HTTP_PUT:
        return METHOD_PUT;
    case HTTP_PATCH:
        return METHOD_PATCH;
    case HTTP_DELETE:
        return METHOD_DELETE;
    case HTTP_OPTIONS:
        return METHOD_OPTIONS;
    default:
        return METHOD_OTHER;
    }
}

static size_t count_headers(const struct http_request *request, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        count += str_equal_nocase(request->headers[i].name, str_from_cstr(name));
    return count;
}

/* One Host of valid syntax, which HTTP/1.0 may lack (RFC 9112 section 3.2). It is empty when the
 * sender knows of none: no site has that name. */
static bool take_host(struct http_request *request) {
    size_t hosts = count_headers(request, "Host");
    request->host = http_request_header(request, "Host");
    if (hosts > 1 || (hosts == 0 && !request->is_http10))
        return false;
    return request->host.len == 0 || http_target_is_authority(request->host);
}

/* The host that the target names counts, and Host no longer (RFC 9112 section 3.2.2). */
static bool take_target(struct http_request *request, struct str text) {
    struct http_target target;
    if (!http_target_parse(text, request->method, &target))
        return false;
    request->scheme = target.scheme;
    request->path = target.path;
    request->query = target.query;
    if (target.scheme != SCHEME_NONE)
        request->host = target.authority;
    return true;
}

/* Only the one coding that everybody knows: "gzip, chunked" would be a body that we do not
 * understand (RFC 9112 section 6.1), and in HTTP/1.0 the header is a sign of a confused proxy. */
static enum err check_transfer_encoding(const struct http_request *request) {
    struct str coding = http_request_header(request, "Transfer-Encoding");
    if (coding.ptr == NULL)
        return ERR_OK;
    if (request->is_http10 || count_headers(request, "Transfer-Encoding") > 1)
        return ERR_INVALID_REQUEST;
    return str_equal_nocase(coding, STR("chunked")) ? ERR_OK : ERR_NOT_IMPLEMENTED;
}

/* HTTP/1.0 knows no Expect: it must be ignored there (RFC 9110 section 10.1.1). */
static enum err check_expect(const struct http_request *request) {
    struct str expect = http_request_header(request, "Expect");
    bool is_known = expect.ptr == NULL || str_equal_nocase(expect, STR("100-continue"));
    return is_known || request->is_http10 ? ERR_OK : ERR_EXPECTATION_FAILED;
}

static size_t limit_body(const struct http_limits *limits, struct str path) {
    bool has_own = limits->own_prefix.len > 0 && str_starts_with(path, limits->own_prefix);
    return has_own ? limits->own_body_bytes : limits->max_body_bytes;
}

static enum err check_head(struct http_parser *parser) {
    struct http_request *request = parser->request;
    const llhttp_t *llhttp = &parser->llhttp;
    if (llhttp->http_major != 1 || llhttp->http_minor > 1)
        return ERR_VERSION_NOT_SUPPORTED;
    if (llhttp->method == HTTP_CONNECT || !take_host(request))
        return ERR_INVALID_REQUEST; /* we are no tunnel */
    if (count_headers(request, "Content-Length") > 1)
        return ERR_INVALID_REQUEST;
    if (!take_target(request, arena_strdup(request->arena, buf_str(&parser->url))))
        return ERR_INVALID_REQUEST;
    parser->body_limit_bytes = limit_body(&parser->limits, request->path);
    if ((llhttp->flags & F_CONTENT_LENGTH) != 0 &&
        llhttp->content_length > parser->body_limit_bytes)
        return ERR_TOO_LARGE;
    enum err error = check_transfer_encoding(request);
    return error != ERR_OK ? error : check_expect(request);
}

static int on_headers_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;
    struct http_request *request = parser->request;
    parser->headers_done = true;
    request->method = method_of(llhttp->method);
    request->method_name = str_from_cstr(llhttp_method_name((llhttp_method_t)llhttp->method));
    request->is_http10 = llhttp->http_minor == 0;
    /* Closing after HTTP/1.0 is allowed, and simpler than to negotiate with it. */
    request->keep_alive = !request->is_http10 && llhttp_should_keep_alive(llhttp) != 0;
    enum err error = check_head(parser);
    if (error != ERR_OK)
        return fail(parser, error);
    bool has_body = (llhttp->flags & F_CHUNKED) != 0 || llhttp->content_length > 0;
    if (has_body && llhttp->upgrade != 0)
        return fail(parser, ERR_INVALID_REQUEST);
    parser->wants_continue =
        has_body && !request->is_http10 && http_request_header(request, "Expect").ptr != NULL;
    return 0;
}

/* The last chunk's: trailers follow. llhttp stops before them, so that the scanner sees them first.
 */
static int on_chunk_header(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;
    if (llhttp->content_length > 0)
        return 0;
    parser->part = PART_TRAILERS;
    parser->last = '\n';
    parser->line_is_empty = true;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length) {
    struct http_parser *parser = llhttp->data;
    if (parser->body.len + length > parser->body_limit_bytes)
        return fail(parser, ERR_TOO_LARGE);
    buf_append(&parser->body, at, length);
    return 0;
}

static int on_message_complete(llhttp_t *llhttp) {
    struct http_parser *parser = llhttp->data;
    parser->request->body = arena_strdup(parser->request->arena, buf_str(&parser->body));
    parser->done = true;
    return HPE_PAUSED;
}

/* ---- the scanner before it ---- */

/* One byte of the head or the trailers. Sets *end at the line end that closes them. False: two
 * parsers could disagree on it. */
static bool scan_byte(struct http_parser *parser, char c, bool *end) {
    bool at_line_start = parser->last == '\n';
    bool after_cr = parser->last == '\r';
    if (c == '\0' || (c == '\n') != after_cr)
        return false; /* NUL, bare LF, bare CR */
    if (at_line_start && (c == ' ' || c == '\t'))
        return false; /* obs-fold */
    if (parser->in_request_line && c == ' ' && parser->last == ' ')
        return false;
    *end = c == '\n' && parser->line_is_empty;
    if (c == '\n') {
        parser->in_request_line = parser->in_request_line && parser->line_is_empty;
        parser->line_is_empty = true;
    } else if (c != '\r') {
        parser->line_is_empty = false;
    }
    parser->last = c;
    parser->head_bytes++;
    return true;
}

/* How many bytes from the start belong to the head (or trailers) and are in order; *end when the
 * last one ends it. An error says why the byte behind them is refused. */
static enum err scan(struct http_parser *parser, struct str bytes, size_t *length, bool *end) {
    *end = false;
    for (*length = 0; *length < bytes.len && !*end; (*length)++) {
        bool was_empty = parser->head_bytes <= 1 && parser->line_is_empty;
        if (parser->head_bytes == parser->limits.max_header_bytes)
            return ERR_HEADERS_TOO_LARGE;
        if (!scan_byte(parser, bytes.ptr[*length], end))
            return ERR_INVALID_REQUEST;
        if (*end &&
            was_empty) { /* a blank line before a request is forgiven (RFC 9112 section 2.2) */
            *end = false;
            parser->head_bytes = 0;
            parser->last = '\0';
        }
    }
    return ERR_OK;
}

static enum err error_of(const struct http_parser *parser, llhttp_errno_t code) {
    if (parser->error != ERR_OK)
        return parser->error;
    if (code == HPE_INVALID_METHOD)
        return ERR_NOT_IMPLEMENTED;
    return code == HPE_INVALID_VERSION ? ERR_VERSION_NOT_SUPPORTED : ERR_INVALID_REQUEST;
}

/* Gives llhttp the bytes; *used says how many it took. HTTP_MORE with some left: it stopped before
 * the trailers. */
static enum http_progress execute(struct http_parser *parser, struct str bytes, size_t *used,
                                  enum err *error) {
    bool had_headers = parser->headers_done;
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, bytes.ptr, bytes.len);
    *used = bytes.len;
    if (code == HPE_PAUSED || (parser->done && code == HPE_PAUSED_UPGRADE))
        *used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.ptr);
    if (parser->done && (code == HPE_PAUSED || code == HPE_PAUSED_UPGRADE || code == HPE_OK))
        return HTTP_DONE;
    if (code == HPE_PAUSED) {
        llhttp_resume(&parser->llhttp);
        return HTTP_MORE;
    }
    if (code != HPE_OK) {
        *error = error_of(parser, code);
        return HTTP_FAILED;
    }
    if (had_headers || !parser->headers_done)
        return HTTP_MORE;
    return parser->wants_continue ? HTTP_CONTINUE : HTTP_BODY;
}

/* Feeds the head or the trailers. What came before a byte that the scanner refuses goes to llhttp
 * first: the answer to a request is the same however its bytes are cut. */
static enum http_progress feed_scanned(struct http_parser *parser, struct str bytes, size_t *used,
                                       enum err *error) {
    size_t length;
    bool end;
    bool is_head = parser->part == PART_HEAD;
    enum err refusal = scan(parser, bytes, &length, &end);
    enum http_progress progress = HTTP_MORE;
    if (end && is_head)
        parser->part = PART_BODY;
    if (length > 0)
        progress = execute(parser, str_slice(bytes, 0, length), used, error);
    if (progress == HTTP_FAILED)
        return progress;
    if (refusal == ERR_OK && (is_head ? parser->headers_done : parser->done) != end)
        refusal = ERR_INVALID_REQUEST; /* scanner and llhttp disagree on where it ends */
    if (refusal == ERR_OK)
        return progress;
    *error = refusal;
    return HTTP_FAILED;
}

static enum http_progress feed_body(struct http_parser *parser, struct str bytes, size_t *used,
                                    enum err *error) {
    enum http_progress progress = execute(parser, bytes, used, error);
    parser->raw_body_bytes += *used;
    if (progress != HTTP_MORE)
        return progress;
    if (parser->raw_body_bytes > parser->body_limit_bytes * 2 + FRAMING_SLACK_BYTES) {
        *error = ERR_TOO_LARGE;
        return HTTP_FAILED;
    }
    if (*used == bytes.len)
        return HTTP_MORE;
    size_t trailers = 0;
    progress = feed_scanned(parser, str_slice(bytes, *used, bytes.len), &trailers, error);
    *used += trailers;
    return progress;
}

enum http_progress http_parser_feed(struct http_parser *parser, struct str bytes, size_t *used,
                                    enum err *error) {
    *error = ERR_OK;
    *used = 0;
    if (bytes.len == 0)
        return HTTP_MORE;
    return parser->part == PART_BODY ? feed_body(parser, bytes, used, error)
                                     : feed_scanned(parser, bytes, used, error);
}
