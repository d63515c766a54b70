#include "net/ws_frame.h"

#include "net/ws_deflate.h"
#include <string.h>

enum { HEADER_MIN_BYTES = 2, MASK_BYTES = 4, COMPRESSED_SLACK_BYTES = 64 };
/* A message's buffer is kept no longer than the message. */

void ws_parser_init(struct ws_parser *parser) {
    memset(parser, 0, sizeof *parser);
    parser->header_need = HEADER_MIN_BYTES;
    buf_init(&parser->message);
}

void ws_parser_finish(struct ws_parser *parser) {
    buf_finish(&parser->message);
    ws_inflater_destroy(ws_parser_take_inflater(parser));
}

void ws_parser_allow_deflate(struct ws_parser *parser, const struct ws_deflate_params *params,
                             struct ws_inflater *take_inflater) {
    parser->deflate = params->is_on ? params : NULL;
    parser->inflater = take_inflater;
}

struct ws_inflater *ws_parser_take_inflater(struct ws_parser *parser) {
    struct ws_inflater *inflater = parser->inflater;
    parser->inflater = NULL;
    return inflater;
}

/* ---- headers ---- */

static bool is_control(uint8_t opcode) {
    return (opcode & 8) != 0;
}

static bool is_known(uint8_t opcode) {
    return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* How long the header is, from its first two bytes (section 5.2). */
static uint8_t header_length(const uint8_t *header) {
    uint8_t length = header[1] & 0x7f;
    uint8_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    return (uint8_t)(HEADER_MIN_BYTES + extended + MASK_BYTES);
}

/* RSV1 begins a compressed message, where that was agreed on (RFC 7692 section 6). */
static bool has_bad_reserved_bits(const struct ws_parser *parser, uint8_t first) {
    uint8_t opcode = first & 0x0f;
    bool may_compress = parser->deflate != NULL && (opcode == WS_TEXT || opcode == WS_BINARY);
    return (first & 0x70 & (may_compress ? ~WS_COMPRESSED : 0xff)) != 0;
}

/* What can be refused at the first two bytes. */
static uint16_t check_start(const struct ws_parser *parser) {
    uint8_t first = parser->header[0], second = parser->header[1];
    uint8_t opcode = first & 0x0f;
    bool is_final = (first & 0x80) != 0;
    bool in_message = parser->message_opcode != 0;
    if (has_bad_reserved_bits(parser, first) || !is_known(opcode) || (second & 0x80) == 0)
        return WS_CLOSE_PROTOCOL_ERROR; /* reserved bits, reserved opcode, not masked (5.1) */
    if (is_control(opcode))
        return is_final && (second & 0x7f) <= WS_CONTROL_MAX_BYTES ? 0 : WS_CLOSE_PROTOCOL_ERROR;
    return in_message == (opcode == WS_CONTINUATION) ? 0 : WS_CLOSE_PROTOCOL_ERROR;
}

static uint64_t read_big_endian(const uint8_t *bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* What the frame announces would make the message too big. Of a compressed one this is no more than
 * a bound on useless bytes: deflated data that is twice as long as its content has no sense. */
static bool is_too_big(const struct ws_parser *parser) {
    uint64_t limit = parser->max_message_bytes, have = parser->message.len;
    if (parser->is_compressed) {
        limit = limit * 2 + COMPRESSED_SLACK_BYTES;
        have = parser->compressed_bytes;
    }
    return parser->payload_left > limit || have > limit - parser->payload_left;
}

static uint16_t begin_data(struct ws_parser *parser) {
    if (parser->opcode != WS_CONTINUATION) {
        parser->message_opcode = parser->opcode;
        parser->is_compressed = (parser->header[0] & WS_COMPRESSED) != 0;
        parser->compressed_bytes = 0;
        utf8_start(&parser->utf8);
    }
    if (is_too_big(parser))
        return WS_CLOSE_TOO_BIG;
    if (parser->is_compressed && parser->inflater == NULL)
        parser->inflater = ws_inflater_create(parser->deflate->client_bits);
    parser->compressed_bytes += parser->payload_left;
    return 0;
}

/* The whole header is there: the frame begins. */
static uint16_t begin_frame(struct ws_parser *parser) {
    const uint8_t *header = parser->header;
    uint8_t length = header[1] & 0x7f;
    parser->is_final = (header[0] & 0x80) != 0;
    parser->opcode = header[0] & 0x0f;
    parser->mask_at = 0;
    parser->payload_left = length;
    if (length == 126)
        parser->payload_left = read_big_endian(header + 2, 2);
    else if (length == 127)
        parser->payload_left = read_big_endian(header + 2, 8);
    bool is_minimal = (length != 126 || parser->payload_left > 125) &&
                      (length != 127 || parser->payload_left > UINT16_MAX);
    if (!is_minimal || parser->payload_left > INT64_MAX)
        return WS_CLOSE_PROTOCOL_ERROR;
    if (!is_control(parser->opcode))
        return begin_data(parser);
    parser->control_have = 0;
    return 0;
}

/* Takes header bytes from the input. Returns how many; *code is the failure, if any. */
static size_t feed_header(struct ws_parser *parser, const uint8_t *bytes, size_t len,
                          uint16_t *code) {
    size_t used = 0;
    while (used < len && parser->header_have < parser->header_need) {
        parser->header[parser->header_have++] = bytes[used++];
        if (parser->header_have == HEADER_MIN_BYTES) {
            *code = check_start(parser);
            if (*code != 0)
                return used;
            parser->header_need = header_length(parser->header);
        }
    }
    if (parser->header_have == parser->header_need)
        *code = begin_frame(parser);
    return used;
}

/* ---- payloads ---- */

static const uint8_t *frame_mask(const struct ws_parser *parser) {
    return parser->header + parser->header_need - MASK_BYTES;
}

/* XORs with the mask (5.3), eight bytes at a time where it can. */
static void unmask(struct ws_parser *parser, uint8_t *bytes, size_t len) {
    const uint8_t *mask = frame_mask(parser);
    uint8_t turned[8];
    for (size_t i = 0; i < sizeof turned; i++)
        turned[i] = mask[(parser->mask_at + i) % MASK_BYTES];
    uint64_t wide, word;
    memcpy(&wide, turned, sizeof wide);
    size_t at = 0;
    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        word ^= wide;
        memcpy(bytes + at, &word, sizeof word);
    }
    for (; at < len; at++)
        bytes[at] ^= turned[at % MASK_BYTES];
    parser->mask_at = (uint32_t)((parser->mask_at + len) % MASK_BYTES);
}

static bool is_valid_close_code(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static uint16_t end_close(struct ws_parser *parser, const struct ws_events *events, void *arg,
                          bool *stop) {
    struct str payload = str_make((const char *)parser->control, parser->control_have);
    uint16_t code = WS_CLOSE_NO_STATUS;
    *stop = true;
    if (payload.len == 1)
        return WS_CLOSE_PROTOCOL_ERROR;
    if (payload.len >= 2)
        code = (uint16_t)read_big_endian(parser->control, 2);
    struct str reason = str_slice(payload, 2, payload.len);
    if (payload.len >= 2 && !is_valid_close_code(code))
        return WS_CLOSE_PROTOCOL_ERROR;
    if (!utf8_is_valid(reason))
        return WS_CLOSE_INVALID_PAYLOAD;
    events->on_close(arg, code, reason);
    return 0;
}

static uint16_t end_control(struct ws_parser *parser, const struct ws_events *events, void *arg,
                            bool *stop) {
    struct str payload = str_make((const char *)parser->control, parser->control_have);
    if (parser->opcode == WS_CLOSE)
        return end_close(parser, events, arg, stop);
    if (parser->opcode == WS_PING)
        *stop = !events->on_ping(arg, payload);
    else
        *stop = !events->on_pong(arg, payload);
    return 0;
}

/* The last fragment is there. `last` is it, when the message came whole in one piece and nothing
 * was copied. */
static uint16_t end_message(struct ws_parser *parser, struct str last,
                            const struct ws_events *events, void *arg, bool *stop) {
    bool is_text = parser->message_opcode == WS_TEXT;
    struct str data = parser->message.len > 0 ? buf_str(&parser->message) : last;
    if (is_text && !utf8_is_complete(&parser->utf8))
        return WS_CLOSE_INVALID_PAYLOAD;
    parser->message_opcode = 0;
    if (parser->is_compressed && !parser->deflate->client_takeover)
        ws_inflater_destroy(ws_parser_take_inflater(parser));
    *stop = !events->on_message(arg, is_text, data);
    buf_finish(&parser->message);
    return 0;
}

static uint16_t feed_control(struct ws_parser *parser, const uint8_t *bytes, size_t len,
                             const struct ws_events *events, void *arg, bool *stop) {
    memcpy(parser->control + parser->control_have, bytes, len);
    parser->control_have = (uint8_t)(parser->control_have + len);
    return parser->payload_left == 0 ? end_control(parser, events, arg, stop) : 0;
}

/* Inflates what came behind the message; the text is checked as far as it is known. */
static uint16_t inflate_piece(struct ws_parser *parser, struct str piece, bool is_end) {
    struct buf *message = &parser->message;
    size_t before = message->len, limit_bytes = parser->max_message_bytes;
    uint16_t code = ws_inflater_feed(parser->inflater, piece, limit_bytes, message);
    if (code == 0 && is_end)
        code = ws_inflater_end(parser->inflater, limit_bytes, message);
    struct str inflated = str_slice(buf_str(message), before, message->len);
    if (code == 0 && parser->message_opcode == WS_TEXT && !utf8_feed(&parser->utf8, inflated))
        code = WS_CLOSE_INVALID_PAYLOAD;
    return code;
}

static uint16_t feed_data(struct ws_parser *parser, const uint8_t *bytes, size_t len,
                          const struct ws_events *events, void *arg, bool *stop) {
    struct str piece = str_make((const char *)bytes, len);
    bool is_end = parser->payload_left == 0 && parser->is_final;
    if (parser->is_compressed) {
        uint16_t code = inflate_piece(parser, piece, is_end);
        return code == 0 && is_end ? end_message(parser, STR_EMPTY, events, arg, stop) : code;
    }
    if (parser->message_opcode == WS_TEXT && !utf8_feed(&parser->utf8, piece))
        return WS_CLOSE_INVALID_PAYLOAD;
    if (is_end && parser->message.len == 0)
        return end_message(parser, piece, events, arg, stop);
    buf_append_str(&parser->message, piece);
    return is_end ? end_message(parser, STR_EMPTY, events, arg, stop) : 0;
}

uint16_t ws_parser_feed(struct ws_parser *parser, uint8_t *bytes, size_t len,
                        size_t max_message_bytes, const struct ws_events *events, void *arg) {
    uint16_t code = 0;
    bool stop = false;
    size_t all = len;
    parser->fed_frames = 0;
    parser->max_message_bytes = max_message_bytes;
    while (len > 0 && code == 0 && !stop) {
        if (parser->header_have < parser->header_need) {
            size_t used = feed_header(parser, bytes, len, &code);
            bytes += used;
            len -= used;
            if (code != 0 || parser->header_have < parser->header_need || parser->payload_left > 0)
                continue;
        }
        size_t take = len < parser->payload_left ? len : (size_t)parser->payload_left;
        unmask(parser, bytes, take);
        parser->payload_left -= take;
        code = is_control(parser->opcode) ? feed_control(parser, bytes, take, events, arg, &stop)
                                          : feed_data(parser, bytes, take, events, arg, &stop);
        bytes += take;
        len -= take;
        if (parser->payload_left == 0) {
            parser->header_have = 0;
            parser->header_need = HEADER_MIN_BYTES;
            parser->fed_frames++;
            if (code == 0 && !parser->is_final && events->on_fragment != NULL)
                stop = !events->on_fragment(arg);
        }
    }
    parser->fed_bytes = all - len;
    return code;
}

/* ---- what we send ---- */

size_t ws_frame_header(enum ws_opcode opcode, uint64_t payload_bytes,
                       uint8_t out[WS_SERVER_HEADER_MAX_BYTES]) {
    out[0] = (uint8_t)(0x80 | opcode);
    if (payload_bytes < 126) {
        out[1] = (uint8_t)payload_bytes;
        return 2;
    }
    size_t count = payload_bytes <= UINT16_MAX ? 2 : 8;
    out[1] = count == 2 ? 126 : 127;
    for (size_t i = 0; i < count; i++)
        out[2 + i] = (uint8_t)(payload_bytes >> 8 * (count - 1 - i));
    return 2 + count;
}

struct blob *ws_frame_blob(enum ws_opcode opcode, struct str payload) {
    uint8_t header[WS_SERVER_HEADER_MAX_BYTES];
    size_t length = ws_frame_header(opcode, payload.len, header);
    struct blob *blob = blob_create(length + payload.len);
    blob_append(blob, header, length);
    blob_append(blob, payload.ptr, payload.len);
    return blob;
}

struct blob *ws_frame_close(uint16_t code, struct str reason) {
    uint8_t payload[WS_CONTROL_MAX_BYTES] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t length = reason.len < sizeof payload - 2 ? reason.len : sizeof payload - 2;
    while (length < reason.len && length > 0 && ((uint8_t)reason.ptr[length] & 0xc0) == 0x80)
        length--; /* not in the middle of a character */
    memcpy(payload + 2, reason.ptr, length);
    return ws_frame_blob(WS_CLOSE, str_make((const char *)payload, length + 2));
}
