/* The network part of a loop: listening, accepting, pausing, and the hook that flushes at the end
 * of a turn. */
#include "net/conn_state.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_RETRY_MS = 200, LISTEN_BACKLOG = 1024, ACCEPTS_A_TURN = 64 };

/* So many idle connections are closed at a time to make room: a sixteenth of all, as finding them
 * is a walk over all, but no more than this. */
enum { ROOM_CONNS_MAX = 64, ROOM_SHARE = 16 };

/* Each of the two warnings stands in the log once in so long, whatever strangers do. */
enum { WARN_INTERVAL_MS = 60000 };

static void on_flush(struct loop *loop, struct turn_end *hook);
static void on_connection(uv_poll_t *poll, int status, int events);
static void on_accept_timer(struct timer *timer);

static struct send_batch *make_batch(const struct net_options *options, struct buf *error) {
    struct buf why = BUF_INIT;
    if (options->send_batch == SEND_BATCH_WRITEV)
        return send_batch_create(false, error);
    struct send_batch *batch = send_batch_create(true, &why);
    if (batch == NULL && options->send_batch == SEND_BATCH_IO_URING)
        buf_appendf(error,
                    "net.send_batch=io_uring, but the kernel refuses it (%.*s); use auto or writev",
                    STR_ARG(buf_str(&why)));
    else if (batch == NULL)
        batch = send_batch_create(false, error);
    buf_finish(&why);
    return batch;
}

bool net_create(struct loop *loop, const struct net_options *options, const struct conn_ops *ops,
                struct net **out, struct buf *error) {
    struct send_batch *batch = make_batch(options, error);
    if (batch == NULL)
        return false;
    struct net *net = mem_zalloc(1, sizeof *net);
    net->loop = loop;
    net->options = *options;
    net->ops = ops;
    net->batch = batch;
    net->accepting = true;
    strmap_init(&net->strangers);
    timer_init(&net->accept_timer, on_accept_timer);
    net->flush_hook.run = on_flush;
    loop_add_turn_end(loop, &net->flush_hook);
    loop->net = net;
    *out = net;
    return true;
}

void net_destroy(struct net *net) {
    CHECK(net->conn_count == 0);
    conn_flush(net); /* lets go of those that closed in the last turn */
    list_remove(&net->flush_hook.link);
    timer_disarm(&net->accept_timer);
    strmap_finish(&net->strangers);
    send_batch_destroy(net->batch);
    buf_finish(&net->plain);
    buf_finish(&net->sealed);
    net_deflate_finish(net);
    mem_free(net->dirty);
    net->loop->net = NULL;
    mem_free(net);
}

void net_limit_connections(struct net *net, size_t most, size_t most_per_address) {
    struct net_options *options = &net->options;
    if (most < options->max_connections)
        options->max_connections = most;
    if (most_per_address < options->max_connections_per_address)
        options->max_connections_per_address = most_per_address;
}

const char *net_send_batch_name(const struct net *net) {
    return send_batch_is_io_uring(net->batch) ? "io_uring" : "writev";
}

size_t net_connection_count(const struct net *net) {
    return net->conn_count;
}

static void on_flush(struct loop *loop, struct turn_end *hook) {
    (void)loop;
    conn_flush(CONTAINER_OF(hook, struct net, flush_hook));
}

/* ---- listening ---- */

/* ADDR:PORT or [ADDR]:PORT. */
static bool parse_address(struct str text, struct sockaddr_storage *out) {
    char host[64];
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    int64_t port;
    if (colon == 0 || !str_to_i64(str_slice(text, colon, text.len), &port) || port < 0 ||
        port > UINT16_MAX)
        return false;
    struct str name = str_slice(text, 0, colon - 1);
    bool is_v6 = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (is_v6)
        name = str_slice(name, 1, name.len - 1);
    if (name.len >= sizeof host)
        return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    if (is_v6)
        return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)out) == 0;
    return uv_ip4_addr(host, (int)port, (struct sockaddr_in *)out) == 0;
}

static bool set_option(int fd, int option) {
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, option, &on, sizeof on) == 0;
}

/* Every loop has a listener on the same port. The first binds without SO_REUSEPORT, so that it
 * fails when another program has the port, and sets it after; the others set it before. */
static int open_listener(const struct sockaddr_storage *address, bool first) {
    socklen_t length =
        address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    bool is_ok = set_option(fd, SO_REUSEADDR) && (first || set_option(fd, SO_REUSEPORT)) &&
                 bind(fd, (const struct sockaddr *)address, length) == 0 &&
                 (!first || set_option(fd, SO_REUSEPORT)) && listen(fd, LISTEN_BACKLOG) == 0;
    if (is_ok)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

static uint16_t bound_port(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t length = sizeof address;
    CHECK(getsockname(fd, &address.any, &length) == 0);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

bool net_listen(struct net *net, struct str address, uint16_t *port, bool first,
                struct buf *error) {
    struct sockaddr_storage where = {0};
    CHECK(net->listener_count < NET_LISTENERS_MAX);
    if (!parse_address(address, &where)) {
        buf_appendf(error, "listen is \"%.*s\", but must be ADDR:PORT or [ADDR]:PORT",
                    STR_ARG(address));
        return false;
    }
    if (!first) {
        if (where.ss_family == AF_INET6)
            ((struct sockaddr_in6 *)&where)->sin6_port = htons(*port);
        else
            ((struct sockaddr_in *)&where)->sin_port = htons(*port);
    }
    int fd = open_listener(&where, first);
    if (fd < 0) {
        buf_appendf(error, "cannot listen on %.*s: %s", STR_ARG(address), strerror(-fd));
        return false;
    }
    *port = bound_port(fd);
    struct listener *listener = &net->listeners[net->listener_count++];
    listener->fd = fd;
    listener->poll.data = net;
    CHECK(uv_poll_init(&net->loop->uv, &listener->poll, fd) == 0);
    CHECK(uv_poll_start(&listener->poll, UV_READABLE, on_connection) == 0);
    return true;
}

struct walk {
    struct net *net;
    void (*visit)(struct conn *conn);
};

static void visit_handle(uv_handle_t *handle, void *arg) {
    const struct walk *walk = arg;
    if (handle->type == UV_TCP && handle->data == walk->net)
        walk->visit(CONTAINER_OF(handle, struct conn, tcp));
}

/* libuv lists its handles already: a list of ours would be paid for by every idle connection. */
static void net_each_conn(struct net *net, void (*visit)(struct conn *conn)) {
    uv_walk(&net->loop->uv, visit_handle, &(struct walk){net, visit});
}

static void drain_conn(struct conn *conn) {
    bool is_idle = conn->state == CONN_GREETING || conn->state == CONN_READING;
    if (is_idle && conn->queued_bytes == 0)
        conn_abort(conn);
    else if (conn->state == CONN_READING || conn->state == CONN_SENDING)
        conn_close(conn);
}

void net_drain(struct net *net) {
    if (net->stopped)
        return;
    net->stopped = true;
    timer_disarm(&net->accept_timer);
    for (unsigned i = 0; i < net->listener_count; i++) {
        uv_close((uv_handle_t *)&net->listeners[i].poll, NULL);
        close(net->listeners[i].fd);
    }
    net_each_conn(net, drain_conn);
}

void net_abort_all(struct net *net) {
    net_each_conn(net, conn_abort);
}

/* ---- accepting ---- */

/* One of all loops' calls in WARN_INTERVAL_MS gets true. `next_ms` starts at 0. */
static bool may_warn(const struct net *net, _Atomic uint64_t *next_ms) {
    uint64_t now = loop_now_ms(net->loop), next = atomic_load(next_ms);
    return now >= next && atomic_compare_exchange_strong(next_ms, &next, now + WARN_INTERVAL_MS);
}

void net_warn_refused(struct net *net, const uint8_t address[16]) {
    static _Atomic uint64_t next_ms;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN] = "";
    if (!may_warn(net, &next_ms))
        return;
    if (memcmp(address, mapped, sizeof mapped) == 0)
        (void)uv_inet_ntop(AF_INET, address + sizeof mapped, text, sizeof text);
    else
        (void)uv_inet_ntop(AF_INET6, address, text, sizeof text);
    LOG_WARN("connections refused, too many from one address", log_cstr("address", text),
             log_int("refused", metrics_get(METRIC_CONNECTIONS_REFUSED)),
             log_cstr("setting", "net.max_connections_per_address"));
}

static void warn_paused(const struct net *net, int error) {
    static _Atomic uint64_t next_ms;
    if (may_warn(net, &next_ms))
        LOG_WARN("newcomers wait, no room for their connections",
                 log_cstr("why", error != 0 ? strerror(error) : "net.max_connections"),
                 log_int("connections", metrics_get(METRIC_CONNECTIONS)),
                 log_int("evicted", metrics_get(METRIC_CONNECTIONS_EVICTED)));
}

struct idle_walk {
    struct net *net;
    struct conn *oldest[ROOM_CONNS_MAX]; /* idle for longest, longest first */
    size_t count, wanted;
};

/* Had its answer and asks nothing more. Who has not asked yet is new; its time is short anyway. */
static bool is_idle(const struct conn *conn) {
    return conn->state == CONN_READING && conn->was_served && conn->http == NULL &&
           conn->queued_bytes == 0;
}

/* Its next request waits for our reading. */
static bool has_asked(const struct conn *conn) {
    int bytes = 0;
    return ioctl(conn->fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* All idle ones have the same time: whose timer is due first is idle for longest. */
static void note_idle(uv_handle_t *handle, void *arg) {
    struct idle_walk *walk = arg;
    if (handle->type != UV_TCP || handle->data != walk->net)
        return;
    struct conn *conn = CONTAINER_OF(handle, struct conn, tcp);
    size_t at = walk->count;
    if (!is_idle(conn))
        return;
    while (at > 0 && conn->timer.due_tick < walk->oldest[at - 1]->timer.due_tick)
        at--;
    if (at == walk->wanted || has_asked(conn))
        return;
    if (walk->count < walk->wanted)
        walk->count++;
    memmove(walk->oldest + at + 1, walk->oldest + at,
            (walk->count - at - 1) * sizeof *walk->oldest);
    walk->oldest[at] = conn;
}

/* Closes those that are idle for longest; where there are none, that is not looked for again for a
 * moment. Accepting goes on when they are closed. */
static void make_room(struct net *net) {
    size_t wanted = net->options.max_connections / ROOM_SHARE + 1;
    struct idle_walk walk = {.net = net,
                             .wanted = wanted < ROOM_CONNS_MAX ? wanted : ROOM_CONNS_MAX};
    if (loop_now_ms(net->loop) < net->next_room_ms)
        return;
    uv_walk(&net->loop->uv, note_idle, &walk);
    for (size_t i = 0; i < walk.count; i++)
        conn_abort(walk.oldest[i]);
    metrics_add(METRIC_CONNECTIONS_EVICTED, (int64_t)walk.count);
    if (walk.count == 0)
        net->next_room_ms = loop_now_ms(net->loop) + ACCEPT_RETRY_MS;
}

/* Somebody waits, and there are too many connections (error 0), or no descriptors: idle ones make
 * room. Until there is some, or a moment has passed, who comes waits in the kernel's queue.
 * (libuv's own listening would accept and close them when descriptors run out.) */
static void pause_accepting(struct net *net, int error) {
    net->accepting = false;
    metrics_add(METRIC_ACCEPT_PAUSES, 1);
    for (unsigned i = 0; i < net->listener_count; i++)
        uv_poll_stop(&net->listeners[i].poll);
    timer_arm(net->loop, &net->accept_timer, ACCEPT_RETRY_MS);
    make_room(net);
    warn_paused(net, error);
}

static bool is_full(const struct net *net) {
    return net->conn_count >= net->options.max_connections;
}

static void start_accepting(struct net *net) {
    net->accepting = true;
    timer_disarm(&net->accept_timer);
    for (unsigned i = 0; i < net->listener_count; i++)
        CHECK(uv_poll_start(&net->listeners[i].poll, UV_READABLE, on_connection) == 0);
}

void net_resume_accepting(struct net *net) {
    if (!net->accepting && !net->stopped && !is_full(net))
        start_accepting(net);
}

/* True when another may wait. */
static bool accept_one(struct net *net, int listener) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        conn_accept(net, fd, &peer);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(net, errno);
    /* otherwise nobody waits, or one who was there is gone; the poll says when there is another */
    return false;
}

static void on_connection(uv_poll_t *poll, int status, int events) {
    struct listener *listener = CONTAINER_OF(poll, struct listener, poll);
    struct net *net = poll->data;
    (void)status;
    (void)events;
    if (is_full(net)) {
        pause_accepting(net, 0);
        return;
    }
    for (unsigned i = 0; i < ACCEPTS_A_TURN && !is_full(net) && accept_one(net, listener->fd); i++)
        continue;
}

/* Full or not: whether anybody still waits, the poll says. */
static void on_accept_timer(struct timer *timer) {
    start_accepting(CONTAINER_OF(timer, struct net, accept_timer));
}
