#include "realtime/transport.h"

#include "net/conn.h"
#include "protocol/encode.h"
#include "realtime/session_state.h"

void transport_append_closed(struct buf *out, enum close_code code, struct str reason) {
    buf_appendf(out, "{\"event\":\"session.closed\",\"data\":{\"code\":%d,\"reason\":", (int)code);
    encode_string(out, reason);
    buf_append_cstr(out, "}}");
}

/* ---- over a connection ---- */

void transport_conn_on_drain(struct conn *conn) {
    session_on_drain(conn_user(conn));
}

void transport_conn_on_close(struct conn *conn) {
    session_on_closed(conn_user(conn));
}

size_t transport_conn_queued_bytes(const struct session *session) {
    return conn_queued_bytes(session->below);
}

void transport_conn_drop_unsent(struct session *session) {
    conn_drop_unsent(session->below);
}

const uint8_t *transport_conn_peer(const struct session *session) {
    return conn_peer(session->below);
}

void transport_conn_set_known(struct session *session) {
    conn_set_known(session->below);
}
