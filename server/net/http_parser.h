/* The HTTP/1.1 parser of one connection: bytes in, one whole http_request out. llhttp (strict) does
 * the grammar; before it a scanner refuses what llhttp still accepts and two parsers could read
 * differently (obs-fold, bare CR or LF, NUL), and counts bytes. Socket-free. Thread: the
 * connection's loop. */
#pragma once
#include "base/check.h"
#include "net/http_request.h"
#include "protocol/err.h"

struct http_limits {
    size_t max_header_bytes; /* request line and headers */
    size_t max_body_bytes;
    /* Requests to paths that begin with this have a limit of their own; empty: none. */
    struct str own_prefix;
    size_t own_body_bytes;
};

enum { HTTP_HEADERS_MAX = 100, HTTP_URL_MAX_BYTES = 8192 };

struct http_parser;

struct http_parser *http_parser_create(const struct http_limits *limits);
void http_parser_destroy(struct http_parser *parser);

enum http_progress {
    HTTP_MORE,     /* everything was taken; feed more */
    HTTP_CONTINUE, /* the client waits for "100 Continue"; send it and feed on (also what is left)
                    */
    HTTP_BODY,     /* the headers just ended and a body follows: feed on */
    HTTP_DONE,     /* a whole request: http_parser_take_request */
    HTTP_FAILED,   /* refused: *error says how to answer; the connection must close */
};
/* Takes bytes; *used says how many. */
enum http_progress http_parser_feed(struct http_parser *parser, struct str bytes, size_t *used,
                                    enum err *error) MUST_CHECK;
/* After HTTP_DONE: the request, the caller's; the parser begins the next one. */
struct http_request *http_parser_take_request(struct http_parser *parser);
/* Nothing of a request has come yet (blank lines before it do not count). */
bool http_parser_is_idle(const struct http_parser *parser);
