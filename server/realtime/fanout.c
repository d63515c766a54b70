#include "realtime/fanout.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "realtime/sequencer.h"
#include <pthread.h>

enum { FANOUT_HUBS_MAX = 256 };

struct fanout {
    struct fanout_options options;
    struct ring *ring;
    struct hub *hubs[FANOUT_HUBS_MAX];
    size_t hub_count;
    pthread_mutex_t lock; /* around the sequencer, and around ring_append so that order holds */
    struct sequencer sequencer;
};

struct fanout *fanout_create(const struct fanout_options *options) {
    struct fanout *fanout = mem_zalloc(1, sizeof *fanout);
    fanout->options = *options;
    fanout->ring = ring_create(options->ring_bytes, options->head_pos, options->head_check);
    pthread_mutex_init(&fanout->lock, NULL);
    sequencer_init(&fanout->sequencer, options->head_pos);
    return fanout;
}

void fanout_destroy(struct fanout *fanout) {
    sequencer_finish(&fanout->sequencer);
    pthread_mutex_destroy(&fanout->lock);
    ring_destroy(fanout->ring);
    mem_free(fanout);
}

struct ring *fanout_ring(struct fanout *fanout) {
    return fanout->ring;
}

void fanout_add_hub(struct fanout *fanout, struct hub *hub) {
    CHECK(fanout->hub_count < FANOUT_HUBS_MAX);
    fanout->hubs[fanout->hub_count++] = hub;
}

static void wake_hubs(struct fanout *fanout) {
    int64_t woken = 0;
    for (size_t i = 0; i < fanout->hub_count; i++)
        woken += hub_wake(fanout->hubs[i]);
    metrics_add(METRIC_FANOUT_BATCHES, 1);
    metrics_add(METRIC_FANOUT_WAKEUPS, woken);
}

/* What is in order goes into the ring. Text that was changed or deleted leaves the ring's older
 * packets. Under the lock. */
static void append_ready(struct fanout *fanout) {
    struct packet *packet;
    while ((packet = sequencer_take(&fanout->sequencer)) != NULL) {
        int64_t subject = packet->subject, pos = packet->pos;
        bool erases = packet->type == EVENT_message_edited || packet->type == EVENT_message_deleted;
        ring_append(fanout->ring, &packet, 1);
        if (erases)
            ring_erase(fanout->ring, subject, pos);
    }
}

/* Takes packets of one batch, in its order. */
static void accept_batch(struct fanout *fanout, struct packet **take_packets, size_t count) {
    pthread_mutex_lock(&fanout->lock);
    for (size_t i = 0; i < count; i++) {
        if (take_packets[i]->pos == 0) {
            append_ready(fanout);
            ring_append(fanout->ring, &take_packets[i], 1);
        } else {
            sequencer_offer(&fanout->sequencer, take_packets[i]);
        }
    }
    append_ready(fanout);
    pthread_mutex_unlock(&fanout->lock);
    wake_hubs(fanout);
}

static void send_to_bus(struct fanout *fanout, struct packet **packets, size_t count) {
    struct buf payload;
    buf_init(&payload);
    for (size_t i = 0; i < count; i++)
        packet_serialize(packets[i], &payload);
    fanout->options.to_bus(fanout->options.to_bus_arg, buf_str(&payload));
    buf_finish(&payload);
}

void fanout_publish(void *arg, const struct log_event *events, size_t count) {
    struct fanout *fanout = arg;
    struct packet **packets = mem_alloc((count + 1) * sizeof(struct packet *));
    for (size_t i = 0; i < count; i++)
        packets[i] = packet_create(&events[i]);
    if (fanout->options.to_bus != NULL && count > 0)
        send_to_bus(fanout, packets, count);
    accept_batch(fanout, packets, count);
    mem_free(packets);
}

void fanout_publish_unlogged(struct fanout *fanout, const struct log_event *event) {
    CHECK(event->pos == 0);
    fanout_publish(fanout, event, 1);
}

void fanout_on_bus(struct fanout *fanout, struct str payload) {
    while (payload.len > 0) {
        size_t used = 0;
        struct packet *packet = packet_parse(payload, &used);
        if (packet == NULL) {
            metrics_add(METRIC_BUS_MALFORMED, 1);
            return;
        }
        payload = str_slice(payload, used, payload.len);
        accept_batch(fanout, &packet, 1);
    }
}

void fanout_note_head(struct fanout *fanout, int64_t head) {
    pthread_mutex_lock(&fanout->lock);
    sequencer_note_head(&fanout->sequencer, head);
    pthread_mutex_unlock(&fanout->lock);
}

int64_t fanout_gap(struct fanout *fanout) {
    pthread_mutex_lock(&fanout->lock);
    int64_t pos = sequencer_has_gap(&fanout->sequencer) ? fanout->sequencer.next_pos : 0;
    pthread_mutex_unlock(&fanout->lock);
    return pos;
}

void fanout_fill(struct fanout *fanout, struct packet **take_packets, size_t count) {
    accept_batch(fanout, take_packets, count);
}
