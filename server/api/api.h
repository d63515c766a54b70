/* The api: what the ways in (HTTP, socket, control socket) share. Made by main before the loops
 * start; read-only after, but for the pieces that have locks of their own. */
#pragma once
#include "api/cors.h"
#include "api/site.h"
#include "base/check.h"
#include "loop/worker.h"
#include "net/conn.h"
#include "net/static_file.h"
#include "realtime/session.h"
#include "realtime/socketio_client.h"
#include "store/executor.h"
#include <stdatomic.h>

/* Socket.IO's requests, which have a limit of their own on their bodies. */
#define API_SOCKETIO_PREFIX "/socket.io"

struct api {
    struct store *store;
    struct worker_pool *workers;
    struct site site;
    struct cors cors;
    struct static_files *files; /* the web client; NULL when it was not built */
    atomic_bool draining;       /* /readyz says 503 */
    /* Socket.IO on each loop, by the loop's index; NULL entries: none */
    struct socketio_server *socketio[ENGINE_SERVERS_MAX];
    struct engine_group engines;
};

/* The functions that main hands down to net and realtime. They find the api in loop->api. */
extern const struct conn_ops api_http_ops;
/* For the address of its own that serves /metrics without a token. */
extern const struct conn_ops api_metrics_ops;
/* For the address of its own that sends plain HTTP on to https. */
extern const struct conn_ops api_redirect_ops;
extern const struct session_ops api_session_ops;
extern const struct socketio_ops api_socketio_ops;
/* For engineio_options.append_headers. */
void api_append_socketio_headers(struct conn *conn, const struct http_request *request,
                                 struct buf *headers);
