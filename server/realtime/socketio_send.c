/* What goes out by a socket, and what it is asked about. */
#include "realtime/socketio_state.h"

#include "base/mem.h"

/* An emit whose acknowledgement is awaited. */
struct ack {
    struct list link; /* in socket->acks */
    int64_t id;
    socketio_on_ack *on_ack;
    void *arg;
};

/* ---- sending ---- */

static void send_packet(struct socketio_socket *socket, struct socketio_packet packet,
                        struct str args, const struct str *binary, unsigned binary_count) {
    struct buf text = BUF_INIT;
    if (socket->state != SOCKETIO_JOINED)
        return;
    packet.nsp = socketio_namespace(socket);
    packet.attachments = binary_count;
    socketio_append_head(&text, &packet);
    buf_append_str(&text, args);
    engine_send_text(socket->client->engine, buf_str(&text));
    buf_finish(&text);
    for (unsigned i = 0; i < binary_count; i++)
        engine_send_binary(socket->client->engine, binary[i]);
}

void socketio_emit(struct socketio_socket *socket, struct str args, const struct str *binary,
                   unsigned binary_count) {
    enum socketio_type type = binary_count > 0 ? SOCKETIO_BINARY_EVENT : SOCKETIO_EVENT;
    send_packet(socket, (struct socketio_packet){.type = type, .id = SOCKETIO_NO_ID}, args, binary,
                binary_count);
}

void socketio_acknowledge(struct socketio_socket *socket, int64_t ack, struct str args,
                          const struct str *binary, unsigned binary_count) {
    enum socketio_type type = binary_count > 0 ? SOCKETIO_BINARY_ACK : SOCKETIO_ACK;
    if (ack != SOCKETIO_NO_ID)
        send_packet(socket, (struct socketio_packet){.type = type, .id = ack}, args, binary,
                    binary_count);
}

void socketio_send_frame(struct socketio_socket *socket, struct blob *frame) {
    if (socket->state == SOCKETIO_JOINED)
        engine_send_frame(socket->client->engine, frame);
}

size_t socketio_queued_bytes(const struct socketio_socket *socket) {
    return socket->client != NULL ? engine_queued_bytes(socket->client->engine) : 0;
}

void socketio_drop_unsent(struct socketio_socket *socket) {
    if (socket->client != NULL)
        engine_drop_unsent(socket->client->engine);
}

/* ---- acknowledgements of the client ---- */

bool socketio_emit_asking(struct socketio_socket *socket, struct str args, socketio_on_ack *on_ack,
                          void *arg) {
    if (socket->state != SOCKETIO_JOINED || socket->ack_count == SOCKETIO_ACKS_MAX)
        return false;
    struct ack *ack = mem_zalloc(1, sizeof *ack);
    *ack = (struct ack){.id = socket->next_ack++, .on_ack = on_ack, .arg = arg};
    list_push_back(&socket->acks, &ack->link);
    socket->ack_count++;
    send_packet(socket, (struct socketio_packet){.type = SOCKETIO_EVENT, .id = ack->id}, args, NULL,
                0);
    return true;
}

static void call_ack(struct socketio_socket *socket, struct ack *take_ack,
                     const struct socketio_args *args) {
    list_remove(&take_ack->link);
    socket->ack_count--;
    take_ack->on_ack(take_ack->arg, args);
    mem_free(take_ack);
}

void socketio_take_ack(struct socketio_socket *socket, int64_t id,
                       const struct socketio_args *args) {
    LIST_EACH(&socket->acks, link) {
        struct ack *ack = CONTAINER_OF(link, struct ack, link);
        if (ack->id == id) {
            call_ack(socket, ack, args);
            return;
        }
    }
}

void socketio_drop_acks(struct socketio_socket *socket) {
    while (!list_is_empty(&socket->acks))
        call_ack(socket, CONTAINER_OF(socket->acks.next, struct ack, link), NULL);
}

/* ---- what it is ---- */

void *socketio_user(const struct socketio_socket *socket) {
    return socket->user;
}

void socketio_set_user(struct socketio_socket *socket, void *user) {
    socket->user = user;
}

struct socketio_client *socketio_client_of(const struct socketio_socket *socket) {
    return socket->client;
}

struct str socketio_namespace(const struct socketio_socket *socket) {
    return str_make(socket->nsp, socket->nsp_length);
}

bool socketio_is_there(const struct socketio_socket *socket) {
    return socket->state < SOCKETIO_LEAVING;
}

bool socketio_has_joined(const struct socketio_socket *socket) {
    return socket->state == SOCKETIO_JOINED;
}

size_t socketio_count(const struct socketio_client *client) {
    size_t count = 0;
    LIST_EACH(&client->sockets, link) {
        const struct socketio_socket *socket = CONTAINER_OF(link, struct socketio_socket, link);
        count += socket->state == SOCKETIO_JOINED;
    }
    return count;
}

void *socketio_client_user(const struct socketio_client *client) {
    return client->user;
}

void socketio_client_set_user(struct socketio_client *client, void *user) {
    client->user = user;
}

struct loop *socketio_client_loop(const struct socketio_client *client) {
    return engine_loop(client->engine);
}

void socketio_client_set_known(struct socketio_client *client) {
    engine_set_known(client->engine);
}

const uint8_t *socketio_client_peer(const struct socketio_client *client) {
    return engine_peer(client->engine);
}
