/* The inside of an engine, shared by engine.c (life, sending, heartbeat), engine_poll.c (requests)
 * and engine_socket.c (WebSocket, upgrade). Thread: the engine's loop. */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"
#include "realtime/engine.h"

/* The number of the server as two hex digits, then 128 random bits as base64url. */
enum { ENGINE_SID_CHARS = 2 + 22, ENGINE_SECRET_BYTES = 16 };

enum engine_state {
    ENGINE_OPEN,
    ENGINE_LAST_WORDS, /* closed from above: a poll may still fetch what waits */
    ENGINE_CLOSED,     /* on_close is due, then it is freed */
};

struct engine {
    struct list link;       /* in server->engines */
    struct list later_link; /* in server->later */
    struct engine_server *server;
    void *user;
    struct conn *socket; /* the WebSocket; NULL while it polls */
    struct conn *probe;  /* a WebSocket that the client may go over to */
    struct conn *poll;   /* waits for its answer */
    struct http_request *poll_request;
    struct blob **queue; /* frames that wait for a poll */
    uint32_t queue_count, queue_cap;
    size_t queued_bytes;
    struct timer timer;
    uint64_t ping_due_ms; /* loop time: of the next ping, or of the one whose pong is awaited */
    uint64_t probe_due_ms, close_due_ms;
    uint8_t state; /* enum engine_state */
    bool awaits_pong;
    bool is_known;  /* somebody signed in on it */
    bool is_probed; /* the client has asked whether the WebSocket works */
    bool wants_call;
    uint8_t peer[16];
    char sid[ENGINE_SID_CHARS + 1];
};

struct engine_server {
    struct loop *loop;
    struct net *net;
    struct engineio_options options;
    const struct engineio_ops *ops;
    struct engine_group *group;
    unsigned number; /* in the group */
    void *user;
    struct strmap by_sid;
    struct list engines;
    size_t engine_count;
    struct list later; /* engines with something to be done in the next turn */
    struct mail mail;  /* brings that turn about */
    bool is_posted;
};

/* engine.c: a fresh one; NULL when there are too many. */
struct engine *engine_create(struct engine_server *server, const struct http_request *request);
/* The engine of that sid, unless its time is up. */
struct engine *engine_find(struct engine_server *server, struct str sid);
/* It is over at once: a pending poll is answered with one packet of this type, WebSockets are
 * closed. */
void engine_end(struct engine *engine, enum engineio_type last);
/* Something is to be done in the next turn. */
void engine_touch(struct engine *engine);
/* What came from the client, by either way. False when it ends the engine. */
bool engine_take_packet(struct engine *engine, const struct engineio_packet *packet) MUST_CHECK;
void engine_arm_timer(struct engine *engine);
void engine_append_handshake(const struct engine *engine, bool can_upgrade, struct buf *json);

/* engine_poll.c: answers the pending poll with what waits, or with one packet of this type. */
void engine_answer_poll(struct engine *engine, enum engineio_type otherwise);

/* engine_socket.c */
/* A WebSocket opens an engine. Takes the request. */
void engine_open_socket(struct engine_server *server, struct conn *conn,
                        struct http_request *take_request);
/* A WebSocket for an engine that is there: a probe, or too much. Takes the request. */
void engine_open_probe(struct engine *engine, struct conn *conn, struct http_request *take_request);
/* Lets go of the WebSocket, if there is one, and closes it. */
void engine_close_socket(struct conn **socket, uint16_t code, struct str reason);
