/* HTTP on a connection: bytes become requests, one at a time; what comes behind the one in hand
 * waits. */
#include "net/conn_state.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "net/http_response.h"
#include "net/trusted.h"
#include "protocol/encode.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

void conn_drop_http(struct conn *conn) {
    if (conn->http != NULL)
        http_parser_destroy(conn->http);
    conn->http = NULL;
}

void conn_drop_unread(struct conn *conn) {
    if (conn->unread == NULL)
        return;
    buf_finish(conn->unread);
    mem_free(conn->unread);
    conn->unread = NULL;
}

void conn_refuse(struct conn *conn, enum err error) {
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

void conn_keep_unread(struct conn *conn, struct str bytes) {
    if (bytes.len > 0) {
        if (conn->unread == NULL)
            conn->unread = mem_zalloc(1, sizeof *conn->unread);
        buf_append_str(conn->unread, bytes);
    }
    if (!conn->watching || (conn->unread != NULL && conn->unread->len >= CONN_UNREAD_MAX_BYTES))
        uv_read_stop((uv_stream_t *)&conn->tcp);
}

static void hand_up(struct conn *conn) {
    struct http_request *request = http_parser_take_request(conn->http);
    const struct trusted *trusted = conn->net->options.trusted;
    trusted_find_client(trusted, conn->peer, request, request->client);
    request->is_forwarded_plain = trusted_says_plain(trusted, conn->peer, request);
    conn->state = CONN_ANSWERING;
    conn->close_after_answer = !request->keep_alive;
    timer_disarm(&conn->timer);
    conn->ops->on_request(conn, request);
}

void conn_feed_http(struct conn *conn, struct str bytes) {
    const struct net_options *options = &conn->net->options;
    conn->feeding = true;
    while (conn->state == CONN_READING && bytes.len > 0) {
        size_t used = 0;
        enum err error;
        if (conn->http == NULL) {
            conn->http = http_parser_create(
                &(struct http_limits){options->max_header_bytes, options->max_body_bytes,
                                      options->own_body_prefix, options->own_body_bytes});
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
            conn_refuse(conn, error);
            bytes.len = 0;
            break;
        }
    }
    conn->feeding = false;
    if (conn->state == CONN_ANSWERING || conn->state == CONN_SENDING)
        conn_keep_unread(conn, bytes);
    else if (conn->state == CONN_WEBSOCKET && bytes.len > 0)
        conn_feed_websocket(conn, (uint8_t *)(uintptr_t)bytes.ptr, bytes.len);
    conn_post_parcel(conn);
}

void conn_feed_unread(struct conn *conn) {
    if (conn->unread == NULL)
        return;
    struct buf bytes = *conn->unread;
    mem_free(conn->unread);
    conn->unread = NULL;
    conn_hold(conn);
    if (conn->state == CONN_WEBSOCKET || conn->state == CONN_WS_CLOSING)
        conn_feed_websocket(conn, (uint8_t *)bytes.data, bytes.len);
    else
        conn_feed_http(conn, buf_str(&bytes));
    conn_release(conn);
    buf_finish(&bytes);
}

void conn_await_request(struct conn *conn) {
    conn->state = CONN_READING;
    conn->was_served = true;
    timer_arm(conn->net->loop, &conn->timer, conn->net->options.idle_timeout_ms);
    if (conn->feeding)
        return;
    conn_feed_unread(conn);
    if (conn->state == CONN_READING)
        conn_start_reading(conn);
}

/* Who asks and asks and reads no answers is not read further: the queue stays bounded. What waits
 * behind a watched request is fed when the answer is out: whoever answers that one may be in the
 * middle of anything, and each request let in could answer the next one's, without end. */
void conn_answered(struct conn *conn, bool close) {
    if (conn->state != CONN_ANSWERING)
        return;
    bool waits = conn->above_mark || (conn->watching && conn->unread != NULL);
    conn_drop_http(conn);
    if (conn->watching) {
        conn->watching = false;
        conn->ops = conn->net->ops;
        conn->user = NULL;
    }
    if (close) {
        conn_close(conn);
    } else if (waits) {
        conn->state = CONN_SENDING;
        uv_read_stop((uv_stream_t *)&conn->tcp); /* it was watched, perhaps */
        conn->queued_before = conn->queued_bytes;
        timer_arm(conn->net->loop, &conn->timer, conn->net->options.idle_timeout_ms);
    } else {
        conn_await_request(conn);
    }
}

void conn_watch(struct conn *conn, const struct conn_ops *ops, void *user) {
    if (conn->state != CONN_ANSWERING)
        return;
    conn_drop_http(conn); /* it may wait for long */
    conn->watching = true;
    conn->ops = ops;
    conn->user = user;
    if (conn->unread == NULL || conn->unread->len < CONN_UNREAD_MAX_BYTES)
        conn_start_reading(conn);
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
    conn_drop_http(conn);
    conn_drop_unread(conn);
    conn_start_reading(conn);
}
