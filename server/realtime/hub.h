/* The hub: the sessions of one loop, by audience. It tails the ring and gives each session what is
 * addressed to it.
 *
 * Thread: its loop, but for hub_wake. Owner: main. */
#pragma once
#include "base/check.h"
#include "realtime/ring.h"
#include "realtime/session.h"

struct loop;
struct store;
struct mail;

struct hub_options {
    struct ring *ring;
    struct store *store; /* pages of the log are read here */
    const struct session_ops *ops;
    unsigned loops;                  /* of the node, each with a hub; 0: 1 */
    size_t queue_bytes;              /* of one session */
    unsigned connections_per_person; /* on the node; 0: no limit */
    uint64_t ping_after_ms;          /* silence until a ping is sent */
    uint64_t silence_timeout_ms;     /* silence until the session is closed */
    uint64_t heartbeat_ms;           /* quiet until a heartbeat with a fresh cursor is sent */
    uint64_t unauthenticated_timeout_ms;
};

struct hub;

struct hub *hub_create(struct loop *loop, const struct hub_options *options);
/* After its sessions are gone and its loop has ended. */
void hub_destroy(struct hub *hub);
/* New packets are in the ring. Any thread. Many calls before the loop turns are one wake-up: true
 * for the call that wakes. */
bool hub_wake(struct hub *hub);
/* True: delivering is held up after a costly fan-out, and the mail runs when that is over, after
 * the events that were committed before it was posted: an answer then goes out in one write with
 * its own event. False: nothing is held up, and nothing has happened to the mail. `hub` may be
 * NULL. On the loop. */
bool hub_run_after_delivery(struct hub *hub, struct mail *take_mail);
/* Takes no more requests, and closes every session with CLOSE_GOING_AWAY and a jittered retry_after
 * of up to `spread_ms` as soon as the requests in hand are answered. On the loop. */
void hub_drain(struct hub *hub, uint64_t spread_ms);
size_t hub_session_count(const struct hub *hub);
