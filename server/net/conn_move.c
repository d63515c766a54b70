/* A connection moves to another loop: libuv cannot hand a handle over, so the descriptor is
 * duplicated, the connection here closes, and one with the same socket begins there. */
#include "net/conn_state.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "net/http_response.h"
#include "net/tls.h"
#include <fcntl.h>
#include <unistd.h>

/* What goes along. */
struct parcel {
    struct mail mail;
    struct net *to;
    struct http_request *request;
    struct buf *unread;
    struct tls *tls;
    int fd; /* -1 until it is sent off */
    bool close_after_answer;
    uint8_t peer[16];
};

static void on_arrival(struct loop *loop, struct mail *mail);

static void destroy_parcel(struct parcel *parcel) {
    if (parcel->request != NULL)
        http_request_destroy(parcel->request);
    if (parcel->unread != NULL)
        buf_finish(parcel->unread);
    mem_free(parcel->unread);
    tls_destroy(parcel->tls);
    if (parcel->fd >= 0)
        close(parcel->fd);
    mem_free(parcel);
}

static void answer_unavailable(struct conn *conn) {
    http_respond(conn, &(struct http_response){.status = 503, .close = true});
}

void conn_move(struct conn *conn, struct net *to, struct http_request *take_request) {
    if (conn->state != CONN_ANSWERING || conn->net->stopped) {
        answer_unavailable(conn);
        http_request_destroy(take_request);
        return;
    }
    struct parcel *parcel = mem_zalloc(1, sizeof *parcel);
    parcel->mail.run = on_arrival;
    parcel->to = to;
    parcel->request = take_request;
    parcel->fd = -1;
    conn->parcel = parcel;
    conn->queued_before = conn->queued_bytes;
    timer_arm(conn->net->loop, &conn->timer, conn->net->options.idle_timeout_ms);
    conn_post_parcel(conn);
}

/* While bytes are being fed those behind the request are not with the connection yet, and what is
 * queued must leave from here. */
void conn_post_parcel(struct conn *conn) {
    struct parcel *parcel = conn->parcel;
    uv_os_fd_t fd = -1;
    if (parcel == NULL || conn->feeding || conn->queued_bytes > 0 || conn->state != CONN_ANSWERING)
        return;
    conn->parcel = NULL;
    CHECK(uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0);
    parcel->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (parcel->fd < 0) { /* out of descriptors */
        answer_unavailable(conn);
        destroy_parcel(parcel);
        return;
    }
    memcpy(parcel->peer, conn->peer, sizeof parcel->peer);
    parcel->close_after_answer = conn->close_after_answer;
    parcel->unread = conn->unread;
    conn->unread = NULL;
    parcel->tls = conn->tls;
    conn->tls = NULL;
    conn_abort(conn);
    metrics_add(METRIC_CONNECTIONS_MOVED, 1);
    loop_post(parcel->to->loop, &parcel->mail);
}

void conn_drop_parcel(struct conn *conn) {
    if (conn->parcel != NULL)
        destroy_parcel(conn->parcel);
    conn->parcel = NULL;
}

/* A sid is easily made up: moving is no way around what accepting asks. */
static bool has_room_for(struct net *net, const struct parcel *parcel) {
    return !net->stopped && net->conn_count < net->options.max_connections &&
           net_admits(net, parcel->peer);
}

/* On the other loop. */
static void on_arrival(struct loop *loop, struct mail *mail) {
    struct parcel *parcel = CONTAINER_OF(mail, struct parcel, mail);
    struct net *net = parcel->to;
    (void)loop;
    if (!has_room_for(net, parcel)) {
        destroy_parcel(parcel);
        return;
    }
    struct conn *conn = conn_adopt(net, parcel->fd, parcel->peer);
    parcel->fd = -1;
    if (conn != NULL) {
        struct http_request *request = parcel->request;
        conn->unread = parcel->unread;
        conn->tls = parcel->tls;
        conn->close_after_answer = parcel->close_after_answer;
        parcel->request = NULL;
        parcel->unread = NULL;
        parcel->tls = NULL;
        conn->ops->on_request(conn, request);
    }
    destroy_parcel(parcel);
}
