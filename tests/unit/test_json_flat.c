/* What is read without jansson is read just as jansson reads it, and the rest is left to it. */
#include "base/buf.h"
#include "base/mem.h"
#include "json_flat_equal.h"
#include "protocol/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ROOM "0192f0c1-2233-7abc-8def-001122334455"
#define REQUEST                                                                                    \
    "{\"id\":7,\"method\":\"message.send\",\"params\":{\"room\":\"" ROOM                           \
    "\",\"nonce\":\"n\",\"text\":\"hi\"}}"

enum verdict {
    TAKEN,    /* by both, and alike */
    DECLINED, /* good JSON that is left to jansson */
    INVALID   /* jansson refuses it */
};

static const struct {
    enum verdict verdict;
    struct str text;
} table[] = {
    {TAKEN, STR_INIT(REQUEST)},
    {TAKEN, STR_INIT("{}")},
    {TAKEN, STR_INIT("{\"\":\"\"}")},
    {TAKEN, STR_INIT("{\"a\":{}}")},
    {TAKEN, STR_INIT(" \t\r\n{ \"a\" \n:\t1 , \"b\" : { \"c\" : null } , \"d\":2} \r\n")},
    {TAKEN, STR_INIT("{\"a\":true,\"b\":false,\"c\":null}")},
    {TAKEN, STR_INIT("{\"a\":0,\"b\":-1,\"c\":10,\"d\":-20}")},
    {TAKEN, STR_INIT("{\"a\":999999999999999999,\"b\":-999999999999999999}")},
    {TAKEN, STR_INIT("{\"a\":{\"a\":1},\"b\":2}")},
    {TAKEN, STR_INIT("{\"a\":1,\"A\":2,\"aa\":3}")},
    {TAKEN, STR_INIT("{\"a\":\"{[]}:,'/ //\x7f\"}")},
    {TAKEN, STR_INIT("{\"a\":\"\xc3\xa9\",\"\xd0\xb6\":\"\xe2\x80\xa8\xf0\x9f\x98\x80\"}")},
    {TAKEN, STR_INIT("{\"a\":\"\xf4\x8f\xbf\xbf\xef\xbb\xbf\xee\x80\x80\"}")},

    {DECLINED, STR_INIT("{\"a\":\"\\n\"}")},
    {DECLINED, STR_INIT("{\"\\u0061\":1}")},
    {DECLINED, STR_INIT("{\"a\":\"a\\/b\\\"c\"}")},
    {DECLINED, STR_INIT("{\"a\":1.0}")},
    {DECLINED, STR_INIT("{\"a\":0.5}")},
    {DECLINED, STR_INIT("{\"a\":1e3}")},
    {DECLINED, STR_INIT("{\"a\":1E-3}")},
    {DECLINED, STR_INIT("{\"a\":-0}")},
    {DECLINED, STR_INIT("{\"a\":-0.0}")},
    {DECLINED, STR_INIT("{\"a\":1000000000000000000}")},
    {DECLINED, STR_INIT("{\"a\":9223372036854775807,\"b\":-9223372036854775808}")},
    {DECLINED, STR_INIT("{\"a\":[]}")},
    {DECLINED, STR_INIT("{\"a\":{\"b\":[1]}}")},
    {DECLINED, STR_INIT("{\"a\":{\"b\":{}}}")},
    {DECLINED, STR_INIT("{\"a\":{},\"b\":{}}")},
    {DECLINED, STR_INIT("null")},
    {DECLINED, STR_INIT("7")},
    {DECLINED, STR_INIT("\"a\"")},
    {DECLINED, STR_INIT("[]")},

    {INVALID, STR_INIT("")},
    {INVALID, STR_INIT(" ")},
    {INVALID, STR_INIT("}")},
    {INVALID, STR_INIT("{}}")},
    {INVALID, STR_INIT("{} {}")},
    {INVALID, STR_INIT("{},")},
    {INVALID, STR_INIT("{}x")},
    {INVALID, STR_INIT("{}\0")},
    {INVALID, STR_INIT("\0{}")},
    {INVALID, STR_INIT("{\0}")},
    {INVALID, STR_INIT("\xef\xbb\xbf{}")},
    {INVALID, STR_INIT("\f{}")},
    {INVALID, STR_INIT("{\xc2\xa0}")},
    {INVALID, STR_INIT("{,}")},
    {INVALID, STR_INIT("{\"a\"}")},
    {INVALID, STR_INIT("{\"a\":}")},
    {INVALID, STR_INIT("{\"a\" 1}")},
    {INVALID, STR_INIT("{\"a\"::1}")},
    {INVALID, STR_INIT("{\"a\":1,}")},
    {INVALID, STR_INIT("{\"a\":1 \"b\":2}")},
    {INVALID, STR_INIT("{\"a\":1]")},
    {INVALID, STR_INIT("{\"a\":{\"b\":1,}}")},
    {INVALID, STR_INIT("{\"a\":1,\"a\":1}")},
    {INVALID, STR_INIT("{\"a\":1,\"b\":2,\"a\":{}}")},
    {INVALID, STR_INIT("{\"p\":{\"a\":1,\"a\":2}}")},
    {INVALID, STR_INIT("{\"\":1,\"\":1}")},
    {INVALID, STR_INIT("{a:1}")},
    {INVALID, STR_INIT("{'a':1}")},
    {INVALID, STR_INIT("{1:1}")},
    {INVALID, STR_INIT("{\"a\":'b'}")},
    {INVALID, STR_INIT("{\"a\":01}")},
    {INVALID, STR_INIT("{\"a\":00}")},
    {INVALID, STR_INIT("{\"a\":-01}")},
    {INVALID, STR_INIT("{\"a\":+1}")},
    {INVALID, STR_INIT("{\"a\":-}")},
    {INVALID, STR_INIT("{\"a\":- 1}")},
    {INVALID, STR_INIT("{\"a\":--1}")},
    {INVALID, STR_INIT("{\"a\":1.}")},
    {INVALID, STR_INIT("{\"a\":.5}")},
    {INVALID, STR_INIT("{\"a\":1 2}")},
    {INVALID, STR_INIT("{\"a\":0x10}")},
    {INVALID, STR_INIT("{\"a\":1a}")},
    {INVALID, STR_INIT("{\"a\":9223372036854775808}")},
    {INVALID, STR_INIT("{\"a\":NaN}")},
    {INVALID, STR_INIT("{\"a\":Infinity}")},
    {INVALID, STR_INIT("{\"a\":True}")},
    {INVALID, STR_INIT("{\"a\":tru}")},
    {INVALID, STR_INIT("{\"a\":truee}")},
    {INVALID, STR_INIT("{\"a\":nullnull}")},
    {INVALID, STR_INIT("{\"a\":true1}")},
    {INVALID, STR_INIT("{\"a\":\"b\nc\"}")},
    {INVALID, STR_INIT("{\"a\":\"b\0c\"}")},
    {INVALID, STR_INIT("{\"a\0\":1}")},
    {INVALID, STR_INIT("{\"a\":\"\\u0000\"}")},
    {INVALID, STR_INIT("{\"a\":\"\\ud800\"}")},
    {INVALID, STR_INIT("{\"a\":\"\\x\"}")},
    {INVALID, STR_INIT("{\"a\":\"\xff\"}")},
    {INVALID, STR_INIT("{\"\xff\":1}")},
    {INVALID, STR_INIT("{\"a\":\"\x80\"}")},
    {INVALID, STR_INIT("{\"a\":\"\xc3\"}")},
    {INVALID, STR_INIT("{\"a\":\"\xc0\x80\"}")},
    {INVALID, STR_INIT("{\"a\":\"\xed\xa0\x80\"}")},
    {INVALID, STR_INIT("{\"a\":\"\xf4\x90\x80\x80\"}")},
    {INVALID, STR_INIT("{\"a\":1}/**/")},
    {INVALID, STR_INIT("{/**/\"a\":1}")},
};

/* Asks both; they must agree. In memory of its own, so that ASan sees a byte too many read. */
static enum verdict judge(struct str text) {
    struct json_flat flat;
    json_t *json = NULL;
    char *bytes = mem_alloc(text.len + 1); /* never 0 bytes */
    char *copy = bytes + 1;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    bool is_taken = json_flat_parse(str_make(copy, text.len), &flat);
    enum err err = decode_json(text, DECODE_DEPTH_MAX, &json);
    if (is_taken && (err != ERR_OK || !json_flat_equal(&flat.root, json)))
        fail_msg("not as jansson reads it: %.*s", STR_ARG(text));
    json_decref(json);
    mem_free(bytes);
    return is_taken ? TAKEN : err == ERR_OK ? DECLINED : INVALID;
}

static void what_is_taken_is_what_jansson_reads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        enum verdict verdict = judge(table[i].text);
        if (verdict != table[i].verdict)
            fail_msg("%d, not %d: %.*s", verdict, table[i].verdict, STR_ARG(table[i].text));
    }
}

/* A string and a name of `length` letters with `piece` at `at` instead of the letter there. */
static enum verdict judge_string(size_t length, size_t at, struct str piece) {
    struct buf text = BUF_INIT;
    for (size_t part = 0; part < 2; part++) {
        buf_append_cstr(&text, part == 0 ? "{\"" : "\":\"");
        for (size_t i = 0; i < length; i++)
            buf_append_str(&text, i == at ? piece : STR("a"));
    }
    buf_append_cstr(&text, "\"}");
    enum verdict verdict = judge(buf_str(&text));
    buf_finish(&text);
    return verdict;
}

/* Strings are read eight bytes at a time: no byte may hide behind another. */
static void every_byte_is_seen_wherever_it_stands(void **state) {
    (void)state;
    for (size_t at = 0; at < 19; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char c = (char)byte;
            bool is_plain = byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
            if ((judge_string(19, at, str_make(&c, 1)) == TAKEN) != is_plain)
                fail_msg("byte %d at %zu", byte, at);
        }
        assert_int_equal(judge_string(19, at, STR("\xf0\x9f\x98\x80")), TAKEN);
        assert_int_equal(judge_string(19, at, STR("\xf0\x9f\x98")), INVALID);
        assert_int_equal(judge_string(19, at, STR("\xc3\xa9\x1f")), INVALID);
        assert_int_equal(judge_string(19, at, STR("\x7f\x1f")), INVALID);
    }
}

static void a_text_that_is_cut_off_is_declined(void **state) {
    (void)state;
    struct str text = STR(REQUEST);
    for (size_t i = 0; i < text.len; i++)
        assert_int_equal(judge(str_slice(text, 0, i)), INVALID);
    assert_int_equal(judge(text), TAKEN);
}

static enum verdict judge_members(size_t count, const char *head, const char *tail) {
    struct buf text = BUF_INIT;
    buf_append_cstr(&text, head);
    for (size_t i = 0; i < count; i++)
        buf_appendf(&text, "%s\"m%zu\":%zu", i > 0 ? "," : "", i, i);
    buf_append_cstr(&text, tail);
    enum verdict verdict = judge(buf_str(&text));
    buf_finish(&text);
    return verdict;
}

static void more_members_than_there_is_room_for_are_declined(void **state) {
    (void)state;
    assert_int_equal(judge_members(JSON_FLAT_MEMBERS_MAX, "{", "}"), TAKEN);
    assert_int_equal(judge_members(JSON_FLAT_MEMBERS_MAX + 1, "{", "}"), DECLINED);
    assert_int_equal(judge_members(JSON_FLAT_MEMBERS_MAX, "{\"p\":{", "}}"), TAKEN);
    assert_int_equal(judge_members(JSON_FLAT_MEMBERS_MAX + 1, "{\"p\":{", "}}"), DECLINED);
}

static void a_member_is_found_by_its_whole_name(void **state) {
    (void)state;
    struct json_flat flat;
    assert_true(json_flat_parse(STR("{\"ab\":1,\"a\":{\"b\":\"x\"}}"), &flat));
    assert_int_equal(json_flat_find(&flat.root, STR("ab"))->integer, 1);
    const struct json_flat_object *inner = json_flat_find(&flat.root, STR("a"))->object;
    assert_true(str_equal(json_flat_find(inner, STR("b"))->text, STR("x")));
    assert_null(json_flat_find(&flat.root, STR("b")));
    assert_null(json_flat_find(inner, STR("a")));
    assert_null(json_flat_find(inner, STR("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_what_jansson_reads),
        cmocka_unit_test(every_byte_is_seen_wherever_it_stands),
        cmocka_unit_test(a_text_that_is_cut_off_is_declined),
        cmocka_unit_test(more_members_than_there_is_room_for_are_declined),
        cmocka_unit_test(a_member_is_found_by_its_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
