/* str, buf, blob, arena, list, text, utf8: bytes and what holds them. */
#include "base/arena.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/text.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void a_number_is_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"-0", false, 0},
        {"+1", false, 0},
        {"01", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1a", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 0;
        assert_int_equal(str_to_i64(str_from_cstr(cases[i].text), &value), cases[i].valid);
        assert_true(value == (cases[i].valid ? cases[i].value : 0));
    }
}

static void pieces_of_a_str_stay_inside_it(void **state) {
    (void)state;
    struct str s = STR("hello"), head, rest;
    assert_true(str_equal(str_slice(s, 1, 3), STR("el")));
    assert_true(str_equal(str_slice(s, 3, 99), STR("lo")));
    assert_true(str_is_empty(str_slice(s, 7, 9)) && str_is_empty(str_slice(s, 3, 2)));
    assert_int_equal(str_find(s, STR("lo")), 3);
    assert_true(str_find(s, STR("lox")) == STR_NOT_FOUND && str_find(s, STR_EMPTY) == 0);
    assert_true(str_equal(str_trim(STR(" \t a b\r\n")), STR("a b")) &&
                str_is_empty(str_trim(STR("  "))));
    assert_true(str_starts_with(s, STR("he")) && !str_starts_with(STR("h"), STR("he")));
    assert_true(str_ends_with(s, STR("lo")) && !str_ends_with(STR("o"), STR("lo")));
    assert_true(str_equal_nocase(STR("Content-Length"), STR("content-length")));
    assert_false(str_equal_nocase(STR("@"), STR("`")));
    assert_true(str_cut(STR("a=b=c"), '=', &head, &rest));
    assert_true(str_equal(head, STR("a")) && str_equal(rest, STR("b=c")));
    assert_false(str_cut(STR("abc"), '=', &head, &rest));
    assert_true(str_equal(head, STR("abc")) && str_is_empty(rest));
}

static void a_buffer_grows_and_formats(void **state) {
    (void)state;
    struct buf buf = BUF_INIT;
    assert_true(str_is_empty(buf_str(&buf)));
    assert_string_equal(buf_cstr(&buf), "");
    buf_append_i64(&buf, INT64_MIN);
    buf_append_char(&buf, ' ');
    buf_append_u64(&buf, UINT64_MAX);
    assert_string_equal(buf_cstr(&buf), "-9223372036854775808 18446744073709551615");
    buf_clear(&buf);
    for (int i = 0; i < 1000; i++)
        buf_appendf(&buf, "%03d%s", i, "-");
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.data + 3996, "999-", 4);
    buf_finish(&buf);
    assert_null(buf.data);
    buf_appendf(&buf, "%200s", "x"); /* longer than the first allocation */
    assert_int_equal(buf.len, 200);
    buf_finish(&buf);
}

static void a_blob_dies_with_its_last_reference(void **state) {
    (void)state;
    struct blob *blob = blob_create(8);
    blob_append(blob, "abc", 3);
    blob_append(blob, "defgh", 5);
    assert_ptr_equal(blob_ref(blob), blob);
    blob_unref(blob);
    assert_true(str_equal(blob_str(blob), STR("abcdefgh")));
    blob_unref(blob); /* the sanitizers see a leak or a second free */
    blob_unref(NULL);
    blob = blob_from_bytes("", 0);
    assert_int_equal(blob->len, 0);
    blob_unref(blob);
}

static void an_arena_gives_aligned_memory_of_any_size(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    static const size_t sizes[] = {0, 1, 7, 16, 1000, 3000, 100000, 5, 64000};
    for (int round = 0; round < 3; round++) {
        char *before = NULL;
        for (size_t i = 0; i < COUNT(sizes); i++) {
            char *at = arena_alloc(arena, sizes[i]);
            assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
            assert_ptr_not_equal(at, before);
            memset(at, 0xAA, sizes[i]);
            before = at;
        }
        assert_true(arena_used_bytes(arena) >= 168029);
        struct str text = arena_printf(arena, "%s:%d", "room", 7);
        assert_string_equal(text.ptr, "room:7");
        struct str copy = arena_strdup(arena, str_slice(text, 0, 4));
        assert_string_equal(copy.ptr, "room");
        const char *zeros = arena_zalloc_array(arena, 100, 10);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(zeros[i], 0);
        arena_reset(arena);
        assert_int_equal(arena_used_bytes(arena), 0);
    }
    arena_destroy(arena);
}

struct item {
    int number;
    struct list link;
};

static void a_list_keeps_order_through_splices_and_removals(void **state) {
    (void)state;
    struct list a, b;
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    list_init(&a);
    list_init(&b);
    list_splice_back(&a, &b);
    assert_null(list_pop_front(&a));
    list_push_back(&a, &items[1].link);
    list_push_front(&a, &items[0].link);
    list_push_back(&b, &items[2].link);
    list_push_back(&b, &items[3].link);
    list_splice_back(&a, &b);
    assert_true(list_is_empty(&b));
    int expected = 0;
    LIST_EACH(&a, at) {
        struct item *item = CONTAINER_OF(at, struct item, link);
        assert_int_equal(item->number, expected++);
        if (item->number == 2)
            list_remove(at);
    }
    assert_int_equal(expected, 4);
    list_remove(&items[2].link); /* a second time: harmless */
    assert_ptr_equal(list_pop_front(&a), &items[0].link);
    assert_ptr_equal(list_pop_front(&a), &items[1].link);
    assert_ptr_equal(list_pop_front(&a), &items[3].link);
    assert_true(list_is_empty(&a));
}

static void base64_and_hex_go_there_and_back_and_refuse_all_else(void **state) {
    (void)state;
    static const char *const bad_url[] = {"Zg==", "Zh",    "Z",      "Zm+v",
                                          "Zm/v", "Zm 9v", "Zm9v\n", "Zm9v="};
    char text[TEXT_BASE64URL_BYTES(64)];
    unsigned char bytes[64], back[64];
    size_t len;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37 + 200);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        size_t text_len = text_base64url_encode(bytes, n, text);
        assert_int_equal(strlen(text), text_len);
        assert_true(text_len < TEXT_BASE64URL_BYTES(n));
        assert_true(text_base64url_decode(str_make(text, text_len), back, sizeof back, &len));
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
    }
    for (size_t i = 0; i < COUNT(bad_url); i++)
        assert_false(text_base64url_decode(str_from_cstr(bad_url[i]), back, sizeof back, &len));
    assert_false(text_base64url_decode(STR("AAAA"), back, 2, &len)); /* no room */
    assert_int_equal(text_base64_encode("\x01\x02", 2, text), 4);
    assert_string_equal(text, "AQI=");
    assert_true(text_base64_decode(STR("AQI="), back, sizeof back, &len) && len == 2);
    assert_false(text_base64_decode(STR("AQI"), back, sizeof back, &len));
    assert_true(text_base64_decode((struct str){0}, back, sizeof back, &len) && len == 0);
    text_hex_encode("\x00\xaf", 2, text);
    assert_string_equal(text, "00af");
    assert_true(text_hex_decode(STR("00AF"), back, 2) && back[1] == 0xaf);
    assert_false(text_hex_decode(STR("00A"), back, 2) || text_hex_decode(STR("00AG"), back, 2));
}

static void secrets_and_hashes_compare_by_bytes(void **state) {
    (void)state;
    assert_true(text_equal_secret(STR("abc"), STR("abc")));
    assert_false(text_equal_secret(STR("abc"), STR("abd")) ||
                 text_equal_secret(STR("abc"), STR("ab")));
    assert_true(text_hash(STR("abc")) == text_hash(STR("abc")));
    assert_true(text_hash(STR("abc")) != text_hash(STR("abd")));
    assert_true(text_hash(STR_EMPTY) == text_hash(str_from_cstr(NULL)));
}

/* Markus Kuhn's stress test and the boundaries of RFC 3629's table. */
static const struct {
    struct str text;
    bool valid;
} utf8_cases[] = {
    {STR_INIT(""), true},
    {STR_INIT("plain ASCII, longer than one word of eight"), true},
    {STR_INIT("\x00"), true},
    {STR_INIT("κόσμε"), true},
    {STR_INIT("\xC2\x80"), true},
    {STR_INIT("\xDF\xBF"), true},
    {STR_INIT("\xE0\xA0\x80"), true},
    {STR_INIT("\xED\x9F\xBF"), true},
    {STR_INIT("\xEE\x80\x80"), true},
    {STR_INIT("\xEF\xBF\xBF"), true},
    {STR_INIT("\xF0\x90\x80\x80"), true},
    {STR_INIT("\xF4\x8F\xBF\xBF"), true},
    {STR_INIT("\xF4\x90\x80\x80"), false},
    {STR_INIT("\xF5\x80\x80\x80"), false},
    {STR_INIT("\xF8\x88\x80\x80\x80"), false},
    {STR_INIT("\xFC\x84\x80\x80\x80\x80"), false},
    {STR_INIT("\x80"), false},
    {STR_INIT("\xBF"), false},
    {STR_INIT("\xC0\xAF"), false},
    {STR_INIT("\xC1\xBF"), false},
    {STR_INIT("\xE0\x80\xAF"), false},
    {STR_INIT("\xE0\x9F\xBF"), false},
    {STR_INIT("\xF0\x80\x80\xAF"), false},
    {STR_INIT("\xF0\x8F\xBF\xBF"), false},
    {STR_INIT("\xED\xA0\x80"), false},
    {STR_INIT("\xED\xBF\xBF"), false},
    {STR_INIT("\xED\xA0\x80\xED\xB0\x80"), false},
    {STR_INIT("\xC2"), false},
    {STR_INIT("\xE2\x82"), false},
    {STR_INIT("\xF0\x9F\x98"), false},
    {STR_INIT("\xC2\x41"), false},
    {STR_INIT("\xE2\x28\xA1"), false},
    {STR_INIT("\xF0\x28\x8C\xBC"), false},
    {STR_INIT("\xFE"), false},
    {STR_INIT("\xFF"), false},
    {STR_INIT("12345678\xFF"), false},
    {STR_INIT("1234567\xC3\xA9"
              "12345678\xF0\x9F\x98\x80"),
     true},
};

static void utf8_takes_the_valid_and_nothing_else(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(utf8_cases); i++)
        assert_int_equal(utf8_is_valid(utf8_cases[i].text), utf8_cases[i].valid);
    assert_int_equal(utf8_count(STR("a\xC3\xA9\xF0\x9F\x98\x80")), 3);
}

/* An independent reading of RFC 3629: decode by bit counts, then refuse overlong forms, surrogates
 * and what is too high. */
static bool slow_utf8_is_valid(const unsigned char *at, size_t len) {
    while (len > 0) {
        size_t more = *at < 0x80   ? 0
                      : *at < 0xC0 ? 9
                      : *at < 0xE0 ? 1
                      : *at < 0xF0 ? 2
                      : *at < 0xF8 ? 3
                                   : 9;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (more >= len)
            return false;
        uint32_t code = more == 0 ? *at : *at & (0x3FU >> more);
        for (size_t i = 1; i <= more; i++) {
            if ((at[i] & 0xC0) != 0x80)
                return false;
            code = code << 6 | (at[i] & 0x3F);
        }
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return false;
        at += more + 1;
        len -= more + 1;
    }
    return true;
}

static void utf8_agrees_with_a_slow_decoder_on_every_lead_and_next_byte(void **state) {
    (void)state;
    static const unsigned char tails[] = {0x00, 0x7F, 0x80, 0x8F, 0x90,
                                          0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    for (unsigned lead = 0; lead < 256; lead++)
        for (unsigned next = 0; next < 256; next++)
            for (size_t i = 0; i < COUNT(tails); i++)
                for (size_t len = 1; len <= 4; len++) {
                    unsigned char bytes[4] = {(unsigned char)lead, (unsigned char)next, tails[i],
                                              0x80};
                    bool expected = slow_utf8_is_valid(bytes, len);
                    assert_int_equal(utf8_is_valid(str_make((char *)bytes, len)), expected);
                }
}

static void utf8_in_pieces_is_judged_like_the_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(utf8_cases); i++) {
        struct str text = utf8_cases[i].text;
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct utf8_state utf8;
            utf8_start(&utf8);
            bool valid = utf8_feed(&utf8, str_slice(text, 0, cut)) &&
                         utf8_feed(&utf8, str_slice(text, cut, text.len)) &&
                         utf8_is_complete(&utf8);
            assert_int_equal(valid, utf8_cases[i].valid);
        }
    }
}

static void utf8_in_pieces_fails_at_the_first_wrong_byte(void **state) {
    (void)state;
    struct utf8_state utf8;
    utf8_start(&utf8);
    assert_true(utf8_feed(&utf8, STR("ok \xF4")));
    assert_false(utf8_feed(&utf8, STR("\x90")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_read_strictly),
        cmocka_unit_test(pieces_of_a_str_stay_inside_it),
        cmocka_unit_test(a_buffer_grows_and_formats),
        cmocka_unit_test(a_blob_dies_with_its_last_reference),
        cmocka_unit_test(an_arena_gives_aligned_memory_of_any_size),
        cmocka_unit_test(a_list_keeps_order_through_splices_and_removals),
        cmocka_unit_test(base64_and_hex_go_there_and_back_and_refuse_all_else),
        cmocka_unit_test(secrets_and_hashes_compare_by_bytes),
        cmocka_unit_test(utf8_takes_the_valid_and_nothing_else),
        cmocka_unit_test(utf8_agrees_with_a_slow_decoder_on_every_lead_and_next_byte),
        cmocka_unit_test(utf8_in_pieces_is_judged_like_the_whole),
        cmocka_unit_test(utf8_in_pieces_fails_at_the_first_wrong_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
