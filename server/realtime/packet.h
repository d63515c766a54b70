/* A packet: one event, encoded once, on its way to everybody who is to get it.
 *
 * Immutable after packet_create() and reference-counted; any thread. The JSON text is encoded at
 * once, the wire forms (a WebSocket frame; others later) stand beside it in the same bytes or are
 * made when first asked for. Security: a packet holds message text. ring_erase() exchanges those of
 * an edited or deleted message for stubs, which have no bytes: whoever meets one reads the event
 * from its row again. */
#pragma once
#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/uuid.h"
#include "protocol/events.h"
#include "store/log.h"
#include <stdatomic.h>
#include <stdbool.h>

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
    uint32_t json_offset;       /* where the JSON begins in frame */
    _Atomic(struct blob *) sse; /* its form for event streams, made when first asked for */
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
/* Bytes that the ring counts for it; its form for event streams, which few have, is not among them.
 */
size_t packet_bytes(const struct packet *packet);

/* The form in which a packet travels on the bus, and back. packet_parse gives NULL for anything
 * that is not exactly one. */
void packet_serialize(const struct packet *packet, struct buf *out);
struct packet *packet_parse(struct str bytes, size_t *used) MUST_CHECK;
