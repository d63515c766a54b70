/* /engine.io/ and /socket.io/: what comes goes back, over the product's engines. */
#include "echo.h"

#include "base/mem.h"
#include "net/http_response.h"
#include "realtime/socketio_client.h"

enum {
    ENGINES_MAX = 100000,
    ENGINE_QUEUE_BYTES = 16 * 1024 * 1024,
    UPGRADE_TIMEOUT_MS = 10000,
};

struct echo_sockets {
    struct engine_group group;
    struct engine_server *engines;
    struct socketio_server *socketio;
};

/* ---- Engine.IO ---- */

static void on_open(struct engine *engine, struct conn *conn, const struct http_request *request) {
    (void)engine;
    (void)conn;
    (void)request;
}

static void on_message(struct engine *engine, bool is_text, struct str data) {
    if (is_text)
        engine_send_text(engine, data);
    else
        engine_send_binary(engine, data);
}

static void on_engine(struct engine *engine) {
    (void)engine;
}

static const struct engineio_ops engine_ops = {.on_open = on_open,
                                               .on_message = on_message,
                                               .on_drain = on_engine,
                                               .on_later = on_engine,
                                               .on_close = on_engine};

/* ---- Socket.IO ---- */

static char *dump(json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT);
    CHECK(text != NULL);
    return text;
}

static void on_connect(struct socketio_socket *socket, json_t *auth) {
    json_t *args = json_array(), *payload = auth != NULL ? json_deep_copy(auth) : json_object();
    json_array_append_new(args, json_string("auth"));
    json_array_append_new(args, payload);
    char *text = dump(args);
    socketio_accept(socket, STR_EMPTY);
    socketio_emit(socket, str_from_cstr(text), NULL, 0);
    free(text);
    json_decref(args);
}

/* The arguments behind the event's name, `name` before them if it is not NULL. Placeholders stay as
 * they are, and so do the bytes that they stand for. */
static char *arguments(const struct socketio_args *args, const char *name) {
    json_t *out = json_array();
    if (name != NULL)
        json_array_append_new(out, json_string(name));
    for (size_t i = 1; i < json_array_size(args->json); i++)
        json_array_append(out, json_array_get(args->json, i));
    char *text = dump(out);
    json_decref(out);
    return text;
}

static void on_event(struct socketio_socket *socket, const struct socketio_args *args,
                     int64_t ack) {
    const char *text_of_name = json_string_value(json_array_get(args->json, 0));
    struct str name = text_of_name != NULL ? str_from_cstr(text_of_name) : STR_EMPTY;
    if (str_equal(name, STR("message"))) {
        char *text = arguments(args, "message-back");
        socketio_emit(socket, str_from_cstr(text), args->binary, args->binary_count);
        free(text);
    } else if (str_equal(name, STR("message-with-ack")) && ack != SOCKETIO_NO_ID) {
        char *text = arguments(args, NULL);
        socketio_acknowledge(socket, ack, str_from_cstr(text), args->binary, args->binary_count);
        free(text);
    }
}

static const struct socketio_ops socketio_ops = {.on_connect = on_connect, .on_event = on_event};

/* ---- both ---- */

static void append_headers(struct conn *conn, const struct http_request *request,
                           struct buf *headers) {
    (void)conn;
    (void)request;
    buf_append_cstr(headers, ECHO_CORS_HEADERS);
}

struct echo_sockets *echo_sockets_create(struct echo *echo) {
    struct echo_sockets *sockets = mem_zalloc(1, sizeof *sockets);
    const struct socketio_options options = {
        .engine = {.ping_interval_ms = echo->options.ping_interval_ms,
                   .ping_timeout_ms = echo->options.ping_timeout_ms,
                   .upgrade_timeout_ms = UPGRADE_TIMEOUT_MS,
                   .max_payload_bytes = echo->options.max_payload_bytes,
                   .max_engines = ENGINES_MAX,
                   .queue_bytes = ENGINE_QUEUE_BYTES,
                   .append_headers = append_headers},
        .namespaces = STR("/custom"),
        .connect_timeout_ms = echo->options.connect_timeout_ms,
    };
    sockets->engines =
        engine_server_create(echo->loop, echo->net, &options.engine, &engine_ops, &sockets->group);
    sockets->socketio =
        socketio_server_create(echo->loop, echo->net, &options, &socketio_ops, &sockets->group);
    return sockets;
}

void echo_sockets_destroy(struct echo_sockets *take_sockets) {
    engine_server_destroy(take_sockets->engines);
    socketio_server_destroy(take_sockets->socketio);
    mem_free(take_sockets);
}

void echo_sockets_answer(struct conn *conn, struct http_request *take_request) {
    struct echo_sockets *sockets = echo_of(conn)->sockets;
    if (take_request->method == METHOD_OPTIONS) {
        echo_respond_method(conn, take_request, "GET, POST, OPTIONS");
        http_request_destroy(take_request);
    } else if (str_starts_with(take_request->path, STR("/engine.io"))) {
        engine_answer(sockets->engines, conn, take_request);
    } else {
        socketio_answer(sockets->socketio, conn, take_request);
    }
}
