#include "realtime/socketio_state.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "net/ws_frame.h"
#include "protocol/encode.h"
#include <ctype.h>

static const struct engineio_ops engine_ops;
static void on_timer(struct timer *timer);

/* ---- servers ---- */

struct socketio_server *socketio_server_create(struct loop *loop, struct net *net,
                                               const struct socketio_options *options,
                                               const struct socketio_ops *ops,
                                               struct engine_group *group) {
    struct socketio_server *server = mem_zalloc(1, sizeof *server);
    server->options = *options;
    server->ops = ops;
    server->engines = engine_server_create(loop, net, &options->engine, &engine_ops, group);
    engine_server_set_user(server->engines, server);
    return server;
}

void socketio_server_destroy(struct socketio_server *take_server) {
    engine_server_destroy(take_server->engines);
    mem_free(take_server);
}

void socketio_answer(struct socketio_server *server, struct conn *conn,
                     struct http_request *take_request) {
    engine_answer(server->engines, conn, take_request);
}

struct engine_server *socketio_engines(struct socketio_server *server) {
    return server->engines;
}

static bool is_namespace(struct str name) {
    if (name.len < 2 || name.len > SOCKETIO_NAMESPACE_MAX_BYTES || name.ptr[0] != '/')
        return false;
    for (size_t i = 1; i < name.len; i++) {
        if (!isalnum((unsigned char)name.ptr[i]) && strchr("-_./", name.ptr[i]) == NULL)
            return false;
    }
    return true;
}

bool socketio_namespaces_are_valid(struct str namespaces) {
    struct str name;
    while (namespaces.len > 0) {
        str_cut(namespaces, ',', &name, &namespaces);
        if (!is_namespace(str_trim(name)))
            return false;
    }
    return true;
}

static bool has_namespace(const struct socketio_server *server, struct str wanted) {
    struct str rest = server->options.namespaces, name;
    if (str_equal(wanted, STR("/")))
        return true;
    while (rest.len > 0) {
        str_cut(rest, ',', &name, &rest);
        if (str_equal(str_trim(name), wanted))
            return true;
    }
    return false;
}

/* ---- clients ---- */

static void arm_timer(struct socketio_client *client) {
    timer_arm(engine_loop(client->engine), &client->timer,
              client->server->options.connect_timeout_ms);
}

static void on_open(struct engine *engine, struct conn *conn, const struct http_request *request) {
    struct socketio_client *client = mem_zalloc(1, sizeof *client);
    client->server = engine_server_user(engine_server_of(engine));
    client->engine = engine;
    list_init(&client->sockets);
    engine_set_user(engine, client);
    timer_init(&client->timer, on_timer);
    arm_timer(client);
    if (client->server->ops->on_open != NULL)
        client->server->ops->on_open(client, conn, request);
}

static bool has_joined(const struct socketio_client *client) {
    return socketio_count(client) > 0;
}

static void on_timer(struct timer *timer) {
    struct socketio_client *client = CONTAINER_OF(timer, struct socketio_client, timer);
    if (!has_joined(client))
        socketio_close(client, WS_CLOSE_NORMAL, STR("no namespace was joined"));
}

static void drop_partial(struct socketio_client *client) {
    if (client->partial == NULL)
        return;
    buf_finish(&client->partial->text);
    buf_finish(&client->partial->bytes);
    mem_free(client->partial);
    client->partial = NULL;
}

void socketio_close(struct socketio_client *client, uint16_t code, struct str reason) {
    engine_close(client->engine, code, reason);
}

/* The client broke the protocol: Socket.IO's answer to that is the end. */
static void fail(struct socketio_client *client) {
    engine_close(client->engine, WS_CLOSE_PROTOCOL_ERROR, STR("not a Socket.IO packet"));
}

/* ---- sockets ---- */

static struct socketio_socket *find_socket(struct socketio_client *client, struct str nsp) {
    LIST_EACH(&client->sockets, link) {
        struct socketio_socket *socket = CONTAINER_OF(link, struct socketio_socket, link);
        if (str_equal(socketio_namespace(socket), nsp))
            return socket;
    }
    return NULL;
}

static struct socketio_socket *add_socket(struct socketio_client *client, struct str nsp) {
    struct socketio_socket *socket = mem_zalloc(1, sizeof *socket + nsp.len);
    socket->client = client;
    socket->nsp_length = (uint8_t)nsp.len;
    memcpy(socket->nsp, nsp.ptr, nsp.len);
    list_init(&socket->acks);
    list_push_back(&client->sockets, &socket->link);
    return socket;
}

static void free_if_over(struct socketio_socket *socket) {
    if (socket->client == NULL && socket->holds == 0)
        mem_free(socket);
}

void socketio_hold(struct socketio_socket *socket) {
    socket->holds++;
    CHECK(socket->holds != 0);
}

void socketio_release(struct socketio_socket *socket) {
    CHECK(socket->holds > 0);
    socket->holds--;
    free_if_over(socket);
}

static void end_wait(struct socketio_socket *socket) {
    struct socketio_wait *wait = socket->wait;
    if (wait == NULL)
        return;
    socket->wait = NULL;
    timer_disarm(&wait->timer);
    wait->wake(wait);
}

static void on_wait_timer(struct timer *timer) {
    end_wait(CONTAINER_OF(timer, struct socketio_wait, timer)->socket);
}

void socketio_wait(struct socketio_socket *socket, struct socketio_wait *wait, uint64_t delay_ms) {
    CHECK(socket->state == SOCKETIO_ASKING && socket->wait == NULL);
    socket->wait = wait;
    wait->socket = socket;
    timer_init(&wait->timer, on_wait_timer);
    timer_arm(engine_loop(socket->client->engine), &wait->timer, delay_ms);
}

/* It is over: the layer above hears of it in the next turn. */
static void leave(struct socketio_socket *socket) {
    struct socketio_client *client = socket->client;
    bool had_joined = socket->state == SOCKETIO_JOINED;
    if (socket->state >= SOCKETIO_LEAVING)
        return;
    socket->state = SOCKETIO_LEAVING;
    if (client->partial != NULL && client->partial->socket == socket)
        client->partial->socket = NULL; /* its attachments still come */
    if (had_joined && !has_joined(client))
        arm_timer(client);
    engine_call_later(client->engine);
}

static void finish_leaving(struct socketio_socket *socket) {
    if (socket->state == SOCKETIO_LEFT)
        return;
    socket->state = SOCKETIO_LEFT;
    end_wait(socket);
    socketio_drop_acks(socket);
    if (socket->client->server->ops->on_disconnect != NULL)
        socket->client->server->ops->on_disconnect(socket);
}

static void remove_socket(struct socketio_socket *socket) {
    finish_leaving(socket);
    list_remove(&socket->link);
    socket->client = NULL;
    free_if_over(socket);
}

static void on_later(struct engine *engine) {
    struct socketio_client *client = engine_user(engine);
    LIST_EACH(&client->sockets, link) {
        struct socketio_socket *socket = CONTAINER_OF(link, struct socketio_socket, link);
        if (socket->state == SOCKETIO_LEAVING)
            finish_leaving(socket);
    }
}

static void on_engine_close(struct engine *engine) {
    struct socketio_client *client = engine_user(engine);
    timer_disarm(&client->timer);
    LIST_EACH(&client->sockets, link) {
        struct socketio_socket *socket = CONTAINER_OF(link, struct socketio_socket, link);
        if (socket->state < SOCKETIO_LEAVING)
            socket->state = SOCKETIO_LEAVING;
    }
    drop_partial(client);
    while (!list_is_empty(&client->sockets))
        remove_socket(CONTAINER_OF(client->sockets.next, struct socketio_socket, link));
    if (client->server->ops->on_close != NULL)
        client->server->ops->on_close(client);
    mem_free(client);
}

static void on_drain(struct engine *engine) {
    struct socketio_client *client = engine_user(engine);
    if (client->server->ops->on_drain == NULL)
        return;
    LIST_EACH(&client->sockets, link) {
        struct socketio_socket *socket = CONTAINER_OF(link, struct socketio_socket, link);
        if (socket->state == SOCKETIO_JOINED)
            client->server->ops->on_drain(socket);
    }
}

/* ---- joining ---- */

static void send_control(struct socketio_client *client, enum socketio_type type, struct str nsp,
                         struct str data) {
    struct buf text = BUF_INIT;
    socketio_append_head(&text,
                         &(struct socketio_packet){.type = type, .nsp = nsp, .id = SOCKETIO_NO_ID});
    buf_append_str(&text, data);
    engine_send_text(client->engine, buf_str(&text));
    buf_finish(&text);
}

static void take_connect(struct socketio_client *client, const struct socketio_packet *packet) {
    if (!has_namespace(client->server, packet->nsp)) {
        send_control(client, SOCKETIO_CONNECT_ERROR, packet->nsp,
                     STR("{\"message\":\"Invalid namespace\"}"));
        return;
    }
    struct socketio_socket *socket = find_socket(client, packet->nsp);
    if (socket != NULL && socket->state < SOCKETIO_LEAVING)
        return; /* asked twice: connect() of the client library does so where it is called twice */
    if (socket != NULL)
        remove_socket(socket); /* an earlier stay in the namespace */
    client->server->ops->on_connect(add_socket(client, packet->nsp), packet->data);
}

void socketio_accept(struct socketio_socket *socket, struct str pid) {
    uint8_t secret[SOCKETIO_SID_BYTES];
    char sid[SOCKETIO_SID_CHARS + 1];
    struct buf data = BUF_INIT;
    if (socket->state != SOCKETIO_ASKING)
        return;
    random_bytes(secret, sizeof secret);
    text_base64url_encode(secret, sizeof secret, sid);
    socket->state = SOCKETIO_JOINED;
    timer_disarm(&socket->client->timer);
    buf_appendf(&data, "{\"sid\":\"%s\"", sid);
    if (pid.len > 0)
        buf_appendf(&data, ",\"pid\":\"%.*s\"", STR_ARG(pid));
    buf_append_char(&data, '}');
    send_control(socket->client, SOCKETIO_CONNECT, socketio_namespace(socket), buf_str(&data));
    buf_finish(&data);
}

void socketio_refuse(struct socketio_socket *socket, struct str message, struct str data) {
    struct buf error = BUF_INIT;
    if (socket->state != SOCKETIO_ASKING)
        return;
    buf_append_cstr(&error, "{\"message\":");
    encode_string(&error, message);
    if (data.len > 0)
        buf_appendf(&error, ",\"data\":%.*s", STR_ARG(data));
    buf_append_char(&error, '}');
    send_control(socket->client, SOCKETIO_CONNECT_ERROR, socketio_namespace(socket),
                 buf_str(&error));
    buf_finish(&error);
    leave(socket);
}

void socketio_disconnect(struct socketio_socket *socket) {
    if (socket->state != SOCKETIO_JOINED)
        return;
    send_control(socket->client, SOCKETIO_DISCONNECT, socketio_namespace(socket), STR_EMPTY);
    leave(socket);
}

/* ---- events and acknowledgements ---- */

static void hand_up(struct socketio_socket *socket, const struct socketio_packet *packet,
                    const struct socketio_args *args) {
    if (socket == NULL || socket->state != SOCKETIO_JOINED)
        return;
    if (packet->type == SOCKETIO_EVENT || packet->type == SOCKETIO_BINARY_EVENT)
        socket->client->server->ops->on_event(socket, args, packet->id);
    else
        socketio_take_ack(socket, packet->id, args);
}

/* Keeps the packet's text until its attachments are there. */
static void await_attachments(struct socketio_client *client, struct socketio_socket *socket,
                              const struct socketio_packet *packet, struct str text) {
    client->partial = mem_zalloc(1, sizeof *client->partial);
    client->partial->socket = socket;
    client->partial->wanted = packet->attachments;
    buf_append_str(&client->partial->text, text);
}

static void finish_partial(struct socketio_client *client) {
    struct socketio_partial *partial = client->partial;
    struct socketio_packet packet;
    struct str binary[SOCKETIO_ATTACHMENTS_MAX];
    uint32_t from = 0;
    CHECK(socketio_parse(buf_str(&partial->text), &packet)); /* as it did before */
    client->partial = NULL;
    for (unsigned i = 0; i < partial->have; i++) {
        binary[i] = str_slice(buf_str(&partial->bytes), from, partial->ends[i]);
        from = partial->ends[i];
    }
    hand_up(partial->socket, &packet, &(struct socketio_args){packet.data, binary, partial->have});
    json_decref(packet.data);
    buf_finish(&partial->text);
    buf_finish(&partial->bytes);
    mem_free(partial);
}

static void take_attachment(struct socketio_client *client, struct str data) {
    struct socketio_partial *partial = client->partial;
    size_t limit = client->server->options.engine.max_payload_bytes;
    if (partial == NULL || partial->bytes.len + data.len > limit) {
        fail(client);
        return;
    }
    buf_append_str(&partial->bytes, data);
    partial->ends[partial->have++] = (uint32_t)partial->bytes.len;
    if (partial->have == partial->wanted)
        finish_partial(client);
}

/* A packet for a namespace that the client is in, or has been in a moment ago. */
static void take_packet(struct socketio_client *client, const struct socketio_packet *packet,
                        struct str text) {
    struct socketio_socket *socket = find_socket(client, packet->nsp);
    if (packet->type == SOCKETIO_CONNECT)
        take_connect(client, packet);
    else if (socket != NULL && packet->type == SOCKETIO_DISCONNECT)
        leave(socket);
    else if (socket == NULL || socket->state == SOCKETIO_ASKING)
        fail(client);
    else if (packet->attachments > 0)
        await_attachments(client, socket, packet, text);
    else
        hand_up(socket, packet, &(struct socketio_args){.json = packet->data});
}

static void on_message(struct engine *engine, bool is_text, struct str data) {
    struct socketio_client *client = engine_user(engine);
    struct socketio_packet packet;
    if (!is_text) {
        take_attachment(client, data);
    } else if (client->partial != NULL || !socketio_parse(data, &packet)) {
        fail(client);
    } else {
        take_packet(client, &packet, data);
        json_decref(packet.data);
    }
}

static const struct engineio_ops engine_ops = {.on_open = on_open,
                                               .on_message = on_message,
                                               .on_drain = on_drain,
                                               .on_later = on_later,
                                               .on_close = on_engine_close};
