/* TLS on a connection: what comes in is opened before HTTP and WebSocket see it; what goes out is
 * sealed by the flush, when it is its turn. Until then the queue holds plaintext, so that it can be
 * extended, counted and dropped like any other; sealed runs stand before it and are never dropped,
 * as a record that is missing ends the connection. */
#include "net/conn_state.h"

#include "base/log.h"
#include "base/metrics.h"
#include "net/tls.h"
#include "net/trusted.h"

/* A connection that gets so many handshake records (key updates) without taking them is cut. */
enum { SEALED_RUNS_MAX = 64 };

/* How much plaintext is sealed ahead of the kernel. */
enum { SEAL_BYTES = 4 * TLS_RECORD_BYTES };

void conn_drop_tls(struct conn *conn) {
    tls_destroy(conn->tls);
    conn->tls = NULL;
}

static void queue_sealed(struct conn *conn, const struct buf *bytes) {
    if (bytes->len == 0 || conn->state == CONN_CLOSED)
        return;
    if (conn->sealed_runs == SEALED_RUNS_MAX) {
        conn_abort(conn);
        return;
    }
    struct blob *blob = blob_from_bytes(bytes->data, bytes->len);
    conn_send_sealed(conn, blob);
    blob_unref(blob);
}

/* The alert goes out alone: what waited can no longer be sealed. */
static void fail(struct conn *conn) {
    metrics_add(METRIC_TLS_FAILURES, 1);
    LOG_DEBUG("TLS failed", log_cstr("why", tls_failure(conn->tls)));
    conn_drop_unsent(conn);
    conn_close(conn);
}

/* The peer closes: what waits goes out, then our close_notify. With a request in hand the answer
 * comes first, and conn_start_reading() ends it. */
static void end(struct conn *conn) {
    if (conn->state != CONN_ANSWERING && conn->state != CONN_SENDING)
        conn_close(conn);
}

/* False: the connection is closed, and no work was done for it. */
static bool begin(struct conn *conn) {
    const struct net_options *options = &conn->net->options;
    if (conn->ops->may_greet != NULL && !trusted_has(options->trusted, conn->peer) &&
        !conn->ops->may_greet(conn)) {
        metrics_add(METRIC_TLS_REFUSED, 1);
        conn_abort(conn);
        return false;
    }
    conn->tls = tls_create(options->tls);
    return true;
}

void conn_feed_tls(struct conn *conn, struct str bytes) {
    struct buf out = BUF_INIT;
    struct buf *plain = &conn->net->plain;
    if (conn->tls == NULL && !begin(conn))
        return;
    buf_clear(plain);
    enum tls_status status = tls_receive(conn->tls, bytes, plain, &out);
    queue_sealed(conn, &out);
    buf_finish(&out);
    if (plain->len > 0)
        conn_feed_plain(conn, (uint8_t *)plain->data, plain->len);
    if (conn->tls == NULL)
        return; /* the connection moved to another loop, and its TLS with it */
    switch (status) {
    case TLS_GOES_ON:
        break;
    case TLS_ENDED:
        end(conn);
        break;
    case TLS_FAILED:
        fail(conn);
        break;
    }
}

bool conn_seal(struct conn *conn) {
    char piece[TLS_RECORD_BYTES];
    struct buf *out = &conn->net->sealed;
    buf_clear(out);
    for (size_t taken = 1, left = SEAL_BYTES; taken > 0 && left > 0; left -= taken) {
        taken = conn_take_queued(conn, piece, left < sizeof piece ? left : sizeof piece);
        if (taken > 0 && !tls_send(conn->tls, str_make(piece, taken), out)) {
            conn_abort(conn);
            return false;
        }
    }
    queue_sealed(conn, out);
    return true;
}

bool conn_end_tls(struct conn *conn) {
    struct buf out = BUF_INIT;
    tls_end(conn->tls, &out);
    bool is_queued = out.len > 0;
    queue_sealed(conn, &out);
    buf_finish(&out);
    return is_queued;
}
