/* Compressed messages without sockets: what the parser makes of them, and what the deflater sends.
 * The other side is zlib itself. */
#include "net/ws_deflate.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

enum { LIMIT_BYTES = 1000, FIN = 0x80, MASKED = 0x80, RSV1 = 0x40, RSV2 = 0x20, RSV3 = 0x10 };

/* ---- the client's side ---- */

/* Deflates as section 7.2.1 says: a sync flush, without its last four bytes. */
static void deflate_piece(z_stream *stream, struct str text, int flush, struct buf *out) {
    size_t most = text.len + text.len / 8 + 64;
    stream->next_in = (unsigned char *)(uintptr_t)text.ptr;
    stream->avail_in = (unsigned)text.len;
    stream->next_out = (unsigned char *)buf_reserve(out, most);
    stream->avail_out = (unsigned)most;
    int result = deflate(stream, flush);
    assert_true(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
    assert_int_equal(stream->avail_in, 0);
    out->len += most - stream->avail_out;
}

static void start_deflating(z_stream *stream, int bits) {
    memset(stream, 0, sizeof *stream);
    assert_int_equal(deflateInit2(stream, 6, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
}

static void deflate_text(z_stream *stream, struct str text, struct buf *out) {
    deflate_piece(stream, text, Z_SYNC_FLUSH, out);
    out->len -= 4;
}

/* A new context for one message. */
static void deflate_alone(struct str text, int bits, struct buf *out) {
    z_stream stream;
    start_deflating(&stream, bits);
    deflate_text(&stream, text, out);
    deflateEnd(&stream);
}

static void put_frame(struct buf *out, unsigned first, struct str payload) {
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned form = payload.len < 126 ? 0 : payload.len <= UINT16_MAX ? 2 : 8;
    buf_append_char(out, (char)first);
    buf_append_char(out, (char)(MASKED | (form == 8 ? 127 : form == 2 ? 126 : payload.len)));
    for (unsigned i = 0; i < form; i++)
        buf_append_char(out, (char)(payload.len >> 8 * (form - 1 - i)));
    buf_append(out, mask, sizeof mask);
    for (size_t i = 0; i < payload.len; i++)
        buf_append_char(out, (char)(payload.ptr[i] ^ mask[i % 4]));
}

static void put_compressed(struct buf *out, unsigned opcode, struct str text) {
    struct buf deflated = BUF_INIT;
    deflate_alone(text, 15, &deflated);
    put_frame(out, FIN | RSV1 | opcode, buf_str(&deflated));
    buf_finish(&deflated);
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
    (void)reason;
    buf_appendf(arg, "close(%u)", code);
    return false;
}
static const struct ws_events events = {on_message, on_ping, on_pong, on_close, NULL};

/* Feeds in pieces of `step`; a failure is noted as its code. Whatever comes, the message in hand
 * takes no more memory than the limit and its slack. */
static void run(struct str stream, size_t step, const struct ws_deflate_params *params,
                struct buf *seen) {
    struct ws_parser parser;
    ws_parser_init(&parser);
    ws_parser_allow_deflate(&parser, params, NULL);
    uint16_t code = 0;
    for (size_t at = 0; at < stream.len && code == 0; at += step) {
        size_t length = stream.len - at < step ? stream.len - at : step;
        uint8_t *piece = malloc(length);
        memcpy(piece, stream.ptr + at, length);
        code = ws_parser_feed(&parser, piece, length, LIMIT_BYTES, &events, seen);
        free(piece);
        assert_true(parser.message.cap <= LIMIT_BYTES + WS_INFLATE_SLACK_BYTES);
    }
    if (code != 0)
        buf_appendf(seen, "fail(%u)", code);
    ws_parser_finish(&parser);
}

static void assert_seen_with(struct buf *take_stream, const struct ws_deflate_params *params,
                             const char *wanted) {
    for (size_t step = 1; step <= take_stream->len; step += step < 64 ? 1 : take_stream->len / 3) {
        struct buf seen = BUF_INIT;
        run(buf_str(take_stream), step, params, &seen);
        assert_string_equal(buf_cstr(&seen), wanted);
        buf_finish(&seen);
    }
    buf_finish(take_stream);
}

static const struct ws_deflate_params alone = {.is_on = true, .server_bits = 12, .client_bits = 15};
static const struct ws_deflate_params keeping = {
    .is_on = true, .client_takeover = true, .server_bits = 12, .client_bits = 15};

static void assert_seen(struct buf *take_stream, const char *wanted) {
    assert_seen_with(take_stream, &alone, wanted);
}

/* One frame and what is seen of it. */
static void assert_frame(unsigned first, struct str payload, const char *wanted) {
    struct buf stream = BUF_INIT;
    put_frame(&stream, first, payload);
    assert_seen(&stream, wanted);
}

/* ---- good messages ---- */

#define HELLO STR("\xf2\x48\xcd\xc9\xc9\x07\x00")

static void the_examples_of_the_rfc_are_read(void **state) {
    (void)state;
    unsigned first = FIN | RSV1 | WS_TEXT;
    assert_frame(first, HELLO, "text(Hello)"); /* section 7.2.3.1 */
    struct buf stream = BUF_INIT;
    put_frame(&stream, RSV1 | WS_TEXT, STR("\xf2\x48\xcd"));
    put_frame(&stream, FIN | WS_PING, STR("p"));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("\xc9\xc9\x07\x00"));
    assert_seen(&stream, "ping(p)text(Hello)");
    put_frame(&stream, first, HELLO); /* 7.2.3.2: the second one refers to the first */
    put_frame(&stream, first, STR("\xf2\x00\x11\x00\x00"));
    assert_seen_with(&stream, &keeping, "text(Hello)text(Hello)");
    /* 7.2.3.3: not compressed; 7.2.3.4: a final block; 7.2.3.5: two blocks; 7.2.3.6: nothing */
    assert_frame(first, STR("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "text(Hello)");
    assert_frame(first, STR("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "text(Hello)");
    assert_frame(first, STR("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "text(Hello)");
    assert_frame(first, STR("\x00"), "text()");
}

static void compressed_and_plain_messages_may_follow_each_other(void **state) {
    (void)state;
    struct buf stream = BUF_INIT;
    put_compressed(&stream, WS_TEXT, STR("one one one one one"));
    put_frame(&stream, FIN | WS_TEXT, STR("two"));
    put_compressed(&stream, WS_BINARY, STR("three"));
    put_frame(&stream, WS_TEXT, STR("fo"));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("ur"));
    put_compressed(&stream, WS_TEXT, STR(""));
    put_compressed(&stream, WS_TEXT, STR("five"));
    assert_seen(&stream,
                "text(one one one one one)text(two)binary(three)text(four)text()text(five)");
}

static void empty_fragments_change_nothing(void **state) {
    (void)state;
    struct buf stream = BUF_INIT;
    put_frame(&stream, RSV1 | WS_TEXT, STR(""));
    put_frame(&stream, WS_CONTINUATION, STR("\xf2\x48\xcd"));
    put_frame(&stream, WS_CONTINUATION, STR(""));
    put_frame(&stream, WS_CONTINUATION, STR("\xc9\xc9\x07\x00"));
    put_frame(&stream, FIN | WS_CONTINUATION, STR(""));
    put_frame(&stream, RSV1 | WS_TEXT, STR(""));
    put_frame(&stream, FIN | WS_CONTINUATION, STR(""));
    put_frame(&stream, FIN | RSV1 | WS_TEXT, STR(""));
    assert_seen(&stream, "text(Hello)text()text()");
}

static void a_context_that_was_taken_over_passes_over_plain_messages(void **state) {
    (void)state;
    z_stream stream;
    struct buf frames = BUF_INIT, deflated = BUF_INIT;
    start_deflating(&stream, 15);
    deflate_text(&stream, STR("again and again, the same words"), &deflated);
    put_frame(&frames, FIN | RSV1 | WS_TEXT, buf_str(&deflated));
    put_frame(&frames, FIN | WS_TEXT, STR("plain"));
    size_t first = deflated.len;
    buf_clear(&deflated);
    deflate_text(&stream, STR("again and again, the same words!"), &deflated);
    assert_true(deflated.len < first / 2); /* it refers to the first */
    put_frame(&frames, FIN | RSV1 | WS_TEXT, buf_str(&deflated));
    struct buf same = BUF_INIT;
    buf_append_str(&same, buf_str(&frames));
    assert_seen_with(&frames, &keeping,
                     "text(again and again, the same words)text(plain)"
                     "text(again and again, the same words!)");
    /* the client said that it would not */
    assert_seen_with(&same, &alone, "text(again and again, the same words)text(plain)fail(1002)");
    deflateEnd(&stream);
    buf_finish(&deflated);
}

static void an_inflater_lives_as_long_as_it_is_needed(void **state) {
    (void)state;
    struct buf frame = BUF_INIT, seen = BUF_INIT;
    put_compressed(&frame, WS_TEXT, STR("hello"));
    for (unsigned keeps = 0; keeps <= 1; keeps++) {
        struct ws_parser parser;
        uint8_t bytes[64];
        memcpy(bytes, frame.data, frame.len);
        ws_parser_init(&parser);
        ws_parser_allow_deflate(&parser, keeps ? &keeping : &alone, NULL);
        assert_null(parser.inflater);
        assert_int_equal(ws_parser_feed(&parser, bytes, 8, LIMIT_BYTES, &events, &seen), 0);
        assert_non_null(parser.inflater);
        assert_int_equal(
            ws_parser_feed(&parser, bytes + 8, frame.len - 8, LIMIT_BYTES, &events, &seen), 0);
        struct ws_inflater *inflater = ws_parser_take_inflater(&parser);
        assert_int_equal(inflater != NULL, keeps);
        ws_inflater_destroy(inflater);
        ws_parser_finish(&parser);
    }
    buf_finish(&frame);
    buf_finish(&seen);
}

static void windows_of_all_sizes_are_inflated(void **state) {
    (void)state;
    struct buf text = BUF_INIT, wanted = BUF_INIT;
    for (unsigned i = 0; i < LIMIT_BYTES / 10; i++)
        buf_appendf(&text, "%09u,", i * 7919 % 50);
    buf_appendf(&wanted, "text(%.*s)", STR_ARG(buf_str(&text)));
    for (int bits = WS_WINDOW_BITS_MIN; bits <= WS_WINDOW_BITS_MAX; bits++) {
        struct ws_deflate_params params = {.is_on = true, .client_bits = (unsigned)bits & 0xfU};
        struct buf stream = BUF_INIT, deflated = BUF_INIT;
        /* zlib has no 8: clients that mean it use 9 */
        deflate_alone(buf_str(&text), bits == 8 ? 9 : bits, &deflated);
        put_frame(&stream, FIN | RSV1 | WS_TEXT, buf_str(&deflated));
        assert_seen_with(&stream, &params, buf_cstr(&wanted));
        buf_finish(&deflated);
    }
    buf_finish(&text);
    buf_finish(&wanted);
}

static void a_final_block_may_stand_anywhere(void **state) {
    (void)state;
    z_stream stream;
    struct buf deflated = BUF_INIT, frames = BUF_INIT;
    for (unsigned i = 0; i < 3; i++) { /* three streams in one message; the last byte ends one */
        start_deflating(&stream, 15);
        deflate_piece(&stream, STR("abcabcabc"), Z_FINISH, &deflated);
        deflateEnd(&stream);
    }
    put_frame(&frames, FIN | RSV1 | WS_TEXT, buf_str(&deflated));
    put_compressed(&frames, WS_TEXT, STR("next"));
    buf_finish(&deflated);
    assert_seen_with(&frames, &keeping, "text(abcabcabcabcabcabcabcabcabc)text(next)");
}

static void a_reference_may_reach_over_a_final_block(void **state) {
    (void)state;
    z_stream stream;
    struct buf deflated = BUF_INIT, frames = BUF_INIT;
    static const char words[] = "these words are repeated by reference";
    start_deflating(&stream, 15);
    deflate_piece(&stream, STR("these words are repeated by reference"), Z_FINISH, &deflated);
    deflateEnd(&stream);
    size_t first = deflated.len;
    start_deflating(&stream, 15);
    assert_int_equal(deflateSetDictionary(&stream, (const unsigned char *)words, sizeof words - 1),
                     Z_OK);
    deflate_text(&stream, STR("these words are repeated by reference"), &deflated);
    deflateEnd(&stream);
    assert_true(deflated.len - first < first / 2);
    put_frame(&frames, FIN | RSV1 | WS_TEXT, buf_str(&deflated));
    buf_finish(&deflated);
    assert_seen(&frames, "text(these words are repeated by reference"
                         "these words are repeated by reference)");
}

/* ---- broken and hostile ones ---- */

static void the_compressed_bit_elsewhere_fails(void **state) {
    (void)state;
    static const struct ws_deflate_params nothing;
    struct buf stream = BUF_INIT;
    put_frame(&stream, FIN | RSV1 | WS_TEXT, HELLO);
    assert_seen_with(&stream, &nothing, "fail(1002)"); /* not agreed on */
    put_frame(&stream, RSV1 | WS_TEXT, STR("\xf2\x48\xcd"));
    put_frame(&stream, FIN | RSV1 | WS_CONTINUATION, STR("\xc9\xc9\x07\x00"));
    assert_seen(&stream, "fail(1002)");
    put_frame(&stream, WS_TEXT, STR("x"));
    put_frame(&stream, FIN | RSV1 | WS_CONTINUATION, STR("y"));
    assert_seen(&stream, "fail(1002)");
    for (unsigned opcode = WS_CLOSE; opcode <= WS_PONG; opcode++)
        assert_frame(FIN | RSV1 | opcode, STR(""), "fail(1002)");
    assert_frame(FIN | RSV1 | 3, HELLO, "fail(1002)");
    assert_frame(FIN | RSV1 | RSV2 | WS_TEXT, HELLO, "fail(1002)");
    assert_frame(FIN | RSV1 | RSV3 | WS_TEXT, HELLO, "fail(1002)");
    assert_frame(FIN | RSV2 | WS_TEXT, HELLO, "fail(1002)");
}

static void what_is_no_deflated_data_fails(void **state) {
    (void)state;
    unsigned first = FIN | RSV1 | WS_TEXT;
    assert_frame(first, STR("\xff\xff\xff\xff"), "fail(1002)");
    assert_frame(first, STR("Hello"), "fail(1002)");
    assert_frame(first, STR("\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00"), "fail(1002)");
    /* breaks off inside a block */
    assert_frame(first, STR("\x00\x05\x00\xfa\xff\x48\x65"), "fail(1002)");
    assert_frame(first, STR("\xf2\x48\xcd"), "fail(1002)");
    /* refers to what is not there */
    assert_frame(first, STR("\xf2\x00\x11\x00\x00"), "fail(1002)");
}

static void a_message_with_any_bit_changed_is_read_or_refused(void **state) {
    (void)state;
    struct buf deflated = BUF_INIT;
    unsigned read = 0, refused = 0;
    deflate_alone(STR("{\"id\":7,\"method\":\"message.send\",\"params\":{\"text\":\"hi hi hi\"}}"),
                  15, &deflated);
    for (size_t bit = 0; bit < deflated.len * 8; bit++) {
        struct buf stream = BUF_INIT, seen = BUF_INIT;
        deflated.data[bit / 8] ^= (char)(1 << bit % 8);
        put_frame(&stream, FIN | RSV1 | WS_TEXT, buf_str(&deflated));
        deflated.data[bit / 8] ^= (char)(1 << bit % 8);
        run(buf_str(&stream), 5, &alone, &seen);
        bool is_read = str_starts_with(buf_str(&seen), STR("text("));
        read += is_read;
        refused += !is_read;
        assert_true(is_read || str_starts_with(buf_str(&seen), STR("fail(100")));
        buf_finish(&stream);
        buf_finish(&seen);
    }
    assert_true(read > 0 && refused > 0);
    buf_finish(&deflated);
}

static void a_message_may_inflate_to_the_limit_and_no_further(void **state) {
    (void)state;
    char text[LIMIT_BYTES + 1];
    struct buf stream = BUF_INIT, wanted = BUF_INIT;
    memset(text, 'x', sizeof text);
    put_compressed(&stream, WS_TEXT, str_make(text, LIMIT_BYTES));
    buf_appendf(&wanted, "text(%.*s)", LIMIT_BYTES, text);
    assert_seen(&stream, buf_cstr(&wanted));
    put_compressed(&stream, WS_TEXT, str_make(text, LIMIT_BYTES + 1));
    assert_seen(&stream, "fail(1009)");
    /* in fragments that are small each */
    z_stream client;
    struct buf deflated = BUF_INIT;
    start_deflating(&client, 15);
    for (unsigned i = 0; i < 3; i++) {
        buf_clear(&deflated);
        deflate_piece(&client, str_make(text, LIMIT_BYTES / 2), Z_SYNC_FLUSH, &deflated);
        put_frame(&stream, i == 0 ? (unsigned)RSV1 | WS_BINARY : (unsigned)WS_CONTINUATION,
                  buf_str(&deflated));
    }
    assert_seen(&stream, "fail(1009)");
    deflateEnd(&client);
    buf_finish(&deflated);
    buf_finish(&wanted);
}

static void a_bomb_is_refused_before_it_takes_memory(void **state) {
    (void)state;
    enum { INFLATED = 64 << 20 };
    char *zeros = calloc(1, INFLATED);
    struct buf stream = BUF_INIT, seen = BUF_INIT;
    struct buf deflated = BUF_INIT;
    deflate_alone(str_make(zeros, INFLATED), 15, &deflated);
    /* a sender may hide the length behind fragments: cut so that no header gives it away */
    for (size_t at = 0; at < deflated.len; at += LIMIT_BYTES)
        put_frame(&stream, at == 0 ? (unsigned)RSV1 | WS_BINARY : (unsigned)WS_CONTINUATION,
                  str_slice(buf_str(&deflated), at, at + LIMIT_BYTES));
    run(buf_str(&stream), stream.len, &alone, &seen); /* checks the memory */
    assert_string_equal(buf_cstr(&seen), "fail(1009)");
    free(zeros);
    buf_finish(&stream);
    buf_finish(&seen);
    buf_finish(&deflated);
}

static void blocks_without_content_have_a_limit_too(void **state) {
    (void)state;
    struct buf empty = BUF_INIT, stream = BUF_INIT;
    while (empty.len <= 2 * LIMIT_BYTES + 64)
        buf_append_str(&empty, STR("\x00\x00\x00\xff\xff"));
    put_frame(&stream, FIN | RSV1 | WS_BINARY, buf_str(&empty));
    assert_seen(&stream, "fail(1009)");
    put_frame(&stream, RSV1 | WS_BINARY, str_slice(buf_str(&empty), 0, 1500));
    put_frame(&stream, WS_CONTINUATION, str_slice(buf_str(&empty), 0, 1500));
    assert_seen(&stream, "fail(1009)");
    put_frame(&stream, RSV1 | WS_BINARY, str_slice(buf_str(&empty), 0, 1500));
    put_frame(&stream, FIN | WS_CONTINUATION, STR("\x00"));
    assert_seen(&stream, "binary()");
    buf_finish(&empty);
}

static void text_is_checked_after_inflating(void **state) {
    (void)state;
    struct buf stream = BUF_INIT, deflated = BUF_INIT;
    put_compressed(&stream, WS_TEXT, STR("gr\xc3\xbc\xc3\x9f Gott"));
    assert_seen(&stream, "text(gr\xc3\xbc\xc3\x9f Gott)");
    put_compressed(&stream, WS_TEXT, STR("bad \xff byte"));
    assert_seen(&stream, "fail(1007)");
    put_compressed(&stream, WS_TEXT, STR("cut \xe2\x82"));
    assert_seen(&stream, "fail(1007)");
    put_compressed(&stream, WS_BINARY, STR("bad \xff byte"));
    assert_seen(&stream, "binary(bad \xff byte)");
    /* a character cut by fragments */
    z_stream client;
    start_deflating(&client, 15);
    deflate_piece(&client, STR("\xe2\x82"), Z_SYNC_FLUSH, &deflated);
    put_frame(&stream, RSV1 | WS_TEXT, buf_str(&deflated));
    buf_clear(&deflated);
    deflate_text(&client, STR("\xac"), &deflated);
    put_frame(&stream, FIN | WS_CONTINUATION, buf_str(&deflated));
    assert_seen(&stream, "text(\xe2\x82\xac)");
    deflateEnd(&client);
    buf_finish(&deflated);
}

/* ---- what the server sends ---- */

/* Inflates a frame with a client's inflater, which may have a context. */
static void assert_inflates(z_stream *client, const struct blob *frame, struct str wanted) {
    unsigned char out[32768];
    struct buf payload = BUF_INIT;
    assert_int_equal(frame->bytes[0], FIN | RSV1 | WS_TEXT);
    size_t header = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
    size_t length = header == 2 ? frame->bytes[1]
                                : (size_t)frame->bytes[header - 2] << 8 | frame->bytes[header - 1];
    assert_int_equal(header + length, frame->len);
    assert_int_equal(frame->cap, frame->len);
    buf_append(&payload, frame->bytes + header, length);
    buf_append(&payload, "\0\0\xff\xff", 4);
    client->next_in = (unsigned char *)payload.data;
    client->avail_in = (unsigned)payload.len;
    client->next_out = out;
    client->avail_out = sizeof out;
    assert_int_equal(inflate(client, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(sizeof out - client->avail_out, wanted.len);
    assert_memory_equal(out, wanted.ptr, wanted.len);
    buf_finish(&payload);
}

static void assert_inflates_alone(unsigned bits, const struct blob *frame, struct str wanted) {
    z_stream client = {0};
    assert_int_equal(inflateInit2(&client, -(int)bits), Z_OK);
    assert_inflates(&client, frame, wanted);
    inflateEnd(&client);
}

/* Text with repetitions near and far. */
static void make_text(struct buf *text, size_t length) {
    for (unsigned i = 0; text->len < length; i++)
        buf_appendf(text, "line %u of %u, ", i * i % 997, i % 13);
    text->len = length;
}

static void a_frame_that_stands_alone_needs_no_more_than_its_window(void **state) {
    (void)state;
    static const size_t lengths[] = {100, 512, 5000, 30000};
    for (unsigned bits = WS_DEFLATE_BITS_MIN; bits <= WS_WINDOW_BITS_MAX; bits++) {
        struct ws_deflater *deflater = ws_deflater_create(bits);
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct buf text = BUF_INIT;
            make_text(&text, lengths[i]);
            struct blob *frame = ws_deflater_frame(deflater, WS_TEXT, buf_str(&text), false);
            assert_non_null(frame);
            assert_inflates_alone(bits, frame, buf_str(&text));
            blob_unref(frame);
            buf_finish(&text);
        }
        ws_deflater_destroy(deflater);
    }
}

static void a_kept_context_makes_later_frames_shorter(void **state) {
    (void)state;
    struct ws_deflater *deflater = ws_deflater_create(12);
    struct buf text = BUF_INIT;
    z_stream client = {0};
    uint32_t lengths[4];
    assert_int_equal(inflateInit2(&client, -12), Z_OK);
    make_text(&text, 600);
    for (size_t i = 0; i < 4; i++) {
        if (i == 2)
            ws_deflater_forget(deflater); /* somebody else's frame went between */
        struct blob *frame = ws_deflater_frame(deflater, WS_TEXT, buf_str(&text), true);
        lengths[i] = frame->len;
        if (i == 2)
            assert_inflates_alone(12, frame, buf_str(&text));
        assert_inflates(&client, frame, buf_str(&text));
        blob_unref(frame);
    }
    assert_true(lengths[1] < lengths[0] / 4 && lengths[3] < lengths[0] / 4);
    assert_int_equal(lengths[2], lengths[0]);
    inflateEnd(&client);
    ws_deflater_destroy(deflater);
    buf_finish(&text);
}

static void what_would_become_longer_is_not_compressed(void **state) {
    (void)state;
    struct ws_deflater *deflater = ws_deflater_create(12);
    struct buf text = BUF_INIT;
    z_stream client = {0};
    char noise[700];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
    make_text(&text, 600);
    assert_int_equal(inflateInit2(&client, -12), Z_OK);
    for (unsigned i = 0; i < 3; i++) { /* the noise, which is not sent, is no context either */
        assert_null(ws_deflater_frame(deflater, WS_TEXT, str_make(noise, sizeof noise), true));
        assert_null(ws_deflater_frame(deflater, WS_TEXT, STR("ab"), true));
        assert_null(ws_deflater_frame(deflater, WS_TEXT, STR(""), true));
        struct blob *frame = ws_deflater_frame(deflater, WS_TEXT, buf_str(&text), true);
        assert_inflates(&client, frame, buf_str(&text));
        blob_unref(frame);
    }
    inflateEnd(&client);
    ws_deflater_destroy(deflater);
    buf_finish(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_are_read),
        cmocka_unit_test(compressed_and_plain_messages_may_follow_each_other),
        cmocka_unit_test(empty_fragments_change_nothing),
        cmocka_unit_test(a_context_that_was_taken_over_passes_over_plain_messages),
        cmocka_unit_test(an_inflater_lives_as_long_as_it_is_needed),
        cmocka_unit_test(windows_of_all_sizes_are_inflated),
        cmocka_unit_test(a_final_block_may_stand_anywhere),
        cmocka_unit_test(a_reference_may_reach_over_a_final_block),
        cmocka_unit_test(the_compressed_bit_elsewhere_fails),
        cmocka_unit_test(what_is_no_deflated_data_fails),
        cmocka_unit_test(a_message_with_any_bit_changed_is_read_or_refused),
        cmocka_unit_test(a_message_may_inflate_to_the_limit_and_no_further),
        cmocka_unit_test(a_bomb_is_refused_before_it_takes_memory),
        cmocka_unit_test(blocks_without_content_have_a_limit_too),
        cmocka_unit_test(text_is_checked_after_inflating),
        cmocka_unit_test(a_frame_that_stands_alone_needs_no_more_than_its_window),
        cmocka_unit_test(a_kept_context_makes_later_frames_shorter),
        cmocka_unit_test(what_would_become_longer_is_not_compressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
