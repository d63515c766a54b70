/* Engine.IO 4, the bytes: packets, the payloads of long-polling, the query of a request.
 *
 * Pure functions, without sockets; any thread. Source: the Engine.IO protocol, revision 4
 * (socket.io/docs/v4/engine-io-protocol). */
#pragma once
#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include <stdbool.h>

enum engineio_type {
    ENGINEIO_OPEN,
    ENGINEIO_CLOSE,
    ENGINEIO_PING,
    ENGINEIO_PONG,
    ENGINEIO_MESSAGE,
    ENGINEIO_UPGRADE,
    ENGINEIO_NOOP,
};

struct engineio_packet {
    enum engineio_type type;
    bool is_binary;  /* a message of bytes, not of text */
    struct str data; /* what follows the type; borrowed */
};

/* One packet of text, as a WebSocket message carries it: a digit and the data. False for anything
 * else. (A binary WebSocket message is a binary message packet as it stands.) */
bool engineio_parse(struct str text, struct engineio_packet *out) MUST_CHECK;

enum engineio_next {
    ENGINEIO_PACKET, /* *out is the next one */
    ENGINEIO_END,    /* there is no more */
    ENGINEIO_MALFORMED,
};
/* Takes the next packet off a polling payload: packets parted by U+001E, binary ones as 'b' and
 * base64. `rest` begins as the whole payload; at least one packet must be in it. Binary data is
 * decoded into `binary` and lasts until the next call. */
enum engineio_next engineio_next(struct str *rest, struct buf *binary,
                                 struct engineio_packet *out) MUST_CHECK;

/* A packet of text as a WebSocket frame, with which it can go both ways; one reference. */
struct blob *engineio_frame(enum engineio_type type, struct str data);
/* A binary message as a WebSocket frame; one reference. */
struct blob *engineio_frame_binary(struct str data);
/* Appends what such a frame carries to a polling payload, a separator before it where one is
 * needed. */
void engineio_append_frame(struct buf *payload, const struct blob *frame);

/* What the query of a request says; a parameter that is not there has ptr NULL, of several the
 * first counts. Values are borrowed and as they stand there: none that counts needs an escape. */
struct engineio_query {
    struct str version, transport, sid;
};
void engineio_parse_query(struct str query, struct engineio_query *out);

/* What the open packet tells the client. */
struct engineio_handshake {
    struct str sid;
    bool can_upgrade;
    uint64_t ping_interval_ms, ping_timeout_ms;
    size_t max_payload_bytes;
};
void engineio_append_handshake(struct buf *json, const struct engineio_handshake *handshake);

/* Why a request is refused, as clients know it. */
enum engineio_error {
    ENGINEIO_UNKNOWN_TRANSPORT,
    ENGINEIO_UNKNOWN_SID,
    ENGINEIO_BAD_HANDSHAKE_METHOD,
    ENGINEIO_BAD_REQUEST,
    ENGINEIO_FORBIDDEN,
    ENGINEIO_UNSUPPORTED_VERSION,
};
/* `{"code":1,"message":"Session ID unknown"}`. */
void engineio_append_error(struct buf *json, enum engineio_error error);
