#include "realtime/transport_sse.h"

#include "net/conn.h"
#include "net/http_response.h"
#include "realtime/hub_state.h"

/* No proxy is to hold it back, no cache to keep it; EventSource tries again after a second. */
static const struct str NO_DELAY =
    STR_INIT("Cache-Control: no-store, no-transform\r\nX-Accel-Buffering: no\r\n");
static const struct str START = STR_INIT("retry: 1000\n\n");

static const struct conn_ops sse_ops = {.on_drain = transport_conn_on_drain,
                                        .on_close = transport_conn_on_close};

/* `lines` holds the header lines, for as long as the response is used. */
static struct http_response make_response(struct buf *lines, struct str headers) {
    buf_append_str(lines, NO_DELAY);
    buf_append_str(lines, headers);
    return (struct http_response){.status = 200,
                                  .content_type = STR("text/event-stream"),
                                  .headers = buf_str(lines),
                                  .is_endless = true};
}

struct session *transport_sse_open(struct conn *conn, struct hub *hub, struct str headers) {
    struct session *session = session_open(hub, &transport_sse, conn);
    struct buf lines = BUF_INIT, start = BUF_INIT;
    struct http_response response = make_response(&lines, headers);
    http_append_head(&start, conn, &response);
    buf_append_str(&start, START);
    conn_begin_stream(conn, buf_str(&start), &sse_ops, session);
    buf_finish(&start);
    buf_finish(&lines);
    return session;
}

void transport_sse_answer_head(struct conn *conn, struct str headers) {
    struct buf lines = BUF_INIT;
    struct http_response response = make_response(&lines, headers);
    response.head_only = true;
    http_respond(conn, &response);
    buf_finish(&lines);
}

void transport_sse_append(struct buf *out, struct str name, struct str cursor,
                          struct str envelope) {
    if (cursor.len > 0)
        buf_appendf(out, "id: %.*s\n", STR_ARG(cursor));
    buf_appendf(out, "event: %.*s\ndata: ", STR_ARG(name));
    buf_append_str(out, envelope);
    buf_append_cstr(out, "\n\n");
}

static void send_packet(struct session *session, struct packet *packet, struct audience *audience) {
    struct blob *blob = packet_sse(packet);
    (void)audience;
    conn_send(session->below, blob, 0, blob->len);
}

static void send_text(struct session *session, struct str text) {
    struct blob *blob = blob_from_bytes(text.ptr, text.len);
    conn_send(session->below, blob, 0, blob->len);
    blob_unref(blob);
}

static void send_event(struct session *session, struct str name, struct str cursor,
                       struct str envelope) {
    struct buf text = BUF_INIT;
    transport_sse_append(&text, name, cursor, envelope);
    send_text(session, buf_str(&text));
    buf_finish(&text);
}

/* Nobody asks anything by this way. */
static void send_json(struct session *session, struct str json) {
    (void)session;
    (void)json;
    CHECK(false);
}

/* A comment: proxies see that the line lives, and the kernel whether the peer does. */
static void ping(struct session *session) {
    send_text(session, STR(":\n\n"));
}

/* The code as a last event; EventSource comes again, and is answered 401 where it may not. */
static void close_session(struct session *session, enum close_code code, struct str reason) {
    struct str prefix = STR("retry_after=");
    struct buf data = BUF_INIT;
    if (str_starts_with(reason, prefix)) { /* not everybody at the same moment */
        struct str wait_ms = str_slice(reason, prefix.len, reason.len);
        buf_appendf(&data, "retry: %.*s\n", STR_ARG(wait_ms));
        send_text(session, buf_str(&data));
        buf_clear(&data);
    }
    transport_append_closed(&data, code, reason);
    send_event(session, STR("session.closed"), STR_EMPTY, buf_str(&data));
    buf_finish(&data);
    conn_close(session->below);
}

const struct transport transport_sse = {
    .name = "sse",
    .send_packet = send_packet,
    .send_json = send_json,
    .send_event = send_event,
    .queued_bytes = transport_conn_queued_bytes,
    .drop_unsent = transport_conn_drop_unsent,
    .peer = transport_conn_peer,
    .set_known = transport_conn_set_known,
    .ping = ping,
    .close = close_session,
};
