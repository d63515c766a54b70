/* net/run_queue: order, one run in place, more in a ring, and no reference lost or kept. */
#include "net/run_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct blob *blob;

static int make_blob(void **state) {
    (void)state;
    blob = blob_from_bytes("0123456789", 10);
    return 0;
}

static int free_blob(void **state) {
    (void)state;
    bool is_last = atomic_load(&blob->refs) == 1;
    blob_unref(blob);
    return is_last ? 0 : -1;
}

static struct run run_of(uint32_t from) {
    return (struct run){blob_ref(blob), from, from + 1};
}

static void assert_popped(struct run_queue *queue, uint32_t from) {
    struct run run = run_queue_pop(queue);
    assert_int_equal(run.from, from);
    blob_unref(run.blob);
}

static void one_run_needs_no_memory(void **state) {
    (void)state;
    struct run_queue queue = {0};
    for (uint32_t i = 0; i < 3; i++) {
        run_queue_push(&queue, run_of(i));
        assert_false(queue.is_ring);
        assert_ptr_equal(run_queue_at(&queue, 0), &queue.one);
        assert_popped(&queue, i);
    }
    assert_int_equal(queue.count, 0);
}

static void many_come_out_in_order_while_others_come_in(void **state) {
    (void)state;
    struct run_queue queue = {0};
    uint32_t in = 0, out = 0;
    for (; in < 100; in++)
        run_queue_push(&queue, run_of(in));
    for (; out < 90; out++)
        assert_popped(&queue, out);
    for (; in < 300; in++)
        run_queue_push(&queue, run_of(in));
    for (uint32_t i = 0; i < queue.count; i++)
        assert_int_equal(run_queue_at(&queue, i)->from, out + i);
    for (; out < 300; out++)
        assert_popped(&queue, out);
    assert_false(queue.is_ring); /* its memory is gone with the last run */
}

static void a_run_is_inserted_at_its_place(void **state) {
    (void)state;
    struct run_queue queue = {0};
    run_queue_insert(&queue, 0, run_of(2));
    run_queue_insert(&queue, 0, run_of(0));
    run_queue_insert(&queue, 1, run_of(1));
    run_queue_insert(&queue, 3, run_of(3));
    run_queue_insert(&queue, 4, run_of(4));
    for (uint32_t i = 0; i < 5; i++)
        assert_popped(&queue, i);
}

static void what_is_dropped_is_counted_and_given_back(void **state) {
    (void)state;
    struct run_queue queue = {0};
    assert_int_equal(run_queue_drop_from(&queue, 0), 0);
    for (uint32_t i = 0; i < 9; i++)
        run_queue_push(&queue, run_of(i));
    assert_int_equal(run_queue_drop_from(&queue, 4), 5);
    assert_int_equal(queue.count, 4);
    assert_int_equal(run_queue_drop_from(&queue, 9), 0);
    assert_int_equal(run_queue_drop_from(&queue, 0), 4);
    assert_false(queue.is_ring);
    run_queue_push(&queue, run_of(7));
    assert_popped(&queue, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_blob, free_blob)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_run_needs_no_memory),
        TEST(many_come_out_in_order_while_others_come_in),
        TEST(a_run_is_inserted_at_its_place),
        TEST(what_is_dropped_is_counted_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
