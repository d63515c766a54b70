#include "realtime/ring.h"

#include "base/mem.h"
#include "base/metrics.h"
#include <pthread.h>

/* A packet with its envelope is rarely smaller than this; it makes slots the bound for very small
 * ones. */
enum { RING_BYTES_PER_SLOT = 256, RING_SLOTS_MIN = 16 };

struct ring {
    pthread_mutex_t lock;
    struct packet **slots;
    uint64_t mask;
    uint64_t tail, head; /* indexes of the oldest packet and of the next one */
    size_t bytes, limit_bytes;
    int64_t evicted_pos; /* stream position of the newest packet that is gone */
    int64_t pos;         /* stream position at the head */
    uint32_t check;
};

struct ring *ring_create(size_t limit_bytes, int64_t head_pos, uint32_t head_check) {
    struct ring *ring = mem_zalloc(1, sizeof *ring);
    uint64_t slots = RING_SLOTS_MIN;
    while (slots < limit_bytes / RING_BYTES_PER_SLOT)
        slots *= 2;
    pthread_mutex_init(&ring->lock, NULL);
    ring->slots = mem_zalloc(slots, sizeof(struct packet *));
    ring->mask = slots - 1;
    ring->limit_bytes = limit_bytes;
    ring->evicted_pos = ring->pos = head_pos;
    ring->check = head_check;
    return ring;
}

void ring_destroy(struct ring *ring) {
    for (uint64_t i = ring->tail; i != ring->head; i++)
        packet_unref(ring->slots[i & ring->mask]);
    pthread_mutex_destroy(&ring->lock);
    mem_free(ring->slots);
    mem_free(ring);
}

static void evict_oldest(struct ring *ring) {
    struct packet *packet = ring->slots[ring->tail & ring->mask];
    ring->evicted_pos = packet->stream_pos;
    ring->bytes -= packet_bytes(packet);
    ring->tail++;
    packet_unref(packet);
}

void ring_append(struct ring *ring, struct packet **take_packets, size_t count) {
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i < count; i++) {
        struct packet *packet = take_packets[i];
        if (packet->pos != 0) {
            CHECK(packet->pos == ring->pos + 1);
            ring->pos = packet->pos;
            ring->check = packet->check;
        }
        packet->stream_pos = ring->pos;
        /* The newest packet always stays, however large: the loops must be able to take it. */
        while (ring->head != ring->tail &&
               (ring->bytes + packet_bytes(packet) > ring->limit_bytes ||
                ring->head - ring->tail > ring->mask))
            evict_oldest(ring);
        ring->slots[ring->head & ring->mask] = packet;
        ring->head++;
        ring->bytes += packet_bytes(packet);
    }
    metrics_set(METRIC_RING_BYTES, (int64_t)ring->bytes);
    pthread_mutex_unlock(&ring->lock);
}

uint64_t ring_head(struct ring *ring, int64_t *pos, uint32_t *check) {
    pthread_mutex_lock(&ring->lock);
    uint64_t head = ring->head;
    *pos = ring->pos;
    *check = ring->check;
    pthread_mutex_unlock(&ring->lock);
    return head;
}

size_t ring_read(struct ring *ring, uint64_t *index, struct packet **out, size_t limit) {
    size_t count = 0;
    pthread_mutex_lock(&ring->lock);
    if (*index < ring->tail) {
        count = RING_FELL_OFF;
    } else {
        while (count < limit && *index != ring->head) {
            out[count++] = packet_ref(ring->slots[*index & ring->mask]);
            (*index)++;
        }
    }
    pthread_mutex_unlock(&ring->lock);
    return count;
}

bool ring_index_after(struct ring *ring, int64_t pos, uint64_t *index) {
    pthread_mutex_lock(&ring->lock);
    bool inside = pos >= ring->evicted_pos;
    uint64_t low = ring->tail, high = ring->head;
    while (inside && low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ring->slots[middle & ring->mask]->stream_pos > pos)
            high = middle;
        else
            low = middle + 1;
    }
    *index = low;
    pthread_mutex_unlock(&ring->lock);
    return inside;
}

static bool shows_text_of(const struct packet *packet, int64_t subject) {
    return packet->subject == subject && packet->frame != NULL &&
           (packet->type == EVENT_message_created || packet->type == EVENT_message_edited);
}

void ring_erase(struct ring *ring, int64_t subject, int64_t pos) {
    pthread_mutex_lock(&ring->lock);
    for (uint64_t i = ring->tail; i != ring->head; i++) {
        struct packet *packet = ring->slots[i & ring->mask];
        if (packet->stream_pos >= pos)
            break;
        if (!shows_text_of(packet, subject))
            continue;
        struct packet *stub = packet_create_stub(packet);
        ring->bytes -= packet_bytes(packet);
        ring->bytes += packet_bytes(stub);
        ring->slots[i & ring->mask] = stub;
        packet_unref(packet);
    }
    pthread_mutex_unlock(&ring->lock);
}
