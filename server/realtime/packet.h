/* A packet: one event, encoded once, on its way to everybody who is to get it.
 *
 * Immutable after packet_create() and reference-counted; any thread. The JSON text is encoded at
 * once, the wire forms (a WebSocket frame, the same compressed, an event of a stream) stand beside
 * it in the same bytes or are made when first asked for. Security: a packet holds message text.
 * ring_erase() exchanges those of an edited or deleted message for stubs, which have no bytes in
 * any form: whoever meets one reads the event from its row again. */
#pragma once
#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/uuid.h"
#include "protocol/events.h"
#include "store/log.h"
#include <stdatomic.h>
#include <stdbool.h>

struct ws_deflater;

struct packet {
    atomic_uint refs;
    enum event_id type;
    unsigned flags;     /* of events.def */
    uint32_t check;     /* cursor check bits at pos */
    int64_t pos;        /* 0: not logged */
    int64_t stream_pos; /* pos, or of the logged event before it: set by the sequencer */
    int64_t audience, actor, subject, fact;
    int64_t seq;
    struct blob *frame; /* WebSocket text frame with the JSON envelope inside; NULL in a stub and in
                           INTERNAL events */
    uint32_t json_offset; /* where the JSON begins in frame */
    /* forms that are made when first asked for */
    _Atomic(struct blob *) sse;         /* for event streams */
    _Atomic(struct blob *) socketio[2]; /* for Socket.IO, without and with the offset */
    _Atomic(struct blob *) deflated;    /* the frame compressed */
};

/* Encodes an event whose data is there. */
struct packet *packet_create(const struct log_event *event);
/* The same place in the stream without bytes. */
struct packet *packet_create_stub(const struct packet *packet);
struct packet *packet_ref(struct packet *packet);
void packet_unref(struct packet *packet);
static inline bool packet_is_stub(const struct packet *packet) {
    return packet->frame == NULL && (packet->flags & EVENT_INTERNAL) == 0;
}
/* The packet's form for event streams (id, event, data); borrowed, as old as the packet. */
struct blob *packet_sse(struct packet *packet);
/* The packet's form for Socket.IO: an Engine.IO frame with the event of namespace "/", name and
 * envelope, and with `with_offset` its cursor as a last argument (none where the packet has none).
 * Borrowed, as old as the packet. */
struct blob *packet_socketio(struct packet *packet, bool with_offset);
/* Name and JSON envelope, borrowed; and the cursor (CURSOR_MAX_BYTES), whose length is returned: 0
 * where there is none. */
struct str packet_name(const struct packet *packet);
struct str packet_json(const struct packet *packet);
size_t packet_cursor(const struct packet *packet, char out[CURSOR_MAX_BYTES]);
/* The compressed frame, which stands alone: for whoever can read frames of that deflater; the plain
 * frame where compressing does not make it shorter. Made once, for all (two loops that ask at once
 * both make it, and one is thrown away); borrowed, as old as the packet. */
struct blob *packet_deflated(struct packet *packet, struct ws_deflater *deflater);
/* Bytes that the ring counts for it; the forms that are made later, each shorter than the frame or
 * little longer, are not among them. */
size_t packet_bytes(const struct packet *packet);

/* The form in which a packet travels on the bus, and back. packet_parse gives NULL for anything
 * that is not exactly one. */
void packet_serialize(const struct packet *packet, struct buf *out);
struct packet *packet_parse(struct str bytes, size_t *used) MUST_CHECK;
