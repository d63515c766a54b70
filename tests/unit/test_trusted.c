/* Which proxies are believed, and whose request it then is. */
#include "net/trusted.h"

#include "net/http_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct trusted parsed(const char *text) {
    struct trusted trusted;
    struct buf error = BUF_INIT;
    if (!trusted_parse(str_from_cstr(text), &trusted, &error))
        fail_msg("%s", buf_cstr(&error));
    buf_finish(&error);
    return trusted;
}

static bool has(const char *ranges, const char *address) {
    struct trusted trusted = parsed(ranges);
    uint8_t bytes[16];
    assert_true(trusted_parse_address(str_from_cstr(address), bytes));
    return trusted_has(&trusted, bytes);
}

/* ---- ranges ---- */

static void ranges_hold_what_shares_their_prefix(void **state) {
    (void)state;
    assert_true(has("10.0.0.0/8", "10.0.0.0"));
    assert_true(has("10.0.0.0/8", "10.255.255.255"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_false(has("10.0.0.0/8", "9.255.255.255"));
    assert_true(has("192.0.2.128/25", "192.0.2.128"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("192.0.2.7", "192.0.2.7"));
    assert_false(has("192.0.2.7", "192.0.2.6"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("::1", "::1"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("::/0", "203.0.113.9"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has(" 192.0.2.0/24 ,2001:db8::/32,10.0.0.1 ", "10.0.0.1"));
    assert_false(has("", "10.0.0.1"));
    assert_false(trusted_has(NULL, (const uint8_t[16]){0}));
}

static void what_is_no_list_of_ranges_is_refused(void **state) {
    static const char *const bad[] = {
        "10.0.0.0/33",       "10.0.0.0/-1",    "10.0.0.0/",  "10.0.0.0/08",
        "10.0.0/8",          "10.0.0.5/8",     ",",          "10.0.0.1,",
        "2001:db8::/129",    "2001:db8::1/32", "localhost",  "10.0.0.1;10.0.0.2",
        "10.0.0.1 10.0.0.2", "[::1]",          "1.2.3.4:80", "fe80::1%eth0"};
    struct trusted trusted;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf error = BUF_INIT;
        if (trusted_parse(str_from_cstr(bad[i]), &trusted, &error))
            fail_msg("%s", bad[i]);
        assert_true(error.len > 0);
        buf_finish(&error);
    }
}

static void the_list_is_bounded(void **state) {
    struct buf text = BUF_INIT, error = BUF_INIT;
    struct trusted trusted;
    (void)state;
    for (int i = 0; i < TRUSTED_RANGES_MAX; i++)
        buf_appendf(&text, "%s10.0.0.%d", i == 0 ? "" : ",", i);
    assert_true(trusted_parse(buf_str(&text), &trusted, &error));
    buf_append_cstr(&text, ",10.0.1.0");
    assert_false(trusted_parse(buf_str(&text), &trusted, &error));
    buf_finish(&text);
    buf_finish(&error);
}

/* ---- X-Forwarded-For ---- */

static void addresses_are_read_as_proxies_write_them(void **state) {
    static const char *const good[] = {"192.0.2.7",     "192.0.2.7:80",      "2001:db8::1",
                                       "[2001:db8::1]", "[2001:db8::1]:443", "::ffff:192.0.2.7"};
    static const char *const bad[] = {"",           "unknown",     "_hidden",       "192.0.2",
                                      "1.2.3.4:",   "1.2.3.4:x",   "1.2.3.4:65536", "[1.2.3.4]",
                                      "[::1",       "[::1]x",      "::1]",          "1.2.3.4 5",
                                      "1.2.3.4:-1", "[::1]:65536", "0x7f.1",        "1.2.3.4.5"};
    uint8_t out[16];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!trusted_parse_address(str_from_cstr(good[i]), out))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (trusted_parse_address(str_from_cstr(bad[i]), out))
            fail_msg("%s", bad[i]);
}

/* The client of a request from `peer` with these X-Forwarded-For lines (NULL: none), where 10/8 and
 * 2001:db8:a::/48 are ours. */
static void expect_client(const char *peer, const char *first, const char *second,
                          const char *wanted) {
    struct trusted trusted = parsed("10.0.0.0/8, 2001:db8:a::/48");
    struct http_header headers[] = {{STR("Host"), STR("h")},
                                    {STR("x-forwarded-for"), str_from_cstr(first)},
                                    {STR("X-Forwarded-For"), str_from_cstr(second)}};
    struct http_request request = {.headers = headers,
                                   .header_count = second != NULL  ? 3
                                                   : first != NULL ? 2
                                                                   : 1};
    uint8_t from[16], client[16], expected[16];
    assert_true(trusted_parse_address(str_from_cstr(peer), from));
    assert_true(trusted_parse_address(str_from_cstr(wanted), expected));
    trusted_find_client(&trusted, from, &request, client);
    assert_memory_equal(client, expected, sizeof client);
}

static void strangers_are_not_believed(void **state) {
    (void)state;
    expect_client("203.0.113.9", NULL, NULL, "203.0.113.9");
    expect_client("203.0.113.9", "192.0.2.1", NULL, "203.0.113.9");
    expect_client("203.0.113.9", "10.0.0.1", NULL, "203.0.113.9");
}

static void the_rightmost_address_that_is_not_ours_counts(void **state) {
    (void)state;
    expect_client("10.0.0.1", NULL, NULL, "10.0.0.1");
    expect_client("10.0.0.1", "192.0.2.1", NULL, "192.0.2.1");
    expect_client("10.0.0.1", "198.51.100.66, 192.0.2.1", NULL, "192.0.2.1"); /* forged */
    expect_client("10.0.0.1", "192.0.2.1, 10.0.0.2", NULL, "192.0.2.1");      /* two of ours */
    expect_client("10.0.0.1", "10.9.9.9, 192.0.2.1, 2001:db8:a::1", NULL, "192.0.2.1");
    expect_client("10.0.0.1", "10.0.0.3, 10.0.0.2", NULL, "10.0.0.3"); /* one of us asks */
    expect_client("10.0.0.1", "[2001:db8::9]:1234", NULL, "2001:db8::9");
}

static void several_lines_are_one_list(void **state) {
    (void)state;
    expect_client("10.0.0.1", "198.51.100.66", "192.0.2.1", "192.0.2.1");
    expect_client("10.0.0.1", "192.0.2.1", "10.0.0.2", "192.0.2.1");
    expect_client("10.0.0.1", "192.0.2.1", "", "192.0.2.1");
}

static void what_is_no_address_ends_the_walk(void **state) {
    (void)state;
    expect_client("10.0.0.1", "unknown", NULL, "10.0.0.1");
    expect_client("10.0.0.1", "192.0.2.1, junk, 10.0.0.2", NULL, "10.0.0.2");
    expect_client("10.0.0.1", "192.0.2.1,,", NULL, "10.0.0.1");
}

static void the_walk_is_bounded(void **state) {
    struct buf list = BUF_INIT;
    (void)state;
    buf_append_cstr(&list, "192.0.2.1");
    for (int i = 0; i < TRUSTED_HOPS_MAX; i++)
        buf_appendf(&list, ", 10.0.0.%d", i + 1);
    expect_client("10.0.0.200", buf_cstr(&list), NULL, "10.0.0.1");
    buf_finish(&list);
}

static void only_a_trusted_proxy_says_by_what_people_came(void **state) {
    struct trusted trusted = parsed("10.0.0.0/8");
    struct http_header headers[] = {{STR("X-Forwarded-Proto"), STR("HTTP")}};
    struct http_request request = {.headers = headers, .header_count = 1};
    uint8_t ours[16], stranger[16];
    (void)state;
    assert_true(trusted_parse_address(STR("10.0.0.1"), ours));
    assert_true(trusted_parse_address(STR("192.0.2.1"), stranger));
    assert_true(trusted_says_plain(&trusted, ours, &request));
    assert_false(trusted_says_plain(&trusted, stranger, &request));
    assert_false(trusted_says_plain(NULL, ours, &request));
    headers[0].value = STR("https");
    assert_false(trusted_says_plain(&trusted, ours, &request));
    request.header_count = 0;
    assert_false(trusted_says_plain(&trusted, ours, &request));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_what_shares_their_prefix),
        cmocka_unit_test(what_is_no_list_of_ranges_is_refused),
        cmocka_unit_test(the_list_is_bounded),
        cmocka_unit_test(addresses_are_read_as_proxies_write_them),
        cmocka_unit_test(strangers_are_not_believed),
        cmocka_unit_test(the_rightmost_address_that_is_not_ours_counts),
        cmocka_unit_test(several_lines_are_one_list),
        cmocka_unit_test(what_is_no_address_ends_the_walk),
        cmocka_unit_test(the_walk_is_bounded),
        cmocka_unit_test(only_a_trusted_proxy_says_by_what_people_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
