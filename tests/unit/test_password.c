#include "auth/password.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MEMORY_BYTES = 64 * 1024, PASSES = 1 };

static struct arena *arena;

static int setup(void **state) {
    (void)state;
    arena = arena_create();
    password_init(&(struct password_options){.memory_bytes = MEMORY_BYTES, .passes = PASSES});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

static void a_hash_fits_its_password_alone(void **state) {
    (void)state;
    struct str hash = password_hash(arena, STR("correct horse"));
    assert_true(password_verify(hash, STR("correct horse")));
    assert_false(password_verify(hash, STR("correct horsf")));
    assert_false(password_verify(hash, STR("correct horse ")));
    assert_false(password_verify(hash, STR("")));
}

static void a_hash_is_argon2id_and_never_the_same_twice(void **state) {
    (void)state;
    struct str one = password_hash(arena, STR("correct horse")),
               other = password_hash(arena, STR("correct horse"));
    assert_true(str_starts_with(one, STR("$argon2id$")));
    assert_int_equal(str_find(one, STR("correct horse")), STR_NOT_FOUND);
    assert_false(str_equal(one, other));
}

static void nobody_has_no_password(void **state) {
    (void)state;
    assert_false(password_verify(STR_EMPTY, STR("correct horse")));
    assert_false(password_verify(STR_EMPTY, STR("")));
}

/* SECURITY 10. At costs at which one hash takes far longer than all else, the better of several
 * runs is compared. */
static void an_unknown_name_takes_as_long_as_a_wrong_password(void **state) {
    uint64_t known_ns = UINT64_MAX, unknown_ns = UINT64_MAX;
    (void)state;
    password_init(&(struct password_options){.memory_bytes = 8388608, .passes = 2});
    struct str hash = password_hash(arena, STR("correct horse"));
    for (int i = 0; i < 5; i++) {
        uint64_t begin_ns = clock_thread_cpu_ns();
        assert_false(password_verify(hash, STR("wrong horse")));
        uint64_t middle_ns = clock_thread_cpu_ns();
        assert_false(password_verify(STR_EMPTY, STR("wrong horse")));
        uint64_t end_ns = clock_thread_cpu_ns();
        known_ns = middle_ns - begin_ns < known_ns ? middle_ns - begin_ns : known_ns;
        unknown_ns = end_ns - middle_ns < unknown_ns ? end_ns - middle_ns : unknown_ns;
    }
    assert_true(unknown_ns > known_ns / 2 && known_ns > unknown_ns / 2);
}

static void a_hash_made_at_other_costs_still_fits_and_is_to_be_made_anew(void **state) {
    (void)state;
    struct str hash = password_hash(arena, STR("correct horse"));
    assert_false(password_needs_rehash(hash));
    password_init(&(struct password_options){.memory_bytes = MEMORY_BYTES, .passes = PASSES + 1});
    assert_true(password_verify(hash, STR("correct horse")));
    assert_true(password_needs_rehash(hash));
}

static void what_is_no_hash_fits_no_password(void **state) {
    char longest[300];
    (void)state;
    memset(longest, 'x', sizeof longest);
    assert_false(password_verify(STR("$argon2id$broken"), STR("correct horse")));
    assert_false(password_verify(str_make(longest, sizeof longest), STR("correct horse")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hash_fits_its_password_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hash_is_argon2id_and_never_the_same_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nobody_has_no_password, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_name_takes_as_long_as_a_wrong_password, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_hash_made_at_other_costs_still_fits_and_is_to_be_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_hash_fits_no_password, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
