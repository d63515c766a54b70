/* Engine.IO's bytes: packets, polling payloads, what a query and an error say. */
#include "realtime/engineio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ASSERT_STR(actual, expected)                                                               \
    do {                                                                                           \
        struct str actual_ = (actual);                                                             \
        assert_int_equal(actual_.len, strlen(expected));                                           \
        assert_memory_equal(actual_.ptr, expected, actual_.len);                                   \
    } while (0)

static void a_packet_is_a_digit_and_its_data(void **state) {
    struct engineio_packet packet;
    (void)state;
    assert_true(engineio_parse(STR("4hello"), &packet));
    assert_int_equal(packet.type, ENGINEIO_MESSAGE);
    assert_false(packet.is_binary);
    ASSERT_STR(packet.data, "hello");
    assert_true(engineio_parse(STR("2probe"), &packet));
    assert_int_equal(packet.type, ENGINEIO_PING);
    assert_true(engineio_parse(STR("6"), &packet));
    assert_int_equal(packet.type, ENGINEIO_NOOP);
    ASSERT_STR(packet.data, "");
}

static void what_is_no_packet_is_refused(void **state) {
    static const char *const texts[] = {"", "7", "9x", "abc", "b", " 4x", "/", ":"};
    struct engineio_packet packet;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(engineio_parse(str_from_cstr(texts[i]), &packet));
}

/* Packets up to the end or the first that is none; types and data as `4:data;`, binary as `b:`. */
static enum engineio_next walk(struct str payload, struct buf *seen) {
    struct buf binary = BUF_INIT;
    struct engineio_packet packet;
    enum engineio_next next;
    buf_clear(seen);
    while ((next = engineio_next(&payload, &binary, &packet)) == ENGINEIO_PACKET) {
        buf_append_char(seen, packet.is_binary ? 'b' : (char)('0' + (int)packet.type));
        buf_append_char(seen, ':');
        buf_append_str(seen, packet.data);
        buf_append_char(seen, ';');
    }
    buf_finish(&binary);
    return next;
}

static void a_payload_gives_its_packets_in_order(void **state) {
    struct buf seen = BUF_INIT;
    (void)state;
    assert_int_equal(walk(STR("4one"), &seen), ENGINEIO_END);
    ASSERT_STR(buf_str(&seen), "4:one;");
    assert_int_equal(walk(STR("4one\x1e"
                              "3\x1e"
                              "bAQIDBA==\x1e"
                              "b\x1e"
                              "4"),
                          &seen),
                     ENGINEIO_END);
    ASSERT_STR(buf_str(&seen), "4:one;3:;b:\x01\x02\x03\x04;b:;4:;");
    buf_finish(&seen);
}

static void a_payload_with_anything_else_in_it_is_malformed(void **state) {
    static const char *const payloads[] = {"abc",
                                           "\x1e",
                                           "4one\x1e",
                                           "\x1e"
                                           "4one",
                                           "4one\x1e\x1e"
                                           "4two",
                                           "bAQIDBA",
                                           "bAQID BA==",
                                           "b-_-_",
                                           "4one\x1e"
                                           "b===="};
    struct buf seen = BUF_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++)
        assert_int_equal(walk(str_from_cstr(payloads[i]), &seen), ENGINEIO_MALFORMED);
    assert_int_equal(walk(STR(""), &seen), ENGINEIO_MALFORMED);
    buf_finish(&seen);
}

/* Of every length of a WebSocket header. */
static void a_frame_goes_by_websocket_and_by_polling(void **state) {
    static const size_t sizes[] = {0, 1, 124, 125, 126, 65534, 65535, 65536, 70000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *text = malloc(sizes[i] + 1);
        struct buf payload = BUF_INIT, seen = BUF_INIT, expected = BUF_INIT;
        memset(text, 'x', sizes[i]);
        struct str data = str_make(text, sizes[i]);
        struct blob *message = engineio_frame(ENGINEIO_MESSAGE, data);
        struct blob *binary = engineio_frame_binary(data);
        engineio_append_frame(&payload, message);
        engineio_append_frame(&payload, binary);
        assert_int_equal(walk(buf_str(&payload), &seen), ENGINEIO_END);
        buf_appendf(&expected, "4:%.*s;b:%.*s;", STR_ARG(data), STR_ARG(data));
        assert_true(str_equal(buf_str(&seen), buf_str(&expected)));
        blob_unref(message);
        blob_unref(binary);
        buf_finish(&payload);
        buf_finish(&seen);
        buf_finish(&expected);
        free(text);
    }
}

static void a_query_says_version_transport_and_sid(void **state) {
    struct engineio_query query;
    (void)state;
    engineio_parse_query(STR("EIO=4&transport=polling&t=abc&sid=00xyz&sid=other"), &query);
    ASSERT_STR(query.version, "4");
    ASSERT_STR(query.transport, "polling");
    ASSERT_STR(query.sid, "00xyz");
    engineio_parse_query(STR("&&transport&EIO="), &query);
    ASSERT_STR(query.version, "");
    ASSERT_STR(query.transport, "");
    assert_null(query.sid.ptr);
    engineio_parse_query(STR_EMPTY, &query);
    assert_null(query.version.ptr);
}

static void the_open_packet_and_errors_are_as_documented(void **state) {
    struct buf json = BUF_INIT;
    (void)state;
    engineio_append_handshake(&json, &(struct engineio_handshake){.sid = STR("00abc"),
                                                                  .can_upgrade = true,
                                                                  .ping_interval_ms = 25000,
                                                                  .ping_timeout_ms = 20000,
                                                                  .max_payload_bytes = 1000000});
    ASSERT_STR(buf_str(&json),
               "{\"sid\":\"00abc\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
               "\"pingTimeout\":20000,\"maxPayload\":1000000}");
    buf_clear(&json);
    engineio_append_error(&json, ENGINEIO_UNSUPPORTED_VERSION);
    ASSERT_STR(buf_str(&json), "{\"code\":5,\"message\":\"Unsupported protocol version\"}");
    buf_finish(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_a_digit_and_its_data),
        cmocka_unit_test(what_is_no_packet_is_refused),
        cmocka_unit_test(a_payload_gives_its_packets_in_order),
        cmocka_unit_test(a_payload_with_anything_else_in_it_is_malformed),
        cmocka_unit_test(a_frame_goes_by_websocket_and_by_polling),
        cmocka_unit_test(a_query_says_version_transport_and_sid),
        cmocka_unit_test(the_open_packet_and_errors_are_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
