/* Request targets and authorities: what is found in them, and what is none. */
#include "net/http_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct found {
    const char *text;
    enum http_method method;
    enum http_scheme scheme;
    const char *authority, *path, *query;
};

static void assert_str(const char *text, struct str got, const char *wanted) {
    if (!str_equal(got, str_from_cstr(wanted)))
        fail_msg("%s: got \"%.*s\", wanted \"%s\"", text, STR_ARG(got), wanted);
}

static void targets_are_taken_apart(void **state) {
    (void)state;
    static const struct found cases[] = {
        {"/", METHOD_GET, SCHEME_NONE, "", "/", ""},
        {"/a/b%20c?x=1&y=?2", METHOD_POST, SCHEME_NONE, "", "/a/b%20c", "x=1&y=?2"},
        {"//h/a", METHOD_GET, SCHEME_NONE, "", "//h/a", ""},
        {"/http://h/", METHOD_GET, SCHEME_NONE, "", "/http://h/", ""},
        {"http://h/a?b", METHOD_GET, SCHEME_HTTP, "h", "/a", "b"},
        {"https://h:443/a?b", METHOD_GET, SCHEME_HTTPS, "h:443", "/a", "b"},
        {"HTTP://H/A", METHOD_GET, SCHEME_HTTP, "H", "/A", ""},
        {"hTTpS://h/", METHOD_GET, SCHEME_HTTPS, "h", "/", ""},
        {"http://h", METHOD_GET, SCHEME_HTTP, "h", "/", ""},
        {"http://h?a/b", METHOD_GET, SCHEME_HTTP, "h", "/", "a/b"},
        {"http://h//x", METHOD_GET, SCHEME_HTTP, "h", "//x", ""},
        {"http://h/a@b:c", METHOD_GET, SCHEME_HTTP, "h", "/a@b:c", ""},
        {"http://[2001:db8::1]:8/", METHOD_GET, SCHEME_HTTP, "[2001:db8::1]:8", "/", ""},
        {"*", METHOD_OPTIONS, SCHEME_NONE, "", "*", ""},
        {"http://h:8", METHOD_OPTIONS, SCHEME_HTTP, "h:8", "*", ""},
        {"http://h/", METHOD_OPTIONS, SCHEME_HTTP, "h", "/", ""},
        {"http://h?", METHOD_OPTIONS, SCHEME_HTTP, "h", "/", ""},
        {"/*", METHOD_OPTIONS, SCHEME_NONE, "", "/*", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct found *one = &cases[i];
        struct http_target target;
        if (!http_target_parse(str_from_cstr(one->text), one->method, &target))
            fail_msg("refused: %s", one->text);
        assert_int_equal(target.scheme, one->scheme);
        assert_str(one->text, target.authority, one->authority);
        assert_str(one->text, target.path, one->path);
        assert_str(one->text, target.query, one->query);
    }
}

static void what_is_no_target_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "a",
        "?a",
        "h:443", /* authority form */
        "/a#b",  /* a fragment, wherever */
        "/a?b#c",
        "http://h/#",
        "http://h#a",
        "http://", /* no host */
        "http:///x",
        "http://?a",
        "http://:80/",
        "http://a@h/", /* a user's name */
        "http://a:b@h/",
        "http://@h/",
        "http://h:99999/",
        "http://h:x/",
        "http://h\\@evil.example/",
        "http:/h/",
        "http:h",
        "https//h/",
        "ftp://h/",
        "ws://h/", /* a socket is asked for by http (RFC 6455 section 4.1) */
        "wss://h/",
        "httpss://h/",
        " http://h/",
        "*a",
        "**",
        "*?a",
        "*?",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct http_target target;
        if (http_target_parse(str_from_cstr(texts[i]), METHOD_GET, &target))
            fail_msg("taken: %s", texts[i]);
        if (http_target_parse(str_from_cstr(texts[i]), METHOD_OPTIONS, &target))
            fail_msg("taken with OPTIONS: %s", texts[i]);
    }
}

static void an_asterisk_is_for_options_alone(void **state) {
    (void)state;
    struct http_target target;
    for (enum http_method method = METHOD_GET; method <= METHOD_OTHER; method++)
        assert_int_equal(http_target_parse(STR("*"), method, &target), method == METHOD_OPTIONS);
}

static void an_authority_is_a_host_and_perhaps_a_port(void **state) {
    (void)state;
    static const struct {
        struct str text;
        bool is_one;
    } cases[] = {
        {STR_INIT("chat.example.org"), true},
        {STR_INIT("a_b-c~d"), true},
        {STR_INIT("a%2Db"), true},
        {STR_INIT("192.0.2.1:8080"), true},
        {STR_INIT("h:0"), true},
        {STR_INIT("h:65535"), true},
        {STR_INIT("h:000080"), true},
        {STR_INIT("h:"), true},
        {STR_INIT("[::1]"), true},
        {STR_INIT("[::ffff:192.0.2.1]:80"), true},
        {STR_INIT(""), false},
        {STR_INIT(":80"), false},
        {STR_INIT("h:65536"), false},
        {STR_INIT("h:4294967376"), false}, /* 80 in 32 bits */
        {STR_INIT("h:-1"), false},
        {STR_INIT("h:+1"), false},
        {STR_INIT("h:8:8"), false},
        {STR_INIT("::1"), false},
        {STR_INIT("[]"), false},
        {STR_INIT("[::1"), false},
        {STR_INIT("[::1]x"), false},
        {STR_INIT("[::1]8"), false},
        {STR_INIT("[::1%25lo]"), false},
        {STR_INIT("[192.0.2.1]"), false},
        {STR_INIT("[v1.a]"), false},
        {STR_INIT("[::1\0]"), false},
        {STR_INIT("[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]"), false},
        {STR_INIT("a@h"), false},
        {STR_INIT("a b"), false},
        {STR_INIT("a/b"), false},
        {STR_INIT("a\\b"), false},
        {STR_INIT("a\0b"), false},
        {STR_INIT("a\x80"), false},
        {STR_INIT("a%"), false},
        {STR_INIT("a%2"), false},
        {STR_INIT("a%2x"), false},
        {STR_INIT("a%x2"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (http_target_is_authority(cases[i].text) != cases[i].is_one)
            fail_msg("%.*s", STR_ARG(cases[i].text));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_taken_apart),
        cmocka_unit_test(what_is_no_target_is_refused),
        cmocka_unit_test(an_asterisk_is_for_options_alone),
        cmocka_unit_test(an_authority_is_a_host_and_perhaps_a_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
