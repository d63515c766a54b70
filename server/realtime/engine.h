/* Engine.IO 4 sessions: one client that comes by HTTP long-polling, by a WebSocket, or first by the
 * one and then by the other.
 *
 * Thread: an engine lives on the loop of its server; every function here is called there. Its sid,
 * 128 random bits, names that loop, so that whichever loop accepts one of its requests moves the
 * connection over (conn_move). Owner: the server; whoever is above holds a pointer from on_open
 * until on_close has returned. The sid is a secret and dies with its engine.
 *
 * What is sent waits here while no poll asks for it, and in the connection once there is a
 * WebSocket; both are counted by engine_queued_bytes. Answers to polls are made in a turn of their
 * own, so that what one turn sends goes out together. */
#pragma once
#include "net/conn.h"
#include "net/net.h"
#include "realtime/engineio.h"

struct engine;
struct engine_server;

/* What the layer above gets called with, on the engine's loop. */
struct engineio_ops {
    /* A client has opened one; `request` is borrowed for the call. */
    void (*on_open)(struct engine *engine, struct conn *conn, const struct http_request *request);
    /* One whole message: text is valid UTF-8. `data` is borrowed for the call. */
    void (*on_message)(struct engine *engine, bool is_text, struct str data);
    /* What waited has gone out. */
    void (*on_drain)(struct engine *engine);
    /* Asked for by engine_call_later, in the next turn. */
    void (*on_later)(struct engine *engine);
    /* It is over, for whatever reason: the last call. Never called from within another one. */
    void (*on_close)(struct engine *engine);
};

struct engineio_options {
    uint64_t ping_interval_ms, ping_timeout_ms;
    uint64_t upgrade_timeout_ms; /* from a WebSocket's opening to the client's going over to it */
    /* What a client may post or send at once, as it is told, and the mark for the answer to one
     * poll. The net's own_body_bytes and own_message_bytes are to be the same. */
    size_t max_payload_bytes;
    size_t max_engines; /* on this loop */
    /* A client that has twice as much waiting for it, and has still more coming, is cut: the layer
     * above should have closed it before. */
    size_t queue_bytes;
    /* Adds header lines (CORS) to the answer to a request; may be NULL. */
    void (*append_headers)(struct conn *conn, const struct http_request *request,
                           struct buf *headers);
};

enum { ENGINE_SERVERS_MAX = 256 };
/* The servers of all loops, by the number that their sids begin with. Filled before the loops
 * start, then read by all. */
struct engine_group {
    struct engine_server *servers[ENGINE_SERVERS_MAX];
    size_t count;
};

/* `ops` and `group` are borrowed for ever; the server joins the group. */
struct engine_server *engine_server_create(struct loop *loop, struct net *net,
                                           const struct engineio_options *options,
                                           const struct engineio_ops *ops,
                                           struct engine_group *group);
/* Ends all engines. After their connections are gone and the loop has ended; before the net goes.
 */
void engine_server_destroy(struct engine_server *take_server);
void *engine_server_user(const struct engine_server *server);
void engine_server_set_user(struct engine_server *server, void *user);

/* Answers one HTTP request to Engine.IO's path: takes it. `server` is that of the connection's
 * loop. Refuses what is wrong with 400 and the documented code. */
void engine_answer(struct engine_server *server, struct conn *conn,
                   struct http_request *take_request);
/* Refuses a request before it reaches an engine. The request stays the caller's. */
void engine_refuse(struct engine_server *server, struct conn *conn,
                   const struct http_request *request, int status, enum engineio_error error);

void *engine_user(const struct engine *engine);
void engine_set_user(struct engine *engine, void *user);
struct engine_server *engine_server_of(const struct engine *engine);
struct loop *engine_loop(const struct engine *engine);
/* The address that opened it: 16 bytes, IPv4 as v4-mapped. */
const uint8_t *engine_peer(const struct engine *engine);
bool engine_is_open(const struct engine *engine);
/* Somebody signed in on it: its connections count no more among their address's
 * (conn_set_known), those to come neither. */
void engine_set_known(struct engine *engine);

/* Queues a message; nothing happens once it is closed. Ask engine_queued_bytes() before: beyond
 * twice queue_bytes the engine ends. */
void engine_send_text(struct engine *engine, struct str text);
void engine_send_binary(struct engine *engine, struct str data);
/* A frame of engineio_frame(), for many engines; takes a reference of its own. */
void engine_send_frame(struct engine *engine, struct blob *frame);
size_t engine_queued_bytes(const struct engine *engine);
/* Forgets what was not begun to be sent. */
void engine_drop_unsent(struct engine *engine);
void engine_call_later(struct engine *engine);
/* Sends what is queued and closes: a WebSocket with this code and reason, a poller with a close
 * packet in the poll after that, for which it has ENGINE_CLOSE_WAIT_MS. (Together with messages it
 * would be taken first: the client library hands those on a tick later.) */
enum { ENGINE_CLOSE_WAIT_MS = 5000 };
void engine_close(struct engine *engine, uint16_t code, struct str reason);
