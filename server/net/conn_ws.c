/* WebSocket on a connection (RFC 6455): the upgrade, frames to messages, the closing handshake. */
#include "net/conn_state.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "net/http_response.h"
#include "net/ws_handshake.h"

void conn_drop_websocket(struct conn *conn) {
    conn_deflate_finish(conn);
    if (conn->ws == NULL)
        return;
    ws_parser_finish(conn->ws);
    mem_free(conn->ws);
    conn->ws = NULL;
}

static bool is_open(const struct conn *conn) {
    return conn->state == CONN_WEBSOCKET || conn->state == CONN_WS_CLOSING;
}

/* So much waits for the peer that no more is made for it: it is not read until that is out. */
static bool is_full(const struct conn *conn) {
    return conn->state == CONN_WEBSOCKET &&
           (conn->queued_bytes >= conn->net->options.queue_bytes || conn->pongs >= CONN_PONGS_MAX);
}

static uint16_t tick_of(const struct conn *conn) {
    return (uint16_t)(loop_now_ms(conn->net->loop) / TIMER_TICK_MS);
}

static void count_frame(struct conn *conn) {
    uint16_t tick = tick_of(conn);
    if (conn->frames_tick != tick) {
        conn->frames_tick = tick;
        conn->frames = 0;
    }
    conn->frames++;
}

/* Others on the loop have their turn first. */
static bool has_had_its_share(const struct conn *conn) {
    return conn->state == CONN_WEBSOCKET && conn->frames >= CONN_FRAMES_PER_TICK &&
           conn->frames_tick == tick_of(conn);
}

static bool must_pause(const struct conn *conn) {
    return is_full(conn) || has_had_its_share(conn);
}

static bool on_ws_message(void *arg, bool is_text, struct str data) {
    struct conn *conn = arg;
    count_frame(conn);
    if (conn->state == CONN_WEBSOCKET) /* once closing, nothing is delivered */
        conn->ops->on_message(conn, is_text, data);
    return is_open(conn) && !must_pause(conn);
}

/* Pongs wait in the same queue as all else. */
static bool on_ws_ping(void *arg, struct str payload) {
    struct conn *conn = arg;
    if (conn->state != CONN_WEBSOCKET)
        return true;
    count_frame(conn);
    struct blob *pong = ws_frame_blob(WS_PONG, payload);
    conn_send(conn, pong, 0, pong->len);
    blob_unref(pong);
    conn->pongs++;
    return !must_pause(conn);
}

static bool on_ws_pong(void *arg, struct str payload) {
    struct conn *conn = arg;
    (void)payload;
    count_frame(conn);
    return !must_pause(conn);
}

/* The peer closes, or answers our close: the same code goes back once, then the connection ends. */
static bool on_ws_close(void *arg, uint16_t code, struct str reason) {
    struct conn *conn = arg;
    (void)reason;
    if (conn->state == CONN_WEBSOCKET) {
        struct blob *frame = code == WS_CLOSE_NO_STATUS ? ws_frame_blob(WS_CLOSE, STR_EMPTY)
                                                        : ws_frame_close(code, STR_EMPTY);
        conn_send(conn, frame, 0, frame->len);
        blob_unref(frame);
    }
    conn_close(conn);
    return false;
}

/* Empty ones cost as much as any frame, and make no message. */
static bool on_ws_fragment(void *arg) {
    struct conn *conn = arg;
    count_frame(conn);
    return !must_pause(conn);
}

static const struct ws_events ws_events = {on_ws_message, on_ws_ping, on_ws_pong, on_ws_close,
                                           on_ws_fragment};

static bool is_at_rest(const struct ws_parser *parser) {
    return parser->header_have == 0 && parser->message_opcode == 0;
}

/* Section 7.1.7: says why, and reads nothing further. */
static void fail_websocket(struct conn *conn, uint16_t code) {
    if (conn->state == CONN_WEBSOCKET) {
        struct blob *frame = ws_frame_close(code, STR_EMPTY);
        conn_send(conn, frame, 0, frame->len);
        blob_unref(frame);
    }
    conn_close(conn);
}

/* Back to the parser's place on the heap, which it has only while something is incomplete. */
static void keep_parser(struct conn *conn, const struct ws_parser *parser) {
    if (conn->ws == NULL)
        conn->ws = mem_alloc(sizeof *conn->ws);
    *conn->ws = *parser;
}

/* Keeps the bytes that were not taken; conn_on_sent() goes on with them, or the timer, which an
 * open WebSocket has for nothing else. */
static void pause_reading(struct conn *conn, struct str rest) {
    metrics_add(METRIC_WEBSOCKET_PAUSES, 1);
    conn->is_paused = true;
    conn_keep_unread(conn, rest);
    if (has_had_its_share(conn))
        timer_arm(conn->net->loop, &conn->timer, TIMER_TICK_MS);
}

void conn_resume_websocket(struct conn *conn) {
    if (!conn->is_paused || must_pause(conn))
        return;
    conn->is_paused = false;
    conn_feed_unread(conn);
    if (is_open(conn) && !conn->is_paused)
        conn_start_reading(conn);
}

static size_t max_message_bytes(const struct conn *conn) {
    const struct net_options *options = &conn->net->options;
    return conn->ops->has_own_message_limit ? options->own_message_bytes
                                            : options->max_message_bytes;
}

void conn_feed_websocket(struct conn *conn, uint8_t *bytes, size_t len) {
    struct ws_parser parser;
    if (conn->ws != NULL) {
        parser = *conn->ws;
    } else {
        ws_parser_init(&parser);
        conn_deflate_lend(conn, &parser);
    }
    uint16_t code = ws_parser_feed(&parser, bytes, len, max_message_bytes(conn), &ws_events, conn);
    bool goes_on = code == 0 && is_open(conn);
    if (goes_on && !is_at_rest(&parser)) {
        keep_parser(conn, &parser);
    } else {
        if (goes_on)
            conn_deflate_take_back(conn, &parser);
        ws_parser_finish(&parser);
        mem_free(conn->ws);
        conn->ws = NULL;
    }
    if (code != 0)
        fail_websocket(conn, code);
    else if (parser.fed_frames > 0 && conn->ops->on_alive != NULL && conn->state == CONN_WEBSOCKET)
        conn->ops->on_alive(conn);
    if (must_pause(conn))
        pause_reading(conn, str_make((char *)bytes + parser.fed_bytes, len - parser.fed_bytes));
}

/* The head of the 101 (section 4.2.2). */
static struct blob *make_handshake(struct conn *conn, const struct http_request *request,
                                   const struct conn_ops *ops) {
    char accept[WS_ACCEPT_BYTES];
    struct buf head = BUF_INIT;
    ws_handshake_accept(http_request_header(request, "Sec-WebSocket-Key"), accept);
    buf_appendf(&head,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                accept);
    http_append_transport_security(&head, conn);
    if (ops->subprotocol != NULL &&
        http_request_offers(request, "Sec-WebSocket-Protocol", str_from_cstr(ops->subprotocol)))
        buf_appendf(&head, "Sec-WebSocket-Protocol: %s\r\n", ops->subprotocol);
    if (!ops->is_uncompressed)
        conn_deflate_agree(conn, request, &head);
    buf_append_cstr(&head, "\r\n");
    struct blob *blob = blob_from_bytes(head.data, head.len);
    buf_finish(&head);
    return blob;
}

void conn_upgrade_websocket(struct conn *conn, const struct http_request *request,
                            const struct conn_ops *ops, void *user) {
    if (conn->state != CONN_ANSWERING)
        return;
    struct blob *blob = make_handshake(conn, request, ops);
    conn->state = CONN_WEBSOCKET;
    conn->ops = ops;
    conn->user = user;
    conn_send(conn, blob, 0, blob->len);
    blob_unref(blob);
    conn_drop_http(conn);
    if (!conn->feeding) /* else feed_http goes on with what is left */
        conn_feed_unread(conn);
    if (is_open(conn) && !conn->is_paused)
        conn_start_reading(conn);
}

void conn_close_websocket(struct conn *conn, uint16_t code, struct str reason) {
    if (conn->state != CONN_WEBSOCKET)
        return;
    struct blob *frame = ws_frame_close(code, reason);
    conn_send(conn, frame, 0, frame->len);
    blob_unref(frame);
    conn->state = CONN_WS_CLOSING;
    timer_arm(conn->net->loop, &conn->timer, conn->net->options.close_timeout_ms);
    conn_resume_websocket(conn); /* the peer's close frame may be behind what it sent */
}

void conn_ping(struct conn *conn) {
    struct blob *frame = ws_frame_blob(WS_PING, STR_EMPTY);
    conn_send(conn, frame, 0, frame->len);
    blob_unref(frame);
}
