/* The HTTP parser over bytes, without sockets. Every request, good or hostile, is fed whole, byte
 * by byte, and cut once at each place: the outcome must be the same. */
#include "net/http_parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    MAX_HEADER_BYTES = 9000,
    MAX_BODY_BYTES = 64,
    OWN_BODY_BYTES = 200,
    CUT_EVERYWHERE_MAX_BYTES = 1024
};

/* What became of some bytes. */
struct outcome {
    enum err error; /* of the refusal, or ERR_OK */
    unsigned requests, continues;
    struct http_request *last;
};

static void outcome_finish(struct outcome *outcome) {
    if (outcome->last != NULL)
        http_request_destroy(outcome->last);
    outcome->last = NULL;
}

/* Feeds one piece; false once the parser refused. */
static bool feed_piece(struct http_parser *parser, struct str piece, struct outcome *outcome) {
    while (piece.len > 0) {
        size_t used = 0;
        switch (http_parser_feed(parser, piece, &used, &outcome->error)) {
        case HTTP_MORE:
            assert_int_equal(used, piece.len);
            break;
        case HTTP_BODY:
            break;
        case HTTP_CONTINUE:
            outcome->continues++;
            break;
        case HTTP_DONE:
            outcome_finish(outcome);
            outcome->last = http_parser_take_request(parser);
            outcome->requests++;
            break;
        case HTTP_FAILED:
            return false;
        }
        piece = str_slice(piece, used, piece.len);
    }
    return true;
}

/* Two pieces, [0, cut) and the rest, each fed in steps of `step`. */
static struct outcome parse_cut(struct str bytes, size_t cut, size_t step) {
    const struct http_limits limits = {.max_header_bytes = MAX_HEADER_BYTES,
                                       .max_body_bytes = MAX_BODY_BYTES,
                                       .own_prefix = STR("/own"),
                                       .own_body_bytes = OWN_BODY_BYTES};
    struct http_parser *parser = http_parser_create(&limits);
    struct outcome outcome = {0};
    size_t at = 0;
    bool goes_on = true;
    while (at < bytes.len && goes_on) {
        size_t end = at < cut && cut < at + step ? cut : at + step;
        goes_on = feed_piece(parser, str_slice(bytes, at, end), &outcome);
        at = end;
    }
    http_parser_destroy(parser);
    return outcome;
}

static void assert_same(struct outcome *a, struct outcome *b) {
    assert_string_equal(err_code(a->error), err_code(b->error));
    assert_int_equal(a->requests, b->requests);
    assert_int_equal(a->continues, b->continues);
    assert_int_equal(a->last == NULL, b->last == NULL);
    if (a->last != NULL && b->last != NULL) {
        assert_true(str_equal(a->last->path, b->last->path));
        assert_true(str_equal(a->last->body, b->last->body));
        assert_int_equal(a->last->header_count, b->last->header_count);
        assert_int_equal(a->last->keep_alive, b->last->keep_alive);
    }
    outcome_finish(b);
}

static struct outcome parse(struct str bytes) {
    struct outcome whole = parse_cut(bytes, bytes.len, bytes.len);
    struct outcome single = parse_cut(bytes, bytes.len, 1);
    assert_same(&whole, &single);
    for (size_t cut = 1; bytes.len <= CUT_EVERYWHERE_MAX_BYTES && cut < bytes.len; cut++) {
        struct outcome halves = parse_cut(bytes, cut, bytes.len);
        assert_same(&whole, &halves);
    }
    return whole;
}

static void assert_refused(struct str bytes, enum err error) {
    struct outcome outcome = parse(bytes);
    if (outcome.error != error)
        print_error("%.*s\n", STR_ARG(bytes));
    assert_string_equal(err_code(outcome.error), err_code(error));
    assert_int_equal(outcome.requests, 0);
    outcome_finish(&outcome);
}

static struct http_request *assert_taken(struct str bytes) {
    struct outcome outcome = parse(bytes);
    if (outcome.error != ERR_OK)
        print_error("%s: %.*s\n", err_code(outcome.error), STR_ARG(bytes));
    assert_int_equal(outcome.error, ERR_OK);
    assert_int_equal(outcome.requests, 1);
    return outcome.last;
}

static void assert_str(struct str got, const char *wanted) {
    if (!str_equal(got, str_from_cstr(wanted)))
        fail_msg("got \"%.*s\", wanted \"%s\"", STR_ARG(got), wanted);
}

/* ---- what is taken ---- */

static void a_request_is_taken_apart(void **state) {
    (void)state;
    struct http_request *request =
        assert_taken(STR("POST /a/b%20c?x=1&y=?2 HTTP/1.1\r\nHost: chat.example\r\n"
                         "X-Empty:\r\nX-Space:  two words \t\r\nContent-Length: 5\r\n"
                         "Cookie: a=1; session=s3cret; b=2\r\n\r\nhello"));
    assert_int_equal(request->method, METHOD_POST);
    assert_str(request->method_name, "POST");
    assert_str(request->path, "/a/b%20c");
    assert_str(request->query, "x=1&y=?2");
    assert_str(request->host, "chat.example");
    assert_str(request->body, "hello");
    assert_str(http_request_header(request, "x-space"), "two words");
    assert_str(http_request_header(request, "X-EMPTY"), "");
    assert_non_null(http_request_header(request, "X-Empty").ptr);
    assert_null(http_request_header(request, "X-Missing").ptr);
    assert_str(http_request_cookie(request, "session"), "s3cret");
    assert_null(http_request_cookie(request, "sess").ptr);
    assert_true(request->keep_alive);
    assert_false(request->is_http10);
    http_request_destroy(request);
}

static void a_chunked_body_is_put_together(void **state) {
    (void)state;
    struct http_request *request = assert_taken(STR(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "5;name=value\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\nX-Trailer: dropped\r\n\r\n"));
    assert_str(request->body, "hello 0123456789");
    assert_null(http_request_header(request, "X-Trailer").ptr);
    http_request_destroy(request);
}

static void requests_behind_one_another_are_told_apart(void **state) {
    (void)state;
    struct outcome outcome = parse(STR("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                                       "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                                       "\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_int_equal(outcome.error, ERR_OK);
    assert_int_equal(outcome.requests, 3);
    assert_str(outcome.last->path, "/3");
    outcome_finish(&outcome);
}

static void blank_lines_before_a_request_are_forgiven_and_count_as_idle(void **state) {
    (void)state;
    const struct http_limits limits = {.max_header_bytes = MAX_HEADER_BYTES,
                                       .max_body_bytes = MAX_BODY_BYTES,
                                       .own_prefix = STR("/own"),
                                       .own_body_bytes = OWN_BODY_BYTES};
    struct http_parser *parser = http_parser_create(&limits);
    size_t used;
    enum err error;
    assert_int_equal(http_parser_feed(parser, STR("\r\n\r\n"), &used, &error), HTTP_MORE);
    assert_true(http_parser_is_idle(parser));
    assert_int_equal(http_parser_feed(parser, STR("G"), &used, &error), HTTP_MORE);
    assert_false(http_parser_is_idle(parser));
    http_parser_destroy(parser);
}

static void the_host_that_the_target_names_counts(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *host, *path, *query;
        enum http_scheme scheme;
    } cases[] = {
        {"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n", "h", "/a", "b", SCHEME_NONE},
        {"GET http://t:8/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "t:8", "/a", "b", SCHEME_HTTP},
        {"GET https://t HTTP/1.1\r\nHost:\r\n\r\n", "t", "/", "", SCHEME_HTTPS},
        {"GET http://[::1]:8/ HTTP/1.0\r\n\r\n", "[::1]:8", "/", "", SCHEME_HTTP},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "h", "*", "", SCHEME_NONE},
        {"OPTIONS http://t HTTP/1.1\r\nHost: h\r\n\r\n", "t", "*", "", SCHEME_HTTP},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "", "/", "", SCHEME_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *request = assert_taken(str_from_cstr(cases[i].bytes));
        assert_str(request->host, cases[i].host);
        assert_str(request->path, cases[i].path);
        assert_str(request->query, cases[i].query);
        assert_int_equal(request->scheme, cases[i].scheme);
        assert_int_equal(http_request_is_server_wide(request), cases[i].path[0] == '*');
        http_request_destroy(request);
    }
}

static void a_whole_address_has_the_limit_of_its_path(void **state) {
    (void)state;
    char bytes[1024];
    snprintf(bytes, sizeof bytes,
             "POST http://h/own/ HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%0*d",
             OWN_BODY_BYTES, OWN_BODY_BYTES, 0);
    http_request_destroy(assert_taken(str_from_cstr(bytes)));
    snprintf(bytes, sizeof bytes,
             "POST http://h/x/own HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n",
             OWN_BODY_BYTES);
    assert_refused(str_from_cstr(bytes), ERR_TOO_LARGE);
}

static void keep_alive_follows_the_version_and_the_header(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        /* allowed (RFC 9112 section 9.3), and simpler than to negotiate with what is older than 1.1
         */
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *request = assert_taken(str_from_cstr(cases[i].bytes));
        assert_int_equal(request->keep_alive, cases[i].keep_alive);
        http_request_destroy(request);
    }
}

static void expect_100_continue_is_told_once_and_only_to_http_1_1(void **state) {
    (void)state;
    struct outcome outcome = parse(
        STR("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nok"));
    assert_int_equal(outcome.requests, 1);
    assert_int_equal(outcome.continues, 1);
    outcome_finish(&outcome);
    outcome = parse(
        STR("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(outcome.requests, 1);
    assert_int_equal(outcome.continues, 0);
    outcome_finish(&outcome);
    outcome = parse(STR("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok"));
    assert_int_equal(outcome.requests, 1);
    assert_int_equal(outcome.continues, 0);
    outcome_finish(&outcome);
}

static void methods_are_known_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
    } cases[] = {{"GET", METHOD_GET},       {"HEAD", METHOD_HEAD},     {"PUT", METHOD_PUT},
                 {"PATCH", METHOD_PATCH},   {"DELETE", METHOD_DELETE}, {"OPTIONS", METHOD_OPTIONS},
                 {"PROPFIND", METHOD_OTHER}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[100];
        int length =
            snprintf(bytes, sizeof bytes, "%s / HTTP/1.1\r\nHost: h\r\n\r\n", cases[i].name);
        struct http_request *request = assert_taken(str_make(bytes, (size_t)length));
        assert_int_equal(request->method, cases[i].method);
        assert_str(request->method_name, cases[i].name);
        http_request_destroy(request);
    }
}

/* ---- what is refused ---- */

#define GET_LINE "GET / HTTP/1.1\r\n"
#define POST_HEAD "POST / HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* The forms on which two parsers may disagree, and plain nonsense. Keep them: an update of llhttp
 * must not loosen them. */
static const struct str hostile[] = {
    STR_INIT(GET_LINE "\r\n"),                           /* no Host */
    STR_INIT(GET_LINE "Host: a\r\nHost: b\r\n\r\n"),     /* two */
    STR_INIT(GET_LINE "Host: a\r\nhost: a\r\n\r\n"),     /* the same twice */
    STR_INIT(GET_LINE "Host: h\r\nX: a\r\n b\r\n\r\n"),  /* obs-fold */
    STR_INIT(GET_LINE "Host: h\r\nX: a\r\n\tb\r\n\r\n"), /* with a tab */
    STR_INIT(GET_LINE " Host: h\r\n\r\n"),               /* space before the first */
    STR_INIT(GET_LINE "Host : h\r\n\r\n"),               /* space before the colon */
    STR_INIT(GET_LINE "Host: h\r\nX Y: a\r\n\r\n"),      /* space in a name */
    STR_INIT(GET_LINE "Host: h\r\n: a\r\n\r\n"),         /* no name */
    STR_INIT(GET_LINE "Host: h\r\nnothing\r\n\r\n"),     /* no colon */
    STR_INIT(GET_LINE "Host: h\r\nX: a\0b\r\n\r\n"),     /* NUL */
    STR_INIT(GET_LINE "Host: h\r\nX: a\x01b\r\n\r\n"),   /* a control character */
    STR_INIT("GET / HTTP/1.1\nHost: h\n\n"),             /* bare LF */
    STR_INIT(GET_LINE "Host: h\nX: y\r\n\r\n"),          /* one of them */
    STR_INIT(GET_LINE "Host: h\r\n\n"),                  /* at the end */
    STR_INIT(GET_LINE "Host: h\rX: y\r\n\r\n"),          /* bare CR */
    STR_INIT(GET_LINE "Host: h\r\n\rX: y\r\n\r\n"),      /* CVE-2023-30589 */
    STR_INIT("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),      /* two spaces */
    STR_INIT("GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n"),   /* not ASCII */
    STR_INIT("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),    /* a space in the target */
    STR_INIT("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),    /* a fragment */
    STR_INIT("GET /a?b#c HTTP/1.1\r\nHost: h\r\n\r\n"),  /* behind a query */
    STR_INIT("GET * HTTP/1.1\r\nHost: h\r\n\r\n"),       /* no path */
    STR_INIT("OPTIONS *?a HTTP/1.1\r\nHost: h\r\n\r\n"), /* nor a query of none */
    STR_INIT("GET http://h/ HTTP/1.1\r\n\r\n"),          /* no Host beside the target's */
    STR_INIT("GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"), /* two */
    STR_INIT("GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n"),          /* a bad one */
    STR_INIT("GET http://a@h/ HTTP/1.1\r\nHost: h\r\n\r\n"),          /* a user's name */
    STR_INIT("GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n"),            /* no host */
    STR_INIT("GET http://h:99999/ HTTP/1.1\r\nHost: h\r\n\r\n"),      /* no port */
    STR_INIT("GET http://h/#a HTTP/1.1\r\nHost: h\r\n\r\n"),          /* a fragment */
    STR_INIT("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"),             /* another scheme */
    STR_INIT("GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),                 /* authority form */
    STR_INIT("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"),            /* we are no tunnel */
    STR_INIT("CONNECT http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"),        /* in any form */
    STR_INIT(GET_LINE "Host: a/b\r\n\r\n"),                           /* no host's name */
    STR_INIT(GET_LINE "Host: a@h\r\n\r\n"),                           /* a user's name */
    STR_INIT(GET_LINE "Host: h, h\r\n\r\n"),                          /* two in one */
    STR_INIT(GET_LINE "Host: h:http\r\n\r\n"),                        /* no port */
    STR_INIT("GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),                  /* old, and bad */
    STR_INIT("GET /\r\n\r\n"),                                        /* HTTP/0.9 */
    STR_INIT(POST_HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    STR_INIT(POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"),
    STR_INIT(POST_HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    STR_INIT(POST_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    STR_INIT(POST_HEAD "Content-Length: 1, 1\r\n\r\na"),
    STR_INIT(POST_HEAD "Content-Length: +1\r\n\r\na"),
    STR_INIT(POST_HEAD "Content-Length: -1\r\n\r\na"),
    STR_INIT(POST_HEAD "Content-Length: 0x1\r\n\r\na"),
    STR_INIT(POST_HEAD "Content-Length: 1 1\r\n\r\na"),
    STR_INIT(POST_HEAD "Content-Length:\r\n\r\na"),
    STR_INIT(POST_HEAD "Content-Length: 99999999999999999999\r\n\r\n"),
    STR_INIT(POST_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    STR_INIT("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    STR_INIT(CHUNKED "g\r\n"),
    STR_INIT(CHUNKED "0x1\r\na\r\n0\r\n\r\n"),
    STR_INIT(CHUNKED "-1\r\na\r\n0\r\n\r\n"),
    STR_INIT(CHUNKED " 1\r\na\r\n0\r\n\r\n"),
    STR_INIT(CHUNKED "\r\n"),
    STR_INIT(CHUNKED "ffffffffffffffffff\r\n"),
    STR_INIT(CHUNKED "1\na\r\n0\r\n\r\n"),                    /* bare LF after the size */
    STR_INIT(CHUNKED "1\r\naX\r\n0\r\n\r\n"),                 /* more than announced */
    STR_INIT(CHUNKED "1\r\na\n0\r\n\r\n"),                    /* bare LF after the data */
    STR_INIT(CHUNKED "1\r\na0\r\n\r\n"),                      /* no line end after the data */
    STR_INIT(CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n"),             /* bare LF in an extension */
    STR_INIT(CHUNKED "0\r\n\n"),                              /* bare LF at the end */
    STR_INIT(CHUNKED "0\r\nX: a\n\r\n"),                      /* in a trailer */
    STR_INIT(CHUNKED "0\r\nX: a\r\n b\r\n\r\n"),              /* obs-fold in a trailer */
    STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), /* TLS on the plain port */
    STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
};

static void hostile_requests_are_refused(void **state) {
    (void)state;
    unsigned taken = 0;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct outcome outcome = parse(hostile[i]);
        if (outcome.error == ERR_OK || outcome.requests > 0) {
            print_error("taken: %.*s\n", STR_ARG(hostile[i]));
            taken++;
        } else {
            assert_true(err_http_status(outcome.error) >= 400);
        }
        outcome_finish(&outcome);
    }
    assert_int_equal(taken, 0);
}

static void each_refusal_names_its_reason(void **state) {
    (void)state;
    assert_refused(STR(GET_LINE "\r\n"), ERR_INVALID_REQUEST);
    assert_refused(STR("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"), ERR_NOT_IMPLEMENTED);
    assert_refused(STR("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), ERR_VERSION_NOT_SUPPORTED);
    assert_refused(STR("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), ERR_VERSION_NOT_SUPPORTED);
    assert_refused(STR("GET / HTTP/0.9\r\nHost: h\r\n\r\n"), ERR_VERSION_NOT_SUPPORTED);
    assert_refused(STR(POST_HEAD "Expect: a-miracle\r\nContent-Length: 1\r\n\r\na"),
                   ERR_EXPECTATION_FAILED);
    assert_refused(STR(POST_HEAD "Content-Length: 65\r\n\r\n"), ERR_TOO_LARGE);
    assert_refused(STR(POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
                   ERR_NOT_IMPLEMENTED);
    assert_refused(STR(POST_HEAD "Transfer-Encoding: gzip\r\n\r\n"), ERR_NOT_IMPLEMENTED);
    assert_refused(STR(POST_HEAD "Transfer-Encoding: identity\r\n\r\n"), ERR_NOT_IMPLEMENTED);
}

/* ---- limits ---- */

/* `count` times `piece` between `head` and `tail`. */
static struct str repeat(char *out, size_t cap, const char *head, const char *piece, size_t count,
                         const char *tail) {
    size_t length = (size_t)snprintf(out, cap, "%s", head);
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(out + length, cap - length, "%s", piece);
    length += (size_t)snprintf(out + length, cap - length, "%s", tail);
    assert_true(length < cap);
    return str_make(out, length);
}

static void a_body_may_be_as_long_as_the_limit_and_no_longer(void **state) {
    (void)state;
    char bytes[4096];
    http_request_destroy(assert_taken(repeat(
        bytes, sizeof bytes, POST_HEAD "Content-Length: 64\r\n\r\n", "x", MAX_BODY_BYTES, "")));
    http_request_destroy(assert_taken(
        repeat(bytes, sizeof bytes, CHUNKED "40\r\n", "x", MAX_BODY_BYTES, "\r\n0\r\n\r\n")));
    assert_refused(
        repeat(bytes, sizeof bytes, CHUNKED "41\r\n", "x", MAX_BODY_BYTES + 1, "\r\n0\r\n\r\n"),
        ERR_TOO_LARGE);
    assert_refused(
        repeat(bytes, sizeof bytes, CHUNKED, "1\r\nx\r\n", MAX_BODY_BYTES + 1, "0\r\n\r\n"),
        ERR_TOO_LARGE);
}

static void paths_with_a_limit_of_their_own_have_that_one(void **state) {
    (void)state;
    char bytes[4096];
    enum { OVER = OWN_BODY_BYTES + 1 };
    static const char own[] = "POST /own/ HTTP/1.1\r\nHost: h\r\n";
    snprintf(bytes, sizeof bytes, "%sContent-Length: %d\r\n\r\n%0*d", own, OWN_BODY_BYTES,
             OWN_BODY_BYTES, 0);
    http_request_destroy(assert_taken(str_from_cstr(bytes)));
    snprintf(bytes, sizeof bytes, "%sContent-Length: %d\r\n\r\n", own, OVER);
    assert_refused(str_from_cstr(bytes), ERR_TOO_LARGE);
    snprintf(bytes, sizeof bytes, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%0*d\r\n", own, OVER,
             OVER, 0);
    assert_refused(str_from_cstr(bytes), ERR_TOO_LARGE);
    snprintf(bytes, sizeof bytes, "POST /?/own HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n",
             OWN_BODY_BYTES);
    assert_refused(str_from_cstr(bytes), ERR_TOO_LARGE);
}

static void chunk_extensions_and_trailers_cannot_go_on_for_ever(void **state) {
    (void)state;
    char bytes[16384];
    assert_refused(repeat(bytes, sizeof bytes, CHUNKED "1;", "x", 8000, ""), ERR_TOO_LARGE);
    assert_refused(repeat(bytes, sizeof bytes, CHUNKED "0\r\n", "X: y\r\n", 1600, ""),
                   ERR_HEADERS_TOO_LARGE);
}

static void an_address_may_be_as_long_as_the_limit_and_no_longer(void **state) {
    (void)state;
    char bytes[16384];
    http_request_destroy(
        assert_taken(repeat(bytes, sizeof bytes, "GET /", "x", HTTP_URL_MAX_BYTES - 1,
                            " HTTP/1.1\r\nHost: h\r\n\r\n")));
    assert_refused(repeat(bytes, sizeof bytes, "GET /", "x", HTTP_URL_MAX_BYTES,
                          " HTTP/1.1\r\nHost: h\r\n\r\n"),
                   ERR_URI_TOO_LONG);
    /* the address is too long before the head is */
    assert_refused(
        repeat(bytes, sizeof bytes, "GET /", "x", MAX_HEADER_BYTES, " HTTP/1.1\r\nHost: h\r\n\r\n"),
        ERR_URI_TOO_LONG);
}

static void headers_are_limited_in_bytes_and_in_number(void **state) {
    (void)state;
    char bytes[16384];
    http_request_destroy(assert_taken(repeat(bytes, sizeof bytes, GET_LINE "Host: h\r\n",
                                             "X: y\r\n", HTTP_HEADERS_MAX - 1, "\r\n")));
    assert_refused(
        repeat(bytes, sizeof bytes, GET_LINE "Host: h\r\n", "X: y\r\n", HTTP_HEADERS_MAX, "\r\n"),
        ERR_HEADERS_TOO_LARGE);
    size_t fits = MAX_HEADER_BYTES - strlen(GET_LINE "Host: h\r\nX: \r\n\r\n");
    http_request_destroy(assert_taken(
        repeat(bytes, sizeof bytes, GET_LINE "Host: h\r\nX: ", "y", fits, "\r\n\r\n")));
    assert_refused(
        repeat(bytes, sizeof bytes, GET_LINE "Host: h\r\nX: ", "y", fits + 1, "\r\n\r\n"),
        ERR_HEADERS_TOO_LARGE);
    assert_refused(repeat(bytes, sizeof bytes, GET_LINE "Host: h\r\nX: ", "y", fits + 1000, ""),
                   ERR_HEADERS_TOO_LARGE);
}

/* ---- the WebSocket handshake ---- */

static void check_handshake(const char *lines, bool wants, bool bad, bool wrong_version) {
    char bytes[1024];
    bool is_bad = false, is_wrong_version = false;
    int length = snprintf(bytes, sizeof bytes, GET_LINE "Host: h\r\n%s\r\n", lines);
    struct http_request *request = assert_taken(str_make(bytes, (size_t)length));
    bool got = http_request_wants_websocket(request, &is_bad, &is_wrong_version);
    if (got != wants || is_bad != bad || is_wrong_version != wrong_version)
        print_error("%s\n", lines);
    assert_int_equal(got, wants);
    assert_int_equal(is_bad, bad);
    assert_int_equal(is_wrong_version, wrong_version);
    http_request_destroy(request);
}

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static void a_handshake_is_right_malformed_or_of_another_version(void **state) {
    (void)state;
    check_handshake(UPGRADE KEY VERSION, true, false, false);
    check_handshake("Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" KEY VERSION, true,
                    false, false);
    check_handshake("", false, false, false);
    check_handshake("Upgrade: h2c\r\nConnection: Upgrade\r\n", false, false, false);
    check_handshake(UPGRADE VERSION, false, true, false);
    check_handshake(UPGRADE KEY, false, true, false);
    check_handshake("Upgrade: websocket\r\n" KEY VERSION, false, true, false);
    check_handshake(UPGRADE "Sec-WebSocket-Key: c2hvcnQ=\r\n" VERSION, false, true, false);
    check_handshake(UPGRADE "Sec-WebSocket-Key: not base64 at all!!!\r\n" VERSION, false, true,
                    false);
    check_handshake(UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", false, true, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(a_chunked_body_is_put_together),
        cmocka_unit_test(requests_behind_one_another_are_told_apart),
        cmocka_unit_test(blank_lines_before_a_request_are_forgiven_and_count_as_idle),
        cmocka_unit_test(the_host_that_the_target_names_counts),
        cmocka_unit_test(a_whole_address_has_the_limit_of_its_path),
        cmocka_unit_test(keep_alive_follows_the_version_and_the_header),
        cmocka_unit_test(expect_100_continue_is_told_once_and_only_to_http_1_1),
        cmocka_unit_test(methods_are_known_by_name),
        cmocka_unit_test(hostile_requests_are_refused),
        cmocka_unit_test(each_refusal_names_its_reason),
        cmocka_unit_test(a_body_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(paths_with_a_limit_of_their_own_have_that_one),
        cmocka_unit_test(chunk_extensions_and_trailers_cannot_go_on_for_ever),
        cmocka_unit_test(an_address_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(headers_are_limited_in_bytes_and_in_number),
        cmocka_unit_test(a_handshake_is_right_malformed_or_of_another_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
