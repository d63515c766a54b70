/* HTTP long-polling: a GET waits for what is to be sent, a POST brings what the client sends. And
 * the way from a request to its engine, WebSockets included. */
#include "realtime/engine_state.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"
#include "net/http_response.h"

static const struct str TEXT = STR_INIT("text/plain; charset=UTF-8");
static const struct str JSON = STR_INIT("application/json");

static void on_poll_closed(struct conn *conn);

static const struct conn_ops poll_ops = {.on_close = on_poll_closed};

/* ---- answers ---- */

static void respond(const struct engine_server *server, struct conn *conn,
                    const struct http_request *request, struct http_response *response) {
    struct buf headers = BUF_INIT;
    if (server->options.append_headers != NULL)
        server->options.append_headers(conn, request, &headers);
    response->headers = buf_str(&headers);
    response->close = !request->keep_alive;
    response->head_only = request->method == METHOD_HEAD;
    http_respond(conn, response);
    buf_finish(&headers);
}

static void respond_text(const struct engine_server *server, struct conn *conn,
                         const struct http_request *request, struct str text) {
    respond(server, conn, request,
            &(struct http_response){.status = 200, .content_type = TEXT, .body = text});
}

void engine_refuse(struct engine_server *server, struct conn *conn,
                   const struct http_request *request, int status, enum engineio_error error) {
    struct buf body = BUF_INIT;
    engineio_append_error(&body, error);
    respond(
        server, conn, request,
        &(struct http_response){.status = status, .content_type = JSON, .body = buf_str(&body)});
    buf_finish(&body);
}

static void refuse(struct engine_server *server, struct conn *conn,
                   struct http_request *take_request, enum engineio_error error) {
    engine_refuse(server, conn, take_request, 400, error);
    http_request_destroy(take_request);
}

/* ---- the poll ---- */

/* As much as one answer may hold, at least one packet. */
static void take_queue(struct engine *engine, struct buf *payload) {
    uint32_t count = 0;
    size_t limit = engine->server->options.max_payload_bytes;
    while (count < engine->queue_count &&
           (count == 0 || payload->len + engine->queue[count]->len <= limit)) {
        engineio_append_frame(payload, engine->queue[count]);
        engine->queued_bytes -= engine->queue[count]->len;
        blob_unref(engine->queue[count++]);
    }
    engine->queue_count -= count;
    memmove(engine->queue, engine->queue + count, engine->queue_count * sizeof(struct blob *));
    if (engine->queue_count > 0)
        return;
    mem_free(engine->queue);
    engine->queue = NULL;
    engine->queue_cap = 0;
}

/* What one poll gets; an engine in its last words ends when it has nothing more to say. */
static void answer(struct engine *engine, struct conn *conn, const struct http_request *request,
                   enum engineio_type otherwise) {
    struct buf payload = BUF_INIT;
    bool had_some = engine->queue_count > 0;
    if (had_some)
        take_queue(engine, &payload);
    else
        buf_append_char(&payload, (char)('0' + (int)otherwise));
    respond_text(engine->server, conn, request, buf_str(&payload));
    buf_finish(&payload);
    if (engine->state == ENGINE_LAST_WORDS && !had_some)
        engine_end(engine, ENGINEIO_CLOSE);
    else if (had_some && engine->state == ENGINE_OPEN)
        engine->server->ops->on_drain(engine);
}

void engine_answer_poll(struct engine *engine, enum engineio_type otherwise) {
    struct conn *conn = engine->poll;
    struct http_request *request = engine->poll_request;
    engine->poll = NULL;
    engine->poll_request = NULL;
    conn_set_user(conn, NULL); /* it may be closing already */
    answer(engine, conn, request, otherwise);
    http_request_destroy(request);
}

/* The client took its poll back, or is gone: the protocol's end of a session. */
static void on_poll_closed(struct conn *conn) {
    struct engine *engine = conn_user(conn);
    if (engine == NULL)
        return;
    http_request_destroy(engine->poll_request);
    engine->poll = NULL;
    engine->poll_request = NULL;
    engine_end(engine, ENGINEIO_CLOSE);
}

static void take_poll(struct engine *engine, struct conn *conn, struct http_request *take_request) {
    if (engine->poll != NULL) {
        engine_end(engine, ENGINEIO_CLOSE);
        refuse(engine->server, conn, take_request, ENGINEIO_BAD_REQUEST);
        return;
    }
    bool is_ending = engine->state == ENGINE_LAST_WORDS;
    if (engine->queue_count > 0 || engine->is_probed || is_ending) {
        answer(engine, conn, take_request, is_ending ? ENGINEIO_CLOSE : ENGINEIO_NOOP);
        http_request_destroy(take_request);
        return;
    }
    engine->poll = conn;
    engine->poll_request = take_request;
    conn_watch(conn, &poll_ops, engine);
}

/* ---- what a client posts ---- */

static bool take_payload(struct engine *engine, struct str body) {
    struct buf binary = BUF_INIT;
    struct engineio_packet packet;
    bool is_good = body.len > 0 && utf8_is_valid(body);
    while (is_good) {
        enum engineio_next next = engineio_next(&body, &binary, &packet);
        if (next == ENGINEIO_END)
            break;
        is_good = next == ENGINEIO_PACKET && engine_take_packet(engine, &packet);
        if (engine->state == ENGINE_CLOSED)
            break;
    }
    buf_finish(&binary);
    if (!is_good)
        engine_end(engine, ENGINEIO_CLOSE);
    return is_good;
}

static void take_post(struct engine *engine, struct conn *conn, struct http_request *take_request) {
    struct engine_server *server = engine->server;
    if (take_request->body.len > server->options.max_payload_bytes) {
        engine_refuse(server, conn, take_request, 413, ENGINEIO_BAD_REQUEST);
        http_request_destroy(take_request);
        return;
    }
    if (!take_payload(engine, take_request->body)) {
        refuse(server, conn, take_request, ENGINEIO_BAD_REQUEST);
        return;
    }
    respond_text(server, conn, take_request, STR("ok"));
    http_request_destroy(take_request);
}

/* ---- which engine ---- */

static void open_polling(struct engine_server *server, struct conn *conn,
                         struct http_request *take_request) {
    struct engine *engine = engine_create(server, take_request);
    if (engine == NULL) {
        engine_refuse(server, conn, take_request, 503, ENGINEIO_FORBIDDEN);
        http_request_destroy(take_request);
        return;
    }
    struct buf packet = BUF_INIT;
    buf_append_char(&packet, '0');
    engine_append_handshake(engine, true, &packet);
    server->ops->on_open(engine, conn, take_request);
    respond_text(server, conn, take_request, buf_str(&packet));
    buf_finish(&packet);
    http_request_destroy(take_request);
}

static bool wants_websocket(const struct http_request *request) {
    bool is_bad, is_wrong_version;
    return http_request_wants_websocket(request, &is_bad, &is_wrong_version);
}

static void answer_handshake(struct engine_server *server, struct conn *conn,
                             struct http_request *take_request,
                             const struct engineio_query *query) {
    bool is_socket = str_equal(query->transport, STR("websocket"));
    if (take_request->method != METHOD_GET)
        refuse(server, conn, take_request, ENGINEIO_BAD_HANDSHAKE_METHOD);
    else if (is_socket != wants_websocket(take_request))
        refuse(server, conn, take_request, ENGINEIO_BAD_REQUEST);
    else if (!str_equal(query->version, STR("4")))
        refuse(server, conn, take_request, ENGINEIO_UNSUPPORTED_VERSION);
    else if (is_socket)
        engine_open_socket(server, conn, take_request);
    else
        open_polling(server, conn, take_request);
}

static void answer_engine(struct engine *engine, struct conn *conn,
                          struct http_request *take_request, bool is_socket) {
    bool polls = !is_socket && engine->socket == NULL;
    bool upgrades = is_socket && wants_websocket(take_request);
    /* A proxy's connection is anybody's, unless it becomes this client's alone. */
    bool is_own = memcmp(conn_peer(conn), take_request->client, sizeof take_request->client) == 0;
    if (engine->is_known && (upgrades || is_own))
        conn_set_known(conn);
    if (upgrades)
        engine_open_probe(engine, conn, take_request);
    else if (polls && take_request->method == METHOD_GET)
        take_poll(engine, conn, take_request);
    else if (polls && take_request->method == METHOD_POST)
        take_post(engine, conn, take_request);
    else
        refuse(engine->server, conn, take_request, ENGINEIO_BAD_REQUEST);
}

/* The server that a sid names; NULL when it cannot be one of ours. */
static struct engine_server *server_of_sid(const struct engine_group *group, struct str sid) {
    uint8_t number;
    if (sid.len != ENGINE_SID_CHARS || !text_hex_decode(str_slice(sid, 0, 2), &number, 1) ||
        number >= group->count)
        return NULL;
    return group->servers[number];
}

void engine_answer(struct engine_server *server, struct conn *conn,
                   struct http_request *take_request) {
    struct engineio_query query;
    engineio_parse_query(take_request->query, &query);
    bool is_socket = str_equal(query.transport, STR("websocket"));
    if (!is_socket && !str_equal(query.transport, STR("polling"))) {
        refuse(server, conn, take_request, ENGINEIO_UNKNOWN_TRANSPORT);
        return;
    }
    if (query.sid.ptr == NULL) {
        answer_handshake(server, conn, take_request, &query);
        return;
    }
    struct engine_server *home = server_of_sid(server->group, query.sid);
    if (home != NULL && home != server) {
        conn_move(conn, home->net, take_request);
        return;
    }
    struct engine *engine = home != NULL ? engine_find(home, query.sid) : NULL;
    if (engine == NULL)
        refuse(server, conn, take_request, ENGINEIO_UNKNOWN_SID);
    else
        answer_engine(engine, conn, take_request, is_socket);
}
