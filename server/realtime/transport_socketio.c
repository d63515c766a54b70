#include "realtime/transport_socketio.h"

#include "base/mem.h"
#include "realtime/hub_state.h"
#include "store/log.h"

/* What a session has below it. */
struct place {
    struct socketio_socket *socket;
    struct session *session;
    bool is_root; /* namespace "/": packets are encoded once for all */
    bool with_offset;
    uint8_t peer[16];
};

struct session *transport_socketio_open(struct socketio_socket *socket, struct hub *hub) {
    struct place *place = mem_zalloc(1, sizeof *place);
    place->socket = socket;
    place->is_root = str_equal(socketio_namespace(socket), STR("/"));
    memcpy(place->peer, socketio_client_peer(socketio_client_of(socket)), sizeof place->peer);
    place->session = session_open(hub, &transport_socketio, place);
    socketio_set_user(socket, place);
    return place->session;
}

void transport_socketio_add_offsets(struct session *session) {
    struct place *place = session->below;
    if (place != NULL)
        place->with_offset = true;
}

struct session *transport_socketio_session(const struct socketio_socket *socket) {
    const struct place *place = socketio_user(socket);
    return place != NULL ? place->session : NULL;
}

void transport_socketio_append(struct buf *out, struct str name, struct str envelope,
                               struct str cursor) {
    buf_append_cstr(out, "[\"");
    buf_append_str(out, name);
    buf_append_cstr(out, "\",");
    buf_append_str(out, envelope);
    if (cursor.len > 0) {
        buf_append_cstr(out, ",\"");
        buf_append_str(out, cursor);
        buf_append_char(out, '"');
    }
    buf_append_char(out, ']');
}

/* ---- from the socket ---- */

void transport_socketio_on_drain(struct socketio_socket *socket) {
    struct session *session = transport_socketio_session(socket);
    if (session != NULL)
        session_on_drain(session);
}

void transport_socketio_on_disconnect(struct socketio_socket *socket) {
    struct place *place = socketio_user(socket);
    if (place == NULL)
        return;
    socketio_set_user(socket, NULL);
    session_on_closed(place->session);
    mem_free(place);
}

/* ---- from the session ---- */

static void send_envelope(const struct place *place, struct str name, struct str envelope,
                          struct str cursor) {
    struct buf args = BUF_INIT;
    transport_socketio_append(&args, name, envelope, place->with_offset ? cursor : STR_EMPTY);
    socketio_emit(place->socket, buf_str(&args), NULL, 0);
    buf_finish(&args);
}

static void send_packet(struct session *session, struct packet *packet, struct audience *audience) {
    struct place *place = session->below;
    char cursor[CURSOR_MAX_BYTES];
    (void)audience;
    if (place->is_root)
        socketio_send_frame(place->socket, packet_socketio(packet, place->with_offset));
    else
        send_envelope(place, packet_name(packet), packet_json(packet),
                      str_make(cursor, packet_cursor(packet, cursor)));
}

/* Replies are acknowledgements: api sends them by the socket itself. */
static void send_json(struct session *session, struct str json) {
    (void)session;
    (void)json;
    CHECK(false);
}

static void send_event(struct session *session, struct str name, struct str cursor,
                       struct str envelope) {
    send_envelope(session->below, name, envelope, cursor);
}

static size_t queued_bytes(const struct session *session) {
    const struct place *place = session->below;
    return socketio_queued_bytes(place->socket);
}

static void drop_unsent(struct session *session) {
    struct place *place = session->below;
    socketio_drop_unsent(place->socket);
}

static const uint8_t *peer(const struct session *session) {
    const struct place *place = session->below;
    return place->peer;
}

static void set_known(struct session *session) {
    const struct place *place = session->below;
    socketio_client_set_known(socketio_client_of(place->socket));
}

/* Engine.IO has pings of its own. */
static void ping(struct session *session) {
    (void)session;
}

/* The first code that tells a client not to come again by itself. */
enum { CLOSE_FOR_GOOD = 4500 };

static void emit_closed(const struct place *place, enum close_code code, struct str reason) {
    struct buf envelope = BUF_INIT;
    transport_append_closed(&envelope, code, reason);
    send_envelope(place, STR("session.closed"), buf_str(&envelope), STR_EMPTY);
    buf_finish(&envelope);
}

/* Before it has joined: its CONNECT is refused. */
static void refuse(const struct place *place, enum close_code code, struct str reason) {
    struct buf data = BUF_INIT;
    buf_appendf(&data, "{\"code\":%d}", (int)code);
    socketio_refuse(place->socket, reason, buf_str(&data));
    buf_finish(&data);
}

/* An event says why. A client that may come again is let go by closing the connection: its library
 * connects anew. One that may not is put out of the namespace, upon which the library stays away
 * and closes the connection with its last namespace; else connect_timeout_ms does. */
static void close_session(struct session *session, enum close_code code, struct str reason) {
    const struct place *place = session->below;
    if (!socketio_has_joined(place->socket)) {
        refuse(place, code, reason);
        return;
    }
    emit_closed(place, code, reason);
    if ((int)code >= CLOSE_FOR_GOOD)
        socketio_disconnect(place->socket);
    else
        socketio_close(socketio_client_of(place->socket), (uint16_t)code, reason);
}

const struct transport transport_socketio = {
    .name = "socket.io",
    .is_two_way = false,
    .send_packet = send_packet,
    .send_json = send_json,
    .send_event = send_event,
    .queued_bytes = queued_bytes,
    .drop_unsent = drop_unsent,
    .peer = peer,
    .set_known = set_known,
    .ping = ping,
    .close = close_session,
};
