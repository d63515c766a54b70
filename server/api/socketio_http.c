/* Socket.IO's way in over HTTP: what is asked before a request reaches its engine. */
#include "api/api.h"
#include "api/http_api.h"
#include "api/http_reply.h"
#include "auth/limit.h"

static const struct str PATH = STR_INIT(API_SOCKETIO_PREFIX "/");

static struct api *api_of(const struct conn *conn) {
    return conn_loop(conn)->api;
}

bool socketio_api_has_path(struct str path) {
    return str_equal(path, PATH) || str_equal(path, str_slice(PATH, 0, PATH.len - 1));
}

/* A page of a site that is not listed may not come at all, unless it brings a bearer; a cookie
 * counts from our own pages only, for GETs too (SECURITY.md 1). */
static enum err check_origin(const struct conn *conn, const struct http_request *http) {
    struct str token;
    bool has_bearer = http_request_header(http, "Authorization").ptr != NULL;
    if (!has_bearer && http_api_is_foreign(conn, http))
        return ERR_BAD_ORIGIN;
    return http_api_credential(conn, http, true, &token);
}

static bool is_handshake(const struct http_request *http) {
    struct engineio_query query;
    engineio_parse_query(http->query, &query);
    return query.sid.ptr == NULL;
}

/* Strangers are counted by address before any work is done for them. */
static enum err admit(struct conn *conn, const struct http_request *http) {
    enum err err = check_origin(conn, http);
    if (err != ERR_OK || !is_handshake(http))
        return err;
    if (atomic_load(&api_of(conn)->draining))
        return ERR_DRAINING;
    return limit_take_address(LIMIT_BASE, http->client) == 0 ? ERR_OK : ERR_RATE_LIMITED;
}

void socketio_api_answer(struct conn *conn, struct http_request *take_request) {
    if (take_request->method == METHOD_OPTIONS) {
        http_reply_options(conn, take_request, STR("GET, POST, OPTIONS"));
        http_request_destroy(take_request);
        return;
    }
    struct socketio_server *server = api_of(conn)->socketio[conn_loop(conn)->index];
    enum err err = admit(conn, take_request);
    if (err == ERR_OK) {
        socketio_answer(server, conn, take_request);
        return;
    }
    engine_refuse(socketio_engines(server), conn, take_request, err_http_status(err),
                  ENGINEIO_FORBIDDEN);
    http_request_destroy(take_request);
}

void api_append_socketio_headers(struct conn *conn, const struct http_request *request,
                                 struct buf *headers) {
    cors_append_headers(headers, &api_of(conn)->cors, request);
}
