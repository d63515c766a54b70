/* The frame parser gives the same result however the bytes are cut. The first byte of the input
 * says where. */
#include "net/ws_frame.h"

#include <string.h>

enum { MESSAGE_MAX_BYTES = 4096, INPUT_MAX_BYTES = 16384 };

/* A sum over everything that the parser said. */
struct seen {
    uint64_t sum;
    bool closed;
};

static void seen_add(struct seen *seen, unsigned kind, struct str data) {
    seen->sum = seen->sum * 31 + kind;
    for (size_t i = 0; i < data.len; i++) {
        seen->sum = seen->sum * 31 + (uint8_t)data.ptr[i];
    }
}

static bool on_message(void *arg, bool is_text, struct str data) {
    CHECK(!is_text || utf8_is_valid(data));
    CHECK(data.len <= MESSAGE_MAX_BYTES);
    seen_add(arg, is_text ? 1 : 2, data);
    return true;
}

static bool on_ping(void *arg, struct str payload) {
    CHECK(payload.len <= WS_CONTROL_MAX_BYTES);
    seen_add(arg, 3, payload);
    return true;
}

static bool on_pong(void *arg, struct str payload) {
    seen_add(arg, 4, payload);
    return true;
}

static bool on_close(void *arg, uint16_t code, struct str reason) {
    CHECK(utf8_is_valid(reason));
    struct seen *seen = arg;
    seen_add(seen, code, reason);
    seen->closed = true;
    return true;
}

static uint64_t parse(const uint8_t *data, size_t size, size_t step) {
    static const struct ws_events events = {on_message, on_ping, on_pong, on_close, NULL};
    static uint8_t bytes[INPUT_MAX_BYTES];
    struct seen seen = {0};
    struct ws_parser parser;
    memcpy(bytes, data, size); /* it unmasks in place */
    ws_parser_init(&parser);
    uint16_t failed = 0;
    for (size_t at = 0; at < size && failed == 0 && !seen.closed; at += step) {
        size_t piece = size - at < step ? size - at : step;
        failed = ws_parser_feed(&parser, bytes + at, piece, MESSAGE_MAX_BYTES, &events, &seen);
    }
    ws_parser_finish(&parser);
    return seen.sum * 31 + failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > INPUT_MAX_BYTES) {
        return 0;
    }
    size_t step = (size_t)data[0] % 64 + 1;
    CHECK(parse(data + 1, size - 1, size) == parse(data + 1, size - 1, step));
    return 0;
}
