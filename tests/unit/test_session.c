/* Sessions and their hub over a transport that only notes what it is given. Pages of the log come
 * from the test, when it wants them to: page_request stands for page.c's. */
#include "base/clock.h"
#include "base/metrics.h"
#include "realtime/fanout.h"
#include "realtime/hub_state.h"
#include "realtime/page.h"
#include "realtime/presence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

enum { ROOM = 7, ACCOUNT = 3, ROW = 30, FROM_SEQ = 5, QUEUE_BYTES = 4096, WAIT_MAX = 10000 };

static struct loop *loop;
static struct fanout *fanout;
static struct hub *hub;
static struct session *session;
static int64_t pos; /* of the newest event of the log */

/* What the transport was given. */
static struct {
    int64_t got[1024];
    size_t count, queued;
    int code; /* of the close; 0: none */
    bool dropped;
} peer;
static int pages_asked;
static int64_t page_from; /* of the newest one asked for */

static size_t flood_after; /* the ring goes on far when so many packets were sent; 0: never */
static void flood(void);

static void fake_packet(struct session *to, struct packet *packet, struct audience *audience) {
    (void)to;
    (void)audience;
    assert_true(peer.count < sizeof peer.got / sizeof *peer.got);
    peer.got[peer.count++] = packet->pos;
    if (peer.count == flood_after)
        flood();
}
static void fake_json(struct session *to, struct str json) {
    (void)to;
    (void)json;
}
static void fake_event(struct session *to, struct str name, struct str cursor,
                       struct str envelope) {
    (void)to;
    (void)name;
    (void)cursor;
    (void)envelope;
}
static size_t fake_queued(const struct session *of) {
    (void)of;
    return peer.queued;
}
static void fake_drop(struct session *of) {
    (void)of;
    peer.dropped = true;
}
static const uint8_t *fake_peer(const struct session *of) {
    static const uint8_t address[16];
    (void)of;
    return address;
}
static void fake_known(struct session *of) {
    (void)of;
}
static void fake_ping(struct session *to) {
    (void)to;
}
static void fake_close(struct session *of, enum close_code code, struct str reason) {
    (void)of;
    (void)reason;
    assert_int_equal(peer.code, 0);
    peer.code = (int)code;
}
static const struct transport fake = {.name = "fake",
                                      .is_two_way = true,
                                      .send_packet = fake_packet,
                                      .send_json = fake_json,
                                      .send_event = fake_event,
                                      .queued_bytes = fake_queued,
                                      .drop_unsent = fake_drop,
                                      .peer = fake_peer,
                                      .set_known = fake_known,
                                      .ping = fake_ping,
                                      .close = fake_close};

bool page_request(struct session *of) {
    pages_asked++;
    page_from = of->pos;
    of->holds++;
    return true;
}

/* ---- the world ---- */

static int open_hub(void **state) {
    (void)state;
    pos = 10;
    pages_asked = 0;
    memset(&peer, 0, sizeof peer);
    loop = loop_create(0, NULL);
    fanout = fanout_create(&(struct fanout_options){.ring_bytes = 65536, .head_pos = pos});
    hub = hub_create(loop, &(struct hub_options){.ring = fanout_ring(fanout),
                                                 .queue_bytes = QUEUE_BYTES,
                                                 .connections_per_person = 2,
                                                 .ping_after_ms = 60000,
                                                 .silence_timeout_ms = 60000,
                                                 .heartbeat_ms = 60000,
                                                 .unauthenticated_timeout_ms = 60000});
    fanout_add_hub(fanout, hub);
    session = session_open(hub, &fake, &peer);
    return 0;
}

static int close_hub(void **state) {
    (void)state;
    session_on_closed(session);
    hub_destroy(hub);
    loop_destroy(loop);
    fanout_destroy(fanout);
    presence_finish();
    return 0;
}

static bool sign_in(void) {
    return session_sign_in(session, &(struct session_identity){.account = ACCOUNT,
                                                               .row = ROW,
                                                               .expires_at_ms = INT64_MAX,
                                                               .role = ROLE_MEMBER});
}

static void start_stream(int64_t from) {
    session_start_stream(session, from, NULL, 0);
}

/* Turns the loop until the hub has delivered all that the ring holds. */
static void deliver_all(void) {
    int64_t ring_pos;
    uint32_t check;
    uint64_t head = ring_head(fanout_ring(fanout), &ring_pos, &check);
    for (int i = 0; hub->index != head; i++) {
        assert_true(i < WAIT_MAX);
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

static void publish(enum event_id type, int64_t audience, int64_t subject) {
    pos++;
    const struct log_event event = {
        .type = type, .audience = audience, .subject = subject, .pos = pos, .seq = pos};
    fanout_publish(fanout, &event, 1);
}

static void say(void) {
    publish(EVENT_message_created, audience_room(ROOM), 1);
}

/* More than the ring holds. */
static void flood(void) {
    flood_after = 0;
    for (int i = 0; i < 2000; i++)
        say();
}

/* The page asked for arrives: messages at these positions, read up to `next`. */
static void page_arrives(int64_t first, int64_t last, int64_t next, bool at_head) {
    static const struct log_open_room rooms[] = {{.room = ROOM, .from_seq = FROM_SEQ}};
    struct packet *packets[256];
    struct page page = {.packets = packets, .next_pos = next, .at_head = at_head, .rooms = rooms};
    page.room_count = at_head ? 1 : 0;
    for (int64_t at = first; at <= last; at++) {
        const struct log_event event = {
            .type = EVENT_message_created, .audience = audience_room(ROOM), .pos = at, .seq = at};
        packets[page.count++] = packet_create(&event);
    }
    session_on_page(session, &page);
    for (size_t i = 0; i < page.count; i++)
        packet_unref(packets[i]);
    session_release(session);
}

static void go_live(void) {
    assert_true(sign_in());
    start_stream(pos);
    page_arrives(1, 0, pos, true);
    assert_int_equal(session->state, SESSION_LIVE);
}

/* Exactly the positions first to last, each once, in order. */
static void assert_got(int64_t first, int64_t last) {
    assert_int_equal(peer.count, last - first + 1);
    for (size_t i = 0; i < peer.count; i++)
        assert_int_equal(peer.got[i], first + (int64_t)i);
}

/* ---- the states ---- */

static void a_session_goes_from_new_to_live_and_gets_nothing_before(void **state) {
    (void)state;
    assert_int_equal(session->state, SESSION_NEW);
    start_stream(pos); /* nobody signed in: nothing happens */
    assert_int_equal(session->state, SESSION_NEW);
    assert_true(sign_in());
    assert_int_equal(session->state, SESSION_SIGNED_IN);
    say();
    deliver_all();
    assert_int_equal(peer.count, 0);
    start_stream(pos);
    assert_int_equal(session->state, SESSION_CATCHING_UP);
    assert_int_equal(pages_asked, 1);
    page_arrives(1, 0, pos, true);
    assert_int_equal(session->state, SESSION_LIVE);
    say();
    deliver_all();
    assert_got(pos, pos);
}

static size_t heard_before_mail;

static void note_what_was_heard(struct loop *on, struct mail *take_mail) {
    (void)on, (void)take_mail;
    heard_before_mail = peer.count;
}

static void an_answer_waits_for_its_event_while_delivering_is_held_up(void **state) {
    struct mail mail = {.run = note_what_was_heard};
    (void)state;
    go_live();
    assert_false(hub_run_after_delivery(hub, &mail));
    hub->hold_until_ns = clock_monotonic_ns() + 5000000;
    say();
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    assert_int_equal(peer.count, 0);
    assert_true(hub_run_after_delivery(hub, &mail));
    assert_int_equal(heard_before_mail, 0);
    deliver_all();
    assert_got(pos, pos);
    assert_int_equal(heard_before_mail, 1);
    assert_false(hub_run_after_delivery(hub, &mail));
    assert_false(hub_run_after_delivery(NULL, &mail));
}

static void an_answer_that_waits_when_the_hub_ends_is_not_forgotten(void **state) {
    struct mail mail = {.run = note_what_was_heard};
    (void)state;
    heard_before_mail = SIZE_MAX;
    hub->hold_until_ns = clock_monotonic_ns() + 60000000000;
    go_live();
    say();
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    assert_true(hub_run_after_delivery(hub, &mail));
    close_hub(state);
    assert_int_equal(heard_before_mail, 0);
    open_hub(state);
}

static void the_stream_is_claimed_once(void **state) {
    (void)state;
    assert_true(session_claim_start(session));
    assert_false(session_claim_start(session));
    session_unclaim_start(session);
    assert_true(session_claim_start(session));
}

static void a_person_has_so_many_connections(void **state) {
    (void)state;
    struct uuid id = {{0}};
    assert_true(presence_enter(ACCOUNT, id, 0));
    assert_true(presence_enter(ACCOUNT, id, 0));
    assert_false(sign_in());
    assert_int_equal(peer.code, CLOSE_TOO_MANY);
    assert_int_equal(session->state, SESSION_CLOSED);
}

static void other_rooms_and_people_are_not_heard(void **state) {
    (void)state;
    go_live();
    publish(EVENT_message_created, audience_room(ROOM + 1), 1);
    publish(EVENT_read_updated, audience_person(ACCOUNT + 1), 0);
    say();
    deliver_all();
    assert_got(pos, pos);
}

static void pages_then_the_ring_without_gap_or_repeat(void **state) {
    (void)state;
    assert_true(sign_in());
    start_stream(2);
    assert_int_equal(page_from, 2);
    page_arrives(3, 6, 6, false);
    assert_int_equal(pages_asked, 2);
    assert_int_equal(page_from, 6);
    say(); /* 11: in the log before the last page is read, and in the ring */
    say(); /* 12: only in the ring */
    deliver_all();
    page_arrives(7, 11, 11, true);
    assert_int_equal(session->state, SESSION_LIVE);
    say();
    deliver_all();
    assert_got(3, 13);
}

static void what_a_page_brought_before_the_ring_is_not_repeated(void **state) {
    (void)state;
    assert_true(sign_in());
    start_stream(10);
    say();
    say();
    page_arrives(11, 12, 12, true); /* the loop has not looked into the ring yet */
    say();
    deliver_all();
    assert_got(11, 13);
}

static void whom_the_ring_leaves_behind_in_the_middle_gets_nothing_twice(void **state) {
    (void)state;
    assert_true(sign_in());
    start_stream(pos);
    for (int i = 0; i < 3; i++)
        say();
    deliver_all();
    flood_after = 2;
    page_arrives(1, 0, 10, true); /* the ring has 11 to 13, but 13 is gone before it is read */
    assert_got(11, 12);
    assert_int_equal(session->state, SESSION_CATCHING_UP);
    assert_int_equal(page_from, 12);
    session_release(session);
}

static void who_is_full_gets_the_next_page_when_drained(void **state) {
    (void)state;
    assert_true(sign_in());
    start_stream(2);
    peer.queued = QUEUE_BYTES;
    page_arrives(3, 6, 6, false); /* nothing fits: it is read again later */
    assert_int_equal(peer.count, 0);
    assert_int_equal(pages_asked, 1);
    peer.queued = 0;
    session_on_drain(session);
    assert_int_equal(pages_asked, 2);
    assert_int_equal(page_from, 2);
    page_arrives(3, 10, 10, true);
    assert_got(3, 10);
}

static void type(void) {
    const struct log_event event = {.type = EVENT_typing_started, .audience = audience_room(ROOM)};
    fanout_publish(fanout, &event, 1);
}

/* Volatile: dropped at half of the queue's limit, where messages still come and nothing closes. */
static void typing_is_the_first_to_go_when_a_queue_fills(void **state) {
    (void)state;
    int64_t before = metrics_get(METRIC_EVENTS_DROPPED);
    go_live();
    peer.queued = QUEUE_BYTES / 2;
    type();
    deliver_all();
    assert_int_equal(peer.count, 1);
    peer.queued++;
    type();
    deliver_all();
    assert_int_equal(peer.count, 1);
    assert_int_equal(metrics_get(METRIC_EVENTS_DROPPED), before + 1);
    say();
    deliver_all();
    assert_int_equal(peer.count, 2);
    assert_int_equal(peer.got[1], pos);
    assert_int_equal(peer.code, 0);
}

static void a_full_queue_closes_with_4001(void **state) {
    (void)state;
    go_live();
    peer.queued = QUEUE_BYTES;
    say();
    deliver_all();
    assert_int_equal(peer.code, CLOSE_SLOW);
    assert_int_equal(peer.code, 4001);
    assert_true(peer.dropped);
    assert_int_equal(peer.count, 0);
    assert_int_equal(session->state, SESSION_CLOSED);
    say();
    deliver_all();
    assert_int_equal(peer.count, 0);
}

/* Security: the room's buffers, which hold text in each form, are let go of. */
static void changed_text_leaves_the_room_buffers(void **state) {
    (void)state;
    static const enum event_id changes[] = {EVENT_message_deleted, EVENT_message_edited};
    go_live();
    struct audience *audience = map_get(&hub->audiences, (uint64_t)audience_room(ROOM));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct blob *plain = blob_create(100), *deflated = blob_create(100);
        audience->plain.chunk = blob_ref(plain);
        audience->deflated.chunk = blob_ref(deflated);
        say();
        deliver_all();
        assert_ptr_equal(audience->deflated.chunk, deflated);
        publish(changes[i], audience_room(ROOM), 1);
        deliver_all();
        assert_null(audience->plain.chunk);
        assert_null(audience->deflated.chunk);
        assert_int_equal(atomic_load(&plain->refs), 1);
        assert_int_equal(atomic_load(&deflated->refs), 1);
        blob_unref(plain);
        blob_unref(deflated);
    }
}

static void who_leaves_a_room_hears_it_and_no_more(void **state) {
    (void)state;
    go_live();
    publish(EVENT_room_left, audience_person(ACCOUNT), ROOM);
    say();
    deliver_all();
    assert_got(11, 11);
    publish(EVENT_room_joined, audience_person(ACCOUNT), ROOM);
    say();
    deliver_all();
    assert_int_equal(peer.count, 3);
    assert_int_equal(peer.got[2], pos);
}

/* The page at the head was read while the person was a member; the removal stands in the ring. */
static void who_is_removed_while_catching_up_hears_nothing_after_it(void **state) {
    (void)state;
    assert_true(sign_in());
    start_stream(9);
    say(); /* 11 */
    publish(EVENT_room_left, audience_person(ACCOUNT), ROOM);
    say(); /* 13 */
    deliver_all();
    page_arrives(10, 10, 10, true);
    assert_int_equal(session->state, SESSION_LIVE);
    assert_got(10, 12);
    say();
    deliver_all();
    assert_got(10, 12);
}

static void change_message(int64_t seq) {
    pos++;
    const struct log_event event = {.type = EVENT_message_edited,
                                    .audience = audience_room(ROOM),
                                    .subject = 1,
                                    .fact = seq,
                                    .pos = pos,
                                    .seq = pos};
    fanout_publish(fanout, &event, 1);
}

static void changes_of_messages_from_before_joining_are_not_heard(void **state) {
    (void)state;
    go_live();
    change_message(FROM_SEQ - 1);
    deliver_all();
    change_message(FROM_SEQ);
    deliver_all();
    assert_got(pos, pos);
}

static void text_that_was_erased_in_the_ring_is_read_from_the_log(void **state) {
    (void)state;
    go_live();
    say(); /* 11 */
    publish(EVENT_message_deleted, audience_room(ROOM), 1);
    deliver_all(); /* 11 is a stub by now */
    assert_int_equal(session->state, SESSION_CATCHING_UP);
    assert_int_equal(page_from, 10);
    page_arrives(11, 12, 12, true);
    assert_got(11, 12);
}

static void a_sign_in_that_ends_closes_its_sessions(void **state) {
    (void)state;
    go_live();
    publish(EVENT_session_ended, audience_person(ACCOUNT), ROW + 1);
    deliver_all();
    assert_int_equal(session->state, SESSION_LIVE);
    assert_true(session_hold(session)); /* a request is away: it is answered first */
    publish(EVENT_session_ended, audience_person(ACCOUNT), ROW);
    deliver_all();
    assert_int_equal(session->state, SESSION_ENDING);
    assert_int_equal(peer.code, 0);
    session_release(session);
    assert_int_equal(peer.code, CLOSE_SIGNED_OUT);
    assert_int_equal(peer.count, 0); /* the event itself is not for clients */
}

static void a_page_for_a_sign_in_that_is_gone_ends_the_session(void **state) {
    (void)state;
    assert_true(sign_in());
    start_stream(pos);
    struct page page = {.outcome = ERR_INVALID_TOKEN};
    session_on_page(session, &page);
    session_release(session);
    assert_int_equal(peer.code, CLOSE_SIGNED_OUT);
}

static void a_batch_of_events_wakes_each_loop_once(void **state) {
    (void)state;
    go_live();
    struct loop *other_loop = loop_create(1, NULL);
    struct hub *other = hub_create(
        other_loop, &(struct hub_options){.ring = fanout_ring(fanout), .queue_bytes = 1 << 20});
    fanout_add_hub(fanout, other);
    int64_t batches = metrics_get(METRIC_FANOUT_BATCHES);
    int64_t woken = metrics_get(METRIC_FANOUT_WAKEUPS);
    struct log_event events[100];
    for (size_t i = 0; i < 100; i++) {
        pos++;
        events[i] = (struct log_event){.type = EVENT_message_created,
                                       .audience = audience_room(ROOM),
                                       .subject = 1,
                                       .pos = pos,
                                       .seq = pos};
    }
    fanout_publish(fanout, events, 50);
    fanout_publish(fanout, events + 50, 50); /* before the loops turned */
    assert_int_equal(metrics_get(METRIC_FANOUT_BATCHES) - batches, 2);
    assert_int_equal(metrics_get(METRIC_FANOUT_WAKEUPS) - woken, 2); /* one a loop */
    deliver_all();
    uv_run(&other_loop->uv, UV_RUN_NOWAIT);
    hub_destroy(other); /* nothing is published any more */
    loop_destroy(other_loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_hub, close_hub)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_session_goes_from_new_to_live_and_gets_nothing_before),
        TEST(an_answer_waits_for_its_event_while_delivering_is_held_up),
        TEST(an_answer_that_waits_when_the_hub_ends_is_not_forgotten),
        TEST(the_stream_is_claimed_once),
        TEST(a_person_has_so_many_connections),
        TEST(other_rooms_and_people_are_not_heard),
        TEST(changes_of_messages_from_before_joining_are_not_heard),
        TEST(pages_then_the_ring_without_gap_or_repeat),
        TEST(what_a_page_brought_before_the_ring_is_not_repeated),
        TEST(whom_the_ring_leaves_behind_in_the_middle_gets_nothing_twice),
        TEST(who_is_full_gets_the_next_page_when_drained),
        TEST(typing_is_the_first_to_go_when_a_queue_fills),
        TEST(a_full_queue_closes_with_4001),
        TEST(changed_text_leaves_the_room_buffers),
        TEST(who_leaves_a_room_hears_it_and_no_more),
        TEST(who_is_removed_while_catching_up_hears_nothing_after_it),
        TEST(text_that_was_erased_in_the_ring_is_read_from_the_log),
        TEST(a_sign_in_that_ends_closes_its_sessions),
        TEST(a_page_for_a_sign_in_that_is_gone_ends_the_session),
        TEST(a_batch_of_events_wakes_each_loop_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
