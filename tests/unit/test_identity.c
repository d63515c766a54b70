#include "auth/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena *arena;

static int setup(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

static struct identity_name parsed(const char *text) {
    struct identity_name name;
    if (!identity_parse_name(arena, str_from_cstr(text), &name))
        fail_msg("refused: %s", text);
    return name;
}

static bool is_name(const char *text) {
    struct identity_name name;
    return identity_parse_name(arena, str_from_cstr(text), &name);
}

static bool look_alike(const char *one, const char *other) {
    return str_equal(parsed(one).skeleton, parsed(other).skeleton);
}

/* ---- names ---- */

static void names_of_every_script_are_taken(void **state) {
    static const char *const names[] = {"ada",  "Ada.Lovelace-1", "a",    "7of9",  "_x",
                                        "Zoë",  "Zoe\u0308",      "李雷", "Жанна", "علي",
                                        "नमस्ते", "ひらがな",       "ØØØ"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_name(names[i]))
            fail_msg("refused: %s", names[i]);
}

static void what_is_no_name_is_refused(void **state) {
    static const char *const texts[] = {
        "",     " ",   " ada", "ada ",     "a b",      "a\tb",      "ada@home",
        "@",    "...", "-",    "a\u200db", "a\u202eb", "\u0301ada", "🙂",
        "a/b",  "a:b", "<b>",  "a\u00a0b", "a\u3000b", "a\ufeffb",  "a\ufe0fb\U000e0041",
        "ada\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (is_name(texts[i]))
            fail_msg("taken, at %zu: %s", i, texts[i]);
}

static void a_name_has_at_most_40_code_points(void **state) {
    (void)state;
    assert_true(is_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_false(is_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void a_name_is_kept_as_it_was_written(void **state) {
    (void)state;
    assert_true(str_equal(parsed("Ada.Lovelace").name, STR("Ada.Lovelace")));
}

static void names_that_differ_in_case_or_form_alone_fold_to_one(void **state) {
    static const char *const pairs[][2] = {
        {"Ada", "aDA"},       {"Straße", "STRASSE"}, {"ﬁne", "fine"},
        {"Zoë", "Zoe\u0308"}, {"ＡＤＡ", "ada"},     {"ЖАННА", "жанна"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!str_equal(parsed(pairs[i][0]).folded, parsed(pairs[i][1]).folded))
            fail_msg("%s and %s differ", pairs[i][0], pairs[i][1]);
    assert_false(str_equal(parsed("ada").folded, parsed("adam").folded));
}

static void names_that_look_alike_share_a_skeleton(void **state) {
    static const char *const pairs[][2] = {
        {"paypal", "p\u0430ypal"}, /* Cyrillic a */
        {"PAYPAL", "\u0420AYPAL"}, /* Cyrillic Er, which looks like no small letter of the other */
        {"mary", "rnary"},
        {"HELLO", "\u041dELLO"}, /* Cyrillic En: alike as capitals alone */
        {"MARY", "rnary"},
        {"PayPal", "PayPaI"}, /* capital i for l */
        {"scope", "\u0455\u0441\u043e\u0440\u0435"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!look_alike(pairs[i][0], pairs[i][1]))
            fail_msg("%s and %s pass for two", pairs[i][0], pairs[i][1]);
}

static void names_that_differ_to_the_eye_have_skeletons_of_their_own(void **state) {
    (void)state;
    assert_false(look_alike("anna", "hanna"));
    assert_false(look_alike("ben", "ken"));
    assert_false(look_alike("李雷", "李明"));
}

/* ---- addresses ---- */

static void an_address_folds_to_one_whatever_its_case(void **state) {
    struct str one, other;
    (void)state;
    assert_true(identity_parse_email(arena, STR("Ada@Example.ORG"), &one));
    assert_true(identity_parse_email(arena, STR("ada@example.org"), &other));
    assert_true(str_equal(one, other));
}

static void what_is_no_address_is_refused(void **state) {
    static const char *const texts[] = {"",      "ada",   "@",     "ada@", "@example.org",
                                        "a@b@c", "a b@c", "a@b c", "a@b\n"};
    struct str folded;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (identity_parse_email(arena, str_from_cstr(texts[i]), &folded))
            fail_msg("taken: %s", texts[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_every_script_are_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_name_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_has_at_most_40_code_points, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_kept_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_differ_in_case_or_form_alone_fold_to_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_that_look_alike_share_a_skeleton, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_differ_to_the_eye_have_skeletons_of_their_own,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_folds_to_one_whatever_its_case, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_address_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
