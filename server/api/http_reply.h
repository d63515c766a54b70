/* Answers to HTTP requests of the api. Thread: the connection's loop. */
#pragma once
#include "api/request.h"
#include "net/conn.h"

/* What the server takes at one address or another: the answer to OPTIONS *. */
#define HTTP_METHODS STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")

/* The result of an operation, with its cookie, or its error as problem details. The request stays
 * the caller's. */
void http_reply_request(struct conn *conn, const struct request *request);
/* To OPTIONS: 204 with the methods that the path takes (empty: no such path, asked by a preflight),
 * and what a preflight asks (cors.h). */
void http_reply_options(struct conn *conn, const struct http_request *http, struct str allow);
/* 405 with the methods that the path takes. */
void http_reply_wrong_method(struct conn *conn, const struct http_request *http, struct str allow);
void http_reply_error(struct conn *conn, const struct http_request *http, enum err error);
/* 400 that names the field or header, and what is allowed. */
void http_reply_field_error(struct conn *conn, const struct http_request *http, struct str field,
                            struct str detail);
/* To what was meant as an upgrade and is none: 400, or 426 with the version that we speak. */
void http_reply_upgrade_error(struct conn *conn, const struct http_request *http,
                              bool is_malformed);
void http_reply_text(struct conn *conn, const struct http_request *http, int status,
                     struct str text);
void http_reply_metrics(struct conn *conn, bool head_only, bool close);
/* A file of the web client. */
void http_reply_file(struct conn *conn, const struct http_request *http);
