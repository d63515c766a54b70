#include "realtime/hub_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/random.h"
#include "store/log.h"
#include <stdio.h>

/* Packets taken from the ring at once, and before the loop is let turn (and flush). */
enum { HUB_READ_PACKETS = 64, HUB_TURN_PACKETS = 512 };

/* Members whose memory is fetched together. */
enum { HUB_PREFETCH = 16 };

/* A fan-out that took from HUB_HOLD_MIN_NS is followed by a pause as long as all loops' parts of it
 * took together, HUB_HOLD_MAX_NS at most: what is committed meanwhile goes out in one send a socket
 * instead of several. A room that is not busy, or small, never waits. (The timer counts whole
 * milliseconds: a pause is 1 ms at least.) */
enum { HUB_HOLD_MIN_NS = 200000, HUB_HOLD_MAX_NS = 8000000 };

/* How lists grow: every idle connection pays for what is too much. */
static uint32_t grown(uint32_t cap) {
    return cap + cap / 8 + 1;
}

static void on_wake(struct loop *loop, struct mail *mail);
static void on_hold_over(uv_timer_t *timer);
static void on_turn_end(struct loop *loop, struct turn_end *hook);

struct hub *hub_create(struct loop *loop, const struct hub_options *options) {
    struct hub *hub = mem_zalloc(1, sizeof *hub);
    hub->options = *options;
    hub->loop = loop;
    hub->wake_mail.run = on_wake;
    atomic_init(&hub->woken, false);
    list_init(&hub->wake_mail.link);
    map_init(&hub->audiences);
    hub->workspace.key = audience_workspace();
    list_init(&hub->sessions);
    list_init(&hub->held);
    hub->index = ring_head(options->ring, &hub->pos, &hub->check);
    loop->hub = hub;
    CHECK(uv_timer_init(&loop->uv, &hub->hold) == 0);
    hub->cost_hook.run = on_turn_end; /* after net's, which writes */
    loop_add_turn_end(loop, &hub->cost_hook);
    return hub;
}

/* What is still being sent goes out; nothing is kept. */
static void drop_buffers(struct audience *audience) {
    blob_unref(audience->plain.chunk);
    blob_unref(audience->deflated.chunk);
    audience->plain.chunk = audience->deflated.chunk = NULL;
}

static void destroy_audience(struct audience *audience) {
    drop_buffers(audience);
    mem_free(audience->members);
    mem_free(audience);
}

static void on_hold_closed(uv_handle_t *handle) {
    mem_free(CONTAINER_OF(handle, struct hub, hold));
}

void hub_destroy(struct hub *hub) {
    CHECK(list_is_empty(&hub->sessions));
    size_t at = 0;
    void *value;
    struct list *link;
    while (map_next(&hub->audiences, &at, NULL, &value))
        destroy_audience(value);
    map_finish(&hub->audiences);
    drop_buffers(&hub->workspace);
    while ((link = list_pop_front(&hub->held)) != NULL)
        loop_post(hub->loop, CONTAINER_OF(link, struct mail, link));
    hub->loop->hub = NULL;
    list_remove(&hub->cost_hook.link);
    uv_close((uv_handle_t *)&hub->hold, on_hold_closed);
}

size_t hub_session_count(const struct hub *hub) {
    return hub->session_count;
}

bool hub_wake(struct hub *hub) {
    if (atomic_exchange(&hub->woken, true))
        return false;
    loop_post(hub->loop, &hub->wake_mail);
    return true;
}

/* ---- who is in which audience ---- */

void hub_subscribe_workspace(struct session *session) {
    session->hub->workspace.count += !session->hears_workspace;
    session->hears_workspace = true;
}

void hub_subscribe(struct session *session, int64_t audience_key, int64_t from_seq) {
    struct hub *hub = session->hub;
    for (uint32_t i = 0; i < session->subscription_count; i++) {
        if (session->subscriptions[i].audience->key == audience_key)
            return;
    }
    struct audience *audience = map_get(&hub->audiences, (uint64_t)audience_key);
    if (audience == NULL) {
        audience = mem_zalloc(1, sizeof *audience);
        audience->key = audience_key;
        map_put(&hub->audiences, (uint64_t)audience_key, audience);
    }
    if (audience->count == audience->cap) {
        audience->cap = grown(audience->cap);
        audience->members =
            mem_realloc(audience->members, audience->cap * sizeof(struct session *));
    }
    if (session->subscription_count == session->subscription_cap) {
        session->subscription_cap = grown(session->subscription_cap);
        session->subscriptions = mem_realloc(
            session->subscriptions, session->subscription_cap * sizeof(struct subscription));
    }
    audience->members[audience->count] = session;
    session->subscriptions[session->subscription_count++] =
        (struct subscription){audience, audience->count++, from_seq};
}

/* The session is a member. People are in a few rooms, at most in some hundreds. */
static struct subscription *find_subscription(const struct session *session,
                                              const struct audience *audience) {
    struct subscription *at = session->subscriptions;
    const struct subscription *end = at + session->subscription_count;
    while (at < end && at->audience != audience)
        at++;
    CHECK(at < end);
    return at;
}

/* Takes the session's subscription at `slot` out; the last ones move into the holes on both sides.
 */
static void remove_subscription(struct session *session, uint32_t slot) {
    struct subscription gone = session->subscriptions[slot];
    struct audience *audience = gone.audience;
    struct session *moved = audience->members[--audience->count];
    if (gone.index != audience->count) {
        audience->members[gone.index] = moved;
        find_subscription(moved, audience)->index = gone.index;
    }
    session->subscriptions[slot] = session->subscriptions[--session->subscription_count];
    if (audience->count == 0) {
        map_remove(&session->hub->audiences, (uint64_t)audience->key);
        destroy_audience(audience);
    }
}

void hub_unsubscribe(struct session *session, int64_t audience_key) {
    for (uint32_t i = 0; i < session->subscription_count; i++) {
        if (session->subscriptions[i].audience->key == audience_key) {
            remove_subscription(session, i);
            return;
        }
    }
}

void hub_unsubscribe_all(struct session *session) {
    session->hub->workspace.count -= session->hears_workspace;
    session->hears_workspace = false;
    while (session->subscription_count > 0)
        remove_subscription(session, session->subscription_count - 1);
    mem_free(session->subscriptions);
    session->subscriptions = NULL;
    session->subscription_cap = 0;
}

bool hub_is_addressed(const struct session *session, const struct packet *packet) {
    if ((packet->flags & EVENT_NO_GUEST) != 0 && session->identity.role == ROLE_GUEST)
        return false;
    if (packet->audience == session->hub->workspace.key)
        return session->hears_workspace;
    for (uint32_t i = 0; i < session->subscription_count; i++) {
        const struct subscription *subscription = &session->subscriptions[i];
        if (subscription->audience->key == packet->audience)
            return !log_is_before_joining(packet->fact, subscription->from_seq);
    }
    return false;
}

/* ---- delivery ---- */

/* What session.ended means for this session: to be closed, and with which code; false when it does
 * not touch it. */
static bool ends_session(const struct session *session, const struct packet *packet,
                         enum close_code *code) {
    bool is_named = session->identity.row == packet->subject;
    *code = packet->fact == 2 ? CLOSE_RECONNECT : CLOSE_SIGNED_OUT;
    if (packet->fact == 1)
        return !is_named;
    return packet->subject == 0 || is_named;
}

void hub_apply(struct session *session, const struct packet *packet) {
    bool is_next = session->state == SESSION_LIVE && packet->pos > session->pos;
    enum close_code code;
    if (packet->type == EVENT_session_ended && ends_session(session, packet, &code)) {
        /* Where its place in the stream is not known it may be a session newer than this event: it
         * connects again and is asked. */
        session_end(session, is_next ? code : CLOSE_RECONNECT);
    } else if (packet->type == EVENT_room_joined && is_next &&
               session_wants_room(session, packet->subject)) {
        hub_subscribe(session, audience_room(packet->subject), packet->fact);
    } else if (packet->type == EVENT_room_left && is_next) {
        hub_unsubscribe(session, audience_room(packet->subject));
    }
}

static bool is_for(const struct session *session, const struct audience *audience,
                   const struct packet *packet) {
    if ((packet->flags & EVENT_NO_GUEST) != 0 && session->identity.role == ROLE_GUEST)
        return false;
    return packet->fact == 0 || audience->members == NULL ||
           !log_is_before_joining(packet->fact, find_subscription(session, audience)->from_seq);
}

static void deliver_to(struct session *session, struct packet *packet, struct audience *audience) {
    session->holds++; /* it may be closed below */
    if (packet_is_stub(packet))
        session_fall_behind(session, packet->stream_pos - 1);
    else if (is_for(session, audience, packet))
        session_deliver(session, packet, audience);
    hub_apply(session, packet);
    session_release(session);
}

/* Each signed-in session of the loop. A marker in the list keeps the place, as one that is closed
 * may take others with it. */
static void deliver_to_workspace(struct hub *hub, struct packet *packet) {
    struct list marker;
    hub->delivery++;
    list_push_front(&hub->sessions, &marker);
    while (marker.next != &hub->sessions) {
        struct session *session = CONTAINER_OF(marker.next, struct session, link);
        list_remove(&marker);
        list_insert_before(session->link.next, &marker);
        if (session->hears_workspace)
            deliver_to(session, packet, &hub->workspace);
    }
    list_remove(&marker);
}

/* The members' memory is asked for before it is needed, HUB_PREFETCH of them at once: with
 * thousands of connections none of it is in the processor's cache. Members are served backwards. */
static void prefetch_sessions(const struct audience *audience, uint32_t left) {
    for (uint32_t i = left > HUB_PREFETCH ? left - HUB_PREFETCH : 0; i < left; i++) {
        const char *session = (const char *)audience->members[i];
        __builtin_prefetch(session, 1);
        __builtin_prefetch(session + 64, 1);
    }
}

static void prefetch_below(const struct audience *audience, uint32_t left) {
    for (uint32_t i = left > HUB_PREFETCH ? left - HUB_PREFETCH : 0; i < left; i++) {
        const char *below = audience->members[i]->below;
        __builtin_prefetch(below, 1);
        __builtin_prefetch(below + 64, 1);
    }
}

static void prefetch_audience(const struct hub *hub, const struct packet *next) {
    const struct audience *audience = map_get(&hub->audiences, (uint64_t)next->audience);
    if (audience != NULL && audience->members != NULL)
        prefetch_sessions(audience, audience->count);
}

/* Gives one packet to everybody on this loop whom it is for. Backwards: whoever is closed meanwhile
 * makes the last one move into the place that was just done. Deleted or changed text leaves the
 * shared buffers too. */
static void hub_deliver(struct hub *hub, struct packet *packet) {
    if (packet->audience == hub->workspace.key) {
        deliver_to_workspace(hub, packet);
        return;
    }
    struct audience *audience = map_get(&hub->audiences, (uint64_t)packet->audience);
    if (audience == NULL)
        return;
    hub->delivery++;
    if (packet->type == EVENT_message_deleted || packet->type == EVENT_message_edited)
        drop_buffers(audience);
    for (uint32_t left = audience->count, fetched = left; left > 0; left--) {
        if (left <= fetched) {
            fetched = left > HUB_PREFETCH ? left - HUB_PREFETCH : 0;
            prefetch_below(audience, left);
            prefetch_sessions(audience, fetched);
        }
        deliver_to(audience->members[left - 1], packet, audience);
    }
}

static void fall_off_ring(struct hub *hub) {
    LOG_WARN("loop fell off the ring", log_int("loop", (int64_t)hub->loop->index),
             log_int("pos", hub->pos));
    metrics_add(METRIC_RING_FELL_OFF, 1);
    int64_t from = hub->pos;
    hub->index = ring_head(hub->options.ring, &hub->pos, &hub->check);
    LIST_EACH(&hub->sessions, link) {
        session_fall_behind(CONTAINER_OF(link, struct session, link), from);
    }
}

static size_t deliver_packet(struct hub *hub, struct packet *packet) {
    size_t bytes = packet->frame == NULL ? 0 : packet->frame->len;
    hub->pos = packet->stream_pos;
    if (packet->pos != 0)
        hub->check = packet->check;
    hub_deliver(hub, packet);
    return bytes;
}

/* Tails the ring: reads what is new and delivers it. A long backlog is cut into turns, so that
 * sockets are written between: else a burst alone would fill the queue of a member who reads. */
static void deliver_from_ring(struct hub *hub) {
    struct packet *packets[HUB_READ_PACKETS];
    size_t turn_bytes = hub->options.queue_bytes / 4;
    size_t done = 0, bytes = 0;
    while (done < HUB_TURN_PACKETS && bytes < turn_bytes) {
        size_t count = ring_read(hub->options.ring, &hub->index, packets, HUB_READ_PACKETS);
        if (count == RING_FELL_OFF) {
            fall_off_ring(hub);
            return;
        }
        size_t at = 0;
        for (; at < count && bytes < turn_bytes; at++) {
            if (at + 1 < count)
                prefetch_audience(hub, packets[at + 1]);
            bytes += deliver_packet(hub, packets[at]);
        }
        for (size_t i = 0; i < count; i++)
            packet_unref(packets[i]);
        hub->index -= count - at; /* what is left is read again next turn */
        if (at == count && count < HUB_READ_PACKETS)
            return;
        done += count;
    }
    hub_wake(hub);
}

static void on_wake(struct loop *loop, struct mail *mail) {
    struct hub *hub = CONTAINER_OF(mail, struct hub, wake_mail);
    (void)loop;
    atomic_store(&hub->woken, false);
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns < hub->hold_until_ns) {
        if (!uv_is_active((uv_handle_t *)&hub->hold))
            uv_timer_start(&hub->hold, on_hold_over, (hub->hold_until_ns - now_ns) / 1000000 + 1,
                           0);
        return;
    }
    hub->began_ns = now_ns;
    deliver_from_ring(hub);
}

static void on_hold_over(uv_timer_t *timer) {
    struct hub *hub = CONTAINER_OF(timer, struct hub, hold);
    struct list held, *link;
    hub->began_ns = clock_monotonic_ns();
    deliver_from_ring(hub);
    list_init(&held);
    list_splice_back(&held, &hub->held);
    while ((link = list_pop_front(&held)) != NULL) {
        struct mail *mail = CONTAINER_OF(link, struct mail, link);
        mail->run(hub->loop, mail);
    }
}

bool hub_run_after_delivery(struct hub *hub, struct mail *take_mail) {
    if (hub == NULL || !uv_is_active((uv_handle_t *)&hub->hold))
        return false;
    list_push_back(&hub->held, &take_mail->link);
    return true;
}

static void on_turn_end(struct loop *loop, struct turn_end *hook) {
    struct hub *hub = CONTAINER_OF(hook, struct hub, cost_hook);
    (void)loop;
    if (hub->deliveries > 0)
        metrics_add(METRIC_DELIVERIES, hub->deliveries);
    hub->deliveries = 0;
    if (hub->began_ns == 0)
        return;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t cost_ns = (now_ns - hub->began_ns) * (hub->options.loops > 0 ? hub->options.loops : 1);
    hub->began_ns = 0;
    hub->hold_until_ns = cost_ns < HUB_HOLD_MIN_NS
                             ? 0
                             : now_ns + (cost_ns < HUB_HOLD_MAX_NS ? cost_ns : HUB_HOLD_MAX_NS);
}

void hub_close_drained(struct session *session) {
    char reason[32];
    int length = snprintf(reason, sizeof reason, "retry_after=%u",
                          200U + random_below(session->hub->drain_spread_ms + 1));
    session_close(session, CLOSE_GOING_AWAY, str_make(reason, (size_t)length));
}

void hub_drain(struct hub *hub, uint64_t spread_ms) {
    hub->draining = true;
    hub->drain_spread_ms = (uint32_t)spread_ms;
    LIST_EACH(&hub->sessions, link) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (session->holds == 0)
            hub_close_drained(session);
    }
}
