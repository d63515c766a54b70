/* WebSocket frames (RFC 6455, and RFC 7692 for compressed messages), without sockets: an
 * incremental parser of what clients send, and frames for what we send.
 *
 * Thread: whoever owns the parser. The parser takes bytes cut anywhere, unmasks them, checks every
 * MUST of sections 5 and 7, puts fragments together, and calls back for whole messages and control
 * frames. Memory grows with what arrived, never with what a header announces. */
#pragma once
#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/utf8.h"

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

/* RFC 6455 section 7.4.1. */
enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    WS_CLOSE_UNSUPPORTED_DATA = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never sent: a close frame without a code */
    WS_CLOSE_INVALID_PAYLOAD = 1007,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_TRY_AGAIN_LATER = 1013, /* IANA's registry of close codes */
};

enum { WS_HEADER_MAX_BYTES = 14, WS_CONTROL_MAX_BYTES = 125, WS_SERVER_HEADER_MAX_BYTES = 10 };
/* RSV1 in the first byte of a message: it is compressed (RFC 7692 section 7.2). */
enum { WS_COMPRESSED = 0x40 };

struct ws_deflate_params;
struct ws_inflater;

struct ws_parser {
    /* what the last feeding took: bytes, and frames that ended */
    size_t fed_bytes, fed_frames;
    /* the frame in hand */
    uint8_t header[WS_HEADER_MAX_BYTES];
    uint8_t header_have, header_need;
    uint8_t opcode;
    bool is_final;
    uint64_t payload_left;
    uint32_t mask_at; /* which of the four mask bytes comes next */
    /* the message in hand */
    uint8_t message_opcode; /* 0: none */
    struct utf8_state utf8;
    struct buf message; /* what arrived of it, inflated; no memory between messages */
    bool is_compressed;
    uint64_t compressed_bytes;
    const struct ws_deflate_params *deflate; /* what was agreed on, or NULL */
    struct ws_inflater *inflater; /* made by the first compressed message; between messages it is
                                     there with context takeover only */
    size_t max_message_bytes;     /* while feeding */
    /* the control frame in hand */
    uint8_t control_have;
    uint8_t control[WS_CONTROL_MAX_BYTES];
};

/* Called during ws_parser_feed. Returning false stops the parser behind the frame in hand. */
struct ws_events {
    bool (*on_message)(void *arg, bool is_text, struct str data);
    bool (*on_ping)(void *arg, struct str payload);
    bool (*on_pong)(void *arg, struct str payload);
    /* `code` is WS_CLOSE_NO_STATUS when the frame had none. */
    bool (*on_close)(void *arg, uint16_t code, struct str reason);
    /* A frame ended that its message goes on behind. May be NULL. */
    bool (*on_fragment)(void *arg);
};

void ws_parser_init(struct ws_parser *parser);
void ws_parser_finish(struct ws_parser *parser);
/* Lets messages be compressed as agreed on (`params` borrowed for the parser's life), with the
 * inflater of the messages before, or NULL. */
void ws_parser_allow_deflate(struct ws_parser *parser, const struct ws_deflate_params *params,
                             struct ws_inflater *take_inflater);
/* The inflater that the next message needs, now the caller's, or NULL. */
struct ws_inflater *ws_parser_take_inflater(struct ws_parser *parser) MUST_CHECK;
/* Takes bytes from the peer; unmasks them in place. Returns 0, or the close code to fail the
 * connection with; after that (and after on_close) it must not be fed again. Where another callback
 * returned false it gives 0, and may be fed the bytes behind parser->fed_bytes later. Messages over
 * `max_message_bytes` fail with WS_CLOSE_TOO_BIG as soon as a header announces them, compressed
 * ones as soon as they are inflated so far. */
uint16_t ws_parser_feed(struct ws_parser *parser, uint8_t *bytes, size_t len,
                        size_t max_message_bytes, const struct ws_events *events,
                        void *arg) MUST_CHECK;

/* Writes the header of an unmasked, final frame; returns its length (2, 4 or 10). */
size_t ws_frame_header(enum ws_opcode opcode, uint64_t payload_bytes,
                       uint8_t out[WS_SERVER_HEADER_MAX_BYTES]);
/* A whole frame, header and payload, one reference. */
struct blob *ws_frame_blob(enum ws_opcode opcode, struct str payload);
/* A close frame; `reason` (valid UTF-8) is cut between characters to what fits. */
struct blob *ws_frame_close(uint16_t code, struct str reason);
