#include "realtime/transport_websocket.h"

#include "net/conn.h"
#include "net/ws_frame.h"
#include "realtime/hub_state.h"

/* From so many members of an audience on one loop a shared buffer is cheaper than a reference a
 * packet and member (PERFORMANCE.md). */
enum { SHARED_MEMBERS_MIN = 32, CHUNK_BYTES = 65536, SHARED_PACKET_MAX_BYTES = CHUNK_BYTES / 8 };

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

static void on_drain(struct conn *conn) {
    session_on_drain(conn_user(conn));
}

static void on_close(struct conn *conn) {
    session_on_closed(conn_user(conn));
}

static const struct conn_ops websocket_ops = {
    .on_message = on_message, .on_alive = on_alive, .on_drain = on_drain, .on_close = on_close};

/* ---- from the session ---- */

/* Appends the packet to the audience's room buffer, once for all members. While nobody else refers
 * to the buffer it begins anew. */
static void share_packet(struct audience *audience, struct packet *packet, uint64_t delivery) {
    uint32_t len = packet->frame->len;
    if (audience->chunk != NULL && atomic_load(&audience->chunk->refs) == 1)
        audience->chunk->len = 0;
    if (audience->chunk == NULL || audience->chunk->cap - audience->chunk->len < len) {
        blob_unref(audience->chunk);
        audience->chunk = blob_create(CHUNK_BYTES);
    }
    struct blob *chunk = audience->chunk;
    memcpy(chunk->bytes + chunk->len, packet->frame->bytes, len);
    audience->chunk_delivery = delivery;
    audience->chunk_from = chunk->len;
    chunk->len += len;
}

static void send_packet(struct session *session, struct packet *packet, struct audience *audience) {
    struct conn *conn = session->below;
    uint32_t len = packet->frame->len;
    if (audience == NULL || audience->count < SHARED_MEMBERS_MIN || len > SHARED_PACKET_MAX_BYTES) {
        conn_send(conn, packet->frame, 0, len);
        return;
    }
    if (audience->chunk_delivery != session->hub->delivery)
        share_packet(audience, packet, session->hub->delivery);
    conn_send(conn, audience->chunk, audience->chunk_from, audience->chunk_from + len);
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

static size_t queued_bytes(const struct session *session) {
    return conn_queued_bytes(session->below);
}

static void drop_unsent(struct session *session) {
    conn_drop_unsent(session->below);
}

static const uint8_t *peer(const struct session *session) {
    return conn_peer(session->below);
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
    .queued_bytes = queued_bytes,
    .drop_unsent = drop_unsent,
    .peer = peer,
    .ping = ping,
    .close = close_session,
};
