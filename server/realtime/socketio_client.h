/* Socket.IO on an engine: a client is one connection, and each namespace that it has joined is a
 * socket of it, with a life of its own.
 *
 * Thread: the engine's loop. Owner: the server; whoever is above holds a pointer to a socket from
 * on_connect until on_disconnect has returned, and longer only with socketio_hold(). The layer
 * above decides about each namespace that a client asks for, at once or later; it knows no packet.
 *
 * A client that sends what is no packet, speaks for a namespace that it has not joined, or has
 * joined none for connect_timeout_ms is closed. */
#pragma once
#include "loop/timer.h"
#include "realtime/engine.h"
#include "realtime/socketio.h"

struct socketio_client;
struct socketio_server;
struct socketio_socket;

/* Arguments of an event or acknowledgement, as they came. */
struct socketio_args {
    json_t *json; /* an array, binary arguments placeholders in it; NULL: of an event whose
                     arguments could not be read */
    const struct str *binary; /* what the placeholders stand for */
    unsigned binary_count;
};

/* What the layer above gets called with; all but on_connect and on_event may be NULL. */
struct socketio_ops {
    /* A client came; `request` is borrowed for the call. */
    void (*on_open)(struct socketio_client *client, struct conn *conn,
                    const struct http_request *request);
    /* It asks for a namespace that is there, with this payload (any JSON, or NULL), borrowed: to be
     * answered with socketio_accept or socketio_refuse. */
    void (*on_connect)(struct socketio_socket *socket, json_t *auth);
    /* `args` holds the name first, or nothing that could be read; `ack` is the id to acknowledge
     * with, or SOCKETIO_NO_ID. All borrowed for the call. */
    void (*on_event)(struct socketio_socket *socket, const struct socketio_args *args, int64_t ack);
    /* What waited has gone out. */
    void (*on_drain)(struct socketio_socket *socket);
    /* The socket is over: the last call, never from within another one. */
    void (*on_disconnect)(struct socketio_socket *socket);
    /* The client is gone, after its sockets. */
    void (*on_close)(struct socketio_client *client);
};

struct socketio_options {
    struct engineio_options engine;
    /* Namespaces beside "/", parted by commas; borrowed for ever. */
    struct str namespaces;
    uint64_t connect_timeout_ms;
};

/* One a loop; the engines under it join the group. `ops` is borrowed for ever. */
struct socketio_server *socketio_server_create(struct loop *loop, struct net *net,
                                               const struct socketio_options *options,
                                               const struct socketio_ops *ops,
                                               struct engine_group *group);
/* As engine_server_destroy. */
void socketio_server_destroy(struct socketio_server *take_server);
/* Answers one HTTP request to the path: takes it. */
void socketio_answer(struct socketio_server *server, struct conn *conn,
                     struct http_request *take_request);
/* For refusing before that. */
struct engine_server *socketio_engines(struct socketio_server *server);
/* Whether a list of namespaces can be one: each begins with '/', is short and of plain letters. */
bool socketio_namespaces_are_valid(struct str namespaces);

void *socketio_client_user(const struct socketio_client *client);
void socketio_client_set_user(struct socketio_client *client, void *user);
struct loop *socketio_client_loop(const struct socketio_client *client);
/* engine_set_known() of its engine. */
void socketio_client_set_known(struct socketio_client *client);
const uint8_t *socketio_client_peer(const struct socketio_client *client);
/* Sends what is queued and closes the connection, all its sockets with it. */
void socketio_close(struct socketio_client *client, uint16_t code, struct str reason);

void *socketio_user(const struct socketio_socket *socket);
void socketio_set_user(struct socketio_socket *socket, void *user);
struct socketio_client *socketio_client_of(const struct socketio_socket *socket);
struct str socketio_namespace(const struct socketio_socket *socket);
/* False once it was refused or is over; then sending does nothing. */
bool socketio_is_there(const struct socketio_socket *socket);
/* It was accepted, and is there. */
bool socketio_has_joined(const struct socketio_socket *socket);
/* Keeps the struct alive while a request is away; its client may be gone meanwhile. */
void socketio_hold(struct socketio_socket *socket);
void socketio_release(struct socketio_socket *socket);

/* Whoever has no answer to on_connect yet, and waits for a better moment: in memory of his own,
 * until `wake` is called. */
struct socketio_wait {
    void (*wake)(struct socketio_wait *wait);
    struct socketio_socket *socket;
    struct timer timer;
};
/* Calls `wake` once: after delay_ms, or as soon as the socket is over (socketio_is_there() is false
 * then). One a socket at a time. */
void socketio_wait(struct socketio_socket *socket, struct socketio_wait *wait, uint64_t delay_ms);

/* Joins the namespace. `pid` (letters, digits, '-', '.', '_'; may be empty) names the session for
 * the recovery of its state. */
void socketio_accept(struct socketio_socket *socket, struct str pid);
/* CONNECT_ERROR; `data` is JSON, or empty. */
void socketio_refuse(struct socketio_socket *socket, struct str message, struct str data);
/* Tells the client that it is out of the namespace: it does not come back by itself. */
void socketio_disconnect(struct socketio_socket *socket);
/* Namespaces that the client has joined. */
size_t socketio_count(const struct socketio_client *client);

/* Called with the acknowledgement's arguments (borrowed), or with NULL when the socket ended
 * before. */
typedef void socketio_on_ack(void *arg, const struct socketio_args *args);
enum { SOCKETIO_ACKS_MAX = 64 }; /* emits of one socket that wait for their acknowledgement */

/* Emits an event: `args` is a JSON array, the name first, with a placeholder for each of `binary`.
 */
void socketio_emit(struct socketio_socket *socket, struct str args, const struct str *binary,
                   unsigned binary_count);
/* The same, and asks for an acknowledgement. False, and nothing is sent, when SOCKETIO_ACKS_MAX are
 * awaited. */
bool socketio_emit_asking(struct socketio_socket *socket, struct str args, socketio_on_ack *on_ack,
                          void *arg) MUST_CHECK;
/* Acknowledges an event of the client; `args` as above, without a name. */
void socketio_acknowledge(struct socketio_socket *socket, int64_t ack, struct str args,
                          const struct str *binary, unsigned binary_count);
/* A whole event as an Engine.IO frame, made for "/" and many sockets. */
void socketio_send_frame(struct socketio_socket *socket, struct blob *frame);
size_t socketio_queued_bytes(const struct socketio_socket *socket);
/* Forgets what waits for the whole client: it must be closed then, as other namespaces lose too. */
void socketio_drop_unsent(struct socketio_socket *socket);
