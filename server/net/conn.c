#include "net/conn_state.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "net/proxy_header.h"
#include "net/tls.h"
#include "net/trusted.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static void feed_greeting(struct conn *conn, struct str bytes);
static void feed(struct conn *conn, struct str bytes);
static void on_timer(struct timer *timer);
static void on_handle_closed(uv_handle_t *handle);

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

static void read_address(const struct sockaddr_storage *from, uint8_t out[16]) {
    if (from->ss_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
    } else {
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
    }
}

void conn_start_reading(struct conn *conn) {
    if (conn->state == CONN_READING && conn->tls != NULL && tls_is_ended(conn->tls)) {
        conn_close(conn);
        return;
    }
    int result = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    if (result != 0 && result != UV_EALREADY)
        conn_abort(conn);
}

/* NULL (and the socket closed) when it cannot be watched. */
static struct conn *create(struct net *net, int take_fd, enum conn_state state) {
    struct conn *conn = mem_zalloc(1, sizeof *conn);
    conn->net = net;
    conn->ops = net->ops;
    conn->state = (uint8_t)state;
    timer_init(&conn->timer, on_timer);
    CHECK(uv_tcp_init(&net->loop->uv, &conn->tcp) == 0);
    conn->tcp.data = net;
    net->conn_count++;
    metrics_add(METRIC_CONNECTIONS, 1);
    if (uv_tcp_open(&conn->tcp, take_fd) != 0) {
        close(take_fd);
        conn_abort(conn);
        return NULL;
    }
    conn->fd = take_fd;
    uv_tcp_nodelay(&conn->tcp, 1);
    /* where it fails, the kernel's own, larger limit holds */
    (void)setsockopt(take_fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){CONN_NOTSENT_BYTES},
                     sizeof(int));
    return conn;
}

void conn_accept(struct net *net, int take_fd, const struct sockaddr_storage *peer) {
    uint8_t address[16];
    read_address(peer, address);
    if (!net_admits(net, address)) {
        close(take_fd);
        return;
    }
    struct conn *conn = create(net, take_fd, CONN_READING);
    if (conn == NULL)
        return;
    memcpy(conn->peer, address, sizeof conn->peer);
    conn_count_stranger(conn);
    if (net->options.proxy_protocol && trusted_has(net->options.trusted, conn->peer))
        conn->state = CONN_GREETING;
    timer_arm(net->loop, &conn->timer, net->options.header_timeout_ms);
    conn_start_reading(conn);
}

struct conn *conn_adopt(struct net *net, int take_fd, const uint8_t peer[16]) {
    struct conn *conn = create(net, take_fd, CONN_ANSWERING);
    if (conn == NULL)
        return NULL;
    memcpy(conn->peer, peer, sizeof conn->peer);
    conn_count_stranger(conn);
    return conn;
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
    net->conn_count--;
    conn_uncount_stranger(conn);
    metrics_add(METRIC_CONNECTIONS, -1);
    conn_drop_runs(conn);
    conn_drop_tls(conn);
    conn_drop_http(conn);
    conn_drop_websocket(conn);
    conn_drop_unread(conn);
    conn_drop_parcel(conn);
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
        conn_start_reading(conn);
}

void conn_close(struct conn *conn) {
    if (conn->state >= CONN_CLOSING)
        return;
    if (conn->queued_bytes == 0 && (conn->tls == NULL || !conn_end_tls(conn))) {
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
        conn_await_request(conn);
        break;
    case CONN_WEBSOCKET:
    case CONN_STREAMING:
        if (was_above && conn->ops->on_drain != NULL)
            conn->ops->on_drain(conn);
        conn_resume_websocket(conn);
        break;
    case CONN_CLOSING:
        if (conn->tls == NULL || !conn_end_tls(conn))
            linger(conn);
        break;
    case CONN_ANSWERING:
        conn_post_parcel(conn);
        break;
    case CONN_GREETING:
    case CONN_READING:
    case CONN_WS_CLOSING:
    case CONN_LINGERING:
    case CONN_CLOSED:
        break;
    }
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
            conn_refuse(conn, ERR_TIMEOUT);
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
    case CONN_GREETING:
    case CONN_WS_CLOSING:
    case CONN_LINGERING:
        conn_abort(conn);
        break;
    case CONN_ANSWERING: /* armed where it waits to move, until what is queued is out */
        if (conn->parcel == NULL)
            break;
        if (reads_on(conn))
            timer_arm(timer->loop, timer, conn->net->options.idle_timeout_ms);
        else
            conn_abort(conn);
        break;
    case CONN_WEBSOCKET:
        conn_resume_websocket(conn);
        break;
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
    struct str bytes = str_make(buffer->base, (size_t)count);
    if (conn->state == CONN_GREETING)
        feed_greeting(conn, bytes);
    else
        feed(conn, bytes);
    conn_release(conn);
}

/* The header may come in pieces, and with what the client says behind it. */
static void feed_greeting(struct conn *conn, struct str bytes) {
    struct proxy_header header;
    struct buf all = conn->unread != NULL ? *conn->unread : (struct buf)BUF_INIT;
    mem_free(conn->unread);
    conn->unread = NULL;
    buf_append_str(&all, bytes);
    switch (proxy_header_parse(buf_str(&all), &header)) {
    case PROXY_MORE:
        conn->unread = mem_alloc(sizeof *conn->unread);
        *conn->unread = all;
        return;
    case PROXY_DONE:
        if (header.has_source && !conn_set_peer(conn, header.source)) {
            conn_abort(conn);
            break;
        }
        conn->state = CONN_READING;
        feed(conn, str_slice(buf_str(&all), header.bytes, all.len));
        break;
    case PROXY_BAD:
        metrics_add(METRIC_PROXY_REFUSED, 1);
        conn_abort(conn);
        break;
    }
    buf_finish(&all);
}

static void feed(struct conn *conn, struct str bytes) {
    if (bytes.len == 0 || conn->state >= CONN_CLOSING)
        return;
    if (conn->net->options.tls != NULL)
        conn_feed_tls(conn, bytes);
    else
        conn_feed_plain(conn, (uint8_t *)(uintptr_t)bytes.ptr, bytes.len);
}

void conn_feed_plain(struct conn *conn, uint8_t *bytes, size_t len) {
    if (conn->state == CONN_WEBSOCKET || conn->state == CONN_WS_CLOSING)
        conn_feed_websocket(conn, bytes, len);
    else if (conn->state == CONN_READING)
        conn_feed_http(conn, str_make((char *)bytes, len));
    else if (conn->watching)
        conn_keep_unread(conn, str_make((char *)bytes, len));
}
