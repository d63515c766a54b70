/* The setting cors.origins, and the header lines that follow from it. */
#include "api/cors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct cors cors;
static struct http_header headers[4];
static struct http_request request;

static bool set(const char *list) {
    struct buf error = BUF_INIT;
    bool is_good = cors_init(&cors, str_from_cstr(list), &error);
    assert_int_equal(error.len == 0, is_good);
    buf_finish(&error);
    return is_good;
}

static void ask(const char *path, const char *origin, bool is_preflight) {
    request = (struct http_request){.path = str_from_cstr(path), .headers = headers};
    request.method = is_preflight ? METHOD_OPTIONS : METHOD_GET;
    if (origin != NULL)
        headers[request.header_count++] =
            (struct http_header){STR("origin"), str_from_cstr(origin)};
    if (is_preflight)
        headers[request.header_count++] =
            (struct http_header){STR("Access-Control-Request-Method"), STR("PATCH")};
}

static void assert_lines(const char *expected) {
    struct buf lines = BUF_INIT;
    if (request.method == METHOD_OPTIONS)
        cors_append_preflight(&lines, &cors, &request);
    else
        cors_append_headers(&lines, &cors, &request);
    assert_string_equal(buf_cstr(&lines), expected);
    buf_finish(&lines);
}

static void origins_are_taken_and_all_else_is_refused_at_the_start(void **state) {
    static const char *const good[] = {"", "https://a.example",
                                       "http://a.example:8080,https://B.example",
                                       " https://a.example , http://[::1]:3000 "};
    static const char *const bad[] = {"*",
                                      "null",
                                      "a.example",
                                      "https://",
                                      "https://a.example/",
                                      "https://a.example/path",
                                      "https://*.example",
                                      "https://a.example:443",
                                      "http://a.example:80",
                                      "https://a.example,*",
                                      "https://a.example,,https://b.example",
                                      "https://me@a.example",
                                      "https://a.example\r\nX: y",
                                      "ftp://a.example"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(set(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(set(bad[i]));
}

static void no_more_origins_are_taken_than_there_is_room_for(void **state) {
    struct buf list = BUF_INIT;
    (void)state;
    for (unsigned i = 0; i < CORS_ORIGINS_MAX; i++)
        buf_appendf(&list, "%shttps://a%u.example", i > 0 ? "," : "", i);
    assert_true(set(buf_cstr(&list)));
    buf_append_cstr(&list, ",https://one.more.example");
    assert_false(set(buf_cstr(&list)));
    buf_finish(&list);
}

static void a_listed_origin_is_allowed_to_the_letter(void **state) {
    static const char *const others[] = {"http://app.example",
                                         "https://app.example.org",
                                         "https://app.example:8443",
                                         "https://app",
                                         "https://APP.example",
                                         "https://evil.example",
                                         "null",
                                         "https://evil.https://app.example",
                                         ""};
    (void)state;
    assert_true(set("https://App.Example, http://other.example:8080"));
    ask("/api/v1/me", "https://app.example", false);
    assert_true(cors_allows(&cors, &request));
    assert_lines("Vary: Origin\r\nAccess-Control-Allow-Origin: https://app.example\r\n"
                 "Access-Control-Expose-Headers: Allow, ETag, Retry-After\r\n");
    ask("/socket.io/", "http://other.example:8080", false);
    assert_true(cors_allows(&cors, &request));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ask("/api/v1/me", others[i], false);
        assert_false(cors_allows(&cors, &request));
        assert_lines("Vary: Origin\r\n");
    }
    ask("/api/v1/me", NULL, false);
    assert_false(cors_allows(&cors, &request));
    assert_lines("Vary: Origin\r\n");
}

static void nothing_is_said_outside_the_api_or_while_it_is_off(void **state) {
    (void)state;
    assert_true(set("https://app.example"));
    ask("/metrics", "https://app.example", false);
    assert_lines("");
    ask("/", "https://app.example", true);
    assert_lines("");
    assert_true(set(""));
    ask("/api/v1/me", "https://app.example", true);
    assert_lines("");
}

static void a_preflight_is_told_methods_and_headers(void **state) {
    (void)state;
    assert_true(set("https://app.example"));
    ask("/api/v1/me", "https://app.example", true);
    assert_lines("Vary: Origin\r\nAccess-Control-Allow-Origin: https://app.example\r\n"
                 "Access-Control-Expose-Headers: Allow, ETag, Retry-After\r\n"
                 "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
                 "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, "
                 "If-None-Match, Last-Event-ID\r\nAccess-Control-Max-Age: 7200\r\n");
    ask("/api/v1/me", "https://evil.example", true);
    assert_lines("Vary: Origin\r\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_are_taken_and_all_else_is_refused_at_the_start),
        cmocka_unit_test(no_more_origins_are_taken_than_there_is_room_for),
        cmocka_unit_test(a_listed_origin_is_allowed_to_the_letter),
        cmocka_unit_test(nothing_is_said_outside_the_api_or_while_it_is_off),
        cmocka_unit_test(a_preflight_is_told_methods_and_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
