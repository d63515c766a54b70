#include "api/http_reply.h"

#include "api/api.h"
#include "api/http_api.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "net/http_condition.h"
#include "net/http_response.h"
#include "protocol/encode.h"
#include <sodium.h>
#include <stdio.h>

enum { ETAG_HASH_BYTES = 16, DRAIN_RETRY_MS = 1000 };

static struct api *api_of(struct conn *conn) {
    return conn_loop(conn)->api;
}

/* ---- operations ---- */

/* Pages of another site hold no cookie of ours: theirs would be a stranger's sign-in. */
static void append_cookie(struct buf *headers, const struct request *request) {
    const struct api *api = request->api;
    const struct call_effect *effect = &request->call.effect;
    if (request->call.is_foreign)
        return;
    const char *secure = api->site.is_secure ? "; Secure" : "";
    if (effect->set_cookie) {
        int64_t seconds = (effect->expires_at - clock_now_ms()) / 1000;
        buf_appendf(headers,
                    "Set-Cookie: %s=%.*s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s\r\n",
                    HTTP_SESSION_COOKIE, STR_ARG(effect->token),
                    (long long)(seconds > 0 ? seconds : 0), secure);
    } else if (effect->clear_cookie) {
        buf_appendf(headers, "Set-Cookie: %s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0%s\r\n",
                    HTTP_SESSION_COOKIE, secure);
    }
}

static void append_error_headers(struct buf *headers, const struct request *request) {
    int64_t wait_ms = request->error.retry_after_ms;
    if (request->outcome == ERR_DRAINING)
        wait_ms = DRAIN_RETRY_MS;
    if (wait_ms > 0)
        buf_appendf(headers, "Retry-After: %lld\r\n", (long long)(wait_ms + 999) / 1000);
    if (request->outcome == ERR_METHOD_NOT_ALLOWED)
        buf_appendf(headers, "Allow: %.*s\r\n", STR_ARG(request->allow));
    if (err_http_status(request->outcome) == 401)
        buf_append_cstr(headers, "WWW-Authenticate: Bearer\r\n");
}

/* The tag is of the body's bytes, so a change of whatever shows, and of nothing else. It goes only
 * to who was just allowed the whole list. Nothing on the way keeps what people wrote (SECURITY.md 2
 * and 13): no-store, from http_respond, stays, and who polls keeps the tag. */
static void append_etag(struct buf *headers, const struct request *request, struct str body,
                        struct http_response *response) {
    unsigned char hash[ETAG_HASH_BYTES];
    char text[2 * ETAG_HASH_BYTES + 1], etag[sizeof text + 2];
    if ((request->operation->ways & OPERATION_POLLED) == 0)
        return;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)body.ptr, body.len, NULL, 0);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    int length = snprintf(etag, sizeof etag, "\"%s\"", text);
    buf_appendf(headers, "ETag: %s\r\nVary: Authorization, Cookie\r\n", etag);
    if (http_etag_matches(request->if_none_match, str_make(etag, (size_t)length)))
        response->status = 304;
}

void http_reply_request(struct conn *conn, const struct request *request) {
    struct buf headers = BUF_INIT, body = BUF_INIT;
    struct http_response response = {.head_only = request->head_only, .close = request->close};
    if (request->outcome == ERR_OK) {
        const struct operation *operation = request->operation;
        bool is_old = operation->status == 201 && !request->call.wants_created;
        response.status = is_old ? 200 : operation->status;
        response.content_type = STR("application/json");
        append_cookie(&headers, request);
        request_encode_result(&body, request);
        append_etag(&headers, request, buf_str(&body), &response);
    } else {
        response.status = err_http_status(request->outcome);
        response.content_type = STR("application/problem+json");
        append_error_headers(&headers, request);
        encode_problem(&body, request->outcome, &request->error);
    }
    buf_append_str(&headers, request->headers);
    response.headers = buf_str(&headers);
    response.body = buf_str(&body);
    http_respond(conn, &response);
    buf_finish(&headers);
    buf_finish(&body);
}

/* ---- the rest ---- */

static const struct error_detail nothing;

static void reply_problem(struct conn *conn, const struct http_request *http, enum err error,
                          const struct error_detail *detail, struct str more) {
    struct buf headers = BUF_INIT, body = BUF_INIT;
    buf_append_str(&headers, more);
    cors_append_headers(&headers, &api_of(conn)->cors, http);
    encode_problem(&body, error, detail);
    http_respond(conn, &(struct http_response){.status = err_http_status(error),
                                               .content_type = STR("application/problem+json"),
                                               .headers = buf_str(&headers),
                                               .body = buf_str(&body),
                                               .head_only = http->method == METHOD_HEAD,
                                               .close = !http->keep_alive});
    buf_finish(&headers);
    buf_finish(&body);
}

void http_reply_options(struct conn *conn, const struct http_request *http, struct str allow) {
    struct buf headers = BUF_INIT;
    if (allow.len > 0)
        buf_appendf(&headers, "Allow: %.*s\r\n", STR_ARG(allow));
    cors_append_preflight(&headers, &api_of(conn)->cors, http);
    http_respond(conn, &(struct http_response){.status = 204,
                                               .headers = buf_str(&headers),
                                               .close = !http->keep_alive});
    buf_finish(&headers);
}

void http_reply_wrong_method(struct conn *conn, const struct http_request *http, struct str allow) {
    struct buf headers = BUF_INIT;
    buf_appendf(&headers, "Allow: %.*s\r\n", STR_ARG(allow));
    reply_problem(conn, http, ERR_METHOD_NOT_ALLOWED, &nothing, buf_str(&headers));
    buf_finish(&headers);
}

void http_reply_error(struct conn *conn, const struct http_request *http, enum err error) {
    reply_problem(conn, http, error, &nothing, STR_EMPTY);
}

void http_reply_field_error(struct conn *conn, const struct http_request *http, struct str field,
                            struct str detail) {
    struct error_detail error = {.field = field, .detail = detail};
    reply_problem(conn, http, ERR_INVALID_FIELD, &error, STR_EMPTY);
}

void http_reply_upgrade_error(struct conn *conn, const struct http_request *http,
                              bool is_malformed) {
    if (is_malformed)
        reply_problem(conn, http, ERR_INVALID_REQUEST, &nothing, STR_EMPTY);
    else
        reply_problem(
            conn, http, ERR_UPGRADE_REQUIRED, &nothing,
            STR("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"));
}

void http_reply_text(struct conn *conn, const struct http_request *http, int status,
                     struct str text) {
    http_respond(conn, &(struct http_response){.status = status,
                                               .content_type = STR("text/plain; charset=utf-8"),
                                               .body = text,
                                               .head_only = http->method == METHOD_HEAD,
                                               .close = !http->keep_alive});
}

void http_reply_metrics(struct conn *conn, bool head_only, bool close) {
    struct buf body = BUF_INIT;
    metrics_write(&body);
    http_respond(conn, &(struct http_response){.status = 200,
                                               .content_type =
                                                   STR("text/plain; version=0.0.4; charset=utf-8"),
                                               .body = buf_str(&body),
                                               .head_only = head_only,
                                               .close = close});
    buf_finish(&body);
}

void http_reply_file(struct conn *conn, const struct http_request *http) {
    const struct api *api = api_of(conn);
    if (api->files != NULL)
        static_files_respond(api->files, conn, http);
    else
        http_reply_text(conn, http, 404, STR("The web client is not built: run `make build`.\n"));
}
