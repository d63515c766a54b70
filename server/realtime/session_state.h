/* What hub.c, session.c and the transports share of a session; nobody above includes this. Thread:
 * the loop of the hub. */
#pragma once
#include "base/list.h"
#include "loop/timer.h"
#include "realtime/hub.h"
#include "realtime/session.h"
#include <stddef.h>

enum session_state {
    SESSION_NEW,         /* nobody signed in */
    SESSION_SIGNED_IN,   /* no events yet */
    SESSION_CATCHING_UP, /* reads pages of the log from `pos` */
    SESSION_LIVE,        /* tails the ring with its hub */
    SESSION_ENDING,      /* signed out: what is away is still answered, nothing else */
    SESSION_CLOSED,
};

/* Where a session stands in an audience's members, so that it can be taken out in one step. */
struct subscription {
    struct audience *audience;
    uint32_t index;
    int64_t from_seq; /* log_open_room; 0 for other audiences */
};

struct session {
    /* What a delivery needs comes first: the hub has it fetched ahead (hub.c). */
    struct list link; /* in hub->sessions */
    struct hub *hub;
    const struct transport *transport;
    void *below; /* the transport's object: a struct conn */
    int64_t
        pos; /* everything up to here was queued (CATCHING_UP), or is not to be sent again (LIVE) */
    uint32_t last_event_ms, last_alive_ms; /* loop time, cut to 32 bits: differences only */
    uint16_t holds;                        /* requests away */
    uint8_t state;                         /* enum session_state */
    bool start_claimed;                    /* session.start is on its way, or was answered */
    bool page_away;                        /* a page of the log is being read */
    bool wants_page;                       /* the next one is read when the queue has drained */
    bool hears_workspace;                  /* its events are for this session */
    uint16_t end_code;                     /* ENDING: enum close_code */
    struct session_identity identity;
    struct subscription *subscriptions;
    uint32_t subscription_count, subscription_cap;
    int64_t *only; /* keys of the rooms that it wants, NULL: all */
    uint32_t only_count;
    struct timer timer;
};
_Static_assert(offsetof(struct session, end_code) <= 64, "what a delivery needs is one cache line");

/* An audience that has sessions on this loop, and the bytes that they share. */
/* Frames one behind the other that are sent by reference. */
struct room_buffer {
    struct blob *chunk; /* or NULL */
    uint64_t delivery;  /* which of the hub's deliveries was appended last */
    uint32_t from;      /* where that stands */
};
struct audience {
    int64_t key;
    struct session **members; /* NULL of the workspace, whose are hub->sessions */
    uint32_t count, cap;
    /* transport_websocket.c: for members that read plain frames, and those that read compressed
     * ones */
    struct room_buffer plain, deflated;
};

/* session.c, for the transports */
struct session *session_open(struct hub *hub, const struct transport *transport, void *below);
void session_on_message(struct session *session, struct str text);
void session_on_alive(struct session *session);
void session_on_drain(struct session *session);
/* The transport is gone: leaves the hub; freed when nobody holds it. */
void session_on_closed(struct session *session);

/* session.c, for hub.c */
/* Whether the stream is to have the events of this room. */
bool session_wants_room(const struct session *session, int64_t room);
void session_deliver(struct session *session, struct packet *packet, struct audience *audience);
/* Its sign-in is over: closed as soon as the requests that are away were answered (whoever signs
 * out by a socket hears that it worked), at the latest after SESSION_END_WAIT_MS. */
enum { SESSION_END_WAIT_MS = 500 };
void session_end(struct session *session, enum close_code code);
/* The ring went on without it: pages of the log from `pos` on. */
void session_fall_behind(struct session *session, int64_t pos);

/* hub.c, for session.c */
void hub_subscribe(struct session *session, int64_t audience_key, int64_t from_seq);
void hub_subscribe_workspace(struct session *session);
void hub_unsubscribe(struct session *session, int64_t audience_key);
void hub_unsubscribe_all(struct session *session);
/* While the hub drains: the session's last request was answered, now it is closed. */
void hub_close_drained(struct session *session);
/* Acts on room.joined, room.left and session.ended where they stand in the stream. */
void hub_apply(struct session *session, const struct packet *packet);
/* True when the packet is for this session: audience, role. */
bool hub_is_addressed(const struct session *session, const struct packet *packet);
