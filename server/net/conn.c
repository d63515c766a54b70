#include "net/conn_state.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "net/http_response.h"
#include "net/ws_handshake.h"
#include "protocol/encode.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static void on_timer(struct timer *timer);
static void on_handle_closed(uv_handle_t *handle);
static void await_request(struct conn *conn);
static void feed_http(struct conn *conn, struct str bytes);
static void feed_websocket(struct conn *conn, uint8_t *bytes, size_t len);

/* ---- small things ---- */

void *conn_user(const struct conn *conn) {
    return conn->user;
}

void conn_set_user(struct conn *conn, void *user) {
    conn->user = user;
}

struct loop *conn_loop(const struct conn *conn) {
    return conn->net->loop;
}

const uint8_t *conn_peer(const struct conn *conn) {
    return conn->peer;
}

bool conn_is_closing(const struct conn *conn) {
    return conn->state >= CONN_WS_CLOSING;
}

void conn_hold(struct conn *conn) {
    conn->holds++;
    CHECK(conn->holds != 0);
}

void conn_release(struct conn *conn) {
    CHECK(conn->holds > 0);
    conn->holds--;
    if (conn->holds == 0 && conn->is_closed)
        mem_free(conn);
}

/* ---- life ---- */

static void set_peer(struct conn *conn, const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET6) {
        memcpy(conn->peer, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof conn->peer);
    } else {
        conn->peer[10] = conn->peer[11] = 0xff;
        memcpy(conn->peer + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
    }
}

/* Reads (on), or closes when that cannot be. */
static void start_reading(struct conn *conn) {
    int result = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    if (result != 0 && result != UV_EALREADY)
        conn_abort(conn);
}

void conn_accept(struct net *net, int take_fd, const struct sockaddr_storage *peer) {
    struct conn *conn = mem_zalloc(1, sizeof *conn);
    conn->net = net;
    conn->ops = net->ops;
    conn->state = CONN_READING;
    timer_init(&conn->timer, on_timer);
    CHECK(uv_tcp_init(&net->loop->uv, &conn->tcp) == 0);
    list_push_back(&net->conns, &conn->link);
    net->conn_count++;
    metrics_add(METRIC_CONNECTIONS, 1);
    set_peer(conn, peer);
    if (uv_tcp_open(&conn->tcp, take_fd) != 0) {
        close(take_fd);
        conn_abort(conn);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    timer_arm(net->loop, &conn->timer, net->options.header_timeout_ms);
    start_reading(conn);
}

static void drop_unread(struct conn *conn) {
    if (conn->unread == NULL)
        return;
    buf_finish(conn->unread);
    mem_free(conn->unread);
    conn->unread = NULL;
}

static void drop_http(struct conn *conn) {
    if (conn->http != NULL)
        http_parser_destroy(conn->http);
    conn->http = NULL;
}

static void drop_ws(struct conn *conn) {
    if (conn->ws == NULL)
        return;
    ws_parser_finish(conn->ws);
    mem_free(conn->ws);
    conn->ws = NULL;
}

void conn_abort(struct conn *conn) {
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    timer_disarm(&conn->timer);
    uv_close((uv_handle_t *)&conn->tcp, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *handle) {
    struct conn *conn = CONTAINER_OF(handle, struct conn, tcp);
    struct net *net = conn->net;
    conn_hold(conn);
    conn->is_closed = true;
    list_remove(&conn->link);
    net->conn_count--;
    metrics_add(METRIC_CONNECTIONS, -1);
    conn_drop_unsent(conn);
    drop_http(conn);
    drop_ws(conn);
    drop_unread(conn);
    if (conn->ops->on_close != NULL)
        conn->ops->on_close(conn);
    net_resume_accepting(net);
    conn_release(conn);
}

/* Closing with unread bytes would reset the connection, and take our last words from the peer
 * before it read them: only our half is shut, and what still comes is dropped until the peer
 * closes, or for close_timeout_ms. */
static void linger(struct conn *conn) {
    uv_os_fd_t fd = -1;
    conn->state = CONN_LINGERING;
    timer_arm(conn->net->loop, &conn->timer, conn->net->options.close_timeout_ms);
    CHECK(uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0);
    if (shutdown(fd, SHUT_WR) != 0)
        conn_abort(conn);
    else
        start_reading(conn);
}

void conn_close(struct conn *conn) {
    if (conn->state >= CONN_CLOSING)
        return;
    if (conn->queued_bytes == 0) {
        linger(conn);
        return;
    }
    conn->state = CONN_CLOSING;
    conn->queued_before = conn->queued_bytes;
    uv_read_stop((uv_stream_t *)&conn->tcp);
    timer_arm(conn->net->loop, &conn->timer, conn->net->options.close_timeout_ms);
}

void conn_on_sent(struct conn *conn) {
    bool was_above = conn->above_mark;
    conn->above_mark = false;
    conn->pongs = 0;
    switch ((enum conn_state)conn->state) {
    case CONN_SENDING:
        await_request(conn);
        break;
    case CONN_WEBSOCKET:
    case CONN_STREAMING:
        if (was_above && conn->ops->on_drain != NULL)
            conn->ops->on_drain(conn);
        break;
    case CONN_CLOSING:
        linger(conn);
        break;
    case CONN_READING:
    case CONN_ANSWERING:
    case CONN_WS_CLOSING:
    case CONN_LINGERING:
    case CONN_CLOSED:
        break;
    }
}

static void refuse(struct conn *conn, enum err error) {
    struct buf body = BUF_INIT;
    metrics_add(METRIC_HTTP_REFUSED, 1);
    encode_problem(&body, error, &(struct error_detail){0});
    conn->state = CONN_ANSWERING;
    http_respond(conn, &(struct http_response){.status = err_http_status(error),
                                               .content_type = STR("application/problem+json"),
                                               .body = buf_str(&body),
                                               .close = true});
    buf_finish(&body);
}

/* A peer that takes some of what waits, however slowly, is not cut. */
static bool reads_on(struct conn *conn) {
    bool is_less = conn->queued_bytes < conn->queued_before;
    conn->queued_before = conn->queued_bytes;
    return is_less;
}

/* What the timer means depends on what is awaited. */
static void on_timer(struct timer *timer) {
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);
    switch ((enum conn_state)conn->state) {
    case CONN_READING:
        if (conn->http != NULL && !http_parser_is_idle(conn->http))
            refuse(conn, ERR_TIMEOUT);
        else
            conn_abort(conn);
        break;
    case CONN_SENDING:
    case CONN_CLOSING:
        if (reads_on(conn))
            timer_arm(timer->loop, timer,
                      conn->state == CONN_SENDING ? conn->net->options.idle_timeout_ms
                                                  : conn->net->options.close_timeout_ms);
        else
            conn_abort(conn);
        break;
    case CONN_WS_CLOSING:
    case CONN_LINGERING:
        conn_abort(conn);
        break;
    case CONN_ANSWERING:
    case CONN_WEBSOCKET:
    case CONN_STREAMING:
    case CONN_CLOSED:
        break;
    }
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct conn *conn = CONTAINER_OF(handle, struct conn, tcp);
    (void)suggested;
    *buffer = uv_buf_init((char *)conn->net->read_buffer, NET_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    struct conn *conn = CONTAINER_OF(stream, struct conn, tcp);
    if (count == 0)
        return;
    if (count < 0) {
        /* a client may shut its half behind its request and wait for the answer */
        if (count == UV_EOF && conn->state == CONN_READING && conn->queued_bytes > 0)
            conn_close(conn);
        else
            conn_abort(conn);
        return;
    }
    conn_hold(conn);
    if (conn->state == CONN_WEBSOCKET || conn->state == CONN_WS_CLOSING)
        feed_websocket(conn, (uint8_t *)buffer->base, (size_t)count);
    else if (conn->state == CONN_READING)
        feed_http(conn, str_make(buffer->base, (size_t)count));
    conn_release(conn);
}

/* Keeps what came behind the request in hand; nothing more is read until that is answered. */
static void keep_unread(struct conn *conn, struct str bytes) {
    uv_read_stop((uv_stream_t *)&conn->tcp);
    if (bytes.len == 0)
        return;
    if (conn->unread == NULL)
        conn->unread = mem_zalloc(1, sizeof *conn->unread);
    buf_append_str(conn->unread, bytes);
}

static void hand_up(struct conn *conn) {
    struct http_request *request = http_parser_take_request(conn->http);
    conn->state = CONN_ANSWERING;
    conn->close_after_answer = !request->keep_alive;
    timer_disarm(&conn->timer);
    conn->ops->on_request(conn, request);
}

/* Gives bytes to the parser until one request is whole; answers may come at once, and then the next
 * request follows. */
static void feed_http(struct conn *conn, struct str bytes) {
    const struct net_options *options = &conn->net->options;
    conn->feeding = true;
    while (conn->state == CONN_READING && bytes.len > 0) {
        size_t used = 0;
        enum err error;
        if (conn->http == NULL) {
            conn->http = http_parser_create(
                &(struct http_limits){options->max_header_bytes, options->max_body_bytes});
            timer_arm(conn->net->loop, &conn->timer, options->header_timeout_ms);
        }
        enum http_progress progress = http_parser_feed(conn->http, bytes, &used, &error);
        bytes = str_slice(bytes, used, bytes.len);
        switch (progress) {
        case HTTP_MORE:
            break;
        case HTTP_CONTINUE: {
            struct blob *blob = blob_from_bytes("HTTP/1.1 100 Continue\r\n\r\n", 25);
            conn_send(conn, blob, 0, blob->len);
            blob_unref(blob);
            timer_arm(conn->net->loop, &conn->timer, options->body_timeout_ms);
            break;
        }
        case HTTP_BODY:
            timer_arm(conn->net->loop, &conn->timer, options->body_timeout_ms);
            break;
        case HTTP_DONE:
            hand_up(conn);
            break;
        case HTTP_FAILED:
            refuse(conn, error);
            bytes.len = 0;
            break;
        }
    }
    conn->feeding = false;
    if (conn->state == CONN_ANSWERING || conn->state == CONN_SENDING)
        keep_unread(conn, bytes);
    else if (conn->state == CONN_WEBSOCKET && bytes.len > 0)
        feed_websocket(conn, (uint8_t *)(uintptr_t)bytes.ptr, bytes.len);
}

/* Feeds what was kept; it is taken out first, as the feeding may keep again. */
static void feed_unread(struct conn *conn) {
    if (conn->unread == NULL)
        return;
    struct buf bytes = *conn->unread;
    mem_free(conn->unread);
    conn->unread = NULL;
    conn_hold(conn);
    if (conn->state == CONN_WEBSOCKET)
        feed_websocket(conn, (uint8_t *)bytes.data, bytes.len);
    else
        feed_http(conn, buf_str(&bytes));
    conn_release(conn);
    buf_finish(&bytes);
}

/* The next request, of which some may be here. */
static void await_request(struct conn *conn) {
    conn->state = CONN_READING;
    timer_arm(conn->net->loop, &conn->timer, conn->net->options.idle_timeout_ms);
    if (conn->feeding)
        return;
    feed_unread(conn);
    if (conn->state == CONN_READING)
        start_reading(conn);
}

/* Who asks and asks and reads no answers is not read further: the queue stays bounded. */
void conn_answered(struct conn *conn, bool close) {
    if (conn->state != CONN_ANSWERING)
        return;
    drop_http(conn);
    if (close) {
        conn_close(conn);
    } else if (conn->above_mark) {
        conn->state = CONN_SENDING;
        conn->queued_before = conn->queued_bytes;
        timer_arm(conn->net->loop, &conn->timer, conn->net->options.idle_timeout_ms);
    } else {
        await_request(conn);
    }
}

/* ---- streams ---- */

void conn_begin_stream(struct conn *conn, struct str head, const struct conn_ops *ops, void *user) {
    uv_os_fd_t fd = -1;
    unsigned timeout_ms = CONN_STREAM_TIMEOUT_MS;
    if (conn->state != CONN_ANSWERING)
        return;
    CHECK(uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0);
    /* RFC 5482; where it fails, the kernel's own, longer limit holds */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    struct blob *blob = blob_from_bytes(head.ptr, head.len);
    conn->state = CONN_STREAMING;
    conn->ops = ops;
    conn->user = user;
    conn_send(conn, blob, 0, blob->len);
    blob_unref(blob);
    drop_http(conn);
    drop_unread(conn);
    start_reading(conn);
}

/* ---- WebSocket ---- */

static bool on_ws_message(void *arg, bool is_text, struct str data) {
    struct conn *conn = arg;
    if (conn->state == CONN_WEBSOCKET) /* once closing, nothing is delivered */
        conn->ops->on_message(conn, is_text, data);
    return conn->state == CONN_WEBSOCKET || conn->state == CONN_WS_CLOSING;
}

/* Pongs wait in the same queue as all else; a peer that pings and does not read is cut. */
static bool on_ws_ping(void *arg, struct str payload) {
    struct conn *conn = arg;
    if (conn->state != CONN_WEBSOCKET)
        return true;
    if (conn->queued_bytes > conn->net->options.queue_bytes || ++conn->pongs > CONN_PONGS_MAX) {
        conn_abort(conn);
        return false;
    }
    struct blob *pong = ws_frame_blob(WS_PONG, payload);
    conn_send(conn, pong, 0, pong->len);
    blob_unref(pong);
    return true;
}

static bool on_ws_pong(void *arg, struct str payload) {
    (void)arg;
    (void)payload;
    return true;
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

static const struct ws_events ws_events = {on_ws_message, on_ws_ping, on_ws_pong, on_ws_close};

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

/* The parser lives on the stack, and on the heap only while something is incomplete. */
static void feed_websocket(struct conn *conn, uint8_t *bytes, size_t len) {
    struct ws_parser parser;
    if (conn->ws != NULL)
        parser = *conn->ws;
    else
        ws_parser_init(&parser);
    if (conn->ops->on_alive != NULL && conn->state == CONN_WEBSOCKET)
        conn->ops->on_alive(conn);
    uint16_t code =
        ws_parser_feed(&parser, bytes, len, conn->net->options.max_message_bytes, &ws_events, conn);
    bool goes_on = code == 0 && (conn->state == CONN_WEBSOCKET || conn->state == CONN_WS_CLOSING);
    if (goes_on && !is_at_rest(&parser)) {
        if (conn->ws == NULL)
            conn->ws = mem_alloc(sizeof *conn->ws);
        *conn->ws = parser;
        return;
    }
    ws_parser_finish(&parser);
    mem_free(conn->ws);
    conn->ws = NULL;
    if (code != 0)
        fail_websocket(conn, code);
}

void conn_upgrade_websocket(struct conn *conn, const struct http_request *request,
                            const struct conn_ops *ops, void *user) {
    char accept[WS_ACCEPT_BYTES], head[256];
    if (conn->state != CONN_ANSWERING)
        return;
    ws_handshake_accept(http_request_header(request, "Sec-WebSocket-Key"), accept);
    int length =
        snprintf(head, sizeof head,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
    struct blob *blob = blob_from_bytes(head, (size_t)length);
    conn->state = CONN_WEBSOCKET;
    conn->ops = ops;
    conn->user = user;
    conn_send(conn, blob, 0, blob->len);
    blob_unref(blob);
    drop_http(conn);
    if (conn->feeding)
        return; /* feed_http goes on with what is left */
    feed_unread(conn);
    if (conn->state == CONN_WEBSOCKET || conn->state == CONN_WS_CLOSING)
        start_reading(conn);
}

void conn_close_websocket(struct conn *conn, uint16_t code, struct str reason) {
    if (conn->state != CONN_WEBSOCKET)
        return;
    struct blob *frame = ws_frame_close(code, reason);
    conn_send(conn, frame, 0, frame->len);
    blob_unref(frame);
    conn->state = CONN_WS_CLOSING;
    timer_arm(conn->net->loop, &conn->timer, conn->net->options.close_timeout_ms);
}

void conn_ping(struct conn *conn) {
    struct blob *frame = ws_frame_blob(WS_PING, STR_EMPTY);
    conn_send(conn, frame, 0, frame->len);
    blob_unref(frame);
}
