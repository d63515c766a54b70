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
};

/* Answers the request in hand on `conn` and lets the connection read on (or closes it). Adds Date,
 * Content-Length, nosniff, Referrer-Policy and, for API answers, Cache-Control: no-store unless
 * `headers` has a Cache-Control. */
void http_respond(struct conn *conn, const struct http_response *response);
/* For those that make their own head. Strict-Transport-Security, where people come by https. */
void http_append_transport_security(struct buf *head, const struct conn *conn);
/* The header lines that every answer with a content has: nosniff, Referrer-Policy, and the one
 * above. */
void http_append_security_headers(struct buf *head, const struct conn *conn);
