#include "realtime/packet.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "net/ws_deflate.h"
#include "protocol/encode.h"
#include "realtime/engineio.h"
#include "realtime/socketio.h"
#include "realtime/transport_socketio.h"
#include "realtime/transport_sse.h"

/* What the ring counts for a packet beside its frame. */
enum { PACKET_OVERHEAD_BYTES = sizeof(struct packet) };

/* Most events are shorter: their JSON needs no growing. */
enum { PACKET_USUAL_BYTES = 1000 };

static void encode_frame(struct packet *packet, const struct log_event *event) {
    char cursor[CURSOR_MAX_BYTES];
    size_t cursor_length = event->pos != 0 ? cursor_format(event->pos, event->check, cursor) : 0;
    struct event_envelope envelope = {.type = event->type,
                                      .room = event->room_id,
                                      .seq = event->seq,
                                      .cursor = str_make(cursor, cursor_length),
                                      .data = event->data};
    struct buf json = BUF_INIT;
    buf_reserve(&json, PACKET_USUAL_BYTES);
    encode_event(&json, &envelope);
    packet->frame = ws_frame_blob(WS_TEXT, buf_str(&json));
    packet->json_offset = packet->frame->len - (uint32_t)json.len;
    buf_finish(&json);
}

struct packet *packet_create(const struct log_event *event) {
    struct packet *packet = mem_zalloc(1, sizeof *packet);
    atomic_init(&packet->refs, 1);
    packet->type = event->type;
    packet->flags = event_type(event->type)->flags;
    packet->check = event->check;
    packet->pos = event->pos;
    packet->audience = event->audience;
    packet->actor = event->actor;
    packet->subject = event->subject;
    packet->fact = event->fact;
    packet->seq = event->seq;
    if ((packet->flags & EVENT_INTERNAL) == 0)
        encode_frame(packet, event);
    return packet;
}

struct packet *packet_create_stub(const struct packet *packet) {
    struct packet *stub = mem_zalloc(1, sizeof *stub);
    atomic_init(&stub->refs, 1);
    /* Not copied as a whole: other threads count the packet's references meanwhile. */
    stub->type = packet->type;
    stub->flags = packet->flags;
    stub->check = packet->check;
    stub->pos = packet->pos;
    stub->stream_pos = packet->stream_pos;
    stub->audience = packet->audience;
    stub->actor = packet->actor;
    stub->subject = packet->subject;
    stub->fact = packet->fact;
    stub->seq = packet->seq;
    return stub;
}

struct str packet_name(const struct packet *packet) {
    return str_from_cstr(event_type(packet->type)->name);
}

struct str packet_json(const struct packet *packet) {
    return str_slice(blob_str(packet->frame), packet->json_offset, packet->frame->len);
}

size_t packet_cursor(const struct packet *packet, char out[CURSOR_MAX_BYTES]) {
    return packet->pos != 0 ? cursor_format(packet->pos, packet->check, out) : 0;
}

/* Keeps a form that was made; the one that counts, where another loop was quicker. */
static struct blob *keep_form(_Atomic(struct blob *) *form, struct blob *take_made) {
    struct blob *other = NULL;
    if (atomic_compare_exchange_strong(form, &other, take_made))
        return take_made;
    blob_unref(take_made);
    return other;
}

struct blob *packet_sse(struct packet *packet) {
    struct blob *made = atomic_load(&packet->sse);
    if (made != NULL)
        return made;
    char cursor[CURSOR_MAX_BYTES];
    size_t cursor_length = packet_cursor(packet, cursor);
    struct buf text = BUF_INIT;
    transport_sse_append(&text, packet_name(packet), str_make(cursor, cursor_length),
                         packet_json(packet));
    made = blob_from_bytes(text.data, text.len);
    buf_finish(&text);
    return keep_form(&packet->sse, made);
}

struct blob *packet_socketio(struct packet *packet, bool with_offset) {
    _Atomic(struct blob *) *form = &packet->socketio[with_offset];
    struct blob *made = atomic_load(form);
    if (made != NULL)
        return made;
    char cursor[CURSOR_MAX_BYTES];
    size_t cursor_length = with_offset ? packet_cursor(packet, cursor) : 0;
    struct buf text = BUF_INIT;
    buf_append_char(&text, (char)('0' + SOCKETIO_EVENT));
    transport_socketio_append(&text, packet_name(packet), packet_json(packet),
                              str_make(cursor, cursor_length));
    made = engineio_frame(ENGINEIO_MESSAGE, buf_str(&text));
    buf_finish(&text);
    return keep_form(form, made);
}

struct blob *packet_deflated(struct packet *packet, struct ws_deflater *deflater) {
    struct blob *made = atomic_load(&packet->deflated);
    if (made != NULL)
        return made;
    made = ws_deflater_frame(deflater, WS_TEXT, packet_json(packet), false);
    metrics_add(METRIC_DEFLATE_PACKETS, 1);
    return keep_form(&packet->deflated, made != NULL ? made : blob_ref(packet->frame));
}

struct packet *packet_ref(struct packet *packet) {
    atomic_fetch_add_explicit(&packet->refs, 1, memory_order_relaxed);
    return packet;
}

void packet_unref(struct packet *packet) {
    if (atomic_fetch_sub_explicit(&packet->refs, 1, memory_order_acq_rel) != 1)
        return;
    blob_unref(packet->frame);
    blob_unref(atomic_load(&packet->sse));
    blob_unref(atomic_load(&packet->socketio[false]));
    blob_unref(atomic_load(&packet->socketio[true]));
    blob_unref(atomic_load(&packet->deflated));
    mem_free(packet);
}

size_t packet_bytes(const struct packet *packet) {
    return PACKET_OVERHEAD_BYTES + (packet->frame != NULL ? packet->frame->len : 0);
}

/* ---- on the bus ---- */

/* Fixed part of a serialized packet, in the machine's byte order with a mark that tells a foreign
 * one; the JSON follows. */
struct wire {
    uint32_t mark;
    uint32_t json_bytes;
    uint32_t type, check;
    int64_t pos, audience, actor, subject, fact, seq;
};
enum { WIRE_MARK = 0x50415231 }; /* "PAR1" */

void packet_serialize(const struct packet *packet, struct buf *out) {
    uint32_t json_bytes = packet->frame != NULL ? packet->frame->len - packet->json_offset : 0;
    struct wire wire = {WIRE_MARK,    json_bytes,       (uint32_t)packet->type, packet->check,
                        packet->pos,  packet->audience, packet->actor,          packet->subject,
                        packet->fact, packet->seq};
    buf_append(out, &wire, sizeof wire);
    if (json_bytes > 0)
        buf_append(out, packet->frame->bytes + packet->json_offset, json_bytes);
}

struct packet *packet_parse(struct str bytes, size_t *used) {
    struct wire wire;
    if (bytes.len < sizeof wire)
        return NULL;
    memcpy(&wire, bytes.ptr, sizeof wire);
    bool is_one = wire.mark == WIRE_MARK && wire.type > EVENT_NOTHING && wire.type < EVENT_COUNT &&
                  wire.json_bytes <= bytes.len - sizeof wire && wire.pos >= 0;
    if (!is_one)
        return NULL;
    struct packet *packet = mem_zalloc(1, sizeof *packet);
    atomic_init(&packet->refs, 1);
    packet->type = (enum event_id)wire.type;
    packet->flags = event_type(packet->type)->flags;
    packet->check = wire.check;
    packet->pos = wire.pos;
    packet->audience = wire.audience;
    packet->actor = wire.actor;
    packet->subject = wire.subject;
    packet->fact = wire.fact;
    packet->seq = wire.seq;
    if (wire.json_bytes > 0) {
        packet->frame = ws_frame_blob(WS_TEXT, str_make(bytes.ptr + sizeof wire, wire.json_bytes));
        packet->json_offset = packet->frame->len - wire.json_bytes;
    }
    *used = sizeof wire + wire.json_bytes;
    return packet;
}
