/* Fan-out: from a committed batch to every loop, through the node's ring; and to the other nodes by
 * the bus.
 *
 * Thread: fanout_publish on executors, fanout_on_bus on the bus's thread, the rest on the loop that
 * main names; one lock around the sequencer. Packets enter the ring in pos order, each once: what
 * the bus lost is fetched from the store (follower.h), what it gave twice is dropped. Unlogged
 * packets take their place in the batch that they came with. */
#pragma once
#include "realtime/hub.h"

struct fanout;

struct fanout_options {
    size_t ring_bytes;
    int64_t head_pos; /* of the log, when the node starts */
    uint32_t head_check;
    /* Hands a batch to the other nodes; NULL when there are none. */
    void (*to_bus)(void *arg, struct str payload);
    void *to_bus_arg;
};

struct fanout *fanout_create(const struct fanout_options *options);
void fanout_destroy(struct fanout *fanout);
struct ring *fanout_ring(struct fanout *fanout);
/* Before the loops start. */
void fanout_add_hub(struct fanout *fanout, struct hub *hub);

/* `arg` is the fan-out. A batch was committed (executor_ops.committed): encodes it, puts it into
 * the ring, wakes the loops. */
void fanout_publish(void *arg, const struct log_event *events, size_t count);
/* A batch of another node arrived. A payload that is not one is dropped and counted. */
void fanout_on_bus(struct fanout *fanout, struct str payload);
/* Events that nobody committed (presence): delivered to everybody on every node. */
void fanout_publish_unlogged(struct fanout *fanout, const struct log_event *event);

/* The log is known to reach `head` (the follower reads it). */
void fanout_note_head(struct fanout *fanout, int64_t head);
/* The first pos that is missing though it is known to exist, 0 when none is. */
int64_t fanout_gap(struct fanout *fanout);
/* Packets read from the store to close the gap; taken. */
void fanout_fill(struct fanout *fanout, struct packet **take_packets, size_t count);
