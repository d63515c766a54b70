/* Answers to HTTP requests: status line, headers and body into the connection's queue. Thread: the
 * connection's loop. */
#pragma once
#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>

struct conn;

struct http_response {
    int status;
    struct str content_type; /* empty: no Content-Type (and no body) */
    struct str headers;      /* further header lines, each ended by CRLF; borrowed for the call */
    struct str body;         /* copied */
    struct blob *body_blob;  /* instead of body: sent by reference */
    bool head_only;          /* HEAD: Content-Length as for GET, no body */
    bool close;              /* Connection: close */
    bool is_endless;         /* the body ends with the connection: no Content-Length, and closed */
};

/* Answers the request in hand on `conn` and lets the connection read on (or closes it). Adds Date,
 * Content-Length, nosniff, Referrer-Policy and, for API answers, Cache-Control: no-store unless
 * `headers` has a Cache-Control. */
void http_respond(struct conn *conn, const struct http_response *response);
/* For those that make their own head. Strict-Transport-Security, where people come by https. */
void http_append_transport_security(struct buf *head, const struct conn *conn);
/* The head alone, as http_respond() sends it, up to and with the empty line: for
 * conn_begin_stream().
 */
void http_append_head(struct buf *head, const struct conn *conn,
                      const struct http_response *response);
