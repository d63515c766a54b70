/* The hub's inside, shared by hub.c and session.c. Thread: its loop. */
#pragma once
#include "base/map.h"
#include "loop/loop.h"
#include "realtime/hub.h"
#include "realtime/session_state.h"

struct hub {
    struct hub_options options;
    struct loop *loop;
    struct mail wake_mail;
    atomic_bool woken;
    struct map audiences;      /* key → struct audience */
    struct audience workspace; /* everybody who is signed in, but for its members' list */
    struct list sessions;
    size_t session_count;
    bool draining;
    uint32_t drain_spread_ms;
    uint64_t index;     /* of the next packet in the ring */
    int64_t pos;        /* stream position before it */
    uint64_t delivery;  /* counts packets delivered, from 1 */
    int64_t deliveries; /* to sessions, since METRIC_DELIVERIES was told */
    uint32_t check;     /* cursor check bits at pos */
    /* The pause after a costly fan-out (hub.c). */
    uv_timer_t hold;
    struct list held; /* mail that waits for its end */
    struct turn_end cost_hook;
    uint64_t began_ns;      /* of this turn's fan-out; 0: none */
    uint64_t hold_until_ns; /* nothing is delivered before */
};
