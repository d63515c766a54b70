/* What HTTP's files in api share. Thread: the connection's loop. */
#pragma once
#include "api/request.h"
#include "net/conn.h"

/* The browser's session cookie. */
#define HTTP_SESSION_COOKIE "parley_session"

/* A request that came by `conn`, which it holds until `reply` gives it back. */
struct request *http_api_request(struct conn *conn, const struct http_request *http,
                                 void (*reply)(struct request *take_request));
/* A page of another site sent it that the setting cors.origins does not list. */
bool http_api_is_foreign(const struct conn *conn, const struct http_request *http);
/* By what the caller proves who it is: a bearer wins; a cookie counts only from our own pages where
 * it could do harm (`is_unsafe`, SECURITY.md 1), and never in a request that says it comes from
 * another origin. Nothing: an empty token. */
enum err http_api_credential(const struct conn *conn, const struct http_request *http,
                             bool is_unsafe, struct str *token) MUST_CHECK;

/* event_stream.c: GET /api/v1/events. */
void event_stream_answer(struct conn *conn, const struct http_request *http);

/* socketio_api.c: /socket.io/. */
bool socketio_api_has_path(struct str path);
/* Takes the request. */
void socketio_api_answer(struct conn *conn, struct http_request *take_request);
