#include "net/run_queue.h"

#include "base/mem.h"

enum { RING_MIN = 4 };

static uint32_t capacity(const struct run_queue *queue) {
    return queue->is_ring ? queue->ring.cap : 1;
}

static void grow(struct run_queue *queue) {
    uint32_t cap = queue->is_ring ? queue->ring.cap * 2 : RING_MIN;
    struct run *slots = mem_alloc(cap * sizeof *slots);
    for (uint32_t i = 0; i < queue->count; i++)
        slots[i] = *run_queue_at(queue, i);
    if (queue->is_ring)
        mem_free(queue->ring.slots);
    queue->is_ring = true;
    queue->ring.slots = slots;
    queue->ring.head = 0;
    queue->ring.cap = cap;
}

static void free_ring_if_empty(struct run_queue *queue) {
    if (queue->count > 0 || !queue->is_ring)
        return;
    mem_free(queue->ring.slots);
    queue->is_ring = false;
}

void run_queue_push(struct run_queue *queue, struct run take_run) {
    if (queue->count == capacity(queue))
        grow(queue);
    *run_queue_at(queue, queue->count++) = take_run;
}

void run_queue_insert(struct run_queue *queue, uint32_t i, struct run take_run) {
    CHECK(i <= queue->count);
    run_queue_push(queue, take_run);
    for (uint32_t at = queue->count - 1; at > i; at--)
        *run_queue_at(queue, at) = *run_queue_at(queue, at - 1);
    *run_queue_at(queue, i) = take_run;
}

struct run run_queue_pop(struct run_queue *queue) {
    CHECK(queue->count > 0);
    struct run run = *run_queue_at(queue, 0);
    queue->count--;
    if (queue->is_ring)
        queue->ring.head = (queue->ring.head + 1) & (queue->ring.cap - 1);
    free_ring_if_empty(queue);
    return run;
}

size_t run_queue_drop_from(struct run_queue *queue, uint32_t first) {
    size_t bytes = 0;
    for (; queue->count > first; queue->count--) {
        struct run *run = run_queue_at(queue, queue->count - 1);
        bytes += run->to - run->from;
        blob_unref(run->blob);
    }
    free_ring_if_empty(queue);
    return bytes;
}
