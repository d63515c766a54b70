#include "realtime/transport_websocket.h"

#include "base/metrics.h"
#include "net/conn.h"
#include "net/ws_frame.h"
#include "realtime/hub_state.h"

/* From so many members of an audience on one loop a shared buffer is cheaper than a reference a
 * packet and member (PERFORMANCE.md), and compressing (once, for all) costs little beside sending.
 */
enum { SHARED_MEMBERS_MIN = 32, CHUNK_BYTES = 65536, SHARED_FRAME_MAX_BYTES = CHUNK_BYTES / 8 };

static const struct conn_ops websocket_ops;

struct session *transport_websocket_open(struct conn *conn, const struct http_request *request,
                                         struct hub *hub) {
    struct session *session = session_open(hub, &transport_websocket, conn);
    conn_upgrade_websocket(conn, request, &websocket_ops, session);
    return session;
}

/* ---- from the connection ---- */

static void on_message(struct conn *conn, bool is_text, struct str data) {
    if (is_text)
        session_on_message(conn_user(conn), data);
    else
        conn_close_websocket(conn, WS_CLOSE_UNSUPPORTED_DATA, STR("text only"));
}

static void on_alive(struct conn *conn) {
    session_on_alive(conn_user(conn));
}

static const struct conn_ops websocket_ops = {.on_message = on_message,
                                              .on_alive = on_alive,
                                              .on_drain = transport_conn_on_drain,
                                              .on_close = transport_conn_on_close};

/* ---- from the session ---- */

/* Appends the frame to the room buffer, once for all members that get it. While nobody else refers
 * to the buffer it begins anew. */
static void share_frame(struct room_buffer *buffer, const struct blob *frame, uint64_t delivery) {
    if (buffer->chunk != NULL && atomic_load(&buffer->chunk->refs) == 1)
        buffer->chunk->len = 0;
    if (buffer->chunk == NULL || buffer->chunk->cap - buffer->chunk->len < frame->len) {
        blob_unref(buffer->chunk);
        buffer->chunk = blob_create(CHUNK_BYTES);
    }
    struct blob *chunk = buffer->chunk;
    memcpy(chunk->bytes + chunk->len, frame->bytes, frame->len);
    buffer->delivery = delivery;
    buffer->from = chunk->len;
    chunk->len += frame->len;
}

static void send_frame(struct conn *conn, struct blob *frame, uint32_t from, bool is_deflated,
                       uint32_t len) {
    if (!is_deflated) {
        conn_send(conn, frame, from, from + len);
        return;
    }
    conn_send_deflated(conn, frame, from, from + len);
    metrics_add(METRIC_DEFLATE_DELIVERIES, 1);
}

/* To one of many. Members that read compressed frames have a room buffer of their own, which also
 * holds the frames that are too short for it, so that each member's bytes stay in one piece. */
static void send_shared(struct session *session, struct packet *packet, struct audience *audience) {
    struct conn *conn = session->below;
    struct ws_deflater *deflater = conn_shared_deflater(conn, packet->frame->len);
    struct room_buffer *buffer = conn_reads_deflated(conn) ? &audience->deflated : &audience->plain;
    struct blob *frame = deflater != NULL ? packet_deflated(packet, deflater) : packet->frame;
    bool is_deflated = frame != packet->frame;
    if (frame->len > SHARED_FRAME_MAX_BYTES) {
        send_frame(conn, frame, 0, is_deflated, frame->len);
        return;
    }
    if (buffer->delivery != session->hub->delivery)
        share_frame(buffer, frame, session->hub->delivery);
    send_frame(conn, buffer->chunk, buffer->from, is_deflated, frame->len);
}

static void send_packet(struct session *session, struct packet *packet, struct audience *audience) {
    if (audience == NULL || audience->count < SHARED_MEMBERS_MIN)
        conn_send(session->below, packet->frame, 0, packet->frame->len);
    else
        send_shared(session, packet, audience);
}

static void send_json(struct session *session, struct str json) {
    conn_send_message(session->below, true, json);
}

static void send_event(struct session *session, struct str name, struct str cursor,
                       struct str envelope) {
    (void)name;
    (void)cursor;
    send_json(session, envelope);
}

static void ping(struct session *session) {
    conn_ping(session->below);
}

static void close_session(struct session *session, enum close_code code, struct str reason) {
    conn_close_websocket(session->below, (uint16_t)code, reason);
}

const struct transport transport_websocket = {
    .name = "websocket",
    .is_two_way = true,
    .send_packet = send_packet,
    .send_json = send_json,
    .send_event = send_event,
    .queued_bytes = transport_conn_queued_bytes,
    .drop_unsent = transport_conn_drop_unsent,
    .peer = transport_conn_peer,
    .set_known = transport_conn_set_known,
    .ping = ping,
    .close = close_session,
};
