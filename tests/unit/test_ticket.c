#include "auth/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ANN = 1, BOB, STRANGERS };
enum { MORE_THAN_ALL = 2 * TICKETS_MAX, MORE_THAN_A_SHARE = 2 * TICKETS_PER_ACCOUNT_MAX };

static struct arena *arena;
static int64_t now_ms = 1000000;

/* Each test begins when the tickets of the one before are too old. */
static int setup(void **state) {
    (void)state;
    arena = arena_create();
    now_ms += TICKET_LIFE_MS;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* For a session of the account, whose row is ten times the account's key. */
static struct str issue(int64_t account) {
    return ticket_issue(arena, account, 10 * account, now_ms);
}

static bool opens(struct str ticket, int64_t account) {
    int64_t row = ticket_redeem(ticket, now_ms);
    assert_true(row == 0 || row == 10 * account);
    return row != 0;
}

static void a_ticket_is_good_once_and_for_its_life(void **state) {
    (void)state;
    struct str first = issue(ANN), late = issue(ANN);
    assert_true(opens(first, ANN));
    assert_false(opens(first, ANN));
    assert_false(opens(STR("pt_nonsense"), ANN));
    now_ms += TICKET_LIFE_MS;
    assert_false(opens(late, ANN));
}

static void who_takes_many_loses_the_own_oldest(void **state) {
    (void)state;
    struct str held[TICKETS_PER_ACCOUNT_MAX + 1];
    for (size_t i = 0; i <= TICKETS_PER_ACCOUNT_MAX; i++)
        held[i] = issue(ANN);
    assert_false(opens(held[0], ANN));
    for (size_t i = 1; i <= TICKETS_PER_ACCOUNT_MAX; i++)
        assert_true(opens(held[i], ANN));
}

static void nobody_alone_pushes_out_anothers(void **state) {
    (void)state;
    struct str of_bob = issue(BOB);
    for (size_t i = 0; i < MORE_THAN_ALL; i++)
        issue(ANN);
    assert_true(opens(of_bob, BOB));
}

static void a_ticket_that_was_used_or_is_too_old_counts_no_more(void **state) {
    (void)state;
    struct str first = issue(ANN);
    for (size_t i = 0; i < MORE_THAN_A_SHARE; i++)
        assert_true(opens(issue(ANN), ANN));
    assert_true(opens(first, ANN));
    for (size_t i = 0; i < TICKETS_PER_ACCOUNT_MAX; i++)
        issue(ANN);
    now_ms += TICKET_LIFE_MS;
    struct str fresh = issue(ANN);
    for (size_t i = 1; i < TICKETS_PER_ACCOUNT_MAX; i++)
        issue(ANN);
    assert_true(opens(fresh, ANN));
}

static void when_all_places_are_taken_the_oldest_of_all_goes(void **state) {
    (void)state;
    struct str oldest = issue(ANN), next = issue(BOB);
    for (int64_t i = 0; i < TICKETS_MAX - 1; i++)
        issue(STRANGERS + i);
    assert_false(opens(oldest, ANN));
    assert_true(opens(next, BOB));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_ticket_is_good_once_and_for_its_life, setup, teardown),
        cmocka_unit_test_setup_teardown(who_takes_many_loses_the_own_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_alone_pushes_out_anothers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_that_was_used_or_is_too_old_counts_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(when_all_places_are_taken_the_oldest_of_all_goes, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
