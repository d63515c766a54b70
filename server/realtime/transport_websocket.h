/* Sessions over WebSocket: one JSON object a text message, one unfragmented frame each. Thread: the
 * connection's loop. */
#pragma once
#include "realtime/session.h"

struct conn;
struct http_request;

/* Answers the upgrade and makes the session; `request` stays the caller's. */
struct session *transport_websocket_open(struct conn *conn, const struct http_request *request,
                                         struct hub *hub);
