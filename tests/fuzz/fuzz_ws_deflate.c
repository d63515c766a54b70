/* permessage-deflate: compressed messages give the same result however the bytes are cut, and take
 * no more memory than the limit; what the deflater makes, the inflater reads; offers of any form
 * are negotiated. The first byte of the input says where it is cut, the second which of these it
 * is. */
#include "net/ws_deflate.h"

#include <string.h>

enum { MESSAGE_MAX_BYTES = 4096, INPUT_MAX_BYTES = 16384 };

/* Windows of 15 bits: whether zlib takes a reference that is too long for a smaller one depends on
 * how much it inflates in one call. */
static const struct ws_deflate_params agreements[] = {
    {.is_on = true, .client_bits = 15},
    {.is_on = true, .client_bits = 15, .client_takeover = true},
};

/* ---- frames ---- */

/* A sum over every message. */
struct seen {
    uint64_t sum;
    bool closed;
};

static bool on_message(void *arg, bool is_text, struct str data) {
    struct seen *seen = arg;
    CHECK(!is_text || utf8_is_valid(data));
    CHECK(data.len <= MESSAGE_MAX_BYTES);
    seen->sum = seen->sum * 31 + is_text;
    for (size_t i = 0; i < data.len; i++)
        seen->sum = seen->sum * 31 + (uint8_t)data.ptr[i];
    return true;
}

static bool on_control(void *arg, struct str payload) {
    (void)arg;
    CHECK(payload.len <= WS_CONTROL_MAX_BYTES);
    return true;
}

static bool on_close(void *arg, uint16_t code, struct str reason) {
    struct seen *seen = arg;
    (void)code;
    (void)reason;
    seen->closed = true;
    return true;
}

/* Which code a failure has may depend on the cut: a text that is no UTF-8 and no deflated data
 * either. That it fails does not. */
static uint64_t parse(const uint8_t *data, size_t size, size_t step,
                      const struct ws_deflate_params *params) {
    static const struct ws_events events = {on_message, on_control, on_control, on_close, NULL};
    static uint8_t bytes[INPUT_MAX_BYTES];
    struct seen seen = {0};
    struct ws_parser parser;
    memcpy(bytes, data, size); /* it unmasks in place */
    ws_parser_init(&parser);
    ws_parser_allow_deflate(&parser, params, NULL);
    uint16_t failed = 0;
    for (size_t at = 0; at < size && failed == 0 && !seen.closed; at += step) {
        size_t piece = size - at < step ? size - at : step;
        failed = ws_parser_feed(&parser, bytes + at, piece, MESSAGE_MAX_BYTES, &events, &seen);
        CHECK(!parser.is_compressed ||
              parser.message.cap <= MESSAGE_MAX_BYTES + WS_INFLATE_SLACK_BYTES);
    }
    ws_parser_finish(&parser);
    return seen.sum * 31 + (failed != 0);
}

/* ---- deflated data alone ---- */

static uint16_t inflate_all(struct str data, size_t step, struct buf *message) {
    struct ws_inflater *inflater = ws_inflater_create(WS_WINDOW_BITS_MAX);
    uint16_t code = 0;
    for (size_t at = 0; at < data.len && code == 0; at += step)
        code =
            ws_inflater_feed(inflater, str_slice(data, at, at + step), MESSAGE_MAX_BYTES, message);
    if (code == 0)
        code = ws_inflater_end(inflater, MESSAGE_MAX_BYTES, message);
    CHECK(message->cap <= MESSAGE_MAX_BYTES + WS_INFLATE_SLACK_BYTES);
    ws_inflater_destroy(inflater);
    return code;
}

static void inflate_in_pieces(struct str data, size_t step) {
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    uint16_t code = inflate_all(data, data.len + 1, &whole);
    CHECK(inflate_all(data, step, &pieces) == code);
    CHECK(code != 0 || str_equal(buf_str(&whole), buf_str(&pieces)));
    buf_finish(&whole);
    buf_finish(&pieces);
}

/* ---- there and back ---- */

/* The input as messages of `step` bytes, with a context between them. */
static void deflate_and_inflate(struct str data, size_t step) {
    struct ws_deflater *deflater = ws_deflater_create(9);
    struct ws_inflater *inflater = ws_inflater_create(9);
    for (size_t at = 0; at < data.len; at += step) {
        struct str message = str_slice(data, at, at + step);
        struct buf back = BUF_INIT;
        struct blob *frame = ws_deflater_frame(deflater, WS_BINARY, message, at % 3 != 0);
        if (frame == NULL)
            continue;
        size_t header = frame->bytes[1] < 126 ? 2 : 4;
        struct str payload = str_slice(blob_str(frame), header, frame->len);
        CHECK(payload.len < message.len);
        CHECK(ws_inflater_feed(inflater, payload, message.len, &back) == 0);
        CHECK(ws_inflater_end(inflater, message.len, &back) == 0);
        CHECK(str_equal(buf_str(&back), message));
        buf_finish(&back);
        blob_unref(frame);
    }
    ws_deflater_destroy(deflater);
    ws_inflater_destroy(inflater);
}

/* ---- offers ---- */

static void negotiate(struct str offers) {
    static const struct ws_deflate_options options = {
        .is_on = true, .client_takeover = true, .window_bits = 12};
    struct ws_deflate_params params = {0}, again = {0};
    char response[WS_EXTENSION_RESPONSE_BYTES];
    if (!ws_extension_negotiate(offers, &options, &params))
        return;
    ws_extension_response(&params, response);
    CHECK(params.is_on == (response[0] != '\0'));
    if (!params.is_on)
        return;
    /* what we answer is an offer that we would take */
    CHECK(params.server_bits >= WS_DEFLATE_BITS_MIN && params.server_bits <= options.window_bits);
    CHECK(ws_extension_negotiate(str_from_cstr(response), &options, &again));
    CHECK(again.is_on && again.server_bits == params.server_bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > INPUT_MAX_BYTES) {
        return 0;
    }
    size_t step = (size_t)data[0] % 64 + 1;
    const struct ws_deflate_params *params = &agreements[data[1] / 4 % 2];
    struct str rest = str_make((const char *)data + 2, size - 2);
    switch (data[1] % 4) {
    case 0:
        CHECK(parse(data + 2, size - 2, size, params) == parse(data + 2, size - 2, step, params));
        break;
    case 1:
        inflate_in_pieces(rest, step);
        break;
    case 2:
        deflate_and_inflate(rest, step * 16);
        break;
    default:
        negotiate(rest);
    }
    return 0;
}
