/* The inside of clients and sockets, shared by socketio_client.c (life, what comes) and
 * socketio_send.c. Thread: the engine's loop. */
#pragma once
#include "base/list.h"
#include "loop/loop.h"
#include "realtime/socketio_client.h"

enum { SOCKETIO_SID_BYTES = 15, SOCKETIO_SID_CHARS = 20 };

enum socketio_state {
    SOCKETIO_ASKING, /* on_connect was called, and not answered yet */
    SOCKETIO_JOINED,
    SOCKETIO_LEAVING, /* on_disconnect is due */
    SOCKETIO_LEFT, /* from here on only its name is kept: what was under way for it is no error */
};

struct socketio_socket {
    struct list link;               /* in client->sockets */
    struct socketio_client *client; /* NULL: gone */
    void *user;
    struct socketio_wait *wait; /* NULL: nobody waits */
    struct list acks;
    int64_t next_ack;
    uint16_t holds, ack_count;
    uint8_t state; /* enum socketio_state */
    uint8_t nsp_length;
    char nsp[];
};

/* An event or acknowledgement of which binary messages are still to come. */
struct socketio_partial {
    struct socketio_socket *socket; /* NULL: left meanwhile */
    struct buf text;  /* the packet, to be read again: its tree may take forty times the bytes */
    struct buf bytes; /* the attachments, one behind the other */
    uint32_t ends[SOCKETIO_ATTACHMENTS_MAX];
    unsigned have, wanted;
};

struct socketio_client {
    struct socketio_server *server;
    struct engine *engine;
    void *user;
    struct list sockets;
    struct socketio_partial *partial;
    struct timer timer; /* runs while no namespace is joined */
};

struct socketio_server {
    struct engine_server *engines;
    struct socketio_options options;
    const struct socketio_ops *ops;
};

/* socketio_send.c: takes the acknowledgement's callback out and calls it; an unknown id is
 * ignored. */
void socketio_take_ack(struct socketio_socket *socket, int64_t id,
                       const struct socketio_args *args);
void socketio_drop_acks(struct socketio_socket *socket);
