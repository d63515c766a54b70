/* Socket.IO's packets: what is one, what is none, and how they are written. */
#include "protocol/decode.h"
#include "realtime/socketio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Parses, and writes it again: head, then the data as jansson has it. */
static void assert_is(const char *text, const char *expected) {
    struct socketio_packet packet;
    struct buf out = BUF_INIT;
    assert_true(socketio_parse(str_from_cstr(text), &packet));
    socketio_append_head(&out, &packet);
    char *json = packet.data != NULL ? json_dumps(packet.data, JSON_COMPACT) : NULL;
    if (json != NULL)
        buf_append_cstr(&out, json);
    assert_string_equal(buf_cstr(&out), expected);
    free(json);
    json_decref(packet.data);
    buf_finish(&out);
}

static void packets_of_every_type_are_understood(void **state) {
    (void)state;
    assert_is("0", "0");
    assert_is("0{\"token\":\"x\"}", "0{\"token\":\"x\"}");
    assert_is("0/admin,{\"token\":\"x\"}", "0/admin,{\"token\":\"x\"}");
    assert_is("0/admin", "0/admin,");
    assert_is("0/admin,", "0/admin,");
    assert_is("1", "1");
    assert_is("1/admin,", "1/admin,");
    assert_is("2[\"hey\",1,null]", "2[\"hey\",1,null]");
    assert_is("212[\"hey\"]", "212[\"hey\"]");
    assert_is("2/admin,456[\"hey\",{}]", "2/admin,456[\"hey\",{}]");
    assert_is("2/,[\"hey\"]", "2[\"hey\"]");
    assert_is("3/admin,0[]", "3/admin,0[]");
    assert_is("50-[\"hey\"]", "50-[\"hey\"]");
    assert_is(
        "52-/"
        "admin,7[\"hey\",{\"_placeholder\":true,\"num\":1},[{\"_placeholder\":true,\"num\":0}]]",
        "52-/"
        "admin,7[\"hey\",{\"_placeholder\":true,\"num\":1},[{\"_placeholder\":true,\"num\":0}]]");
    assert_is("61-3[{\"_placeholder\":true,\"num\":0}]", "61-3[{\"_placeholder\":true,\"num\":0}]");
    assert_is("2999999999999999[\"hey\"]", "2999999999999999[\"hey\"]");
}

static void what_is_no_packet_is_refused(void **state) {
    static const char *const texts[] = {"",
                                        "abc",
                                        "7",
                                        "-",
                                        "2",
                                        "2{}",
                                        "2abc[\"hey\",1]",
                                        "2[]",
                                        "2[null]",
                                        "2[{}]",
                                        "2[true]",
                                        "2[\"hey\"",
                                        "2[\"hey\"]x",
                                        "2\"hey\"",
                                        "21",
                                        "2-1[\"hey\"]",
                                        "1{}",
                                        "1[]",
                                        "1\"bye\"",
                                        "3[]",
                                        "3",
                                        "3{}",
                                        "31{}",
                                        "4{\"message\":\"x\"}",
                                        "4",
                                        "5[\"hey\"]",
                                        "5-[\"hey\"]",
                                        "5x-[\"hey\"]",
                                        "501-[\"hey\"]",
                                        "517-[\"hey\"]",
                                        "599999999999999999999-[\"hey\"]",
                                        "51-[\"hey\",{\"_placeholder\":true,\"num\":1}]",
                                        "51-[\"hey\",{\"_placeholder\":true,\"num\":-1}]",
                                        "51-[\"hey\",{\"_placeholder\":true,\"num\":\"splice\"}]",
                                        "51-[\"hey\",{\"_placeholder\":true}]",
                                        "51-{}",
                                        "61-[{\"_placeholder\":true,\"num\":0}]",
                                        "61-1[{\"_placeholder\":true,\"num\":1}]",
                                        "61-1{}",
                                        "2[\"connect\"]",
                                        "2[\"connect_error\"]",
                                        "2[\"disconnect\"]",
                                        "2[\"disconnecting\"]",
                                        "2[\"newListener\"]",
                                        "2[\"removeListener\"]",
                                        "50-[\"disconnect\"]",
                                        "21234567890123456[\"hey\"]",
                                        "201[\"hey\"]",
                                        "2[\"hey\",1e999",
                                        "2[\"hey\",1e999]]",
                                        "2[\"hey\",1e999] ",
                                        "2[[1e999]]",
                                        "2{\"hey\":1e999}",
                                        "31[1e999]",
                                        "61-1[1e999]",
                                        "0{\"token\":1e999}",
                                        "51-x[\"hey\",1e999]",
                                        "201[\"hey\",1e999]"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct socketio_packet packet;
        if (socketio_parse(str_from_cstr(texts[i]), &packet))
            fail_msg("%s was taken for a packet", texts[i]);
        assert_null(packet.data);
    }
}

/* Its head tells whom to answer. */
static void an_event_whose_arguments_are_not_believed_is_one(void **state) {
    static const char *const texts[] = {"212[\"hey\",99999999999999999999]",
                                        "212[\"hey\",1e999]",
                                        "212[ \"hey\",{\"a\":1,\"a\":2}]",
                                        "212[99999999999999999999]",
                                        "212[-99999999999999999999]",
                                        "212[\"hey\",\"\\u0000]\"]",
                                        "212[\"hey\",\"\\ud800\"]",
                                        "212[\"hey\",\"\xff\"]",
                                        "212[\"hey\",nonsense]"};
    struct socketio_packet packet;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!socketio_parse(str_from_cstr(texts[i]), &packet))
            fail_msg("%s was taken for no packet", texts[i]);
        assert_int_equal(packet.type, SOCKETIO_EVENT);
        assert_int_equal(packet.id, 12);
        assert_null(packet.data);
    }
    assert_true(socketio_parse(STR("52-/admin,7[\"hey\",1e999]"), &packet));
    assert_int_equal(packet.attachments, 2);
    assert_true(str_equal(packet.nsp, STR("/admin")));
    assert_null(packet.data);
}

static void a_connect_carries_any_payload(void **state) {
    static const char *const packets[] = {"0[]", "0\"x\"", "05", "0true", "0/admin,{\"a\":1}"};
    static const json_type types[] = {JSON_ARRAY, JSON_STRING, JSON_INTEGER, JSON_TRUE,
                                      JSON_OBJECT};
    struct socketio_packet packet;
    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        assert_true(socketio_parse(str_from_cstr(packets[i]), &packet));
        assert_int_equal(json_typeof(packet.data), types[i]);
        assert_int_equal(packet.id, SOCKETIO_NO_ID);
        json_decref(packet.data);
    }
}

static void limits_hold_to_the_last_one(void **state) {
    struct socketio_packet packet;
    struct buf text = BUF_INIT;
    (void)state;
    buf_appendf(&text, "0/%0*d,", SOCKETIO_NAMESPACE_MAX_BYTES - 1, 7);
    assert_true(socketio_parse(buf_str(&text), &packet));
    buf_clear(&text);
    buf_appendf(&text, "0/%0*d,", SOCKETIO_NAMESPACE_MAX_BYTES, 7);
    assert_false(socketio_parse(buf_str(&text), &packet));
    assert_true(socketio_parse(STR("516-[\"hey\"]"), &packet));
    assert_int_equal(packet.attachments, SOCKETIO_ATTACHMENTS_MAX);
    json_decref(packet.data);
    buf_finish(&text);
}

/* A packet with `levels` lists in each other behind `head`. */
static bool parse_deep(const char *head, size_t levels, const char *tail,
                       struct socketio_packet *out) {
    struct buf text = BUF_INIT;
    buf_append_cstr(&text, head);
    for (size_t i = 0; i < levels; i++)
        buf_append_char(&text, '[');
    for (size_t i = 0; i < levels; i++)
        buf_append_char(&text, ']');
    buf_append_cstr(&text, tail);
    bool is_parsed = socketio_parse(buf_str(&text), out);
    buf_finish(&text);
    return is_parsed;
}

/* As in a REST body and a WebSocket's params: the array of an event is not one of theirs. */
static void depth_counts_from_the_params(void **state) {
    struct socketio_packet packet;
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        assert_true(parse_deep("2[\"hey\",", DECODE_DEPTH_MAX + extra, "]", &packet));
        assert_int_equal(packet.data != NULL, extra == 0);
        json_decref(packet.data);
    }
    assert_true(parse_deep("0", DECODE_DEPTH_MAX, "", &packet));
    json_decref(packet.data);
    assert_false(parse_deep("0", DECODE_DEPTH_MAX + 1, "", &packet));
}

static void a_placeholder_is_found_wherever_it_stands(void **state) {
    static const struct {
        const char *json;
        bool has;
    } cases[] = {{"[\"a\",{\"b\":[{\"c\":{\"_placeholder\":true,\"num\":0}}]}]", true},
                 {"[{\"_placeholder\":true}]", true},
                 {"[{\"_placeholder\":false,\"num\":0}]", false},
                 {"[\"_placeholder\"]", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = json_loads(cases[i].json, 0, NULL);
        assert_int_equal(socketio_has_placeholder(json), cases[i].has);
        json_decref(json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_every_type_are_understood),
        cmocka_unit_test(what_is_no_packet_is_refused),
        cmocka_unit_test(an_event_whose_arguments_are_not_believed_is_one),
        cmocka_unit_test(a_connect_carries_any_payload),
        cmocka_unit_test(limits_hold_to_the_last_one),
        cmocka_unit_test(depth_counts_from_the_params),
        cmocka_unit_test(a_placeholder_is_found_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
