#include "auth/token.h"
#include "chat_world.h"
#include "store/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_text(struct str got, const char *want) {
    if (!str_equal(got, str_from_cstr(want)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(got), want);
}

/* What stands after the '#' of a link. */
static struct str secret_of(struct str url) {
    struct str head, secret;
    assert_true(str_cut(url, '#', &head, &secret));
    assert_true(str_starts_with(head, STR("https://chat.example.org/")));
    assert_int_equal(secret.len, 43); /* 256 bits */
    return secret;
}

/* ---- the first owner ---- */

static enum err claim(struct world *world, struct str secret, const char *name,
                      struct owner_create_result *out) {
    return WORLD_CALL(world, owner_create, world_nobody(), out, .secret = secret,
                      .name = str_from_cstr(name), .password = STR("correct horse"));
}

static struct str owner_secret(struct world *world) {
    struct owner_link_result link;
    assert_int_equal(WORLD_CALL(world, owner_link, world_operator(), &link, .present = 0), ERR_OK);
    return secret_of(link.url);
}

static void the_first_owner_comes_by_a_link_that_works_once(void **state) {
    struct world *world = *state;
    struct owner_create_result made;
    struct owner_link_result link;
    struct room_list_result rooms;
    struct str old = owner_secret(world), secret = owner_secret(world);
    assert_int_equal(claim(world, old, "ada", &made),
                     ERR_INVITE_INVALID); /* voided by the newer one */
    assert_int_equal(claim(world, STR("wrong"), "ada", &made), ERR_INVITE_INVALID);
    assert_int_equal(claim(world, secret, "ada", &made), ERR_OK);
    assert_int_equal(made.user->role, ROLE_OWNER);
    assert_text(made.user->display_name, "ada");
    assert_true(world->effect.sign_in && world->effect.set_cookie);
    assert_true(str_starts_with(world->effect.token, STR("pl_")));
    assert_int_equal(claim(world, secret, "eve", &made), ERR_OWNER_EXISTS);
    assert_int_equal(WORLD_CALL(world, owner_link, world_operator(), &link, .present = 0), ERR_OK);
    assert_int_equal(link.url.len, 0);
    assert_int_equal(
        WORLD_CALL(world, room_list, world_person(world, "ada"), &rooms, .archived = false),
        ERR_OK);
    assert_int_equal(rooms.rooms.count, 1);
    assert_text(rooms.rooms.items[0].name, "general");
    assert_true(rooms.rooms.items[0].joined);
}

static void an_owner_made_by_the_operator_voids_the_link(void **state) {
    struct world *world = *state;
    struct owner_create_result made;
    struct user_add_result added;
    struct str secret = owner_secret(world);
    assert_int_equal(WORLD_CALL(world, user_add, world_operator(), &added, .name = STR("ada"),
                                .role = ROLE_OWNER, .password = STR("correct horse")),
                     ERR_OK);
    assert_int_equal(claim(world, secret, "eve", &made), ERR_OWNER_EXISTS);
}

static void somebody_whom_the_operator_makes_owner_voids_the_link_too(void **state) {
    struct world *world = *state;
    struct user_add_result added;
    struct user_role_result changed;
    struct owner_create_result made;
    struct room_list_result rooms;
    struct str secret = owner_secret(world);
    assert_int_equal(WORLD_CALL(world, user_add, world_operator(), &added, .name = STR("ben"),
                                .role = ROLE_MEMBER, .password = STR("correct horse")),
                     ERR_OK);
    assert_int_equal(WORLD_CALL(world, user_role, world_operator(), &changed, .name = STR("ben"),
                                .role = ROLE_OWNER),
                     ERR_OK);
    assert_int_equal(WORLD_CALL(world, user_role, world_operator(), &changed, .name = STR("ben"),
                                .role = ROLE_MEMBER),
                     ERR_LAST_OWNER);
    assert_int_equal(claim(world, secret, "eve", &made), ERR_OWNER_EXISTS);
    assert_int_equal(
        WORLD_CALL(world, room_list, world_person(world, "ben"), &rooms, .archived = false),
        ERR_OK);
    assert_int_equal(rooms.rooms.count, 1);
    assert_text(rooms.rooms.items[0].name, "general");
}

/* ---- invites ---- */

static enum err sign_up(struct world *world, struct str secret, const char *name,
                        struct user_create_result *out) {
    return WORLD_CALL(world, user_create, world_nobody(), out, .invite = secret,
                      .name = str_from_cstr(name), .password = STR("correct horse"));
}

static struct str invite(struct world *world, enum role role, int64_t uses, struct uuid room) {
    struct invite_create_result made;
    assert_int_equal(WORLD_CALL(world, invite_create, world_person(world, "amy"), &made,
                                .present = GIVEN(invite_create, role) | GIVEN(invite_create, uses),
                                .role = role, .uses = uses, .room = room),
                     ERR_OK);
    return secret_of(made.url);
}

static void an_invite_signs_up_as_many_as_it_says(void **state) {
    struct world *world = *state;
    struct user_create_result made;
    struct invite_show_result shown;
    struct invite_list_result listed;
    struct str secret = invite(world, ROLE_MEMBER, 2, (struct uuid){0});
    assert_int_equal(WORLD_CALL(world, invite_show, world_nobody(), &shown, .secret = secret),
                     ERR_OK);
    assert_text(shown.invited_by, "amy");
    assert_int_equal(sign_up(world, secret, "dee", &made), ERR_OK);
    assert_int_equal(made.user->role, ROLE_MEMBER);
    assert_true(world->effect.sign_in);
    assert_int_equal(sign_up(world, secret, "dee", &made), ERR_NAME_TAKEN); /* uses nothing up */
    assert_int_equal(
        WORLD_CALL(world, invite_list, world_person(world, "amy"), &listed, .present = 0), ERR_OK);
    assert_int_equal(listed.invites.items[0].uses_left, 1);
    assert_int_equal(sign_up(world, secret, "eve", &made), ERR_OK);
    assert_int_equal(sign_up(world, secret, "fay", &made), ERR_INVITE_INVALID);
    assert_int_equal(WORLD_CALL(world, invite_show, world_nobody(), &shown, .secret = secret),
                     ERR_INVITE_INVALID);
}

static void a_guest_comes_into_the_invites_room_alone(void **state) {
    struct world *world = *state;
    struct user_create_result made;
    struct room_list_result rooms;
    struct invite_create_result refused;
    struct uuid room = world_make_room(world, world_person(world, "amy"), "den", true);
    assert_int_equal(WORLD_CALL(world, invite_create, world_person(world, "amy"), &refused,
                                .present = GIVEN(invite_create, role), .role = ROLE_GUEST),
                     ERR_INVALID_FIELD);
    assert_int_equal(sign_up(world, invite(world, ROLE_GUEST, 1, room), "guy", &made), ERR_OK);
    assert_int_equal(
        WORLD_CALL(world, room_list, world_person(world, "guy"), &rooms, .archived = false),
        ERR_OK);
    assert_int_equal(rooms.rooms.count, 1);
    assert_text(rooms.rooms.items[0].name, "den");
}

static void nobody_invites_above_the_own_rank(void **state) {
    struct world *world = *state;
    struct invite_create_result made;
    assert_int_equal(WORLD_CALL(world, invite_create, world_person(world, "amy"), &made,
                                .present = GIVEN(invite_create, role), .role = ROLE_OWNER),
                     ERR_FORBIDDEN);
}

static void a_revoked_invite_works_no_more(void **state) {
    struct world *world = *state;
    struct actor amy = world_person(world, "amy");
    struct user_create_result made;
    struct invite_list_result listed;
    struct invite_revoke_result revoked;
    struct str secret = invite(world, ROLE_MEMBER, 5, (struct uuid){0});
    assert_int_equal(WORLD_CALL(world, invite_list, amy, &listed, .present = 0), ERR_OK);
    assert_int_equal(
        WORLD_CALL(world, invite_revoke, amy, &revoked, .invite = listed.invites.items[0].id),
        ERR_OK);
    assert_int_equal(sign_up(world, secret, "dee", &made), ERR_INVITE_INVALID);
    assert_int_equal(WORLD_CALL(world, invite_list, amy, &listed, .present = 0), ERR_OK);
    assert_int_equal(listed.invites.count, 0);
}

static void names_and_addresses_are_unique_by_how_they_look(void **state) {
    struct world *world = *state;
    struct user_create_result made;
    struct str secret = invite(world, ROLE_MEMBER, 9, (struct uuid){0});
    assert_int_equal(sign_up(world, secret, "BEN", &made), ERR_NAME_TAKEN);
    assert_int_equal(sign_up(world, secret, "b\u0435n", &made), ERR_NAME_TAKEN); /* Cyrillic e */
    assert_int_equal(sign_up(world, secret, "a b", &made), ERR_INVALID_FIELD);
    assert_text(world->error.field, "name");
    assert_int_equal(WORLD_CALL(world, user_create, world_nobody(), &made, .invite = secret,
                                .name = STR("dee"), .email = STR("Dee@Example.org"),
                                .password = STR("correct horse")),
                     ERR_OK);
    assert_int_equal(WORLD_CALL(world, user_create, world_nobody(), &made, .invite = secret,
                                .name = STR("eve"), .email = STR("dee@example.ORG"),
                                .password = STR("correct horse")),
                     ERR_EMAIL_TAKEN);
}

/* ---- sessions ---- */

static enum err sign_in(struct world *world, const char *login, const char *password, bool token,
                        struct session_create_result *out) {
    return WORLD_CALL(world, session_create, world_nobody(), out, .login = str_from_cstr(login),
                      .password = str_from_cstr(password), .token = token);
}

struct lookup {
    struct str token;
    struct actor actor;
};

static enum err lookup_body(struct tx *tx, void *arg) {
    struct lookup *lookup = arg;
    return token_find_actor(tx, lookup->token, &lookup->actor);
}

static enum err whose(struct world *world, struct str token, struct actor *out) {
    struct lookup lookup = {.token = token};
    enum err err = world_tx(world, false, lookup_body, &lookup);
    *out = lookup.actor;
    return err;
}

static void one_signs_in_by_name_in_any_case_or_address(void **state) {
    struct world *world = *state;
    struct session_create_result made;
    struct user_update_result updated;
    struct actor actor;
    assert_int_equal(sign_in(world, "Ben", "correct horse", false, &made), ERR_OK);
    assert_true(world->effect.sign_in && world->effect.set_cookie);
    assert_int_equal(made.token.len, 0);
    assert_int_equal(whose(world, world->effect.token, &actor), ERR_OK);
    assert_int_equal(actor.account, world_person(world, "ben").account);
    assert_int_equal(WORLD_CALL(world, user_update, actor, &updated,
                                .present = GIVEN(user_update, email), .email = STR("ben@x.org")),
                     ERR_OK);
    assert_int_equal(sign_in(world, "BEN@x.org", "correct horse", true, &made), ERR_OK);
    assert_false(world->effect.set_cookie);
    assert_int_equal(whose(world, made.token, &actor), ERR_OK);
    assert_int_equal(whose(world, STR("pl_nonsense"), &actor), ERR_INVALID_TOKEN);
}

static void wrong_names_and_wrong_passwords_are_answered_alike(void **state) {
    struct world *world = *state;
    struct session_create_result made;
    assert_int_equal(sign_in(world, "ben", "wrong horse", false, &made), ERR_INVALID_CREDENTIALS);
    assert_int_equal(sign_in(world, "nobody", "correct horse", false, &made),
                     ERR_INVALID_CREDENTIALS);
    assert_int_equal(sign_in(world, "a@b@c", "correct horse", false, &made),
                     ERR_INVALID_CREDENTIALS);
}

static void signing_out_ends_the_session_and_tells(void **state) {
    struct world *world = *state;
    struct session_create_result made;
    struct session_delete_result ended;
    struct actor actor, nobody;
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &made), ERR_OK);
    assert_int_equal(whose(world, made.token, &actor), ERR_OK);
    assert_int_equal(WORLD_CALL(world, session_delete, actor, &ended, .present = 0), ERR_OK);
    assert_true(world->effect.clear_cookie);
    assert_int_equal(world_event(world, EVENT_session_ended, 0)->subject, actor.session);
    assert_int_equal(whose(world, made.token, &nobody), ERR_INVALID_TOKEN);
}

static void a_socket_signs_in_with_a_bearer_token_once(void **state) {
    struct world *world = *state;
    struct token_create_result token;
    struct session_authenticate_result signed_in;
    assert_int_equal(WORLD_CALL(world, token_create, world_operator(), &token, .user = STR("ben")),
                     ERR_OK);
    assert_int_equal(
        WORLD_CALL(world, session_authenticate, world_nobody(), &signed_in, .token = token.token),
        ERR_OK);
    assert_text(signed_in.user->name, "ben");
    assert_true(world->effect.sign_in && !world->effect.set_cookie);
    assert_int_equal(WORLD_CALL(world, session_authenticate, world_person(world, "ben"), &signed_in,
                                .token = token.token),
                     ERR_ALREADY_SIGNED_IN);
    assert_int_equal(
        WORLD_CALL(world, session_authenticate, world_nobody(), &signed_in, .token = STR("pl_x")),
        ERR_INVALID_TOKEN);
}

static void a_new_password_ends_the_other_sessions(void **state) {
    struct world *world = *state;
    struct session_create_result other, own;
    struct user_password_result changed;
    struct actor actor, nobody;
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &other), ERR_OK);
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &own), ERR_OK);
    assert_int_equal(whose(world, own.token, &actor), ERR_OK);
    assert_int_equal(WORLD_CALL(world, user_password, actor, &changed, .old_password = STR("wrong"),
                                .new_password = STR("battery staple")),
                     ERR_WRONG_PASSWORD);
    assert_int_equal(WORLD_CALL(world, user_password, actor, &changed,
                                .old_password = STR("correct horse"),
                                .new_password = STR("battery staple")),
                     ERR_OK);
    const struct log_event *event = world_event(world, EVENT_session_ended, 0);
    assert_int_equal(event->subject, actor.session);
    assert_int_equal(event->fact, 1);
    assert_int_equal(whose(world, own.token, &actor), ERR_OK);
    assert_int_equal(whose(world, other.token, &nobody), ERR_INVALID_TOKEN);
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &own), ERR_INVALID_CREDENTIALS);
    assert_int_equal(sign_in(world, "ben", "battery staple", true, &own), ERR_OK);
}

/* ---- the operator ---- */

static void whoever_is_disabled_is_out(void **state) {
    struct world *world = *state;
    struct session_create_result made;
    struct user_disable_result disabled;
    struct actor nobody;
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &made), ERR_OK);
    assert_int_equal(
        WORLD_CALL(world, user_disable, world_operator(), &disabled, .name = STR("ben")), ERR_OK);
    assert_true(disabled.user->disabled);
    assert_int_equal(world_event(world, EVENT_session_ended, 0)->subject, 0);
    assert_non_null(world_event(world, EVENT_user_updated, 0));
    assert_int_equal(whose(world, made.token, &nobody), ERR_INVALID_TOKEN);
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &made), ERR_INVALID_CREDENTIALS);
    assert_int_equal(WORLD_CALL(world, user_disable, world_operator(), &disabled,
                                .name = STR("ben"), .enable = true),
                     ERR_OK);
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &made), ERR_OK);
}

static void the_last_owner_stays(void **state) {
    struct world *world = *state;
    struct user_disable_result disabled;
    struct user_role_result changed;
    assert_int_equal(
        WORLD_CALL(world, user_disable, world_operator(), &disabled, .name = STR("ada")),
        ERR_LAST_OWNER);
    assert_int_equal(WORLD_CALL(world, user_role, world_operator(), &changed, .name = STR("ada"),
                                .role = ROLE_ADMIN),
                     ERR_LAST_OWNER);
    assert_int_equal(WORLD_CALL(world, user_role, world_operator(), &changed, .name = STR("ben"),
                                .role = ROLE_OWNER),
                     ERR_OK);
    assert_int_equal(world_event(world, EVENT_session_ended, 0)->fact, 2);
    assert_int_equal(WORLD_CALL(world, user_role, world_operator(), &changed, .name = STR("ada"),
                                .role = ROLE_ADMIN),
                     ERR_OK);
    assert_int_equal(changed.user->role, ROLE_ADMIN);
}

static void a_password_set_by_the_operator_ends_all_sessions(void **state) {
    struct world *world = *state;
    struct session_create_result made;
    struct user_passwd_result set;
    struct actor nobody;
    assert_int_equal(sign_in(world, "ben", "correct horse", true, &made), ERR_OK);
    assert_int_equal(WORLD_CALL(world, user_passwd, world_operator(), &set, .name = STR("ben"),
                                .password = STR("battery staple")),
                     ERR_OK);
    assert_int_equal(whose(world, made.token, &nobody), ERR_INVALID_TOKEN);
    assert_int_equal(sign_in(world, "ben", "battery staple", true, &made), ERR_OK);
}

static enum err audit_body(struct tx *tx, void *arg) {
    struct db_rows rows;
    enum err err = DB_RUN0(tx->db, tx->arena, QUERY_audit_all, &rows);
    *(size_t *)arg = rows.count;
    int64_t broken = 1;
    if (err == ERR_OK)
        err = audit_find_break(tx, &broken);
    assert_int_equal(broken, 0);
    return err;
}

static void deeds_of_the_operator_are_audited_in_a_chain(void **state) {
    struct world *world = *state;
    struct user_role_result changed;
    size_t before = 0, after = 0;
    assert_int_equal(world_tx(world, false, audit_body, &before), ERR_OK);
    assert_int_equal(before, 5); /* the people */
    assert_int_equal(WORLD_CALL(world, user_role, world_operator(), &changed, .name = STR("ben"),
                                .role = ROLE_ADMIN),
                     ERR_OK);
    assert_int_equal(WORLD_CALL(world, user_role, world_operator(), &changed, .name = STR("who"),
                                .role = ROLE_ADMIN),
                     ERR_NOT_FOUND);
    assert_int_equal(world_tx(world, false, audit_body, &after), ERR_OK);
    assert_int_equal(after, 6);
}

/* ---- profiles ---- */

static void a_changed_profile_is_told_and_an_unchanged_one_is_not(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct user_update_result updated;
    const uint64_t status = GIVEN(user_update, status);
    assert_int_equal(
        WORLD_CALL(world, user_update, ben, &updated, .present = status, .status = STR("out")),
        ERR_OK);
    assert_text(updated.user->status, "out");
    assert_int_equal(world_event(world, EVENT_user_updated, 0)->subject, ben.account);
    assert_int_equal(
        WORLD_CALL(world, user_update, ben, &updated, .present = status, .status = STR("out")),
        ERR_OK);
    assert_int_equal(world_event_total(world), 0);
    assert_int_equal(WORLD_CALL(world, user_update, ben, &updated, .present = status),
                     ERR_OK); /* cleared */
    assert_int_equal(updated.user->status.len, 0);
    assert_int_equal(WORLD_CALL(world, user_update, ben, &updated,
                                .present = GIVEN(user_update, email), .email = STR("a b@c")),
                     ERR_INVALID_FIELD);
}

static void people_are_listed_by_name_and_found_by_beginnings(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct user_list_result listed;
    const uint64_t limit = GIVEN(user_list, limit);
    assert_int_equal(WORLD_CALL(world, user_list, ben, &listed, .present = limit, .limit = 3),
                     ERR_OK);
    assert_text(listed.users.items[0].name, "ada");
    assert_text(listed.users.items[2].name, "ben");
    assert_int_equal(WORLD_CALL(world, user_list, ben, &listed, .present = limit, .limit = 3,
                                .after = listed.next_cursor),
                     ERR_OK);
    assert_int_equal(listed.users.count, 2);
    assert_int_equal(listed.next_cursor.len, 0);
    assert_int_equal(WORLD_CALL(world, user_list, ben, &listed, .query = STR("A")), ERR_OK);
    assert_int_equal(listed.users.count, 2);
    assert_int_equal(WORLD_CALL(world, user_list, ben, &listed, .query = STR("%")), ERR_OK);
    assert_int_equal(listed.users.count, 0);
}

static void guests_know_only_people_they_share_a_room_with(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), gus = world_person(world, "gus");
    struct user_get_result got;
    assert_int_equal(WORLD_CALL(world, user_get, gus, &got, .user = ben.author.id), ERR_NOT_FOUND);
    world_add(world, ben, world_make_room(world, ben, "den", true), gus);
    assert_int_equal(WORLD_CALL(world, user_get, gus, &got, .user = ben.author.id), ERR_OK);
    assert_int_equal(
        WORLD_CALL(world, user_get, gus, &got, .user = world_person(world, "ada").author.id),
        ERR_NOT_FOUND);
    assert_int_equal(WORLD_CALL(world, user_get, ben, &got, .user = uuid_v7()), ERR_NOT_FOUND);
}

#define EMPTY(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup_people, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        EMPTY(the_first_owner_comes_by_a_link_that_works_once),
        EMPTY(an_owner_made_by_the_operator_voids_the_link),
        EMPTY(somebody_whom_the_operator_makes_owner_voids_the_link_too),
        TEST(an_invite_signs_up_as_many_as_it_says),
        TEST(a_guest_comes_into_the_invites_room_alone),
        TEST(nobody_invites_above_the_own_rank),
        TEST(a_revoked_invite_works_no_more),
        TEST(names_and_addresses_are_unique_by_how_they_look),
        TEST(one_signs_in_by_name_in_any_case_or_address),
        TEST(wrong_names_and_wrong_passwords_are_answered_alike),
        TEST(signing_out_ends_the_session_and_tells),
        TEST(a_socket_signs_in_with_a_bearer_token_once),
        TEST(a_new_password_ends_the_other_sessions),
        TEST(whoever_is_disabled_is_out),
        TEST(the_last_owner_stays),
        TEST(a_password_set_by_the_operator_ends_all_sessions),
        TEST(deeds_of_the_operator_are_audited_in_a_chain),
        TEST(a_changed_profile_is_told_and_an_unchanged_one_is_not),
        TEST(people_are_listed_by_name_and_found_by_beginnings),
        TEST(guests_know_only_people_they_share_a_room_with),
    };
    return cmocka_run_group_tests_name("chat_people", tests, NULL, NULL);
}
