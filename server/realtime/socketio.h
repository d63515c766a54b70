/* Socket.IO 5, the packets inside Engine.IO's messages: `2/admin,7["name",…]`.
 *
 * Pure functions, without sockets; any thread. Nothing is believed: lengths, depth, counts,
 * duplicate members, the form that each type must have. A packet that does not parse ends the
 * connection; an event whose arguments alone are not believed can be answered. Source: the
 * Socket.IO protocol, revision 5 (socket.io/docs/v4/socket-io-protocol). */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum socketio_type {
    SOCKETIO_CONNECT,
    SOCKETIO_DISCONNECT,
    SOCKETIO_EVENT,
    SOCKETIO_ACK,
    SOCKETIO_CONNECT_ERROR,
    SOCKETIO_BINARY_EVENT,
    SOCKETIO_BINARY_ACK,
};

enum {
    SOCKETIO_NAMESPACE_MAX_BYTES = 64,
    SOCKETIO_ATTACHMENTS_MAX = 16,
    SOCKETIO_ID_MAX_DIGITS = 15,
    SOCKETIO_NO_ID = -1,
};

struct socketio_packet {
    enum socketio_type type;
    struct str nsp;       /* the namespace, borrowed; "/" where the packet names none */
    int64_t id;           /* of the acknowledgement, or SOCKETIO_NO_ID */
    unsigned attachments; /* binary messages that follow */
    json_t *data; /* the caller's, json_decref; CONNECT: any JSON or NULL; events and acks: an
                     array whose placeholders all name an attachment; NULL for an event whose
                     arguments are no JSON that is believed (a number beyond 64 bits, too deep, a
                     member twice, half a surrogate pair, …); else NULL */
};

/* What a client may send: everything but CONNECT_ERROR. `data` is to be given back on true only. */
bool socketio_parse(struct str text, struct socketio_packet *out) MUST_CHECK;

/* Appends type, attachments, namespace and id: what stands before the data. */
void socketio_append_head(struct buf *out, const struct socketio_packet *packet);
/* True when a placeholder of an attachment stands anywhere in it. */
bool socketio_has_placeholder(const json_t *data);
