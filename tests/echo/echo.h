/* parley-echo: a small server on the product's own protocol code (net/, realtime/), so that public
 * protocol suites can be run against it. Below these handlers it has no code of its own.
 *
 * One loop. Everything here is on its thread, but for what main.c does before the loop starts and
 * after it has ended. No authentication, no rate limits, CORS open: never run it where strangers
 * reach it. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "loop/loop.h"
#include "net/conn.h"
#include "net/net.h"
#include <stdbool.h>

/* What the command line says; see usage() in options.c. */
struct echo_options {
    struct str listen; /* ADDR:PORT */
    size_t max_message_bytes;
    uint64_t ping_interval_ms, ping_timeout_ms, connect_timeout_ms; /* Engine.IO's */
    size_t max_payload_bytes;
    uint64_t server_takeover; /* 1: what we compress may refer to earlier messages (a quarter of a
                                 megabyte a connection) */
};

/* Fills `out` with the defaults and what the words say. False (and why in `error`) for a word or
 * value that is not understood. */
bool echo_options_parse(int argc, char **argv, struct echo_options *out,
                        struct buf *error) MUST_CHECK;

struct echo_events;
struct echo_sockets;
struct static_files;

/* The server; `loop->api` points to it. */
struct echo {
    struct echo_options options;
    struct loop *loop;
    struct net *net;
    struct echo_events *events;
    struct echo_sockets *sockets;
    struct static_files *files;
};

struct echo *echo_of(const struct conn *conn);

/* ---- http.c: which handler ---- */

extern const struct conn_ops echo_http_ops;
/* A short text as the answer. */
void echo_respond_text(struct conn *conn, const struct http_request *request, int status,
                       struct str text);
/* 405 with Allow, which OPTIONS asks for too (then 204). */
void echo_respond_method(struct conn *conn, const struct http_request *request, const char *allow);
/* The lines that let pages of every origin read an answer. */
#define ECHO_CORS_HEADERS "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\n"

/* ---- websocket.c: /echo ---- */

/* Answers 101, or why not. */
void echo_websocket_answer(struct conn *conn, const struct http_request *request);

/* ---- events.c: /events ---- */

struct echo_events *echo_events_create(struct loop *loop);
/* After every connection is gone. */
void echo_events_destroy(struct echo_events *take_events);
/* GET opens a stream (from Last-Event-ID), POST emits its body. */
void echo_events_answer(struct conn *conn, const struct http_request *request);

/* ---- sockets.c: /engine.io/ and /socket.io/ ---- */

/* Before the loop starts; the net is there. */
struct echo_sockets *echo_sockets_create(struct echo *echo);
/* After every connection is gone and the loop has ended; before the net goes. */
void echo_sockets_destroy(struct echo_sockets *take_sockets);
void echo_sockets_answer(struct conn *conn, struct http_request *take_request);

/* ---- file.c: /file ---- */

/* 1 MiB of fixed bytes, made in a temporary folder, loaded by the product's static code and removed
 * again. NULL (and why in `error`) when that cannot be. Before the loop starts. */
struct static_files *echo_file_load(struct buf *error) MUST_CHECK;
