/* Sending: runs wait in a queue per connection (run_queue.h); the end of the turn writes every
 * connection that has some (step 10 of a message's way). */
#include "net/conn_state.h"

#include "base/mem.h"
#include "base/metrics.h"
#include <errno.h>

struct rest {
    uv_write_t request;
    struct conn *conn;
    struct run run;
};

static void on_rest_written(uv_write_t *request, int status);

static void mark_dirty(struct conn *conn) {
    struct net *net = conn->net;
    if (conn->dirty || conn->writing)
        return;
    if (net->dirty_count == net->dirty_cap) {
        net->dirty_cap = net->dirty_cap == 0 ? SEND_BATCH_ENTRIES : net->dirty_cap * 2;
        net->dirty = mem_realloc(net->dirty, net->dirty_cap * sizeof(struct conn *));
    }
    conn->dirty = true;
    conn_hold(conn);
    net->dirty[net->dirty_count++] = conn;
}

void conn_send(struct conn *conn, struct blob *blob, uint32_t from, uint32_t to) {
    struct run_queue *runs = &conn->runs;
    if (conn_is_closing(conn) || from == to)
        return;
    struct run *last = runs->count > 0 ? run_queue_at(runs, runs->count - 1) : NULL;
    if (last != NULL && last->blob == blob && last->to == from)
        last->to = to;
    else
        run_queue_push(runs, (struct run){blob_ref(blob), from, to});
    conn->queued_bytes += to - from;
    if (conn->queued_bytes > conn->net->options.queue_bytes / 2)
        conn->above_mark = true;
    mark_dirty(conn);
}

/* Behind the sealed runs that are there. */
void conn_send_sealed(struct conn *conn, struct blob *blob) {
    run_queue_insert(&conn->runs, conn->sealed_runs, (struct run){blob_ref(blob), 0, blob->len});
    conn->sealed_runs++;
    conn->queued_bytes += blob->len;
    mark_dirty(conn);
}

size_t conn_queued_bytes(const struct conn *conn) {
    return conn->queued_bytes;
}

static void drop_runs_from(struct conn *conn, uint32_t first) {
    conn->queued_bytes -= (uint32_t)run_queue_drop_from(&conn->runs, first);
    conn_deflate_forget(conn);
}

/* A run of which a part is out must be finished, as half a frame would spoil the stream: it lies
 * with uv_write then, not here; but for TLS, where a part may be sealed. */
void conn_drop_unsent(struct conn *conn) {
    drop_runs_from(conn, conn->sealed_runs + (conn->is_front_begun ? 1u : 0u));
}

void conn_drop_runs(struct conn *conn) {
    drop_runs_from(conn, 0);
}

/* ---- the flush ---- */

static void fill_item(struct conn *conn, struct send_item *item) {
    item->fd = conn->fd;
    item->owner = conn;
    uint32_t ready = conn->tls != NULL ? conn->sealed_runs : conn->runs.count;
    item->iov_count = ready < SEND_IOV_MAX ? ready : SEND_IOV_MAX;
    for (unsigned i = 0; i < item->iov_count; i++) {
        const struct run *run = run_queue_at(&conn->runs, i);
        item->iov[i] = (struct iovec){run->blob->bytes + run->from, run->to - run->from};
    }
}

/* Takes the front run out; the reference goes with it. */
static struct run pop_run(struct conn *conn) {
    struct run run = run_queue_pop(&conn->runs);
    if (conn->sealed_runs > 0)
        conn->sealed_runs--;
    return run;
}

/* Takes `sent` bytes off the front. True when the front run was cut in the middle. */
static bool advance(struct conn *conn, size_t sent) {
    conn->queued_bytes -= (uint32_t)sent;
    while (sent > 0) {
        struct run *run = run_queue_at(&conn->runs, 0);
        uint32_t length = run->to - run->from;
        if (sent < length) {
            run->from += (uint32_t)sent;
            return true;
        }
        sent -= length;
        blob_unref(pop_run(conn).blob);
    }
    return false;
}

size_t conn_take_queued(struct conn *conn, char *out, size_t cap) {
    size_t taken = 0;
    CHECK(conn->sealed_runs == 0);
    for (uint32_t i = 0; i < conn->runs.count && taken < cap; i++) {
        const struct run *run = run_queue_at(&conn->runs, i);
        size_t length = run->to - run->from;
        if (length > cap - taken)
            length = cap - taken;
        memcpy(out + taken, run->blob->bytes + run->from, length);
        taken += length;
    }
    if (taken > 0)
        conn->is_front_begun = advance(conn, taken);
    return taken;
}

/* The kernel's buffer is full: libuv gets the front run and says when it is out. */
static void hand_rest_to_uv(struct conn *conn) {
    struct rest *rest = mem_alloc(sizeof *rest);
    rest->conn = conn;
    rest->run = pop_run(conn);
    uv_buf_t buffer =
        uv_buf_init((char *)rest->run.blob->bytes + rest->run.from, rest->run.to - rest->run.from);
    conn->writing = true;
    conn_hold(conn);
    if (uv_write(&rest->request, (uv_stream_t *)&conn->tcp, &buffer, 1, on_rest_written) != 0)
        on_rest_written(&rest->request, UV_ECANCELED);
}

static void on_rest_written(uv_write_t *request, int status) {
    struct rest *rest = CONTAINER_OF(request, struct rest, request);
    struct conn *conn = rest->conn;
    conn->writing = false;
    conn->queued_bytes -= rest->run.to - rest->run.from;
    blob_unref(rest->run.blob);
    mem_free(rest);
    if (status != 0)
        conn_abort(conn);
    else if (conn->runs.count > 0)
        mark_dirty(conn);
    else
        conn_on_sent(conn);
    conn_release(conn);
}

/* What became of one send. True when there is more that the kernel may take at once. */
static bool settle(struct conn *conn, ssize_t result) {
    if (conn->state == CONN_CLOSED)
        return false;
    if (result < 0 && result != -EAGAIN && result != -ENOBUFS) {
        conn_abort(conn);
        return false;
    }
    bool is_cut = advance(conn, result > 0 ? (size_t)result : 0);
    if (result < 0 || is_cut) {
        hand_rest_to_uv(conn);
        return false;
    }
    if (conn->runs.count > 0)
        return true;
    conn_on_sent(conn);
    return false;
}

/* Nothing goes out in the clear where TLS is spoken. */
static bool is_sealed(struct conn *conn) {
    return conn->tls == NULL || conn->sealed_runs > 0 || conn_seal(conn);
}

/* Sends one chunk of dirty connections; those that have more become dirty again. */
static void flush_chunk(struct net *net, struct conn **conns, size_t count) {
    struct send_item *items = send_batch_items(net->batch);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct conn *conn = conns[i];
        conn->dirty = false;
        if (conn->state != CONN_CLOSED && !conn->writing && conn->runs.count > 0 && is_sealed(conn))
            fill_item(conn, &items[used++]);
    }
    if (used > 0)
        send_batch_run(net->batch, used);
    for (size_t i = 0; i < used; i++) {
        struct conn *conn = items[i].owner;
        if (settle(conn, items[i].result))
            mark_dirty(conn);
    }
    for (size_t i = 0; i < count; i++)
        conn_release(conns[i]);
}

void conn_flush(struct net *net) {
    while (net->dirty_count > 0) {
        size_t count =
            net->dirty_count < SEND_BATCH_ENTRIES ? net->dirty_count : SEND_BATCH_ENTRIES;
        struct conn *chunk[SEND_BATCH_ENTRIES];
        net->dirty_count -= count;
        memcpy(chunk, net->dirty + net->dirty_count, count * sizeof(struct conn *));
        flush_chunk(net, chunk, count);
    }
}
