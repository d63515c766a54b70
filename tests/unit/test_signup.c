/* The first owner, invites, and the operator's accounts. */
#include "chat/chat.h"
#include "chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct uuid no_room;
#define A_PASSWORD .password = STR("a password")

/* ---- the first owner ---- */

static void the_owner_is_made_with_general_and_signed_in(void **state) {
    struct owner_create_result made;
    struct state_get_result got;
    (void)state;
    struct str secret = chat_owner_secret();
    chat_forget_events();
    assert_err(CALL(nobody, owner_create, &made, .secret = secret, .name = STR("ada"),
                    .display_name = STR("Ada L."), .email = STR("Ada@Example.org"), A_PASSWORD),
               ERR_OK);
    assert_int_equal(made.user->role, ROLE_OWNER);
    assert_str(made.user->name, "ada");
    assert_str(made.user->display_name, "Ada L.");
    assert_str(made.user->email, "Ada@Example.org");
    assert_true(chat_last_call()->effect.set_cookie);
    assert_true(chat_last_call()->wants_created);
    struct person owner = chat_signed_in(made.user->id);
    assert_err(CALL(owner, state_get, &got, 0), ERR_OK);
    assert_int_equal(got.state->rooms.count, 1);
    assert_str(got.state->rooms.items[0].name, "general");
    assert_false(got.state->rooms.items[0].private);
    assert_events(EVENT_user_updated, EVENT_room_created, EVENT_room_joined, EVENT_member_joined);
}

static void a_wrong_secret_makes_no_owner(void **state) {
    (void)state;
    chat_owner_secret();
    assert_err(
        CALL(nobody, owner_create, NULL, .secret = STR("wrong"), .name = STR("ada"), A_PASSWORD),
        ERR_INVITE_INVALID);
    assert_int_equal(chat_integer("SELECT count(*) FROM account"), 0);
}

static void a_fresh_link_voids_the_one_before(void **state) {
    (void)state;
    struct str first = chat_owner_secret(), second = chat_owner_secret();
    assert_err(CALL(nobody, owner_create, NULL, .secret = first, .name = STR("ada"), A_PASSWORD),
               ERR_INVITE_INVALID);
    assert_err(CALL(nobody, owner_create, NULL, .secret = second, .name = STR("ada"), A_PASSWORD),
               ERR_OK);
}

static void the_secret_is_stored_as_a_hash_alone(void **state) {
    struct owner_link_result link;
    (void)state;
    assert_err(CALL(the_operator, owner_link, &link, 0), ERR_OK);
    assert_true(str_starts_with(link.url, STR("http://chat.example/owner#")));
    assert_int_equal(chat_link_secret(link.url).len, 43); /* 256 bits as base64url */
    assert_int_equal(chat_integer("SELECT length(value) FROM meta WHERE key = 'owner_claim'"), 32);
}

static void two_uses_of_the_link_at_once_make_one_owner(void **state) {
    struct owner_create_result one, other;
    (void)state;
    struct str secret = chat_owner_secret();
    chat_close_gate();
    struct chat_run *first =
        START(nobody, owner_create, &one, .secret = secret, .name = STR("ada"), A_PASSWORD);
    struct chat_run *second =
        START(nobody, owner_create, &other, .secret = secret, .name = STR("eve"), A_PASSWORD);
    chat_open_gate();
    assert_err(chat_wait(first), ERR_OK);
    assert_err(chat_wait(second), ERR_OWNER_EXISTS);
    assert_int_equal(chat_integer("SELECT count(*) FROM account"), 1);
    assert_int_equal(chat_integer("SELECT count(*) FROM meta WHERE key = 'owner_claim'"), 0);
}

static void with_an_owner_there_is_no_link(void **state) {
    struct owner_link_result link;
    (void)state;
    chat_make_owner();
    assert_err(CALL(the_operator, owner_link, &link, 0), ERR_OK);
    assert_int_equal(link.url.len, 0);
}

static void an_owner_made_by_the_operator_voids_the_link_and_makes_general(void **state) {
    (void)state;
    struct str secret = chat_owner_secret();
    assert_err(
        CALL(the_operator, user_add, NULL, .name = STR("ada"), .role = ROLE_OWNER, A_PASSWORD),
        ERR_OK);
    assert_err(CALL(nobody, owner_create, NULL, .secret = secret, .name = STR("eve"), A_PASSWORD),
               ERR_OWNER_EXISTS);
    assert_int_equal(chat_integer("SELECT count(*) FROM meta WHERE key = 'owner_claim'"), 0);
    assert_int_equal(chat_integer("SELECT count(*) FROM room WHERE general = 1"), 1);
}

static void a_person_whom_the_operator_makes_owner_brings_general_too(void **state) {
    (void)state;
    assert_err(
        CALL(the_operator, user_add, NULL, .name = STR("ada"), .role = ROLE_MEMBER, A_PASSWORD),
        ERR_OK);
    assert_err(CALL(the_operator, user_role, NULL, .name = STR("ada"), .role = ROLE_OWNER), ERR_OK);
    assert_int_equal(chat_integer("SELECT count(*) FROM membership AS m JOIN room AS r ON r.key = "
                                  "m.room WHERE r.general = 1"),
                     1);
}

static void without_an_owner_no_invite_works(void **state) {
    struct invite_create_result invite;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, &invite, 0), ERR_OK);
    chat_sql("UPDATE account SET role = 2");
    assert_err(CALL(nobody, user_create, NULL, .invite = chat_link_secret(invite.url),
                    .name = STR("bob"), A_PASSWORD),
               ERR_INVITE_INVALID);
}

/* ---- invites ---- */

static void who_signs_up_by_an_invite_is_in_general_and_signed_in(void **state) {
    struct state_get_result got;
    (void)state;
    struct person bob = chat_make_person(chat_make_owner(), "bob", ROLE_MEMBER, no_room);
    assert_true(chat_last_call()->effect.set_cookie);
    assert_err(CALL(bob, state_get, &got, 0), ERR_OK);
    assert_int_equal(got.state->user->role, ROLE_MEMBER);
    assert_int_equal(got.state->rooms.count, 1);
    assert_str(got.state->rooms.items[0].name, "general");
    assert_int_equal(got.state->rooms.items[0].members, 2);
}

static void an_invite_leads_to_its_room_besides_general(void **state) {
    struct state_get_result got;
    (void)state;
    struct person owner = chat_make_owner();
    struct person bob =
        chat_make_person(owner, "bob", ROLE_MEMBER, chat_make_room(owner, "den", true));
    assert_err(CALL(bob, state_get, &got, 0), ERR_OK);
    assert_int_equal(got.state->rooms.count, 2);
    assert_str(got.state->rooms.items[0].name, "den");
}

static void a_guest_is_in_the_room_of_the_invite_alone(void **state) {
    struct state_get_result got;
    (void)state;
    struct person owner = chat_make_owner();
    struct person guest =
        chat_make_person(owner, "guest", ROLE_GUEST, chat_make_room(owner, "den", false));
    assert_err(CALL(guest, state_get, &got, 0), ERR_OK);
    assert_int_equal(got.state->rooms.count, 1);
    assert_str(got.state->rooms.items[0].name, "den");
    assert_int_equal(got.state->online.count, 0);
}

static void an_invite_into_an_archived_room_leads_nowhere(void **state) {
    struct invite_create_result for_guest, for_member;
    struct user_create_result made;
    struct state_get_result got;
    (void)state;
    struct person owner = chat_make_owner();
    struct uuid den = chat_make_room(owner, "den", false);
    assert_err(CALL(owner, invite_create, &for_guest, GIVEN(invite_create, role),
                    .role = ROLE_GUEST, .room = den),
               ERR_OK);
    assert_err(CALL(owner, invite_create, &for_member, .room = den), ERR_OK);
    assert_err(CALL(owner, room_archive, NULL, .room = den), ERR_OK);
    assert_err(CALL(nobody, user_create, NULL, .invite = chat_link_secret(for_guest.url),
                    .name = STR("guest"), A_PASSWORD),
               ERR_INVITE_INVALID);
    assert_err(CALL(nobody, user_create, &made, .invite = chat_link_secret(for_member.url),
                    .name = STR("bob"), A_PASSWORD),
               ERR_OK);
    struct person bob = chat_signed_in(made.user->id);
    assert_err(CALL(bob, state_get, &got, 0), ERR_OK);
    assert_int_equal(got.state->rooms.count, 1);
    assert_int_equal(chat_integer("SELECT count(*) FROM membership AS m JOIN room AS r ON r.key = "
                                  "m.room WHERE r.name = 'den'"),
                     1);
}

static void a_guests_invite_must_name_a_room(void **state) {
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, NULL, GIVEN(invite_create, role), .role = ROLE_GUEST),
               ERR_INVALID_FIELD);
}

static void an_invite_is_used_up(void **state) {
    struct invite_create_result invite;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, &invite, .uses = 2), ERR_OK);
    struct str secret = chat_link_secret(invite.url);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("bob"), A_PASSWORD),
               ERR_OK);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("cleo"), A_PASSWORD),
               ERR_OK);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("dora"), A_PASSWORD),
               ERR_INVITE_INVALID);
    assert_int_equal(chat_integer("SELECT count(*) FROM account"), 3);
}

static void two_uses_at_once_of_the_last_one_make_one_account(void **state) {
    struct invite_create_result invite;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, &invite, 0), ERR_OK);
    struct str secret = chat_link_secret(invite.url);
    chat_close_gate();
    struct chat_run *first =
        START(nobody, user_create, NULL, .invite = secret, .name = STR("bob"), A_PASSWORD);
    struct chat_run *second =
        START(nobody, user_create, NULL, .invite = secret, .name = STR("cleo"), A_PASSWORD);
    chat_open_gate();
    assert_err(chat_wait(first), ERR_OK);
    assert_err(chat_wait(second), ERR_INVITE_INVALID);
}

static void a_refused_sign_up_uses_nothing_up(void **state) {
    struct invite_create_result invite;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, &invite, 0), ERR_OK);
    struct str secret = chat_link_secret(invite.url);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("OWNER"), A_PASSWORD),
               ERR_NAME_TAKEN);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("a b"), A_PASSWORD),
               ERR_INVALID_FIELD);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("bob"), A_PASSWORD),
               ERR_OK);
}

static void an_expired_invite_works_no_more(void **state) {
    struct invite_create_result invite;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, &invite, 0), ERR_OK);
    chat_sql("UPDATE invite SET expires_at = created_at - 1");
    struct str secret = chat_link_secret(invite.url);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("bob"), A_PASSWORD),
               ERR_INVITE_INVALID);
    assert_err(CALL(nobody, invite_show, NULL, .secret = secret), ERR_INVITE_INVALID);
}

static void a_revoked_invite_works_no_more_and_is_listed_no_more(void **state) {
    struct invite_create_result invite;
    struct invite_list_result list;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, &invite, 0), ERR_OK);
    assert_err(CALL(owner, invite_list, &list, 0), ERR_OK);
    assert_int_equal(list.invites.count, 1);
    assert_err(CALL(owner, invite_revoke, NULL, .invite = invite.invite->id), ERR_OK);
    assert_err(CALL(owner, invite_list, &list, 0), ERR_OK);
    assert_int_equal(list.invites.count, 0);
    assert_err(CALL(nobody, user_create, NULL, .invite = chat_link_secret(invite.url),
                    .name = STR("bob"), A_PASSWORD),
               ERR_INVITE_INVALID);
}

static void as_many_invites_are_open_as_a_list_shows(void **state) {
    struct invite_create_result invite;
    struct invite_list_result list;
    (void)state;
    struct person owner = chat_make_owner();
    for (int i = 0; i < CHAT_INVITES_MAX; i++)
        assert_err(CALL(owner, invite_create, &invite, 0), ERR_OK);
    assert_err(CALL(owner, invite_create, NULL, 0), ERR_TOO_MANY_INVITES);
    assert_err(CALL(owner, invite_list, &list, 0), ERR_OK);
    assert_int_equal(list.invites.count, CHAT_INVITES_MAX);
    assert_err(CALL(owner, invite_revoke, NULL, .invite = invite.invite->id), ERR_OK);
    assert_err(CALL(owner, invite_create, NULL, 0), ERR_OK);
    assert_err(CALL(owner, invite_create, NULL, 0), ERR_TOO_MANY_INVITES);
}

static void showing_an_invite_tells_who_invites_and_uses_nothing_up(void **state) {
    struct invite_create_result invite;
    struct invite_show_result shown;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, invite_create, &invite, .expires_in = 3600), ERR_OK);
    struct str secret = chat_link_secret(invite.url);
    for (int i = 0; i < 3; i++)
        assert_err(CALL(nobody, invite_show, &shown, .secret = secret), ERR_OK);
    assert_str(shown.invited_by, "owner");
    assert_int_equal(shown.role, ROLE_MEMBER);
    assert_int_equal(shown.expires_at, invite.invite->expires_at);
    assert_err(CALL(nobody, user_create, NULL, .invite = secret, .name = STR("bob"), A_PASSWORD),
               ERR_OK);
    assert_err(CALL(nobody, invite_show, NULL, .secret = STR("wrong")), ERR_INVITE_INVALID);
}

static void a_link_gives_a_role_below_the_own(void **state) {
    (void)state;
    struct person owner = chat_make_owner(),
                  admin = chat_make_person(owner, "admin", ROLE_ADMIN, no_room);
    assert_err(CALL(admin, invite_create, NULL, GIVEN(invite_create, role), .role = ROLE_OWNER),
               ERR_FORBIDDEN);
    assert_err(CALL(admin, invite_create, NULL, .role = ROLE_ADMIN), ERR_FORBIDDEN);
    assert_err(CALL(admin, invite_create, NULL, .role = ROLE_MEMBER), ERR_OK);
    assert_err(CALL(owner, invite_create, NULL, .role = ROLE_OWNER), ERR_FORBIDDEN);
    struct person member = chat_make_person(owner, "bob", ROLE_MEMBER, no_room);
    assert_err(CALL(member, invite_create, NULL, 0), ERR_FORBIDDEN);
}

static void an_invite_to_a_private_room_needs_being_in_it(void **state) {
    (void)state;
    struct person owner = chat_make_owner(),
                  admin = chat_make_person(owner, "admin", ROLE_ADMIN, no_room);
    struct person bob = chat_make_person(owner, "bob", ROLE_MEMBER, no_room);
    struct uuid den = chat_make_room(bob, "den", true);
    assert_err(CALL(admin, invite_create, NULL, .room = den), ERR_NOT_FOUND);
}

/* ---- names ---- */

static void a_name_or_address_is_there_once(void **state) {
    (void)state;
    struct person owner = chat_make_owner();
    (void)owner;
    assert_err(CALL(the_operator, user_add, NULL, .name = STR("Mary"),
                    .email = STR("mary@example.org"), .role = ROLE_MEMBER, A_PASSWORD),
               ERR_OK);
    assert_err(
        CALL(the_operator, user_add, NULL, .name = STR("mARY"), .role = ROLE_MEMBER, A_PASSWORD),
        ERR_NAME_TAKEN);
    assert_err(CALL(the_operator, user_add, NULL, .name = STR("m\u0430ry"), .role = ROLE_MEMBER,
                    A_PASSWORD),
               ERR_NAME_TAKEN);
    assert_err(CALL(the_operator, user_add, NULL, .name = STR("rose"),
                    .email = STR("MARY@example.ORG"), .role = ROLE_MEMBER, A_PASSWORD),
               ERR_EMAIL_TAKEN);
    assert_err(CALL(the_operator, user_add, NULL, .name = STR("rose"), .email = STR("no address"),
                    .role = ROLE_MEMBER, A_PASSWORD),
               ERR_INVALID_FIELD);
    assert_str(chat_last_call()->error->field, "email");
}

/* ---- rank ---- */

static void the_last_owner_stays(void **state) {
    (void)state;
    chat_make_owner();
    assert_err(CALL(the_operator, user_role, NULL, .name = STR("owner"), .role = ROLE_ADMIN),
               ERR_LAST_OWNER);
    assert_err(CALL(the_operator, user_disable, NULL, .name = STR("owner")), ERR_LAST_OWNER);
    assert_err(
        CALL(the_operator, user_add, NULL, .name = STR("second"), .role = ROLE_OWNER, A_PASSWORD),
        ERR_OK);
    assert_err(CALL(the_operator, user_disable, NULL, .name = STR("owner")), ERR_OK);
    assert_err(CALL(the_operator, user_role, NULL, .name = STR("second"), .role = ROLE_ADMIN),
               ERR_LAST_OWNER);
}

static void two_owners_demoted_at_once_leave_one(void **state) {
    (void)state;
    chat_make_owner();
    assert_err(
        CALL(the_operator, user_add, NULL, .name = STR("second"), .role = ROLE_OWNER, A_PASSWORD),
        ERR_OK);
    chat_close_gate();
    struct chat_run *first =
        START(the_operator, user_role, NULL, .name = STR("owner"), .role = ROLE_MEMBER);
    struct chat_run *second =
        START(the_operator, user_role, NULL, .name = STR("second"), .role = ROLE_MEMBER);
    chat_open_gate();
    assert_err(chat_wait(first), ERR_OK);
    assert_err(chat_wait(second), ERR_LAST_OWNER);
}

static void who_is_disabled_is_out_at_once(void **state) {
    struct user_disable_result result;
    (void)state;
    struct person bob = chat_make_person(chat_make_owner(), "bob", ROLE_MEMBER, no_room);
    chat_forget_events();
    assert_err(CALL(the_operator, user_disable, &result, .name = STR("bob")), ERR_OK);
    assert_true(result.user->disabled);
    assert_events(EVENT_session_ended, EVENT_user_updated);
    assert_int_equal(chat_event(0)->audience, audience_person(bob.account));
    assert_int_equal(chat_event(0)->subject, 0);
    assert_int_equal(chat_event(0)->fact, 0);
    assert_err(CALL(bob, user_me, NULL, 0), ERR_INVALID_TOKEN);
    assert_err(CALL(nobody, session_create, NULL, .login = STR("bob"), A_PASSWORD),
               ERR_INVALID_CREDENTIALS);
    assert_err(CALL(the_operator, token_create, NULL, .user = STR("bob")), ERR_NOT_FOUND);
}

static void who_is_enabled_again_signs_in_anew(void **state) {
    (void)state;
    struct person bob = chat_make_person(chat_make_owner(), "bob", ROLE_MEMBER, no_room);
    assert_err(CALL(the_operator, user_disable, NULL, .name = STR("bob")), ERR_OK);
    assert_err(CALL(the_operator, user_disable, NULL, .name = STR("bob"), .enable = true), ERR_OK);
    assert_err(CALL(bob, user_me, NULL, 0), ERR_INVALID_TOKEN);
    assert_err(CALL(nobody, session_create, NULL, .login = STR("bob"), A_PASSWORD), ERR_OK);
}

static void a_change_of_role_is_told_and_ends_nothing(void **state) {
    struct user_me_result me;
    (void)state;
    struct person bob = chat_make_person(chat_make_owner(), "bob", ROLE_MEMBER, no_room);
    assert_err(CALL(the_operator, user_role, NULL, .name = STR("BOB"), .role = ROLE_ADMIN), ERR_OK);
    assert_err(CALL(bob, user_me, &me, 0), ERR_OK);
    assert_int_equal(me.user->role, ROLE_ADMIN);
    assert_int_equal(chat_event(chat_event_count() - 1)->type, EVENT_user_updated);
}

/* ---- the trail ---- */

static void what_the_operator_does_is_in_the_audit_chain(void **state) {
    (void)state;
    chat_make_owner();
    assert_err(
        CALL(the_operator, user_add, NULL, .name = STR("bob"), .role = ROLE_MEMBER, A_PASSWORD),
        ERR_OK);
    assert_err(CALL(the_operator, user_role, NULL, .name = STR("bob"), .role = ROLE_ADMIN), ERR_OK);
    assert_err(CALL(the_operator, user_disable, NULL, .name = STR("bob")), ERR_OK);
    assert_int_equal(chat_integer("SELECT count(*) FROM audit WHERE subject = 'bob'"), 3);
    assert_int_equal(chat_integer("SELECT count(*) FROM audit WHERE action LIKE '%a password%' OR "
                                  "subject LIKE '%a password%'"),
                     0);
}

static void a_changed_audit_row_is_found(void **state) {
    struct doctor_check_result found;
    (void)state;
    chat_make_owner();
    assert_err(
        CALL(the_operator, user_add, NULL, .name = STR("bob"), .role = ROLE_OWNER, A_PASSWORD),
        ERR_OK);
    chat_sql("UPDATE audit SET subject = 'eve' WHERE subject = 'bob'");
    assert_err(CALL(the_operator, doctor_check, &found, 0), ERR_OK);
    assert_int_equal(found.problems.count, 1);
    chat_sql(
        "UPDATE audit SET subject = 'bob' WHERE subject = 'eve'"); /* for the look at the end */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, chat_open, chat_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_owner_is_made_with_general_and_signed_in),
        TEST(a_wrong_secret_makes_no_owner),
        TEST(a_fresh_link_voids_the_one_before),
        TEST(the_secret_is_stored_as_a_hash_alone),
        TEST(two_uses_of_the_link_at_once_make_one_owner),
        TEST(with_an_owner_there_is_no_link),
        TEST(an_owner_made_by_the_operator_voids_the_link_and_makes_general),
        TEST(a_person_whom_the_operator_makes_owner_brings_general_too),
        TEST(without_an_owner_no_invite_works),
        TEST(who_signs_up_by_an_invite_is_in_general_and_signed_in),
        TEST(an_invite_leads_to_its_room_besides_general),
        TEST(a_guest_is_in_the_room_of_the_invite_alone),
        TEST(an_invite_into_an_archived_room_leads_nowhere),
        TEST(a_guests_invite_must_name_a_room),
        TEST(an_invite_is_used_up),
        TEST(two_uses_at_once_of_the_last_one_make_one_account),
        TEST(a_refused_sign_up_uses_nothing_up),
        TEST(an_expired_invite_works_no_more),
        TEST(a_revoked_invite_works_no_more_and_is_listed_no_more),
        TEST(as_many_invites_are_open_as_a_list_shows),
        TEST(showing_an_invite_tells_who_invites_and_uses_nothing_up),
        TEST(a_link_gives_a_role_below_the_own),
        TEST(an_invite_to_a_private_room_needs_being_in_it),
        TEST(a_name_or_address_is_there_once),
        TEST(the_last_owner_stays),
        TEST(two_owners_demoted_at_once_leave_one),
        TEST(who_is_disabled_is_out_at_once),
        TEST(who_is_enabled_again_signs_in_anew),
        TEST(a_change_of_role_is_told_and_ends_nothing),
        TEST(what_the_operator_does_is_in_the_audit_chain),
        TEST(a_changed_audit_row_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
