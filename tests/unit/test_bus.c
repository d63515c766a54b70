#include "bus/bus.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A node that notes what it hears. */
struct listener {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf heard;
    size_t count;
    int ups;
    bool is_held; /* event() waits while this is set */
};

static void listener_event(void *arg, struct str payload) {
    struct listener *listener = arg;
    pthread_mutex_lock(&listener->lock);
    while (listener->is_held)
        pthread_cond_wait(&listener->changed, &listener->lock);
    buf_append_str(&listener->heard, payload);
    listener->count++;
    pthread_cond_broadcast(&listener->changed);
    pthread_mutex_unlock(&listener->lock);
}

static void listener_up(void *arg) {
    struct listener *listener = arg;
    pthread_mutex_lock(&listener->lock);
    listener->ups++;
    pthread_cond_broadcast(&listener->changed);
    pthread_mutex_unlock(&listener->lock);
}

static void listener_down(void *arg) {
    (void)arg;
    fail_msg("the local bus never goes down");
}

static struct bus *listener_open(struct listener *listener, struct str address) {
    struct bus *bus = NULL;
    struct buf error = BUF_INIT;
    *listener = (struct listener){.count = 0};
    pthread_mutex_init(&listener->lock, NULL);
    pthread_cond_init(&listener->changed, NULL);
    const struct bus_options options = {
        .kind = STR("local"),
        .address = address,
        .ops = {listener_event, listener_up, listener_down, listener}};
    assert_int_equal(bus_open(&options, &bus, &error), ERR_OK);
    buf_finish(&error);
    return bus;
}

static void listener_wait(struct listener *listener, size_t count) {
    pthread_mutex_lock(&listener->lock);
    while (listener->count < count || listener->ups == 0)
        pthread_cond_wait(&listener->changed, &listener->lock);
    pthread_mutex_unlock(&listener->lock);
}

static void listener_hold(struct listener *listener, bool held) {
    pthread_mutex_lock(&listener->lock);
    listener->is_held = held;
    pthread_cond_broadcast(&listener->changed);
    pthread_mutex_unlock(&listener->lock);
}

static void nodes_hear_each_other_in_order_and_not_themselves(void **state) {
    (void)state;
    struct listener a, b, c;
    struct bus *bus_a = listener_open(&a, STR("one")), *bus_b = listener_open(&b, STR("one"));
    struct bus *bus_c = listener_open(&c, STR("two"));
    bus_publish(bus_a, STR("1"));
    bus_publish(bus_a, STR("2"));
    bus_publish(bus_a, STR("3"));
    bus_publish(bus_b, STR("x"));
    listener_wait(&b, 3);
    listener_wait(&a, 1);
    listener_wait(&c, 0);
    bus_close(bus_a);
    bus_close(bus_b);
    bus_close(bus_c);
    assert_true(str_equal(buf_str(&b.heard), STR("123")));
    assert_true(str_equal(buf_str(&a.heard), STR("x")));
    assert_int_equal(c.count, 0);
    assert_int_equal(c.ups, 1);
    buf_finish(&a.heard);
    buf_finish(&b.heard);
    buf_finish(&c.heard);
}

static void a_node_that_does_not_listen_loses_messages_and_holds_up_nobody(void **state) {
    (void)state;
    struct listener a, b;
    struct bus *bus_a = listener_open(&a, STR("full")), *bus_b = listener_open(&b, STR("full"));
    listener_wait(&b, 0);
    listener_hold(&b, true);
    for (int i = 0; i < 2 * BUS_QUEUE_MAX; i++)
        bus_publish(bus_a, STR("m"));
    listener_hold(&b, false);
    listener_wait(&b, BUS_QUEUE_MAX);
    bus_close(bus_a);
    bus_close(bus_b);
    assert_in_range(b.count, BUS_QUEUE_MAX, BUS_QUEUE_MAX + 1); /* one was in hand */
    buf_finish(&b.heard);
}

static void an_unknown_kind_is_refused_by_name(void **state) {
    (void)state;
    struct bus *bus = NULL;
    struct buf error = BUF_INIT;
    const struct bus_options options = {.kind = STR("pigeon")};
    assert_int_equal(bus_open(&options, &bus, &error), ERR_INVALID_FIELD);
    assert_non_null(strstr(buf_cstr(&error), "pigeon"));
    buf_finish(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_hear_each_other_in_order_and_not_themselves),
        cmocka_unit_test(a_node_that_does_not_listen_loses_messages_and_holds_up_nobody),
        cmocka_unit_test(an_unknown_kind_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
