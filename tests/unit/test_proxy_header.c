/* The PROXY header: vectors as haproxy sends them, cut anywhere, and what is refused. */
#include "net/proxy_header.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
/* 192.0.2.7:4660 to 198.51.100.1:443 */
#define ADDRESSES_4 "\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x34\x01\xbb"
#define ADDRESSES_6                                                                                \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                   \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"                                                   \
    "\x12\x34\x01\xbb"
/* PP2_TYPE_CRC32C and an unknown one */
#define FIELDS "\x03\x00\x04\x01\x02\x03\x04\xf0\x00\x02hi"

static void expect_source(struct str header, bool has_source, struct str source) {
    struct proxy_header out;
    struct buf bytes = BUF_INIT;
    for (size_t cut = 0; cut < header.len; cut++)
        assert_int_equal(proxy_header_parse(str_slice(header, 0, cut), &out), PROXY_MORE);
    buf_append_str(&bytes, header);
    buf_append_cstr(&bytes, "GET");
    assert_int_equal(proxy_header_parse(buf_str(&bytes), &out), PROXY_DONE);
    assert_int_equal(out.bytes, header.len);
    assert_int_equal(out.has_source, has_source);
    if (has_source)
        assert_true(str_equal(str_make((const char *)out.source, 16), source));
    buf_finish(&bytes);
}

static void the_source_of_tcp_is_taken_however_the_header_is_cut(void **state) {
    (void)state;
    struct str v4 = STR("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07");
    struct str v6 = STR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
    expect_source(STR(SIGNATURE "\x21\x11\x00\x0c" ADDRESSES_4), true, v4);
    expect_source(STR(SIGNATURE "\x21\x21\x00\x24" ADDRESSES_6), true, v6);
    expect_source(STR(SIGNATURE "\x21\x11\x00\x18" ADDRESSES_4 FIELDS), true, v4);
    expect_source(STR(SIGNATURE "\x21\x21\x00\x30" ADDRESSES_6 FIELDS), true, v6);
}

static void what_says_nothing_of_a_client_changes_nothing(void **state) {
    (void)state;
    expect_source(STR(SIGNATURE "\x20\x00\x00\x00"), false, STR_EMPTY);             /* LOCAL */
    expect_source(STR(SIGNATURE "\x20\x11\x00\x0c" ADDRESSES_4), false, STR_EMPTY); /* LOCAL */
    expect_source(STR(SIGNATURE "\x21\x00\x00\x00"), false, STR_EMPTY);             /* UNSPEC */
    expect_source(STR(SIGNATURE "\x21\x12\x00\x0c" ADDRESSES_4), false, STR_EMPTY); /* UDP */
    expect_source(STR(SIGNATURE "\x21\x31\x00\x02hi"), false, STR_EMPTY);           /* AF_UNIX */
}

static void everything_else_is_refused(void **state) {
    static const struct str bad[] = {
        STR_INIT("G"),
        STR_INIT("\r\n\r\nG"),
        STR_INIT("PROXY TCP4 192.0.2.7 198.51.100.1 4660 443\r\n"), /* version 1 */
        STR_INIT("\x16\x03\x01\x00\x04"),
        STR_INIT(SIGNATURE "\x11\x11\x00\x0c" ADDRESSES_4),
        STR_INIT(SIGNATURE "\x22\x11\x00\x0c" ADDRESSES_4),
        STR_INIT(SIGNATURE "\x21\x41\x00\x0c" ADDRESSES_4),
        STR_INIT(SIGNATURE "\x21\x13\x00\x0c" ADDRESSES_4),
        STR_INIT(SIGNATURE "\x21\x11\x00\x0b" ADDRESSES_4),
        STR_INIT(SIGNATURE "\x21\x21\x00\x23" ADDRESSES_6),
    };
    struct proxy_header out;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(proxy_header_parse(bad[i], &out), PROXY_BAD);
}

static void its_length_is_bounded_before_it_is_waited_for(void **state) {
    struct proxy_header out;
    (void)state;
    struct str most = STR(SIGNATURE "\x21\x11\x07\xf0"), more = STR(SIGNATURE "\x21\x11\x07\xf1");
    assert_int_equal(proxy_header_parse(most, &out), PROXY_MORE);
    assert_int_equal(proxy_header_parse(more, &out), PROXY_BAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_of_tcp_is_taken_however_the_header_is_cut),
        cmocka_unit_test(what_says_nothing_of_a_client_changes_nothing),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(its_length_is_bounded_before_it_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
