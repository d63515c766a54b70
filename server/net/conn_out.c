/* Sending: runs wait in a ring per connection; the end of the turn writes every connection that has
 * some (step 10 of a message's way). */
#include "net/conn_state.h"

#include "base/mem.h"
#include "base/metrics.h"
#include <errno.h>

enum { RUNS_MIN = 4 };

struct rest {
    uv_write_t request;
    struct conn *conn;
    struct run run;
};

static void on_rest_written(uv_write_t *request, int status);

static struct run *run_at(const struct conn *conn, uint32_t i) {
    return &conn->runs[(conn->run_head + i) & (conn->run_cap - 1)];
}

static void grow_runs(struct conn *conn) {
    uint32_t cap = conn->run_cap == 0 ? RUNS_MIN : conn->run_cap * 2;
    struct run *runs = mem_alloc(cap * sizeof *runs);
    for (uint32_t i = 0; i < conn->run_count; i++)
        runs[i] = *run_at(conn, i);
    mem_free(conn->runs);
    conn->runs = runs;
    conn->run_cap = cap;
    conn->run_head = 0;
}

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
    if (conn_is_closing(conn) || from == to)
        return;
    struct run *last = conn->run_count > 0 ? run_at(conn, conn->run_count - 1) : NULL;
    if (last != NULL && last->blob == blob && last->to == from) {
        last->to = to;
    } else {
        if (conn->run_count == conn->run_cap)
            grow_runs(conn);
        *run_at(conn, conn->run_count++) = (struct run){blob_ref(blob), from, to};
    }
    conn->queued_bytes += to - from;
    if (conn->queued_bytes > conn->net->options.queue_bytes / 2)
        conn->above_mark = true;
    mark_dirty(conn);
}

/* The sealed runs before it move up by one place. */
void conn_send_sealed(struct conn *conn, struct blob *blob) {
    if (conn->run_count == conn->run_cap)
        grow_runs(conn);
    conn->run_head = (conn->run_head - 1) & (conn->run_cap - 1);
    conn->run_count++;
    for (uint32_t i = 0; i < conn->sealed_runs; i++)
        *run_at(conn, i) = *run_at(conn, i + 1);
    *run_at(conn, conn->sealed_runs) = (struct run){blob_ref(blob), 0, blob->len};
    conn->sealed_runs++;
    conn->queued_bytes += blob->len;
    mark_dirty(conn);
}

size_t conn_queued_bytes(const struct conn *conn) {
    return conn->queued_bytes;
}

/* Memory for runs exists only while some wait. */
static void free_runs_if_empty(struct conn *conn) {
    if (conn->run_count > 0 || conn->runs == NULL)
        return;
    mem_free(conn->runs);
    conn->runs = NULL;
    conn->run_cap = conn->run_head = 0;
}

static void drop_runs_from(struct conn *conn, uint32_t first) {
    for (uint32_t i = first; i < conn->run_count; i++) {
        struct run *run = run_at(conn, i);
        conn->queued_bytes -= run->to - run->from;
        blob_unref(run->blob);
    }
    if (conn->run_count > first)
        conn->run_count = first;
    conn_deflate_forget(conn);
    free_runs_if_empty(conn);
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

static void fill_item(const struct conn *conn, struct send_item *item, void *owner) {
    uv_os_fd_t fd = -1;
    CHECK(uv_fileno((const uv_handle_t *)&conn->tcp, &fd) == 0);
    item->fd = fd;
    item->owner = owner;
    uint32_t ready = conn->tls != NULL ? conn->sealed_runs : conn->run_count;
    item->iov_count = ready < SEND_IOV_MAX ? ready : SEND_IOV_MAX;
    for (unsigned i = 0; i < item->iov_count; i++) {
        const struct run *run = run_at(conn, i);
        item->iov[i] = (struct iovec){run->blob->bytes + run->from, run->to - run->from};
    }
}

/* Takes the front run out of the ring; the reference goes with it. */
static struct run pop_run(struct conn *conn) {
    struct run run = *run_at(conn, 0);
    conn->run_head = (conn->run_head + 1) & (conn->run_cap - 1);
    conn->run_count--;
    if (conn->sealed_runs > 0)
        conn->sealed_runs--;
    return run;
}

/* Takes `sent` bytes off the front. True when the front run was cut in the middle. */
static bool advance(struct conn *conn, size_t sent) {
    conn->queued_bytes -= sent;
    while (sent > 0) {
        struct run *run = run_at(conn, 0);
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
    for (uint32_t i = 0; i < conn->run_count && taken < cap; i++) {
        const struct run *run = run_at(conn, i);
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
    else if (conn->run_count > 0)
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
    if (conn->run_count > 0)
        return true;
    free_runs_if_empty(conn);
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
        if (conn->state != CONN_CLOSED && !conn->writing && conn->run_count > 0 && is_sealed(conn))
            fill_item(conn, &items[used++], conn);
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
