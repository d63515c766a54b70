/* WebSockets of engines: one that opens an engine, and one that a polling client goes over to.
 *
 * The upgrade: the client opens a WebSocket with its sid and sends a ping "probe" on it; the pong
 * comes back, and a pending poll (each further one too) is answered with what waits, or a noop, so
 * that no poll is under way when the client sends the upgrade packet: from there on the WebSocket
 * is the engine's. */
#include "realtime/engine_state.h"

#include "base/mem.h"
#include "net/ws_frame.h"

static const struct conn_ops socket_ops;
static const struct str PROBE = STR_INIT("probe");

/* ---- opening ---- */

/* Behind a proxy it shows only now whose connection it will be. */
static bool claim_connection(struct engine_server *server, struct conn *conn,
                             struct http_request *take_request) {
    if (conn_set_peer(conn, take_request->client))
        return true;
    engine_refuse(server, conn, take_request, 429, ENGINEIO_FORBIDDEN);
    http_request_destroy(take_request);
    return false;
}

void engine_open_socket(struct engine_server *server, struct conn *conn,
                        struct http_request *take_request) {
    if (!claim_connection(server, conn, take_request))
        return;
    struct engine *engine = engine_create(server, take_request);
    if (engine == NULL) {
        engine_refuse(server, conn, take_request, 503, ENGINEIO_FORBIDDEN);
        http_request_destroy(take_request);
        return;
    }
    struct buf json = BUF_INIT;
    engine->socket = conn;
    server->ops->on_open(engine, conn, take_request);
    conn_upgrade_websocket(conn, take_request, &socket_ops, engine);
    engine_append_handshake(engine, false, &json);
    struct blob *frame = engineio_frame(ENGINEIO_OPEN, buf_str(&json));
    engine_send_frame(engine, frame);
    blob_unref(frame);
    buf_finish(&json);
    http_request_destroy(take_request);
}

/* A second WebSocket for one engine opens and is closed at once, as the reference server does:
 * clients take a refused handshake for a server that has no WebSockets. */
void engine_open_probe(struct engine *engine, struct conn *conn,
                       struct http_request *take_request) {
    if (!claim_connection(engine->server, conn, take_request))
        return;
    bool is_wanted =
        engine->state == ENGINE_OPEN && engine->socket == NULL && engine->probe == NULL;
    if (is_wanted) {
        const struct engine_server *server = engine->server;
        engine->probe = conn;
        engine->probe_due_ms = loop_now_ms(server->loop) + server->options.upgrade_timeout_ms;
        engine_arm_timer(engine);
    }
    conn_upgrade_websocket(conn, take_request, &socket_ops, is_wanted ? engine : NULL);
    if (!is_wanted)
        conn_close_websocket(conn, WS_CLOSE_NORMAL, STR("not wanted"));
    http_request_destroy(take_request);
}

void engine_close_socket(struct conn **socket, uint16_t code, struct str reason) {
    struct conn *conn = *socket;
    if (conn == NULL)
        return;
    *socket = NULL;
    conn_set_user(conn, NULL);
    conn_close_websocket(conn, code, reason);
}

/* ---- the upgrade ---- */

static void send_packet(struct conn *conn, enum engineio_type type, struct str data) {
    struct blob *frame = engineio_frame(type, data);
    conn_send(conn, frame, 0, frame->len);
    blob_unref(frame);
}

/* What waited for a poll goes out by the WebSocket, in order. */
static void go_over(struct engine *engine) {
    if (engine->poll != NULL)
        engine_answer_poll(engine, ENGINEIO_NOOP);
    engine->socket = engine->probe;
    engine->probe = NULL;
    engine->is_probed = false;
    for (uint32_t i = 0; i < engine->queue_count; i++) {
        conn_send(engine->socket, engine->queue[i], 0, engine->queue[i]->len);
        blob_unref(engine->queue[i]);
    }
    mem_free(engine->queue);
    engine->queue = NULL;
    engine->queue_count = engine->queue_cap = 0;
    engine->queued_bytes = 0;
    engine_arm_timer(engine);
    engine->server->ops->on_drain(engine);
}

static void take_probe_packet(struct engine *engine, const struct engineio_packet *packet) {
    bool is_probe = packet->type == ENGINEIO_PING && str_equal(packet->data, PROBE);
    if (is_probe) {
        engine->is_probed = true;
        send_packet(engine->probe, ENGINEIO_PONG, PROBE);
        if (engine->poll != NULL)
            engine_answer_poll(engine, ENGINEIO_NOOP);
    } else if (packet->type == ENGINEIO_UPGRADE && engine->is_probed &&
               engine->state == ENGINE_OPEN) {
        go_over(engine);
    } else {
        engine->is_probed = false;
        engine_close_socket(&engine->probe, WS_CLOSE_NORMAL, STR("probe first"));
    }
}

/* ---- from the connection ---- */

static void on_message(struct conn *conn, bool is_text, struct str data) {
    struct engine *engine = conn_user(conn);
    struct engineio_packet packet = {.type = ENGINEIO_MESSAGE, .is_binary = true, .data = data};
    if (engine == NULL)
        return;
    bool is_one = !is_text || engineio_parse(data, &packet);
    if (engine->probe == conn && is_one)
        take_probe_packet(engine, &packet);
    else if (!is_one || !engine_take_packet(engine, &packet))
        engine_end(engine, ENGINEIO_CLOSE);
}

static void on_drain(struct conn *conn) {
    struct engine *engine = conn_user(conn);
    if (engine != NULL && engine->socket == conn && engine->state == ENGINE_OPEN)
        engine->server->ops->on_drain(engine);
}

static void on_close(struct conn *conn) {
    struct engine *engine = conn_user(conn);
    if (engine == NULL)
        return;
    if (engine->probe == conn) {
        engine->probe = NULL; /* polling goes on */
        engine->is_probed = false;
        return;
    }
    engine->socket = NULL;
    engine_end(engine, ENGINEIO_CLOSE);
}

/* Uncompressed, as with the reference server: a client that compresses does so on another thread,
 * so that what it sends by polling right after "probe" and the upgrade packet would overtake them.
 */
static const struct conn_ops socket_ops = {
    .on_message = on_message,
    .on_drain = on_drain,
    .on_close = on_close,
    .is_uncompressed = true,
    .has_own_message_limit = true, /* the client is told one limit, for posts and messages */
};
