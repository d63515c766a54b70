/* WebSocket frames over bytes, without sockets. Every stream is fed whole, byte by byte, and in odd
 * pieces: what is seen must be the same. */
#include "net/ws_frame.h"

#include "base/mem.h"
#include "net/ws_handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGE_MAX_BYTES = 1000, STREAM_CUTS_MAX_BYTES = 512 };

/* ---- frames as a client sends them ---- */

enum { FIN = 0x80, MASKED = 0x80 };

/* Header (the length in `form` bytes: 0, 2 or 8) and mask. */
static void put_header(struct buf *out, unsigned first, uint64_t length, unsigned form) {
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    buf_append_char(out, (char)first);
    buf_append_char(out, (char)(MASKED | (form == 8 ? 127 : form == 2 ? 126 : length)));
    for (unsigned i = 0; i < form; i++)
        buf_append_char(out, (char)(length >> 8 * (form - 1 - i)));
    buf_append(out, mask, sizeof mask);
}

static unsigned form_of(size_t length) {
    return length < 126 ? 0 : length <= UINT16_MAX ? 2 : 8;
}

static void put_payload(struct buf *out, struct str payload) {
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    char *to = buf_reserve(out, payload.len);
    for (size_t i = 0; i < payload.len; i++)
        to[i] = (char)(payload.ptr[i] ^ mask[i % 4]);
    out->len += payload.len;
}

static void put_frame(struct buf *out, unsigned first, struct str payload) {
    put_header(out, first, payload.len, form_of(payload.len));
    put_payload(out, payload);
}

/* ---- what the parser says, as text ---- */

static void note(struct buf *seen, const char *kind, struct str data) {
    buf_appendf(seen, "%s(%.*s)", kind, STR_ARG(data));
}

static bool on_message(void *arg, bool is_text, struct str data) {
    note(arg, is_text ? "text" : "binary", data);
    return true;
}

static bool on_ping(void *arg, struct str payload) {
    note(arg, "ping", payload);
    return true;
}

static bool on_pong(void *arg, struct str payload) {
    note(arg, "pong", payload);
    return true;
}

static bool on_close(void *arg, uint16_t code, struct str reason) {
    buf_appendf(arg, "close(%u,%.*s)", code, STR_ARG(reason));
    return false;
}

static const struct ws_events events = {on_message, on_ping, on_pong, on_close, NULL};

/* Feeds in pieces of `step`; a failure is noted as its code. */
static void run(struct str stream, size_t step, size_t max_bytes, struct buf *seen) {
    struct ws_parser parser;
    ws_parser_init(&parser);
    for (size_t at = 0; at < stream.len; at += step) {
        size_t length = stream.len - at < step ? stream.len - at : step;
        uint8_t *piece = malloc(length); /* of exactly this size: a read beyond it is found */
        memcpy(piece, stream.ptr + at, length);
        uint16_t code = ws_parser_feed(&parser, piece, length, max_bytes, &events, seen);
        free(piece);
        if (code != 0)
            buf_appendf(seen, "fail(%u)", code);
        if (code != 0 || str_find(buf_str(seen), STR("close(")) != STR_NOT_FOUND)
            break;
    }
    ws_parser_finish(&parser);
}

static void assert_seen_within(struct buf *take_stream, size_t max_bytes, const char *wanted) {
    size_t steps = take_stream->len <= STREAM_CUTS_MAX_BYTES ? take_stream->len : 9;
    for (size_t step = 1; step <= steps; step++) {
        struct buf seen = BUF_INIT;
        run(buf_str(take_stream), step, max_bytes, &seen);
        assert_string_equal(buf_cstr(&seen), wanted);
        buf_finish(&seen);
    }
    struct buf seen = BUF_INIT;
    run(buf_str(take_stream), take_stream->len, max_bytes, &seen);
    assert_string_equal(buf_cstr(&seen), wanted);
    buf_finish(&seen);
    buf_finish(take_stream);
}

static void assert_seen(struct buf *take_stream, const char *wanted) {
    assert_seen_within(take_stream, MESSAGE_MAX_BYTES, wanted);
}

/* One frame and what is seen of it. */
static void assert_frame(unsigned first, struct str payload, const char *wanted) {
    struct buf stream = BUF_INIT;
    put_frame(&stream, first, payload);
    assert_seen(&stream, wanted);
}

/* ---- good streams ---- */

static void messages_and_control_frames_are_told(void **state) {
    (void)state;
    struct buf stream = BUF_INIT;
    put_frame(&stream, FIN | WS_TEXT, STR("hello"));
    put_frame(&stream, FIN | WS_BINARY, STR("bytes"));
    put_frame(&stream, FIN | WS_TEXT, STR(""));
    put_frame(&stream, FIN | WS_PING, STR("are you there"));
    put_frame(&stream, FIN | WS_PONG, STR(""));
    put_frame(&stream, FIN | WS_TEXT,
              STR("a line that is longer than eight bytes, and not a multiple"));
    assert_seen(&stream, "text(hello)binary(bytes)text()ping(are you there)pong()"
                         "text(a line that is longer than eight bytes, and not a multiple)");
}

static void fragments_are_put_together_with_control_frames_between(void **state) {
    (void)state;
    struct buf stream = BUF_INIT;
    put_frame(&stream, WS_TEXT, STR("one "));
    put_frame(&stream, FIN | WS_PING, STR("p"));
    put_frame(&stream, WS_CONTINUATION, STR(""));
    put_frame(&stream, WS_CONTINUATION, STR("two "));
    put_frame(&stream, FIN | WS_PONG, STR("q"));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("three"));
    put_frame(&stream, FIN | WS_BINARY, STR("next"));
    assert_seen(&stream, "ping(p)pong(q)text(one two three)binary(next)");
}

static void empty_fragments_make_an_empty_message(void **state) {
    (void)state;
    struct buf stream = BUF_INIT;
    put_frame(&stream, WS_TEXT, STR(""));
    put_frame(&stream, WS_CONTINUATION, STR(""));
    put_frame(&stream, FIN | WS_CONTINUATION, STR(""));
    put_frame(&stream, WS_TEXT, STR(""));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("end"));
    assert_seen(&stream, "text()text(end)");
}

/* A text of `length` bytes, the caller's to free. */
static struct str make_text(size_t length) {
    char *bytes = malloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)('a' + i % 26);
    return str_make(bytes, length);
}

static bool compare_message(void *arg, bool is_text, struct str data) {
    struct str *wanted = arg;
    assert_true(is_text);
    assert_true(str_equal(data, *wanted));
    wanted->len = 0; /* seen */
    return true;
}

static void lengths_round_the_borders_of_their_forms_arrive_whole(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 7, 8, 9, 125, 126, 127, 65535, 65536, 65537};
    static const struct ws_events compare = {compare_message, on_ping, on_pong, on_close, NULL};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct str text = make_text(lengths[i]), wanted = text;
        struct buf stream = BUF_INIT;
        struct ws_parser parser;
        put_frame(&stream, FIN | WS_TEXT, text);
        ws_parser_init(&parser);
        assert_int_equal(ws_parser_feed(&parser, (uint8_t *)stream.data, stream.len, lengths[i],
                                        &compare, &wanted),
                         0);
        assert_int_equal(wanted.len, 0);
        ws_parser_finish(&parser);
        buf_finish(&stream);
        free((char *)(uintptr_t)text.ptr);
    }
}

static void sixteen_megabytes_in_a_hundred_thousand_fragments_arrive(void **state) {
    (void)state;
    enum { FRAGMENTS = 100000, PIECE = 168, TOTAL = FRAGMENTS * PIECE, READ = 65536 };
    static const struct ws_events compare = {compare_message, on_ping, on_pong, on_close, NULL};
    struct str text = make_text(TOTAL), wanted = text;
    struct buf stream = BUF_INIT;
    for (unsigned i = 0; i < FRAGMENTS; i++)
        put_frame(&stream,
                  (i == 0 ? (unsigned)WS_TEXT : 0) | (i == FRAGMENTS - 1 ? (unsigned)FIN : 0),
                  str_slice(text, (size_t)i * PIECE, (size_t)(i + 1) * PIECE));
    struct ws_parser parser;
    ws_parser_init(&parser);
    for (size_t at = 0; at < stream.len; at += READ) {
        size_t length = stream.len - at < READ ? stream.len - at : READ;
        assert_int_equal(
            ws_parser_feed(&parser, (uint8_t *)stream.data + at, length, TOTAL, &compare, &wanted),
            0);
    }
    assert_int_equal(wanted.len, 0);
    ws_parser_finish(&parser);
    buf_finish(&stream);
    free((char *)(uintptr_t)text.ptr);
}

/* ---- broken streams (RFC 6455 section 5) ---- */

static void an_unmasked_frame_fails(void **state) {
    (void)state;
    struct buf stream = BUF_INIT;
    buf_append(&stream, "\x81\x05hello", 7);
    assert_seen(&stream, "fail(1002)");
}

static void reserved_bits_and_opcodes_fail(void **state) {
    (void)state;
    for (unsigned bit = 0x10; bit <= 0x40; bit <<= 1)
        assert_frame(FIN | bit | WS_TEXT, STR("x"), "fail(1002)");
    for (unsigned opcode = 3; opcode <= 15; opcode++) {
        if (opcode < WS_CLOSE || opcode > WS_PONG)
            assert_frame(FIN | opcode, STR("x"), "fail(1002)");
    }
}

static void control_frames_are_short_and_whole(void **state) {
    (void)state;
    char bytes[126];
    memset(bytes, 'x', sizeof bytes);
    for (unsigned opcode = WS_CLOSE; opcode <= WS_PONG; opcode++) {
        assert_frame(FIN | opcode, str_make(bytes, 126), "fail(1002)");
        assert_frame(opcode, STR(""), "fail(1002)");
    }
    struct buf stream = BUF_INIT, wanted = BUF_INIT;
    put_frame(&stream, FIN | WS_PING, str_make(bytes, 125));
    buf_appendf(&wanted, "ping(%.*s)", 125, bytes);
    assert_seen(&stream, buf_cstr(&wanted));
    buf_finish(&wanted);
}

static void lengths_must_be_minimal(void **state) {
    (void)state;
    static const struct {
        uint64_t length;
        unsigned form;
    } cases[] = {{5, 2}, {125, 2}, {5, 8}, {126, 8}, {65535, 8}, {UINT64_C(1) << 63, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf stream = BUF_INIT;
        put_header(&stream, FIN | WS_BINARY, cases[i].length, cases[i].form);
        assert_seen_within(&stream, UINT32_MAX, "fail(1002)");
    }
}

static void continuations_follow_a_beginning_and_nothing_else_does(void **state) {
    (void)state;
    assert_frame(FIN | WS_CONTINUATION, STR("x"), "fail(1002)");
    assert_frame(WS_CONTINUATION, STR("x"), "fail(1002)");
    struct buf stream = BUF_INIT;
    put_frame(&stream, WS_TEXT, STR("x"));
    put_frame(&stream, FIN | WS_TEXT, STR("y"));
    assert_seen(&stream, "fail(1002)");
    put_frame(&stream, FIN | WS_TEXT, STR("x"));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("y"));
    assert_seen(&stream, "text(x)fail(1002)");
}

static void a_message_may_be_as_long_as_the_limit_and_no_longer(void **state) {
    (void)state;
    struct str text = make_text(MESSAGE_MAX_BYTES + 1);
    struct buf stream = BUF_INIT, wanted = BUF_INIT;
    put_frame(&stream, FIN | WS_TEXT, str_slice(text, 0, MESSAGE_MAX_BYTES));
    buf_appendf(&wanted, "text(%.*s)", MESSAGE_MAX_BYTES, text.ptr);
    assert_seen(&stream, buf_cstr(&wanted));
    put_frame(&stream, FIN | WS_TEXT, text);
    assert_seen(&stream, "fail(1009)");
    put_frame(&stream, WS_TEXT, str_slice(text, 0, MESSAGE_MAX_BYTES));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("x"));
    assert_seen(&stream, "fail(1009)");
    buf_finish(&wanted);
    free((char *)(uintptr_t)text.ptr);
}

static void what_is_announced_takes_no_memory_before_it_arrives(void **state) {
    (void)state;
    enum { ANNOUNCED = 1 << 30 };
    struct buf stream = BUF_INIT, seen = BUF_INIT;
    struct ws_parser parser;
    put_header(&stream, FIN | WS_BINARY, ANNOUNCED, 8);
    put_payload(&stream, STR("a few bytes"));
    ws_parser_init(&parser);
    assert_int_equal(
        ws_parser_feed(&parser, (uint8_t *)stream.data, stream.len, ANNOUNCED, &events, &seen), 0);
    assert_int_equal(parser.message.len, 11);
    assert_true(parser.message.cap < 4096);
    ws_parser_finish(&parser);
    buf_finish(&stream);
    /* too much is refused by the header alone */
    put_header(&stream, FIN | WS_BINARY, ANNOUNCED, 8);
    assert_seen_within(&stream, ANNOUNCED - 1, "fail(1009)");
}

/* ---- text ---- */

static void text_is_checked_across_fragments(void **state) {
    (void)state;
    struct buf stream = BUF_INIT;
    put_frame(&stream, WS_TEXT, STR("k\xc3"));
    put_frame(&stream, FIN | WS_PING, STR("\xff")); /* not text */
    put_frame(&stream, WS_CONTINUATION, STR("\xb6 \xf0\x9f"));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("\x98\x80"));
    assert_seen(&stream, "ping(\xff)text(k\xc3\xb6 \xf0\x9f\x98\x80)");
    assert_frame(FIN | WS_BINARY, STR("\xff\xfe"), "binary(\xff\xfe)");
}

static void bad_text_fails_at_its_first_bad_byte(void **state) {
    (void)state;
    static const char *const texts[] = {
        "\xff",         "\xc0\xaf",         "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xe0\x80\x80", "\xf0\x80\x80\x80", "\x80",         "ok\xc3("};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_frame(FIN | WS_TEXT, str_from_cstr(texts[i]), "fail(1007)");
        struct buf stream = BUF_INIT; /* the message has not ended, nor the frame */
        put_header(&stream, WS_TEXT, 500, 2);
        put_payload(&stream, str_from_cstr(texts[i]));
        assert_seen(&stream, "fail(1007)");
    }
    assert_frame(FIN | WS_TEXT, STR("cut \xe2\x82"), "fail(1007)");
    struct buf stream = BUF_INIT;
    put_frame(&stream, WS_TEXT, STR("cut \xe2\x82"));
    put_frame(&stream, FIN | WS_CONTINUATION, STR(""));
    assert_seen(&stream, "fail(1007)");
}

/* ---- closing (section 7) ---- */

/* A close frame with this code and reason. */
static void assert_close(uint16_t code, struct str reason, const char *wanted) {
    char payload[WS_CONTROL_MAX_BYTES];
    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    memcpy(payload + 2, reason.ptr, reason.len);
    assert_frame(FIN | WS_CLOSE, str_make(payload, reason.len + 2), wanted);
}

static void a_close_tells_code_and_reason(void **state) {
    (void)state;
    assert_frame(FIN | WS_CLOSE, STR(""), "close(1005,)");
    assert_close(1000, STR("bye"), "close(1000,bye)");
    assert_close(3000, STR(""), "close(3000,)");
    assert_close(4999, STR("\xc3\xb6"), "close(4999,\xc3\xb6)");
}

static void malformed_closes_fail(void **state) {
    (void)state;
    static const uint16_t codes[] = {0,    999,  1004, 1005, 1006, 1015,
                                     1016, 1100, 2000, 2999, 5000, 65535};
    assert_frame(FIN | WS_CLOSE, STR("x"), "fail(1002)");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_close(codes[i], STR(""), "fail(1002)");
    assert_close(1000, STR("\xff"), "fail(1007)");
    assert_close(1000, STR("cut \xe2\x82"), "fail(1007)");
}

static void nothing_is_read_behind_a_close(void **state) {
    (void)state;
    struct buf stream = BUF_INIT, seen = BUF_INIT;
    put_frame(&stream, FIN | WS_CLOSE, STR(""));
    put_frame(&stream, FIN | WS_TEXT, STR("late"));
    run(buf_str(&stream), stream.len, MESSAGE_MAX_BYTES, &seen);
    assert_string_equal(buf_cstr(&seen), "close(1005,)");
    buf_finish(&stream);
    buf_finish(&seen);
}

/* ---- what the server sends ---- */

static void server_frames_have_the_shortest_header_and_no_mask(void **state) {
    (void)state;
    uint8_t header[WS_SERVER_HEADER_MAX_BYTES];
    assert_int_equal(ws_frame_header(WS_TEXT, 0, header), 2);
    assert_memory_equal(header, "\x81\x00", 2);
    assert_int_equal(ws_frame_header(WS_BINARY, 125, header), 2);
    assert_memory_equal(header, "\x82\x7d", 2);
    assert_int_equal(ws_frame_header(WS_TEXT, 126, header), 4);
    assert_memory_equal(header, "\x81\x7e\x00\x7e", 4);
    assert_int_equal(ws_frame_header(WS_TEXT, 65535, header), 4);
    assert_memory_equal(header, "\x81\x7e\xff\xff", 4);
    assert_int_equal(ws_frame_header(WS_TEXT, 65536, header), 10);
    assert_memory_equal(header, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    struct blob *frame = ws_frame_blob(WS_TEXT, STR("hi"));
    assert_int_equal(frame->len, 4);
    assert_memory_equal(frame->bytes, "\x81\x02hi", 4);
    blob_unref(frame);
}

static void a_long_close_reason_is_cut_between_characters(void **state) {
    (void)state;
    struct blob *frame = ws_frame_close(4001, STR("gone"));
    assert_int_equal(frame->len, 8);
    assert_memory_equal(frame->bytes, "\x88\x06\x0f\xa1gone", 8);
    blob_unref(frame);
    char reason[200];
    memset(reason, 'x', sizeof reason);
    reason[122] = '\xc3'; /* of two bytes the second would not fit */
    reason[123] = '\xb6';
    frame = ws_frame_close(4001, str_make(reason, sizeof reason));
    assert_true(frame->len <= 2 + WS_CONTROL_MAX_BYTES);
    assert_true(utf8_is_valid(str_make((const char *)frame->bytes + 4, frame->len - 4)));
    blob_unref(frame);
}

static void the_accept_value_is_that_of_the_rfc(void **state) {
    (void)state;
    char accept[WS_ACCEPT_BYTES];
    ws_handshake_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept); /* RFC 6455 section 1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_and_control_frames_are_told),
        cmocka_unit_test(fragments_are_put_together_with_control_frames_between),
        cmocka_unit_test(empty_fragments_make_an_empty_message),
        cmocka_unit_test(lengths_round_the_borders_of_their_forms_arrive_whole),
        cmocka_unit_test(sixteen_megabytes_in_a_hundred_thousand_fragments_arrive),
        cmocka_unit_test(an_unmasked_frame_fails),
        cmocka_unit_test(reserved_bits_and_opcodes_fail),
        cmocka_unit_test(control_frames_are_short_and_whole),
        cmocka_unit_test(lengths_must_be_minimal),
        cmocka_unit_test(continuations_follow_a_beginning_and_nothing_else_does),
        cmocka_unit_test(a_message_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(what_is_announced_takes_no_memory_before_it_arrives),
        cmocka_unit_test(text_is_checked_across_fragments),
        cmocka_unit_test(bad_text_fails_at_its_first_bad_byte),
        cmocka_unit_test(a_close_tells_code_and_reason),
        cmocka_unit_test(malformed_closes_fail),
        cmocka_unit_test(nothing_is_read_behind_a_close),
        cmocka_unit_test(server_frames_have_the_shortest_header_and_no_mask),
        cmocka_unit_test(a_long_close_reason_is_cut_between_characters),
        cmocka_unit_test(the_accept_value_is_that_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
