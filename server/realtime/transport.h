/* A transport: how a session's packets and replies travel. One file each implements it; the session
 * calls it and knows no socket. Thread: the session's loop. */
#pragma once
#include "base/str.h"
#include "realtime/packet.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct audience;

/* Close codes of the WebSocket transport; the others carry them in their own way. 4000–4499:
 * reconnect (and resume); 4500–4999: do not, until a person acts. */
enum close_code {
    CLOSE_GOING_AWAY = 4000,    /* the server stops or restarts; the reason says retry_after=MS */
    CLOSE_SLOW = 4001,          /* queue_bytes were waiting: read faster, or resume */
    CLOSE_SILENT = 4002,        /* pings went unanswered */
    CLOSE_RECONNECT = 4003,     /* rights changed: connect again */
    CLOSE_SIGNED_OUT = 4500,    /* the session ended, or the person was disabled */
    CLOSE_NOT_SIGNED_IN = 4501, /* nobody signed in within the time given */
    CLOSE_TOO_MANY = 4502,      /* the person has too many connections */
};

struct transport {
    const char *name;
    bool is_two_way; /* the peer answers pings: its silence tells something */
    /* Queues one packet. `audience`: who gets it, for buffers shared by many; may be NULL. */
    void (*send_packet)(struct session *session, struct packet *packet, struct audience *audience);
    /* Queues one JSON text: a reply. */
    void (*send_json)(struct session *session, struct str json);
    /* Queues an event that is no packet: its envelope, and what stands in it. */
    void (*send_event)(struct session *session, struct str name, struct str cursor,
                       struct str envelope);
    size_t (*queued_bytes)(const struct session *session);
    /* Forgets what was not begun to be sent. */
    void (*drop_unsent)(struct session *session);
    /* The peer's address, 16 bytes. */
    const uint8_t *(*peer)(const struct session *session);
    /* Somebody signed in: its connection counts no more among its address's. */
    void (*set_known)(struct session *session);
    void (*ping)(struct session *session);
    /* Begins closing; the session's on-close comes later. */
    void (*close)(struct session *session, enum close_code code, struct str reason);
};

/* ---- transport.c: what more than one of them needs ---- */

struct buf;
struct conn;

/* The envelope of the event that says why a session is closed, where no close frame does. */
void transport_append_closed(struct buf *out, enum close_code code, struct str reason);
/* For transports whose `below` is a connection, whose user is the session. */
void transport_conn_on_drain(struct conn *conn);
void transport_conn_on_close(struct conn *conn);
size_t transport_conn_queued_bytes(const struct session *session);
void transport_conn_drop_unsent(struct session *session);
const uint8_t *transport_conn_peer(const struct session *session);
void transport_conn_set_known(struct session *session);

extern const struct transport transport_websocket;
extern const struct transport transport_sse;
extern const struct transport transport_socketio;
