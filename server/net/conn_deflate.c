/* Compression on a connection: what was agreed on at its upgrade, and the deflaters and inflaters
 * that go with it. Without context takeover a connection owns none: it borrows a deflater of the
 * loop for the length of a call, and an inflater lives as long as the message that it inflates. */
#include "net/conn_state.h"

#include "base/mem.h"
#include "base/metrics.h"

/* What a connection keeps where a context lives on between messages. */
struct conn_contexts {
    struct ws_deflater *deflater; /* made by the first message that is compressed */
    struct ws_inflater *inflater; /* not while a parser has it */
};

void conn_deflate_agree(struct conn *conn, const struct http_request *request, struct buf *head) {
    char response[WS_EXTENSION_RESPONSE_BYTES];
    struct str name = STR("Sec-WebSocket-Extensions");
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        /* a malformed list did not come so far (http_request_wants_websocket) */
        if (str_equal_nocase(header->name, name) &&
            !ws_extension_negotiate(header->value, &conn->net->options.deflate, &conn->deflate))
            conn->deflate = (struct ws_deflate_params){0};
    }
    ws_extension_response(&conn->deflate, response);
    if (conn->deflate.is_on)
        buf_appendf(head, "Sec-WebSocket-Extensions: %s\r\n", response);
}

static struct conn_contexts *contexts_of(struct conn *conn) {
    if (conn->contexts == NULL)
        conn->contexts = mem_zalloc(1, sizeof *conn->contexts);
    return conn->contexts;
}

void conn_deflate_lend(struct conn *conn, struct ws_parser *parser) {
    struct ws_inflater *inflater = NULL;
    if (conn->contexts != NULL) {
        inflater = conn->contexts->inflater;
        conn->contexts->inflater = NULL;
    }
    ws_parser_allow_deflate(parser, &conn->deflate, inflater);
}

void conn_deflate_take_back(struct conn *conn, struct ws_parser *parser) {
    struct ws_inflater *inflater = ws_parser_take_inflater(parser);
    if (inflater != NULL)
        contexts_of(conn)->inflater = inflater;
}

void conn_deflate_finish(struct conn *conn) {
    if (conn->contexts == NULL)
        return;
    ws_deflater_destroy(conn->contexts->deflater);
    ws_inflater_destroy(conn->contexts->inflater);
    mem_free(conn->contexts);
    conn->contexts = NULL;
}

void net_deflate_finish(struct net *net) {
    for (unsigned bits = WS_DEFLATE_BITS_MIN; bits <= WS_WINDOW_BITS_MAX; bits++) {
        ws_deflater_destroy(net->deflaters[bits]);
        net->deflaters[bits] = NULL;
    }
}

static struct ws_deflater *deflater_at(struct ws_deflater **slot, unsigned bits) {
    if (*slot == NULL)
        *slot = ws_deflater_create(bits);
    return *slot;
}

static struct ws_deflater *loop_deflater(struct net *net, unsigned bits) {
    return deflater_at(&net->deflaters[bits], bits);
}

static struct ws_deflater *message_deflater(struct conn *conn) {
    unsigned bits = conn->deflate.server_bits;
    return conn->deflate.server_takeover ? deflater_at(&contexts_of(conn)->deflater, bits)
                                         : loop_deflater(conn->net, bits);
}

void conn_send_message(struct conn *conn, bool is_text, struct str message) {
    enum ws_opcode opcode = is_text ? WS_TEXT : WS_BINARY;
    struct blob *frame = NULL;
    if (conn_is_closing(conn))
        return;
    if (conn->deflate.is_on && message.len >= conn->net->options.deflate.min_bytes) {
        frame = ws_deflater_frame(message_deflater(conn), opcode, message,
                                  conn->deflate.server_takeover);
        metrics_add(METRIC_DEFLATE_MESSAGES, 1);
    }
    if (frame == NULL)
        frame = ws_frame_blob(opcode, message);
    conn_send(conn, frame, 0, frame->len);
    blob_unref(frame);
}

bool conn_reads_deflated(const struct conn *conn) {
    return conn->deflate.is_on &&
           conn->deflate.server_bits >= conn->net->options.deflate.window_bits;
}

struct ws_deflater *conn_shared_deflater(struct conn *conn, size_t message_bytes) {
    const struct ws_deflate_options *options = &conn->net->options.deflate;
    if (!conn_reads_deflated(conn) || message_bytes < options->min_bytes)
        return NULL;
    return loop_deflater(conn->net, options->window_bits);
}

void conn_deflate_forget(struct conn *conn) {
    if (conn->contexts != NULL && conn->contexts->deflater != NULL)
        ws_deflater_forget(conn->contexts->deflater);
}

void conn_send_deflated(struct conn *conn, struct blob *blob, uint32_t from, uint32_t to) {
    conn_deflate_forget(conn);
    conn_send(conn, blob, from, to);
}
