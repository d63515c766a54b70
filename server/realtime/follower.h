/* The follower: keeps a node's ring whole although the bus is a hint. It reads the log's head every
 * poll_ms, and what the fan-out misses from the log itself, one fetch at a time.
 *
 * Thread: the loop's, but for the read, which an executor does. A gap is fetched when it is still
 * there a tick after it was seen (TIMER_TICK_MS): what is only late comes by the bus. */
#pragma once
#include "realtime/fanout.h"
#include "store/executor.h"

struct follower;

struct follower_options {
    struct fanout *fanout;
    struct store *store;
    uint64_t poll_ms; /* between two looks at the log's head */
};

/* Begins at once; `loop` is not running yet, or is the calling thread's. */
struct follower *follower_create(struct loop *loop, const struct follower_options *options);
/* On the loop's thread, or after it was joined; a fetch that is away may still come back. NULL is
 * allowed. */
void follower_destroy(struct follower *take_follower);
