#include "auth/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

enum { BURST = 5 };

static const uint8_t address_v4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
static const uint8_t address_v4_beside[16] = {0, 0, 0,    0,    0,   0, 0, 0,
                                              0, 0, 0xff, 0xff, 192, 0, 2, 2};
static const uint8_t address_v6[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
static const uint8_t address_v6_same_64[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1,
                                               9,    9, 9,   9,    9, 9, 9, 9};
static const uint8_t address_v6_other_64[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 2,
                                                0,    0, 0,   0,    0, 0, 0, 1};

/* All buckets hold BURST; at `per_minute` 1 none fills while a test runs. */
static void begin(bool on, int64_t per_minute) {
    const struct limit_rate rate = {.per_minute = per_minute, .burst = BURST};
    struct limit_options options = {.on = on, .person = rate, .address = rate};
    for (int i = 0; i < LIMIT_COUNT; i++)
        options.rates[i] = rate;
    limit_init(&options);
}

/* How many are let through at once. */
static int take_all_of_person(enum limit limit, int64_t account) {
    int taken = 0;
    while (taken < 2 * BURST && limit_take_person(limit, account) == 0)
        taken++;
    return taken;
}

static int take_all_of_address(enum limit limit, const uint8_t address[16]) {
    int taken = 0;
    while (taken < 2 * BURST && limit_take_address(limit, address) == 0)
        taken++;
    return taken;
}

static void a_bucket_lets_its_burst_through_and_then_says_when_to_come_again(void **state) {
    (void)state;
    begin(true, 1);
    assert_int_equal(take_all_of_person(LIMIT_BASE, 1), BURST);
    uint64_t wait_ms = limit_take_person(LIMIT_BASE, 1);
    assert_in_range(wait_ms, 50000, 60000);
}

static void asking_in_vain_does_not_prolong_the_wait(void **state) {
    (void)state;
    begin(true, 1);
    take_all_of_person(LIMIT_BASE, 1);
    for (int i = 0; i < 1000; i++)
        assert_in_range(limit_take_person(LIMIT_BASE, 1), 1, 60000);
}

static void a_bucket_fills_again_as_time_goes_by(void **state) {
    (void)state;
    begin(true, 60000); /* one a millisecond */
    for (int i = 0; i < 2 * BURST; i++) {
        uint64_t wait_ms = 0;
        while ((wait_ms = limit_take_person(LIMIT_BASE, 1)) > 0) {
            assert_in_range(wait_ms, 1, 2);
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
}

static void each_person_and_each_limit_has_a_bucket_of_its_own(void **state) {
    (void)state;
    begin(true, 1);
    assert_int_equal(take_all_of_person(LIMIT_BASE, 1), BURST);
    assert_int_equal(take_all_of_person(LIMIT_BASE, 2), BURST);
    assert_int_equal(take_all_of_person(LIMIT_TYPING, 1), BURST);
    assert_int_equal(take_all_of_person(LIMIT_TYPING, 1), 0);
}

static void an_ipv6_network_of_64_bits_shares_a_bucket(void **state) {
    (void)state;
    begin(true, 1);
    assert_int_equal(take_all_of_address(LIMIT_SIGN_IN, address_v6), BURST);
    assert_int_equal(take_all_of_address(LIMIT_SIGN_IN, address_v6_same_64), 0);
    assert_int_equal(take_all_of_address(LIMIT_SIGN_IN, address_v6_other_64), BURST);
}

static void an_ipv4_address_has_a_bucket_of_its_own(void **state) {
    (void)state;
    begin(true, 1);
    assert_int_equal(take_all_of_address(LIMIT_SIGN_IN, address_v4), BURST);
    assert_int_equal(take_all_of_address(LIMIT_SIGN_IN, address_v4_beside), BURST);
    assert_int_equal(take_all_of_address(LIMIT_SIGN_IN, address_v4), 0);
}

static void a_person_is_not_charged_for_an_address(void **state) {
    (void)state;
    begin(true, 1);
    take_all_of_address(LIMIT_SIGN_IN, address_v4);
    assert_int_equal(take_all_of_person(LIMIT_SIGN_IN, 1), BURST);
}

static void a_crowd_of_strangers_does_not_empty_the_memory_nor_free_who_is_held_back(void **state) {
    (void)state;
    begin(true, 1);
    assert_int_equal(take_all_of_person(LIMIT_BASE, 1), BURST);
    for (int64_t i = 2; i < 100000; i++)
        (void)!limit_take_person(LIMIT_BASE, i);
    assert_int_not_equal(limit_take_person(LIMIT_BASE, 1), 0);
}

static void switched_off_everything_is_let_through(void **state) {
    (void)state;
    begin(false, 1);
    assert_int_equal(take_all_of_person(LIMIT_BASE, 1), 2 * BURST);
    assert_int_equal(take_all_of_address(LIMIT_SIGN_IN, address_v4), 2 * BURST);
}

static void an_operation_without_a_limit_takes_nothing(void **state) {
    (void)state;
    begin(true, 1);
    assert_int_equal(take_all_of_person(LIMIT_NONE, 1), 2 * BURST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_lets_its_burst_through_and_then_says_when_to_come_again),
        cmocka_unit_test(asking_in_vain_does_not_prolong_the_wait),
        cmocka_unit_test(a_bucket_fills_again_as_time_goes_by),
        cmocka_unit_test(each_person_and_each_limit_has_a_bucket_of_its_own),
        cmocka_unit_test(an_ipv6_network_of_64_bits_shares_a_bucket),
        cmocka_unit_test(an_ipv4_address_has_a_bucket_of_its_own),
        cmocka_unit_test(a_person_is_not_charged_for_an_address),
        cmocka_unit_test(a_crowd_of_strangers_does_not_empty_the_memory_nor_free_who_is_held_back),
        cmocka_unit_test(switched_off_everything_is_let_through),
        cmocka_unit_test(an_operation_without_a_limit_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
