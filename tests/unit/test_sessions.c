/* Signing in and out, passwords, tokens, the own profile. */
#include "auth/password.h"
#include "auth/token.h"
#include "chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST_PASSWORD "correct horse"
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

/* "ada", a member with an address. */
static void make_ada(void) {
    assert_err(CALL(the_operator, user_add, NULL, .name = STR("Ada"),
                    .email = STR("ada@example.org"), .role = ROLE_MEMBER,
                    .password = STR(TEST_PASSWORD)),
               ERR_OK);
}

static struct person sign_in(const char *login, const char *password) {
    struct session_create_result made;
    assert_err(CALL(nobody, session_create, &made, .login = str_from_cstr(login),
                    .password = str_from_cstr(password)),
               ERR_OK);
    return chat_signed_in(made.user->id);
}

static struct str sign_in_for_token(void) {
    struct session_create_result made;
    assert_err(CALL(nobody, session_create, &made, .login = STR("ada"),
                    .password = STR(TEST_PASSWORD), .token = true),
               ERR_OK);
    return made.token;
}

/* ---- session.create ---- */

static void one_signs_in_by_name_or_address_whatever_the_case(void **state) {
    static const char *const logins[] = {"Ada", "ADA", "ａｄａ", "ada@example.org",
                                         "ADA@EXAMPLE.ORG"};
    (void)state;
    make_ada();
    for (size_t i = 0; i < sizeof logins / sizeof *logins; i++)
        sign_in(logins[i], TEST_PASSWORD);
}

static void a_browser_gets_a_cookie_and_no_token(void **state) {
    struct session_create_result made;
    (void)state;
    make_ada();
    assert_err(
        CALL(nobody, session_create, &made, .login = STR("ada"), .password = STR(TEST_PASSWORD)),
        ERR_OK);
    const struct call_effect *effect = &chat_last_call()->effect;
    assert_true(effect->set_cookie);
    assert_true(effect->token.len > 0);
    assert_int_equal(made.token.len, 0);
    assert_int_equal(made.expires_at, effect->expires_at);
}

static void a_client_that_asks_gets_a_token_and_no_cookie(void **state) {
    (void)state;
    make_ada();
    struct str token = sign_in_for_token();
    assert_false(chat_last_call()->effect.set_cookie);
    assert_true(token.len >= 43); /* 256 bits */
    assert_int_equal(chat_integer("SELECT expires_at - created_at FROM session"), 30 * DAY_MS);
}

static void wrong_passwords_and_unknown_names_answer_alike(void **state) {
    static const struct {
        const char *login, *password;
    } wrong[] = {{"ada", "wrong horse"},  {"ada", "correct horse "},
                 {"eve", TEST_PASSWORD},  {"eve@example.org", TEST_PASSWORD},
                 {" ada", TEST_PASSWORD}, {"\xf0\x9f\x90\xb4", TEST_PASSWORD}};
    (void)state;
    make_ada();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_err(CALL(nobody, session_create, NULL, .login = str_from_cstr(wrong[i].login),
                        .password = str_from_cstr(wrong[i].password)),
                   ERR_INVALID_CREDENTIALS);
        assert_int_equal(chat_last_call()->error->field.len, 0);
    }
    assert_int_equal(chat_integer("SELECT count(*) FROM session"), 0);
}

static void no_secret_is_stored_as_it_is(void **state) {
    (void)state;
    make_ada();
    struct str token = sign_in_for_token();
    assert_int_equal(chat_integer("SELECT length(token_hash) FROM session"), 32);
    chat_restart();
    struct buf text = BUF_INIT;
    buf_append_str(&text, token);
    assert_false(fixture_file_contains(chat_folder(), "parley.db", buf_cstr(&text)));
    assert_false(fixture_file_contains(chat_folder(), "parley.db", TEST_PASSWORD));
    buf_finish(&text);
}

static void a_password_that_changed_while_it_was_looked_at_signs_nobody_in(void **state) {
    (void)state;
    make_ada();
    chat_close_gate();
    struct chat_run *change = START(the_operator, user_passwd, NULL, .name = STR("ada"),
                                    .password = STR("another horse"));
    struct chat_run *late =
        START(nobody, session_create, NULL, .login = STR("ada"), .password = STR(TEST_PASSWORD));
    chat_open_gate();
    assert_err(chat_wait(change), ERR_OK);
    assert_err(chat_wait(late), ERR_INVALID_CREDENTIALS);
}

static void a_hash_of_other_costs_is_made_anew_at_sign_in(void **state) {
    (void)state;
    make_ada();
    password_init(&(struct password_options){.memory_bytes = 16384, .passes = 2});
    sign_in("ada", TEST_PASSWORD);
    assert_int_equal(
        chat_integer("SELECT count(*) FROM account WHERE password_hash LIKE '%m=16,t=2,%'"), 1);
    sign_in("ada", TEST_PASSWORD);
}

/* ---- bearer tokens ---- */

static struct str token_sought;
static struct actor actor_found;

static enum err find_body(struct tx *tx, struct fixture_work *work) {
    (void)work;
    return token_find_actor(tx, token_sought, &actor_found);
}

static enum err find_actor(struct str token) {
    token_sought = token;
    return fixture_read(chat_store(), 0, find_body);
}

static void a_token_stands_for_its_person_until_it_expires(void **state) {
    (void)state;
    make_ada();
    struct str token = sign_in_for_token();
    assert_err(find_actor(token), ERR_OK);
    assert_int_equal(actor_found.role, ROLE_MEMBER);
    assert_int_equal(actor_found.account, chat_last_call()->effect.account);
    assert_err(find_actor(str_slice(token, 0, token.len - 1)), ERR_INVALID_TOKEN);
    assert_err(find_actor(STR("")), ERR_INVALID_TOKEN);
    chat_sql("UPDATE session SET expires_at = created_at");
    assert_err(find_actor(token), ERR_INVALID_TOKEN);
    assert_int_equal(actor_found.account, 0);
}

static void a_socket_signs_in_by_token_once(void **state) {
    struct session_authenticate_result result;
    (void)state;
    make_ada();
    struct str token = sign_in_for_token();
    assert_err(CALL(nobody, session_authenticate, &result, .token = token), ERR_OK);
    struct person ada = chat_signed_in(result.user->id);
    assert_false(chat_last_call()->effect.set_cookie);
    assert_err(CALL(ada, session_authenticate, NULL, .token = token), ERR_ALREADY_SIGNED_IN);
    assert_err(CALL(nobody, session_authenticate, NULL, .token = STR("pl_wrong")),
               ERR_INVALID_TOKEN);
}

static void the_operator_makes_tokens_that_live_as_long_as_asked(void **state) {
    struct token_create_result made;
    (void)state;
    make_ada();
    assert_err(CALL(the_operator, token_create, &made, .user = STR("ADA"), .expires_in = 3600),
               ERR_OK);
    assert_err(find_actor(made.token), ERR_OK);
    assert_int_equal(chat_integer("SELECT expires_at - created_at FROM session"), 3600 * 1000);
    assert_err(CALL(the_operator, token_create, &made, .user = STR("ada")), ERR_OK);
    assert_int_equal(chat_integer("SELECT max(expires_at - created_at) FROM session"), 30 * DAY_MS);
    assert_err(CALL(the_operator, token_create, NULL, .user = STR("eve")), ERR_NOT_FOUND);
    assert_int_equal(
        chat_integer(
            "SELECT count(*) FROM audit WHERE action = 'token.create' AND subject = 'Ada'"),
        2);
}

/* ---- session.delete ---- */

static void signing_out_ends_this_session_alone(void **state) {
    (void)state;
    make_ada();
    struct person here = sign_in("ada", TEST_PASSWORD), there = sign_in("ada", TEST_PASSWORD);
    chat_forget_events();
    assert_err(CALL(here, session_delete, NULL, 0), ERR_OK);
    assert_true(chat_last_call()->effect.clear_cookie);
    assert_events(EVENT_session_ended);
    assert_int_equal(chat_event(0)->audience, audience_person(here.account));
    assert_int_equal(chat_event(0)->subject, here.session);
    assert_int_equal(chat_event(0)->fact, 0);
    assert_err(CALL(here, user_me, NULL, 0), ERR_INVALID_TOKEN);
    assert_err(CALL(there, user_me, NULL, 0), ERR_OK);
}

/* ---- passwords ---- */

static void changing_the_password_ends_the_other_sessions(void **state) {
    (void)state;
    make_ada();
    struct person here = sign_in("ada", TEST_PASSWORD), there = sign_in("ada", TEST_PASSWORD);
    chat_forget_events();
    assert_err(CALL(here, user_password, NULL, .old_password = STR(TEST_PASSWORD),
                    .new_password = STR("another horse")),
               ERR_OK);
    assert_events(EVENT_session_ended);
    assert_int_equal(chat_event(0)->subject, here.session);
    assert_int_equal(chat_event(0)->fact, 1);
    assert_err(CALL(here, user_me, NULL, 0), ERR_OK);
    assert_err(CALL(there, user_me, NULL, 0), ERR_INVALID_TOKEN);
    assert_err(
        CALL(nobody, session_create, NULL, .login = STR("ada"), .password = STR(TEST_PASSWORD)),
        ERR_INVALID_CREDENTIALS);
    sign_in("ada", "another horse");
}

static void changing_the_password_asks_for_the_old_one(void **state) {
    (void)state;
    make_ada();
    struct person here = sign_in("ada", TEST_PASSWORD), there = sign_in("ada", TEST_PASSWORD);
    chat_forget_events();
    assert_err(CALL(here, user_password, NULL, .old_password = STR("wrong horse"),
                    .new_password = STR("another horse")),
               ERR_WRONG_PASSWORD);
    assert_no_events();
    assert_err(CALL(there, user_me, NULL, 0), ERR_OK);
    sign_in("ada", TEST_PASSWORD);
}

static void two_changes_of_a_password_at_once_make_one(void **state) {
    (void)state;
    make_ada();
    struct person here = sign_in("ada", TEST_PASSWORD);
    chat_close_gate();
    struct chat_run *one = START(here, user_password, NULL, .old_password = STR(TEST_PASSWORD),
                                 .new_password = STR("another horse"));
    struct chat_run *other = START(here, user_password, NULL, .old_password = STR(TEST_PASSWORD),
                                   .new_password = STR("the third horse"));
    chat_open_gate();
    assert_err(chat_wait(one), ERR_OK);
    assert_err(chat_wait(other), ERR_WRONG_PASSWORD);
    sign_in("ada", "another horse");
}

static void the_operator_sets_a_password_and_ends_all_sessions(void **state) {
    (void)state;
    make_ada();
    struct person here = sign_in("ada", TEST_PASSWORD);
    chat_forget_events();
    assert_err(
        CALL(the_operator, user_passwd, NULL, .name = STR("ada"), .password = STR("another horse")),
        ERR_OK);
    assert_events(EVENT_session_ended);
    assert_int_equal(chat_event(0)->subject, 0);
    assert_int_equal(chat_event(0)->fact, 0);
    assert_err(CALL(here, user_me, NULL, 0), ERR_INVALID_TOKEN);
    assert_err(
        CALL(the_operator, user_passwd, NULL, .name = STR("eve"), .password = STR("another horse")),
        ERR_NOT_FOUND);
    sign_in("ada", "another horse");
}

/* ---- the own profile ---- */

static void a_profile_changes_where_something_was_given(void **state) {
    struct user_update_result result;
    (void)state;
    make_ada();
    struct person ada = sign_in("ada", TEST_PASSWORD);
    chat_forget_events();
    assert_err(CALL(ada, user_update, &result, .display_name = STR("Ada L."),
                    .status = STR("thinking"), .bio = STR("one\ntwo")),
               ERR_OK);
    assert_str(result.user->display_name, "Ada L.");
    assert_str(result.user->email, "ada@example.org");
    assert_events(EVENT_user_updated);
    assert_err(CALL(ada, user_update, &result, GIVEN(user_update, status)), ERR_OK);
    assert_str(result.user->status, "");
    assert_str(result.user->bio, "one\ntwo");
}

static void the_address_is_told_to_nobody(void **state) {
    (void)state;
    make_ada();
    struct person ada = sign_in("ada", TEST_PASSWORD);
    chat_forget_events();
    assert_err(CALL(ada, user_update, NULL, .email = STR("lovelace@example.org")), ERR_OK);
    assert_no_events();
    sign_in("lovelace@example.org", TEST_PASSWORD);
    assert_err(CALL(nobody, session_create, NULL, .login = STR("ada@example.org"),
                    .password = STR(TEST_PASSWORD)),
               ERR_INVALID_CREDENTIALS);
}

static void an_address_is_given_back(void **state) {
    struct user_update_result result;
    (void)state;
    make_ada();
    struct person ada = sign_in("ada", TEST_PASSWORD);
    assert_err(CALL(ada, user_update, &result, GIVEN(user_update, email)), ERR_OK);
    assert_str(result.user->email, "");
    assert_err(CALL(the_operator, user_add, NULL, .name = STR("bob"),
                    .email = STR("ada@example.org"), .role = ROLE_MEMBER,
                    .password = STR(TEST_PASSWORD)),
               ERR_OK);
    assert_err(CALL(ada, user_update, NULL, .email = STR("ADA@example.org")), ERR_EMAIL_TAKEN);
    assert_err(CALL(ada, user_update, NULL, .email = STR("ada")), ERR_INVALID_FIELD);
    assert_err(CALL(ada, user_update, NULL, .display_name = STR("   ")), ERR_INVALID_FIELD);
}

/* ---- other people ---- */

static void people_come_by_name_a_page_at_a_time(void **state) {
    static const char *const names[] = {"bob", "Cleo", "dora", "eve"};
    struct user_list_result page;
    (void)state;
    make_ada();
    for (size_t i = 0; i < 4; i++)
        assert_err(CALL(the_operator, user_add, NULL, .name = str_from_cstr(names[i]),
                        .role = ROLE_MEMBER, .password = STR(TEST_PASSWORD)),
                   ERR_OK);
    struct person ada = sign_in("ada", TEST_PASSWORD);
    assert_err(CALL(ada, user_list, &page, .limit = 2), ERR_OK);
    assert_int_equal(page.users.count, 2);
    assert_str(page.users.items[1].name, "bob");
    assert_err(CALL(ada, user_list, &page, .limit = 3, .after = page.next_cursor), ERR_OK);
    assert_int_equal(page.users.count, 3);
    assert_str(page.users.items[0].name, "Cleo");
    assert_int_equal(page.next_cursor.len, 0);
    assert_err(CALL(ada, user_list, &page, .query = STR("CL")), ERR_OK);
    assert_int_equal(page.users.count, 1);
    assert_err(CALL(ada, user_list, &page, .query = STR("%")), ERR_OK);
    assert_int_equal(page.users.count, 0);
    assert_err(CALL(ada, user_list, NULL, .after = STR("nonsense")), ERR_INVALID_CURSOR);
}

static void a_guest_knows_only_who_shares_a_room(void **state) {
    struct uuid no_room = {{0}};
    (void)state;
    struct person owner = chat_make_owner(),
                  bob = chat_make_person(owner, "bob", ROLE_MEMBER, no_room);
    struct person guest =
        chat_make_person(owner, "guest", ROLE_GUEST, chat_make_room(owner, "den", true));
    assert_err(CALL(guest, user_get, NULL, .user = owner.id), ERR_OK);
    assert_err(CALL(guest, user_get, NULL, .user = guest.id), ERR_OK);
    assert_err(CALL(guest, user_get, NULL, .user = bob.id), ERR_NOT_FOUND);
    assert_err(CALL(guest, user_list, NULL, 0), ERR_FORBIDDEN);
    assert_err(CALL(bob, user_get, NULL, .user = guest.id), ERR_OK);
    assert_err(CALL(bob, user_get, NULL, .user = no_room), ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, chat_open, chat_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_signs_in_by_name_or_address_whatever_the_case),
        TEST(a_browser_gets_a_cookie_and_no_token),
        TEST(a_client_that_asks_gets_a_token_and_no_cookie),
        TEST(wrong_passwords_and_unknown_names_answer_alike),
        TEST(no_secret_is_stored_as_it_is),
        TEST(a_password_that_changed_while_it_was_looked_at_signs_nobody_in),
        TEST(a_hash_of_other_costs_is_made_anew_at_sign_in),
        TEST(a_token_stands_for_its_person_until_it_expires),
        TEST(a_socket_signs_in_by_token_once),
        TEST(the_operator_makes_tokens_that_live_as_long_as_asked),
        TEST(signing_out_ends_this_session_alone),
        TEST(changing_the_password_ends_the_other_sessions),
        TEST(changing_the_password_asks_for_the_old_one),
        TEST(two_changes_of_a_password_at_once_make_one),
        TEST(the_operator_sets_a_password_and_ends_all_sessions),
        TEST(a_profile_changes_where_something_was_given),
        TEST(the_address_is_told_to_nobody),
        TEST(an_address_is_given_back),
        TEST(people_come_by_name_a_page_at_a_time),
        TEST(a_guest_knows_only_who_shares_a_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
