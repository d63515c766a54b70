/* The runs that wait for one connection, in order: what the end of a turn writes.
 *
 * A connection that has one run waiting, which is the rule, allocates nothing for it: it lies in
 * the queue itself. More lie in a ring, which lives until the queue is empty. All zero is an empty
 * queue. Thread: the connection's loop. */
#pragma once
#include "base/blob.h"
#include "base/check.h"

/* Bytes [from, to) of a blob that wait to be sent. The queue owns one reference. */
struct run {
    struct blob *blob;
    uint32_t from, to;
};

struct run_queue {
    union {
        struct run one;
        struct {
            struct run *slots; /* cap of them, a power of two */
            uint32_t head, cap;
        } ring;
    };
    uint32_t count;
    bool is_ring;
};

/* The run at place i, from 0: until the next call that adds or takes one. */
static inline struct run *run_queue_at(struct run_queue *queue, uint32_t i) {
    if (!queue->is_ring)
        return &queue->one;
    return &queue->ring.slots[(queue->ring.head + i) & (queue->ring.cap - 1)];
}

/* Adds one at the end. */
void run_queue_push(struct run_queue *queue, struct run take_run);
/* Adds one at place i; those from there on move up. */
void run_queue_insert(struct run_queue *queue, uint32_t i, struct run take_run);
/* Takes the front one out; its reference goes to the caller. */
struct run run_queue_pop(struct run_queue *queue);
/* Gives back all from place `first` on; answers how many bytes that were. */
size_t run_queue_drop_from(struct run_queue *queue, uint32_t first);
