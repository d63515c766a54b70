/* The contract between the bus and the fan-out: the bus may delay, double, reorder and drop, and
 * still each node's ring gets each event of the log once, in order, and messages with the same
 * bytes.
 *
 * Node A commits and publishes; node B hears of it by a bus that misbehaves, and has a follower on
 * the same log. The bus is played by the test, in its own order, from a seed. */
#include "base/clock.h"
#include "base/mem.h"
#include "chat_fixture.h"
#include "loop/loop.h"
#include "realtime/follower.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { BATCHES_MAX = 1000, RING_BYTES = 64 << 20, WAIT_MS = 20000, POLL_MS = 300 };

/* What a bus does to a message, in percent. */
struct manners {
    unsigned dropped, doubled, reordered;
};

/* Payloads as node A published them. */
struct wire {
    struct buf payloads[BATCHES_MAX];
    size_t count;
};

static void wire_take(void *arg, struct str payload) {
    struct wire *wire = arg;
    assert_true(wire->count < BATCHES_MAX);
    buf_init(&wire->payloads[wire->count]);
    buf_append_str(&wire->payloads[wire->count++], payload);
}

static void wire_finish(struct wire *wire) {
    for (size_t i = 0; i < wire->count; i++)
        buf_finish(&wire->payloads[i]);
}

/* The same numbers in each run of one seed. */
static unsigned draw(uint64_t *seed, unsigned below) {
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(*seed >> 33) % below;
}

static void delay(unsigned ms) {
    const struct timespec time = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&time, NULL);
}

/* Hands the messages to node B: some never, some twice, some after the next ones. */
static void misbehave(struct wire *wire, struct fanout *to, struct manners manners, uint64_t seed) {
    size_t order[2 * BATCHES_MAX], count = 0;
    for (size_t i = 0; i < wire->count; i++) {
        if (draw(&seed, 100) < manners.dropped)
            continue;
        order[count++] = i;
        if (draw(&seed, 100) < manners.doubled)
            order[count++] = i;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        size_t other = i + draw(&seed, 20);
        if (other < count && draw(&seed, 100) < manners.reordered) {
            size_t swapped = order[i];
            order[i] = order[other];
            order[other] = swapped;
        }
    }
    for (size_t i = 0; i < count; i++) {
        fanout_on_bus(to, buf_str(&wire->payloads[order[i]]));
        if (draw(&seed, 100) < 2)
            delay(draw(&seed, 150)); /* long enough for the follower to step in */
    }
}

/* Reads `count` logged packets from the beginning of a ring; waits for those that are still to
 * come.
 */
static void read_ring(struct fanout *fanout, struct packet **out, size_t count) {
    uint64_t index = 0, until_ms = clock_monotonic_ms() + WAIT_MS;
    assert_true(ring_index_after(fanout_ring(fanout), 0, &index));
    for (size_t have = 0; have < count;) {
        size_t got = ring_read(fanout_ring(fanout), &index, out + have, 1);
        assert_true(got != RING_FELL_OFF);
        if (got == 1 && out[have]->pos == 0)
            packet_unref(out[have]); /* typing and the like: nobody promises that they come */
        else
            have += got;
        if (clock_monotonic_ms() > until_ms)
            fail_msg("%zu of %zu events came", have, count);
        if (got == 0)
            sched_yield();
    }
}

static void assert_same(struct packet *ours, struct packet *theirs, size_t number) {
    assert_int_equal(ours->pos, number);
    assert_int_equal(theirs->pos, number);
    assert_int_equal(ours->type, theirs->type);
    assert_int_equal(ours->audience, theirs->audience);
    assert_int_equal(ours->check, theirs->check);
    assert_int_equal(ours->seq, theirs->seq);
    assert_int_equal(ours->fact, theirs->fact);
    assert_int_equal(ours->frame == NULL, theirs->frame == NULL);
    if (ours->frame == NULL || theirs->frame == NULL || ours->type != EVENT_message_created)
        return; /* what is read from the log tells a room and its counts as they are now */
    assert_int_equal(ours->frame->len, theirs->frame->len);
    assert_memory_equal(ours->frame->bytes, theirs->frame->bytes, ours->frame->len);
}

/* Both rings hold the log from pos 1 on, and nothing behind it. */
static void assert_exact(struct fanout *a, struct fanout *b, size_t count) {
    struct packet **ours = mem_zalloc(count, sizeof *ours),
                  **theirs = mem_zalloc(count, sizeof *theirs);
    struct packet *more = NULL;
    uint64_t index;
    read_ring(a, ours, count);
    read_ring(b, theirs, count);
    for (size_t i = 0; i < count; i++) {
        assert_same(ours[i], theirs[i], i + 1);
        packet_unref(ours[i]);
        packet_unref(theirs[i]);
    }
    assert_true(ring_index_after(fanout_ring(b), (int64_t)count, &index));
    assert_int_equal(ring_read(fanout_ring(b), &index, &more, 1), 0);
    mem_free(ours);
    mem_free(theirs);
}

/* A busy workspace: people come, write, and go. */
static void make_events(size_t messages) {
    struct person owner = chat_make_owner();
    struct uuid room = chat_make_room(owner, "room", false);
    struct person bob = chat_make_person(owner, "bob", ROLE_MEMBER, room);
    for (size_t i = 0; i < messages; i++) {
        chat_say(i % 2 == 0 ? owner : bob, room, "hello");
        if (i % 50 == 49) {
            assert_err(CALL(bob, room_leave, NULL, .room = room), ERR_OK);
            assert_err(CALL(bob, room_join, NULL, .room = room), ERR_OK);
        }
    }
}

static void stays_exact(struct manners manners, size_t messages, uint64_t seed) {
    struct wire *wire = calloc(1, sizeof *wire);
    assert_non_null(wire);
    const struct fanout_options of_a = {
        .ring_bytes = RING_BYTES, .to_bus = wire_take, .to_bus_arg = wire};
    const struct fanout_options of_b = {.ring_bytes = RING_BYTES};
    struct fanout *a = fanout_create(&of_a), *b = fanout_create(&of_b);
    struct loop *loop = loop_create(0, NULL);
    const struct follower_options following = {
        .fanout = b, .store = chat_store(), .poll_ms = POLL_MS};
    struct follower *follower = follower_create(loop, &following);
    loop_start(loop);

    make_events(messages);
    size_t logged = 0;
    for (size_t i = 0; i < chat_event_count();) {
        size_t batch = 1 + draw(&seed, 5);
        if (batch > chat_event_count() - i)
            batch = chat_event_count() - i;
        for (size_t k = i; k < i + batch; k++)
            logged += chat_event(k)->pos != 0;
        fanout_publish(a, chat_event(i), batch);
        i += batch;
    }
    misbehave(wire, b, manners, seed);
    assert_exact(a, b, logged);

    loop_stop(loop);
    loop_join(loop);
    chat_restart(); /* the executors are done: no fetch is away */
    follower_destroy(follower);
    loop_destroy(loop);
    fanout_destroy(a);
    fanout_destroy(b);
    wire_finish(wire);
    free(wire);
}

static void a_bus_that_behaves_brings_everything(void **state) {
    (void)state;
    stays_exact((struct manners){0}, 200, 1);
}

static void
delayed_doubled_reordered_and_dropped_messages_leave_each_event_once_in_order(void **state) {
    (void)state;
    stays_exact((struct manners){.dropped = 20, .doubled = 20, .reordered = 30}, 300, 2);
}

static void a_bus_that_loses_almost_everything_costs_only_time(void **state) {
    (void)state;
    stays_exact((struct manners){.dropped = 95, .doubled = 50, .reordered = 50}, 600, 3);
}

static void without_any_bus_the_log_is_followed(void **state) {
    (void)state;
    stays_exact((struct manners){.dropped = 100}, 450, 4);
}

static void what_is_no_message_changes_nothing(void **state) {
    (void)state;
    const struct fanout_options options = {.ring_bytes = RING_BYTES};
    struct fanout *fanout = fanout_create(&options);
    fanout_on_bus(fanout, STR("nonsense"));
    fanout_on_bus(fanout, STR("\0\0\0\0"));
    struct packet *packet = NULL;
    uint64_t index = 0;
    assert_true(ring_index_after(fanout_ring(fanout), 0, &index));
    assert_int_equal(ring_read(fanout_ring(fanout), &index, &packet, 1), 0);
    assert_int_equal(fanout_gap(fanout), 0);
    fanout_destroy(fanout);
}

#define CONTRACT(test) cmocka_unit_test_setup_teardown(test, chat_open, chat_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        CONTRACT(a_bus_that_behaves_brings_everything),
        CONTRACT(delayed_doubled_reordered_and_dropped_messages_leave_each_event_once_in_order),
        CONTRACT(a_bus_that_loses_almost_everything_costs_only_time),
        CONTRACT(without_any_bus_the_log_is_followed),
        CONTRACT(what_is_no_message_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
