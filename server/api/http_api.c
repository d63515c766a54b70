/* HTTP: from a whole request to an operation, a page of the web client, or an upgrade to WebSocket
 * (conn_ops.on_request). */
#include "api/http_api.h"

#include "api/api.h"
#include "api/dispatch.h"
#include "api/http_reply.h"
#include "api/http_route.h"
#include "api/redirect.h"
#include "api/session_api.h"
#include "auth/limit.h"
#include "base/log.h"
#include "base/metrics.h"
#include "realtime/hub.h"
#include "realtime/transport_websocket.h"

static const struct str API_PREFIX = STR_INIT("/api/v1");

/* When an address that has its share of connections may ask for another one. */
enum { SHARE_RETRY_MS = 5000 };

static struct api *api_of(struct conn *conn) {
    return conn_loop(conn)->api;
}

/* ---- credentials ---- */

/* An origin that is listed and not our own: its pages use tokens. */
static bool is_listed_page(const struct api *api, const struct http_request *http) {
    return cors_allows(&api->cors, http) && !site_trusts_page(&api->site, http);
}

bool http_api_is_foreign(const struct conn *conn, const struct http_request *http) {
    const struct api *api = conn_loop(conn)->api;
    return site_is_foreign_page(&api->site, http) && !cors_allows(&api->cors, http);
}

static bool says_other_origin(const struct api *api, const struct http_request *http) {
    struct str origin = http_request_header(http, "Origin");
    return origin.ptr != NULL && !site_knows_origin(&api->site, origin);
}

enum err http_api_credential(const struct conn *conn, const struct http_request *http,
                             bool is_unsafe, struct str *token) {
    const struct api *api = conn_loop(conn)->api;
    struct str bearer = http_request_header(http, "Authorization");
    *token = STR_EMPTY;
    if (bearer.ptr != NULL) {
        if (bearer.len < 8 || !str_equal_nocase(str_slice(bearer, 0, 7), STR("Bearer ")))
            return ERR_INVALID_TOKEN;
        *token = str_trim(str_slice(bearer, 7, bearer.len));
        return token->len > 0 ? ERR_OK : ERR_INVALID_TOKEN;
    }
    struct str cookie = http_request_cookie(http, HTTP_SESSION_COOKIE);
    if (cookie.ptr == NULL || cookie.len == 0)
        return ERR_OK;
    if (is_listed_page(api, http) || (!is_unsafe && says_other_origin(api, http)))
        return ERR_OK; /* as if it had none */
    if (is_unsafe && !site_trusts_page(&api->site, http))
        return ERR_BAD_ORIGIN;
    *token = cookie;
    return ERR_OK;
}

static bool is_unsafe_method(enum http_method method) {
    return method != METHOD_GET && method != METHOD_HEAD && method != METHOD_OPTIONS;
}

/* ---- operations ---- */

static struct str cors_lines(struct request *request, const struct http_request *http) {
    struct buf lines = BUF_INIT;
    cors_append_headers(&lines, &request->api->cors, http);
    struct str copy = arena_strdup(request->arena, buf_str(&lines));
    buf_finish(&lines);
    return copy;
}

struct request *http_api_request(struct conn *conn, const struct http_request *http,
                                 void (*reply)(struct request *take_request)) {
    struct request *request = request_create(api_of(conn), conn_loop(conn), reply);
    memcpy(request->address, http->client, sizeof request->address);
    request->way = conn;
    request->headers = cors_lines(request, http);
    request->if_none_match =
        arena_strdup(request->arena, http_request_header(http, "If-None-Match"));
    request->call.is_http = true;
    request->call.is_foreign = is_listed_page(request->api, http);
    request->head_only = http->method == METHOD_HEAD;
    request->close = !http->keep_alive;
    conn_hold(conn);
    return request;
}

static void reply_to_operation(struct request *take_request) {
    struct conn *conn = take_request->way;
    http_reply_request(conn, take_request);
    conn_release(conn);
    request_destroy(take_request);
}

/* "utf8" is no registered name of it, but one that all know. */
static bool is_utf8(struct str charset) {
    if (charset.len >= 2 && charset.ptr[0] == '"' && charset.ptr[charset.len - 1] == '"')
        charset = str_slice(charset, 1, charset.len - 1);
    return str_equal_nocase(charset, STR("utf-8")) || str_equal_nocase(charset, STR("utf8"));
}

/* JSON is UTF-8 (RFC 8259 section 8.1): whoever says another charset sends something else. */
static bool is_json(struct str content_type) {
    struct str type, param, name, value;
    str_cut(content_type, ';', &type, &content_type);
    if (!str_equal_nocase(str_trim(type), STR("application/json")))
        return false;
    while (content_type.len > 0) {
        str_cut(content_type, ';', &param, &content_type);
        str_cut(param, '=', &name, &value);
        if (str_equal_nocase(str_trim(name), STR("charset")) && !is_utf8(str_trim(value)))
            return false;
    }
    return true;
}

/* A query stands in the logs of proxies and in histories, so that nothing is taken from it that
 * belongs into a body: a password, a text. */
static bool takes_query(enum http_method method) {
    return method == METHOD_GET || method == METHOD_HEAD || method == METHOD_DELETE;
}

/* Path, query and body become the operation's params. */
static enum err decode_request(struct request *request, const struct http_request *http,
                               const struct route *route) {
    struct decode_source source = {.query = takes_query(http->method) ? http->query : STR_EMPTY};
    struct json_flat room;
    enum err err = ERR_OK;
    if (http->body.len > 0 && http->method != METHOD_GET && http->method != METHOD_HEAD) {
        if (!is_json(http_request_header(http, "Content-Type")))
            return ERR_UNSUPPORTED_MEDIA_TYPE;
        err = decode_object_parse(http->body, DECODE_DEPTH_MAX, &room, &source.body);
    }
    for (size_t i = 0; i < route->value_count; i++)
        source.path[source.path_count++] =
            (struct decode_pair){route->values[i].name, route->values[i].value};
    source.idempotency_key = http_request_header(http, "Idempotency-Key");
    request->params = arena_zalloc(request->arena, request->operation->params_size + 1);
    if (err == ERR_OK)
        err = decode_params(request->arena, request->operation, &source, request->params,
                            &request->error);
    decode_object_release(source.body);
    return err;
}

static void reply_options(struct request *take_request, const struct http_request *http) {
    struct conn *conn = take_request->way;
    http_reply_options(conn, http, take_request->allow);
    conn_release(conn);
    request_destroy(take_request);
}

static void answer_operation(struct conn *conn, const struct http_request *http, struct str path) {
    struct request *request = http_api_request(conn, http, reply_to_operation);
    struct route route;
    struct str token = STR_EMPTY;
    enum err err = http_route_find(request->arena, http->method, path, &route);
    request->allow = arena_strdup(request->arena, str_from_cstr(route.allow));
    bool is_options = http->method == METHOD_OPTIONS;
    if (is_options &&
        (err == ERR_METHOD_NOT_ALLOWED || cors_is_preflight(&api_of(conn)->cors, http))) {
        reply_options(request, http);
        return;
    }
    if (err == ERR_OK) {
        request->operation = route.operation;
        request->id = route.id;
        err = http_api_credential(conn, http, is_unsafe_method(http->method), &token);
    }
    if (err == ERR_OK && route.operation->permission == PERMISSION_PUBLIC &&
        is_unsafe_method(http->method) && http_api_is_foreign(conn, http))
        err = ERR_BAD_ORIGIN;
    if (err == ERR_OK)
        err = decode_request(request, http, &route);
    request->credential.token = arena_strdup(request->arena, token);
    request->outcome = err;
    if (err != ERR_OK)
        reply_to_operation(request);
    else
        dispatch_request(request, WAY_REST);
}

/* To a method that the path does not take, or takes as OPTIONS. */
static void answer_other_method(struct conn *conn, const struct http_request *http,
                                struct str allow) {
    if (http->method == METHOD_OPTIONS)
        http_reply_options(conn, http, allow);
    else
        http_reply_wrong_method(conn, http, allow);
}

/* ---- WebSocket ---- */

/* The upgrade waits for the executor's word on who it is; the HTTP request waits with it. */
struct upgrade {
    struct conn *conn;
    struct http_request *http;
};

/* Behind a proxy it shows only now whose connection it will be. */
static enum err claim_connection(struct conn *conn, struct request *request,
                                 const struct http_request *http) {
    if (request->call.actor.account != 0)
        conn_set_known(conn);
    if (conn_set_peer(conn, http->client))
        return ERR_OK;
    request->error.retry_after_ms = SHARE_RETRY_MS;
    return ERR_RATE_LIMITED;
}

static void finish_upgrade(struct request *take_request) {
    struct request *request = take_request;
    struct upgrade *upgrade = request->way;
    struct conn *conn = upgrade->conn;
    if (request->outcome == ERR_OK && !conn_is_closing(conn))
        request->outcome = claim_connection(conn, request, upgrade->http);
    if (conn_is_closing(conn)) {
        /* nobody to answer */
    } else if (request->outcome != ERR_OK) {
        request->way = conn;
        http_reply_request(conn, request);
    } else {
        struct session *session =
            transport_websocket_open(conn, upgrade->http, conn_loop(conn)->hub);
        if (request->call.actor.account != 0)
            session_api_sign_in(session, request);
    }
    http_request_destroy(upgrade->http);
    conn_release(conn);
    request_destroy(request);
}

/* Takes `take_http`. Without a credential the socket opens and must sign in with
 * session.authenticate. */
static void answer_websocket(struct conn *conn, struct http_request *take_http) {
    struct api *api = api_of(conn);
    bool is_bad = false, is_wrong_version = false;
    struct str token;
    if (take_http->method != METHOD_GET) {
        answer_other_method(conn, take_http, STR("GET, OPTIONS"));
        http_request_destroy(take_http);
        return;
    }
    if (!http_request_wants_websocket(take_http, &is_bad, &is_wrong_version)) {
        http_reply_upgrade_error(conn, take_http, is_bad && !is_wrong_version);
        http_request_destroy(take_http);
        return;
    }
    struct request *request = http_api_request(conn, take_http, finish_upgrade);
    struct upgrade *upgrade = arena_alloc(request->arena, sizeof *upgrade);
    *upgrade = (struct upgrade){conn, take_http};
    request->way = upgrade;
    enum err err = http_api_credential(conn, take_http, true, &token);
    /* A page of a site that is not listed may not open a socket at all, with or without a cookie.
     */
    if (err == ERR_OK && http_api_is_foreign(conn, take_http) &&
        http_request_header(take_http, "Authorization").ptr == NULL)
        err = ERR_BAD_ORIGIN;
    if (err == ERR_OK && atomic_load(&api->draining))
        err = ERR_DRAINING;
    request->credential.token = arena_strdup(request->arena, token);
    request->outcome = err;
    if (err != ERR_OK || token.len == 0)
        finish_upgrade(request);
    else
        dispatch_request(request, WAY_SOCKET);
}

/* ---- metrics, health ---- */

/* These take GET and HEAD; anything else is answered here. */
static bool answer_unless_read(struct conn *conn, const struct http_request *http) {
    if (http->method == METHOD_GET || http->method == METHOD_HEAD)
        return false;
    answer_other_method(conn, http, STR("GET, HEAD, OPTIONS"));
    return true;
}

static void finish_metrics(struct request *take_request) {
    struct request *request = take_request;
    struct conn *conn = request->way;
    const struct actor *actor = &request->call.actor;
    if (request->outcome == ERR_OK && !permission_allows(PERMISSION_METRICS_READ, actor->role))
        request->outcome = ERR_FORBIDDEN;
    if (request->outcome == ERR_OK)
        http_reply_metrics(conn, request->head_only, request->close);
    else
        http_reply_request(conn, request);
    conn_release(conn);
    request_destroy(request);
}

/* With a bearer that may read them; cookies do not count here. */
static void answer_metrics(struct conn *conn, const struct http_request *http) {
    if (answer_unless_read(conn, http))
        return;
    struct request *request = http_api_request(conn, http, finish_metrics);
    struct str token = STR_EMPTY;
    bool has_bearer = http_request_header(http, "Authorization").ptr != NULL;
    request->outcome =
        has_bearer ? http_api_credential(conn, http, false, &token) : ERR_SIGN_IN_REQUIRED;
    request->credential.token = arena_strdup(request->arena, token);
    if (request->outcome != ERR_OK)
        finish_metrics(request);
    else
        dispatch_request(request, WAY_REST);
}

static bool answer_health(struct conn *conn, const struct http_request *http) {
    bool is_health = str_equal(http->path, STR("/healthz"));
    if (!is_health && !str_equal(http->path, STR("/readyz")))
        return false;
    if (answer_unless_read(conn, http)) {
        /* answered */
    } else if (is_health) {
        http_reply_text(conn, http, 200, STR("ok\n"));
    } else {
        bool is_ready = !atomic_load(&api_of(conn)->draining);
        http_reply_text(conn, http, is_ready ? 200 : 503,
                        is_ready ? STR("ready\n") : STR("draining\n"));
    }
    return true;
}

/* ---- which of them ---- */

/* Answers a request that has a header twice of which there can be one (RFC 9110 section 5.3): two
 * readers could each take another one. */
static bool answer_if_doubled(struct conn *conn, const struct http_request *http) {
    const char *name = http_request_doubled(http);
    if (name != NULL)
        http_reply_field_error(conn, http, str_from_cstr(name), STR("given once"));
    return name != NULL;
}

/* Answers what is not for this site as it was asked for: by another name, by the other scheme, or
 * by plain HTTP before a proxy. */
static bool answer_if_misdirected(struct conn *conn, const struct http_request *http) {
    const struct site *site = &api_of(conn)->site;
    bool is_plain = site->is_secure && http->is_forwarded_plain;
    if (!site_knows_host(site, http->host) || (!is_plain && !site_knows_scheme(site, http->scheme)))
        http_reply_error(conn, http, ERR_UNKNOWN_HOST);
    else if (is_plain && !http_request_is_server_wide(http))
        redirect_to_site(conn, site, http);
    else
        return false;
    return true;
}

/* What follows /api/v1, or ptr NULL for another path. */
static struct str api_path(struct str path) {
    if (!str_starts_with(path, API_PREFIX))
        return (struct str){0};
    struct str rest = str_slice(path, API_PREFIX.len, path.len);
    return rest.len == 0 || rest.ptr[0] == '/' ? rest : (struct str){0};
}

static void on_request(struct conn *conn, struct http_request *take_request) {
    struct str path = api_path(take_request->path);
    metrics_add(METRIC_HTTP_REQUESTS, 1);
    if (answer_health(conn, take_request) || answer_if_doubled(conn, take_request) ||
        answer_if_misdirected(conn, take_request)) {
        /* answered */
    } else if (http_request_is_server_wide(take_request)) {
        http_reply_options(conn, take_request, HTTP_METHODS);
    } else if (str_equal(take_request->path, STR("/metrics"))) {
        answer_metrics(conn, take_request);
    } else if (str_equal(path, STR("/ws"))) {
        answer_websocket(conn, take_request);
        return;
    } else if (socketio_api_has_path(take_request->path)) {
        socketio_api_answer(conn, take_request);
        return;
    } else if (str_equal(path, STR("/events"))) {
        event_stream_answer(conn, take_request);
    } else if (path.ptr != NULL) {
        answer_operation(conn, take_request, path);
    } else {
        http_reply_file(conn, take_request);
    }
    http_request_destroy(take_request);
}

static bool may_greet(const struct conn *conn) {
    return limit_take_address(LIMIT_TLS_HANDSHAKE, conn_peer(conn)) == 0;
}

const struct conn_ops api_http_ops = {.may_greet = may_greet, .on_request = on_request};

static void on_metrics_request(struct conn *conn, struct http_request *take_request) {
    if (answer_health(conn, take_request)) {
        /* answered */
    } else if (http_request_is_server_wide(take_request)) {
        http_reply_options(conn, take_request, STR("GET, HEAD, OPTIONS"));
    } else if (str_equal(take_request->path, STR("/metrics"))) {
        if (!answer_unless_read(conn, take_request))
            http_reply_metrics(conn, take_request->method == METHOD_HEAD,
                               !take_request->keep_alive);
    } else {
        http_reply_error(conn, take_request, ERR_NOT_FOUND);
    }
    http_request_destroy(take_request);
}

const struct conn_ops api_metrics_ops = {.on_request = on_metrics_request};
