#include "realtime/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "realtime/hub_state.h"
#include "realtime/page.h"
#include "realtime/presence.h"
#include <stdio.h>

/* When the store's queue is full, a page of the log is asked for again after this. */
enum { PAGE_RETRY_MS = 200 };

static void on_timer(struct timer *timer);
static void pump_pages(struct session *session);

static uint64_t until(uint64_t limit_ms, uint32_t passed_ms) {
    return passed_ms >= limit_ms ? 1 : limit_ms - passed_ms;
}

static uint64_t sooner(uint64_t one_ms, uint64_t other_ms) {
    return one_ms < other_ms ? one_ms : other_ms;
}

static uint32_t now_ms(const struct session *session) {
    return (uint32_t)loop_now_ms(session->hub->loop);
}

struct session *session_open(struct hub *hub, const struct transport *transport, void *below) {
    struct session *session = mem_zalloc(1, sizeof *session);
    session->hub = hub;
    session->transport = transport;
    session->below = below;
    session->state = SESSION_NEW;
    session->last_alive_ms = session->last_event_ms = now_ms(session);
    list_push_back(&hub->sessions, &session->link);
    hub->session_count++;
    metrics_add(METRIC_SESSIONS, 1);
    timer_init(&session->timer, on_timer);
    timer_arm(hub->loop, &session->timer, hub->options.unauthenticated_timeout_ms);
    return session;
}

/* Out of every audience and of presence; nothing is delivered any more. */
static void leave(struct session *session, bool was_silent) {
    if (session->state == SESSION_CLOSED)
        return;
    if (session->state != SESSION_NEW)
        presence_leave(session->identity.account, was_silent);
    session->state = SESSION_CLOSED;
    timer_disarm(&session->timer);
    hub_unsubscribe_all(session);
}

void session_close(struct session *session, enum close_code code, struct str reason) {
    if (session->state == SESSION_CLOSED)
        return;
    leave(session, code == CLOSE_SILENT);
    session->transport->close(session, code, reason);
}

static void close_ended(struct session *session) {
    session_close(session, (enum close_code)session->end_code, STR("session ended"));
}

void session_end(struct session *session, enum close_code code) {
    if (session->state == SESSION_CLOSED || session->state == SESSION_ENDING)
        return;
    session->end_code = (uint16_t)code;
    if (session->holds == 0) {
        close_ended(session);
        return;
    }
    session->state = SESSION_ENDING;
    hub_unsubscribe_all(session);
    timer_arm(session->hub->loop, &session->timer, SESSION_END_WAIT_MS);
}

static void free_if_over(struct session *session) {
    if (session->below != NULL || session->holds > 0)
        return;
    mem_free(session->only);
    mem_free(session);
}

void session_on_closed(struct session *session) {
    leave(session, false);
    session->below = NULL;
    list_remove(&session->link);
    session->hub->session_count--;
    metrics_add(METRIC_SESSIONS, -1);
    free_if_over(session);
}

bool session_hold(struct session *session) {
    if (session->holds >= SESSION_REQUESTS_MAX)
        return false;
    session->holds++;
    return true;
}

void session_release(struct session *session) {
    CHECK(session->holds > 0);
    session->holds--;
    if (session->holds == 0 && session->state == SESSION_ENDING)
        close_ended(session);
    if (session->holds == 0 && session->hub->draining)
        hub_close_drained(session);
    free_if_over(session);
}

const struct session_identity *session_identity(const struct session *session) {
    return &session->identity;
}

struct loop *session_loop(const struct session *session) {
    return session->hub->loop;
}

const uint8_t *session_peer(const struct session *session) {
    return session->transport->peer(session);
}

bool session_is_closed(const struct session *session) {
    return session->state == SESSION_CLOSED;
}

bool session_takes_requests(const struct session *session) {
    return session->state < SESSION_ENDING && !session->hub->draining;
}

void session_on_message(struct session *session, struct str text) {
    if (session_takes_requests(session))
        session->hub->options.ops->on_request(session, text);
}

void session_on_alive(struct session *session) {
    session->last_alive_ms = now_ms(session);
}

void session_reply(struct session *session, struct str json) {
    if (session->state != SESSION_CLOSED)
        session->transport->send_json(session, json);
}

void session_tell(struct session *session, struct str name, struct str cursor,
                  struct str envelope) {
    if (session->state != SESSION_CLOSED)
        session->transport->send_event(session, name, cursor, envelope);
}

bool session_sign_in(struct session *session, const struct session_identity *identity) {
    struct hub *hub = session->hub;
    if (session->state != SESSION_NEW)
        return session->state != SESSION_CLOSED;
    if (!presence_enter(identity->account, identity->id, hub->options.connections_per_person)) {
        session_close(session, CLOSE_TOO_MANY, STR("too many connections"));
        return false;
    }
    session->identity = *identity;
    session->state = SESSION_SIGNED_IN;
    session->transport->set_known(session);
    hub_subscribe(session, audience_person(identity->account), 0);
    hub_subscribe_workspace(session);
    timer_arm(hub->loop, &session->timer, 1); /* on_timer knows what comes first */
    return true;
}

/* ---- the stream ---- */

bool session_claim_start(struct session *session) {
    bool is_free = !session->start_claimed;
    session->start_claimed = true;
    return is_free;
}

void session_unclaim_start(struct session *session) {
    session->start_claimed = false;
}

bool session_wants_room(const struct session *session, int64_t room) {
    for (uint32_t i = 0; i < session->only_count; i++) {
        if (session->only[i] == room)
            return true;
    }
    return session->only == NULL;
}

void session_start_stream(struct session *session, int64_t pos, const int64_t *only, size_t count) {
    if (session->state != SESSION_SIGNED_IN)
        return;
    if (only != NULL) {
        session->only = mem_alloc(count * sizeof *only);
        memcpy(session->only, only, count * sizeof *only);
        session->only_count = (uint32_t)count;
    }
    session->state = SESSION_CATCHING_UP;
    session->pos = pos;
    pump_pages(session);
}

/* Rooms are subscribed to afresh when the page that reaches the head says which. */
static void unsubscribe_rooms(struct session *session) {
    for (uint32_t i = session->subscription_count; i > 0; i--) {
        int64_t key = session->subscriptions[i - 1].audience->key;
        if (key % 4 == AUDIENCE_KIND_ROOM)
            hub_unsubscribe(session, key);
    }
}

void session_fall_behind(struct session *session, int64_t pos) {
    if (session->state != SESSION_LIVE)
        return;
    session->state = SESSION_CATCHING_UP;
    if (session->pos < pos)
        session->pos = pos;
    unsubscribe_rooms(session);
    pump_pages(session);
}

static bool has_room(const struct session *session) {
    return session->transport->queued_bytes(session) <= session->hub->options.queue_bytes / 2;
}

/* Asks for the next page of the log, now or when the queue has drained. */
static void pump_pages(struct session *session) {
    if (session->state != SESSION_CATCHING_UP || session->page_away)
        return;
    session->wants_page = true;
    if (!has_room(session))
        return;
    if (!page_request(session)) {
        timer_arm(session->hub->loop, &session->timer, PAGE_RETRY_MS);
        return;
    }
    session->wants_page = false;
    session->page_away = true;
}

void session_on_drain(struct session *session) {
    if (session->wants_page)
        pump_pages(session);
}

static void send_packet(struct session *session, struct packet *packet, struct audience *audience) {
    session->transport->send_packet(session, packet, audience);
    session->last_event_ms = now_ms(session);
    session->hub->deliveries++;
}

void session_deliver(struct session *session, struct packet *packet, struct audience *audience) {
    bool is_old = packet->pos != 0 && packet->pos <= session->pos;
    if (session->state != SESSION_LIVE || is_old || packet->frame == NULL)
        return;
    size_t limit = session->hub->options.queue_bytes;
    size_t queued = session->transport->queued_bytes(session);
    if ((packet->flags & EVENT_DROPPABLE) != 0 && queued > limit / 2) {
        metrics_add(METRIC_EVENTS_DROPPED, 1);
        return;
    }
    if (queued + packet->frame->len > limit && queued > 0) {
        metrics_add(METRIC_SLOW_CLOSED, 1);
        session->transport->drop_unsent(session);
        session_close(session, CLOSE_SLOW, STR("slow: resume"));
        return;
    }
    send_packet(session, packet, audience);
}

/* What the ring holds after the head of the last page and the hub has delivered already. The ring
 * may go on meanwhile and leave the session behind, but not behind what it was sent here. */
static void replay_ring(struct session *session, uint64_t index) {
    struct hub *hub = session->hub;
    int64_t done = session->pos;
    while (session->state == SESSION_LIVE && index < hub->index) {
        struct packet *packet;
        if (ring_read(hub->options.ring, &index, &packet, 1) != 1) {
            session_fall_behind(session, done);
            return;
        }
        int64_t before = packet->stream_pos - (packet->pos != 0);
        if (hub_is_addressed(session, packet)) {
            if (packet_is_stub(packet) || !has_room(session))
                session_fall_behind(session, before);
            else
                session_deliver(session, packet, NULL);
            hub_apply(session, packet);
        }
        done = packet->stream_pos;
        packet_unref(packet);
    }
}

static void go_live(struct session *session, const struct page *page) {
    uint64_t index;
    if (!ring_index_after(session->hub->options.ring, session->pos, &index)) {
        pump_pages(session);
        return;
    }
    session->state = SESSION_LIVE;
    for (size_t i = 0; i < page->room_count; i++) {
        const struct log_open_room *open = &page->rooms[i];
        if (session_wants_room(session, open->room))
            hub_subscribe(session, audience_room(open->room), open->from_seq);
    }
    replay_ring(session, index);
}

void session_on_page(struct session *session, struct page *page) {
    session->page_away = false;
    if (session->state != SESSION_CATCHING_UP)
        return;
    if (page->outcome == ERR_INVALID_TOKEN) {
        session_end(session, CLOSE_SIGNED_OUT);
        return;
    }
    if (page->outcome != ERR_OK) {
        session->wants_page = true;
        timer_arm(session->hub->loop, &session->timer, PAGE_RETRY_MS);
        return;
    }
    size_t sent = 0;
    for (; sent < page->count && has_room(session); sent++) {
        struct packet *packet = page->packets[sent];
        if (packet->audience % 4 != AUDIENCE_KIND_ROOM ||
            session_wants_room(session, packet->audience / 4))
            send_packet(session, packet, NULL);
        session->pos = packet->pos;
    }
    bool is_whole = sent == page->count;
    if (is_whole)
        session->pos = page->next_pos;
    if (is_whole && page->at_head)
        go_live(session, page);
    else
        pump_pages(session);
}

/* ---- silence ---- */

static void send_heartbeat(struct session *session) {
    struct hub *hub = session->hub;
    char cursor[CURSOR_MAX_BYTES], text[CURSOR_MAX_BYTES + 64];
    size_t cursor_length = cursor_format(hub->pos, hub->check, cursor);
    int length =
        snprintf(text, sizeof text, "{\"event\":\"heartbeat\",\"cursor\":\"%.*s\",\"data\":{}}",
                 (int)cursor_length, cursor);
    session->transport->send_event(session, STR("heartbeat"), str_make(cursor, cursor_length),
                                   str_make(text, (size_t)length));
    session->last_event_ms = now_ms(session);
}

/* Sends a heartbeat when it is due; how long until the next. Whoever has no stream gets none. */
static uint64_t beat(struct session *session) {
    uint64_t every_ms = session->hub->options.heartbeat_ms;
    if (session->state != SESSION_LIVE || session->pos > session->hub->pos)
        return every_ms;
    if (now_ms(session) - session->last_event_ms >= every_ms)
        send_heartbeat(session);
    return until(every_ms, now_ms(session) - session->last_event_ms);
}

/* How long the sign-in still holds; 0: it is over. */
static uint64_t life_left_ms(const struct session *session) {
    int64_t now_ms = clock_now_ms();
    return session->identity.expires_at_ms > now_ms
               ? (uint64_t)(session->identity.expires_at_ms - now_ms)
               : 0;
}

/* One timer for all that a session waits for: sign-in and its end, ping, silence, heartbeat, a page
 * to be asked for again. */
static void on_timer(struct timer *timer) {
    struct session *session = CONTAINER_OF(timer, struct session, timer);
    const struct hub_options *options = &session->hub->options;
    if (session->state == SESSION_NEW) {
        session_close(session, CLOSE_NOT_SIGNED_IN, STR("sign in first"));
        return;
    }
    if (session->state == SESSION_ENDING) {
        close_ended(session);
        return;
    }
    if (life_left_ms(session) == 0) {
        session_end(session, CLOSE_SIGNED_OUT);
        return;
    }
    uint32_t silent_ms = now_ms(session) - session->last_alive_ms;
    if (silent_ms >= options->silence_timeout_ms && session->transport->is_two_way) {
        session->transport->drop_unsent(session);
        session_close(session, CLOSE_SILENT, STR("no answer to ping"));
        return;
    }
    uint64_t next_ms = until(options->ping_after_ms, silent_ms);
    if (silent_ms >= options->ping_after_ms) {
        session->transport->ping(session);
        next_ms = until(options->silence_timeout_ms, silent_ms);
        if (!session->transport->is_two_way) {
            session_on_alive(session); /* the kernel cuts who takes nothing (conn_begin_stream) */
            next_ms = options->ping_after_ms;
        }
    }
    uint64_t quiet_ms = sooner(beat(session), life_left_ms(session));
    timer_arm(session->hub->loop, timer, sooner(next_ms, quiet_ms));
    if (session->wants_page)
        pump_pages(session);
}
