/* Negotiation of permessage-deflate (RFC 7692 section 7.1) over the grammar of
 * Sec-WebSocket-Extensions (RFC 6455 section 9.1). Socket-free; any thread.
 *
 * The client's offers are tried in their order and the first that can be kept is accepted. One with
 * an unknown or repeated parameter or a wrong value is declined, and so is one that demands
 * server_max_window_bits=8, as zlib deflates with no window of 256 bytes. Where nothing can be
 * accepted, the connection opens without the extension (RFC 7692 section 7.1: such an offer must be
 * declined), while a header that is not of the grammar must fail the handshake (RFC 6455 section
 * 9.1).
 *
 * Names are compared with case: an extension-token must be a registered one (RFC 6455 section 9.1),
 * registered is "permessage-deflate", and the RFC says so where case is to be ignored, as for
 * Upgrade (section 4.2.1). Another spelling is an unknown extension or parameter, thus declined; a
 * response in our spelling could fail the connection of a client that compares alike. */
#pragma once
#include "base/check.h"
#include "base/str.h"
#include <stdint.h>

enum {
    WS_WINDOW_BITS_MIN = 8, /* what the RFC has */
    WS_WINDOW_BITS_MAX = 15,
    WS_DEFLATE_BITS_MIN = 9, /* what zlib deflates with */
    WS_EXTENSION_RESPONSE_BYTES = 160,
};

/* What the server is willing to do: from the settings. */
struct ws_deflate_options {
    bool is_on;
    /* Whether a context (window) may live on from message to message, in what we send and in what
     * clients send. Where it may not, an idle connection owns none, and a message tells nothing of
     * another one by its length. */
    bool server_takeover, client_takeover;
    uint8_t window_bits; /* 9 to 15: windows of 2^bits bytes at most, both ways */
    size_t min_bytes;    /* shorter messages are sent as they are */
};

/* What was agreed on with one client; all zero: nothing. */
struct ws_deflate_params {
    bool is_on : 1;
    bool server_takeover : 1, client_takeover : 1;
    bool tells_server_bits : 1, tells_client_bits : 1; /* they stand in the response */
    unsigned server_bits : 4;                          /* 9 to 15 */
    unsigned client_bits : 4;                          /* 8 to 15 */
};
_Static_assert(sizeof(struct ws_deflate_params) == 4, "every idle connection has one");

/* Reads the value of one Sec-WebSocket-Extensions header into `params`, unless these are on already
 * by an earlier one (the headers of a request count as one list). False when it is not of the
 * grammar: then the handshake must fail. */
bool ws_extension_negotiate(struct str offers, const struct ws_deflate_options *options,
                            struct ws_deflate_params *params) MUST_CHECK;
/* The server's Sec-WebSocket-Extensions for what was agreed on, NUL-terminated; empty for nothing.
 */
void ws_extension_response(const struct ws_deflate_params *params,
                           char out[WS_EXTENSION_RESPONSE_BYTES]);
