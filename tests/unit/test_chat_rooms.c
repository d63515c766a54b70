#include "chat_world.h"
#include "store/db_open.h"
#include "store/membership.h"
#include "store/nonce.h"
#include "store/room.h"

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

/* The types of the last call's events, in order. */
static void assert_events(const struct world *world, const enum event_id *types, size_t count) {
    assert_int_equal(world_event_total(world), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(world->events[world->event_mark + i].type, types[i]);
}
#define ASSERT_EVENTS(world, ...)                                                                  \
    assert_events((world), (const enum event_id[]){__VA_ARGS__},                                   \
                  sizeof((const enum event_id[]){__VA_ARGS__}) / sizeof(enum event_id))

struct place {
    struct uuid room;
    int64_t account;
    struct room_row row;
    struct membership_row membership;
};

static enum err place_body(struct tx *tx, void *arg) {
    struct place *place = arg;
    enum err err = room_by_id(tx, place->room, &place->row);
    return err == ERR_OK ? membership_of(tx, place->row.key, place->account, &place->membership)
                         : err;
}

static struct place place_of(struct world *world, struct uuid room, struct actor person) {
    struct place place = {.room = room, .account = person.account};
    assert_int_equal(world_tx(world, false, place_body, &place), ERR_OK);
    return place;
}

static void a_room_begins_with_its_maker_as_member(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct room_create_result made;
    assert_int_equal(
        WORLD_CALL(world, room_create, ben, &made, .name = STR("tea"), .topic = STR("leaves")),
        ERR_OK);
    assert_true(world->created);
    assert_true(made.room->joined);
    assert_int_equal(made.room->members, 1);
    assert_int_equal(made.room->seq, 1);
    assert_text(made.room->topic, "leaves");
    assert_true(uuid_equal(made.room->maker, ben.author.id));
    ASSERT_EVENTS(world, EVENT_room_joined, EVENT_member_joined, EVENT_room_created);
    const struct log_event *joined = world_event(world, EVENT_room_joined, 0);
    struct place place = place_of(world, made.room->id, ben);
    assert_int_equal(joined->subject, place.row.key);
    assert_true(uuid_equal(joined->room_id, made.room->id));
    assert_int_equal(place.membership.joined_seq, 1);
    assert_int_equal(world_event(world, EVENT_member_joined, 0)->seq, 1);
}

static void a_private_room_is_not_told_to_the_workspace(void **state) {
    struct world *world = *state;
    world_make_room(world, world_person(world, "ben"), "den", true);
    ASSERT_EVENTS(world, EVENT_room_joined, EVENT_member_joined);
}

static void a_retry_of_making_a_room_finds_the_first(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct room_create_result first, again;
    assert_int_equal(
        WORLD_CALL(world, room_create, ben, &first, .name = STR("tea"), .nonce = STR("r1")),
        ERR_OK);
    assert_int_equal(
        WORLD_CALL(world, room_create, ben, &again, .name = STR("tea"), .nonce = STR("r1")),
        ERR_OK);
    assert_false(world->created);
    assert_true(uuid_equal(first.room->id, again.room->id));
    assert_int_equal(world_event_total(world), 0);
    assert_int_equal(
        WORLD_CALL(world, room_create, ben, &again, .name = STR("milk"), .nonce = STR("r1")),
        ERR_NONCE_REUSED);
}

static void a_retry_of_making_a_room_is_answered_to_who_may_see_it(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct room_create_result room;
    struct room_leave_result left;
    assert_int_equal(WORLD_CALL(world, room_create, ben, &room, .name = STR("tea"), .private = true,
                                .nonce = STR("r1")),
                     ERR_OK);
    assert_int_equal(WORLD_CALL(world, room_leave, ben, &left, .room = room.room->id), ERR_OK);
    assert_int_equal(WORLD_CALL(world, room_create, ben, &room, .name = STR("tea"), .private = true,
                                .nonce = STR("r1")),
                     ERR_NOT_FOUND);
}

static enum err use_old_nonce_a_day_later(struct tx *tx, void *arg) {
    const struct actor *ben = arg;
    struct nonce_row row;
    assert_int_equal(request_nonce_of(tx, ben->account, STR("r1"), &row), ERR_OK);
    assert_int_not_equal(row.subject, 0);
    tx->now_ms += REQUEST_NONCE_LIFE_MS;
    assert_int_equal(request_nonce_of(tx, ben->account, STR("r1"), &row), ERR_OK);
    assert_int_equal(row.subject, 0);
    row.subject = 1; /* somebody else's next one clears all that are old */
    return request_nonce_put(tx, ben->account + 1, STR("r2"), STR("room.create"), &row);
}

static enum err count_nonces(struct tx *tx, void *arg) {
    return db_exec_integer(tx->db, "SELECT count(*) FROM request_nonce", arg);
}

static void a_nonce_is_forgotten_after_a_day_whoevers_it_is(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct room_create_result made;
    int64_t count = 0;
    assert_int_equal(
        WORLD_CALL(world, room_create, ben, &made, .name = STR("tea"), .nonce = STR("r1")), ERR_OK);
    assert_int_equal(world_tx(world, true, use_old_nonce_a_day_later, &ben), ERR_OK);
    assert_int_equal(world_tx(world, false, count_nonces, &count), ERR_OK);
    assert_int_equal(count, 1);
}

/* A retry is the same in every parameter, and in whether it was given. */
static void a_nonce_stands_for_one_operation_with_its_parameters(void **state) {
    struct world *world = *state;
    struct actor amy = world_person(world, "amy");
    struct invite_create_result first, again;
    struct room_create_result room;
    const uint64_t uses = GIVEN(invite_create, uses);
    assert_int_equal(WORLD_CALL(world, invite_create, amy, &first, .present = uses, .uses = 1,
                                .nonce = STR("n")),
                     ERR_OK);
    assert_true(world->created && first.url.len > 0);
    assert_int_equal(WORLD_CALL(world, invite_create, amy, &again, .present = uses, .uses = 1,
                                .nonce = STR("n")),
                     ERR_OK);
    assert_false(world->created);
    assert_true(uuid_equal(first.invite->id, again.invite->id));
    assert_int_equal(again.url.len, 0);
    assert_int_equal(WORLD_CALL(world, invite_create, amy, &again, .present = uses, .uses = 2,
                                .nonce = STR("n")),
                     ERR_NONCE_REUSED);
    assert_int_equal(WORLD_CALL(world, invite_create, amy, &again,
                                .present = GIVEN(invite_create, role), .role = ROLE_GUEST,
                                .nonce = STR("n")),
                     ERR_NONCE_REUSED);
    assert_int_equal(
        WORLD_CALL(world, room_create, amy, &room, .name = STR("tea"), .nonce = STR("n")),
        ERR_NONCE_REUSED);
}

static void the_operators_room_has_no_member(void **state) {
    struct world *world = *state;
    struct room_create_result made;
    assert_int_equal(WORLD_CALL(world, room_create, world_operator(), &made, .name = STR("tea")),
                     ERR_OK);
    assert_int_equal(made.room->members, 0);
    assert_true(uuid_is_zero(made.room->maker));
    ASSERT_EVENTS(world, EVENT_room_created);
    world_join(world, world_person(world, "ben"), made.room->id);
}

static void joining_is_told_to_the_person_first_and_twice_is_once(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct room_join_result joined;
    world_send(world, ben, room, "n1", "before");
    assert_int_equal(WORLD_CALL(world, room_join, cyd, &joined, .room = room), ERR_OK);
    ASSERT_EVENTS(world, EVENT_room_joined, EVENT_member_joined);
    assert_int_equal(world_event(world, EVENT_room_joined, 0)->audience,
                     audience_person(cyd.account));
    assert_int_equal(joined.room->members, 2);
    assert_int_equal(joined.room->unread, 0); /* what was there counts as read */
    assert_int_equal(WORLD_CALL(world, room_join, cyd, &joined, .room = room), ERR_OK);
    assert_int_equal(world_event_total(world), 0);
}

static void a_default_given_and_one_left_away_are_the_same_request(void **state) {
    struct world *world = *state;
    struct actor amy = world_person(world, "amy");
    struct invite_create_result invite, same;
    struct room_create_result room, same_room;
    assert_int_equal(WORLD_CALL(world, invite_create, amy, &invite, .nonce = STR("i")), ERR_OK);
    assert_int_equal(WORLD_CALL(world, invite_create, amy, &same,
                                .present = GIVEN(invite_create, role) | GIVEN(invite_create, uses) |
                                           GIVEN(invite_create, expires_in),
                                .role = ROLE_MEMBER, .uses = 1,
                                .expires_in = INT64_C(7) * 24 * 60 * 60, .nonce = STR("i")),
                     ERR_OK);
    assert_true(uuid_equal(invite.invite->id, same.invite->id));
    assert_int_equal(
        WORLD_CALL(world, room_create, amy, &room, .name = STR("tea"), .nonce = STR("r")), ERR_OK);
    assert_int_equal(WORLD_CALL(world, room_create, amy, &same_room,
                                .present = GIVEN(room_create, private), .name = STR("tea"),
                                .private = false, .nonce = STR("r")),
                     ERR_OK);
    assert_true(uuid_equal(room.room->id, same_room.room->id));
    assert_int_equal(WORLD_CALL(world, room_create, amy, &same_room,
                                .present = GIVEN(room_create, private), .name = STR("tea"),
                                .private = true, .nonce = STR("r")),
                     ERR_NONCE_REUSED);
}

static void leaving_and_rejoining_keep_one_membership_with_a_new_beginning(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct room_leave_result left;
    world_join(world, cyd, room);
    struct place before = place_of(world, room, cyd);
    assert_int_equal(WORLD_CALL(world, room_leave, cyd, &left, .room = room), ERR_OK);
    ASSERT_EVENTS(world, EVENT_room_left, EVENT_member_left);
    assert_false(place_of(world, room, cyd).membership.is_open);
    assert_int_equal(WORLD_CALL(world, room_leave, cyd, &left, .room = room), ERR_FORBIDDEN);
    world_join(world, cyd, room);
    struct place after = place_of(world, room, cyd);
    assert_int_equal(after.membership.key, before.membership.key);
    assert_true(after.membership.is_open);
    assert_int_equal(after.membership.joined_seq, after.row.seq);
    assert_int_equal(after.membership.read_seq, after.row.seq);
}

static void private_rooms_are_missing_for_strangers(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), ada = world_person(world, "ada");
    struct uuid room = world_make_room(world, ben, "den", true);
    struct room_get_result got;
    struct room_join_result joined;
    struct room_members_result members;
    struct room_add_result added;
    struct room_update_result updated;
    assert_int_equal(WORLD_CALL(world, room_get, ada, &got, .room = room), ERR_NOT_FOUND);
    assert_int_equal(WORLD_CALL(world, room_join, ada, &joined, .room = room), ERR_NOT_FOUND);
    assert_int_equal(WORLD_CALL(world, room_members, ada, &members, .room = room), ERR_NOT_FOUND);
    assert_int_equal(WORLD_CALL(world, room_add, ada, &added, .room = room, .user = ada.author.id),
                     ERR_NOT_FOUND);
    assert_int_equal(WORLD_CALL(world, room_update, ada, &updated,
                                .present = GIVEN(room_update, name), .room = room,
                                .name = STR("x")),
                     ERR_NOT_FOUND);
}

static void guests_see_only_rooms_that_they_were_added_to(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), gus = world_person(world, "gus");
    struct uuid open = world_make_room(world, ben, "tea", false),
                other = world_make_room(world, ben, "milk", false);
    struct room_get_result got;
    struct room_list_result listed;
    assert_int_equal(WORLD_CALL(world, room_get, gus, &got, .room = open), ERR_NOT_FOUND);
    world_add(world, ben, open, gus);
    assert_int_equal(WORLD_CALL(world, room_get, gus, &got, .room = open), ERR_OK);
    assert_int_equal(WORLD_CALL(world, room_get, gus, &got, .room = other), ERR_NOT_FOUND);
    assert_int_equal(WORLD_CALL(world, room_list, gus, &listed, .archived = false), ERR_OK);
    assert_int_equal(listed.rooms.count, 1); /* not even general */
    assert_text(listed.rooms.items[0].name, "tea");
}

static void makers_and_admins_manage_and_others_do_not(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd"),
                 amy = world_person(world, "amy");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct room_update_result updated;
    struct room_add_result added;
    world_join(world, cyd, room);
    assert_int_equal(WORLD_CALL(world, room_update, cyd, &updated,
                                .present = GIVEN(room_update, name), .room = room,
                                .name = STR("x")),
                     ERR_FORBIDDEN);
    assert_int_equal(WORLD_CALL(world, room_add, cyd, &added, .room = room, .user = amy.author.id),
                     ERR_FORBIDDEN);
    assert_int_equal(WORLD_CALL(world, room_update, ben, &updated,
                                .present = GIVEN(room_update, name), .room = room,
                                .name = STR("cha")),
                     ERR_OK);
    assert_text(updated.room->name, "cha");
    ASSERT_EVENTS(world, EVENT_room_updated);
    assert_int_equal(updated.room->seq, world_event(world, EVENT_room_updated, 0)->seq);
    assert_int_equal(WORLD_CALL(world, room_update, amy, &updated,
                                .present = GIVEN(room_update, topic), .room = room,
                                .topic = STR("t")),
                     ERR_OK);
    assert_text(updated.room->name, "cha");
    assert_int_equal(WORLD_CALL(world, room_update, amy, &updated,
                                .present = GIVEN(room_update, topic), .room = room,
                                .topic = STR("t")),
                     ERR_OK);
    assert_int_equal(world_event_total(world), 0);
}

static void archiving_hides_and_comes_back(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct room_archive_result archived;
    struct room_list_result listed;
    struct room_join_result joined;
    assert_int_equal(WORLD_CALL(world, room_archive, cyd, &archived, .room = room), ERR_FORBIDDEN);
    assert_int_equal(WORLD_CALL(world, room_archive, ben, &archived, .room = room), ERR_OK);
    assert_true(archived.room->archived);
    assert_int_equal(WORLD_CALL(world, room_join, cyd, &joined, .room = room), ERR_ROOM_ARCHIVED);
    assert_int_equal(WORLD_CALL(world, room_list, ben, &listed, .archived = true), ERR_OK);
    assert_int_equal(listed.rooms.count, 1);
    assert_int_equal(WORLD_CALL(world, room_list, ben, &listed, .archived = false), ERR_OK);
    assert_int_equal(listed.rooms.count, 1); /* general */
    assert_int_equal(WORLD_CALL(world, room_archive, ben, &archived,
                                .present = GIVEN(room_archive, archived), .room = room,
                                .archived = false),
                     ERR_OK);
    assert_false(archived.room->archived);
    world_join(world, cyd, room);
}

static void nobody_removes_somebody_of_higher_rank(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd"),
                 ada = world_person(world, "ada");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct room_remove_result removed;
    world_join(world, cyd, room);
    world_join(world, ada, room);
    assert_int_equal(
        WORLD_CALL(world, room_remove, ben, &removed, .room = room, .user = ada.author.id),
        ERR_FORBIDDEN);
    assert_int_equal(
        WORLD_CALL(world, room_remove, cyd, &removed, .room = room, .user = ben.author.id),
        ERR_FORBIDDEN);
    assert_int_equal(
        WORLD_CALL(world, room_remove, ben, &removed, .room = room, .user = cyd.author.id), ERR_OK);
    ASSERT_EVENTS(world, EVENT_room_left, EVENT_member_left);
    assert_int_equal(world_event(world, EVENT_room_left, 0)->audience,
                     audience_person(cyd.account));
    assert_int_equal(
        WORLD_CALL(world, room_remove, ben, &removed, .room = room, .user = cyd.author.id),
        ERR_NOT_FOUND);
    assert_int_equal(
        WORLD_CALL(world, room_remove, ada, &removed, .room = room, .user = ben.author.id), ERR_OK);
}

static void adding_a_member_again_changes_nothing(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "den", true);
    struct room_add_result added;
    assert_int_equal(WORLD_CALL(world, room_add, ben, &added, .room = room, .user = cyd.author.id),
                     ERR_OK);
    assert_true(world->created);
    assert_text(added.user->name, "cyd");
    assert_int_equal(WORLD_CALL(world, room_add, ben, &added, .room = room, .user = cyd.author.id),
                     ERR_OK);
    assert_false(world->created);
    assert_int_equal(world_event_total(world), 0);
    assert_int_equal(WORLD_CALL(world, room_add, ben, &added, .room = room, .user = uuid_v7()),
                     ERR_NOT_FOUND);
}

static void lists_go_by_name_a_page_at_a_time(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    static const char *const sorted[] = {"a", "b", "b", "c", "general"};
    struct room_list_result listed;
    struct str after = STR_EMPTY;
    world_make_room(world, cyd, "c", false);
    world_make_room(world, ben, "b", true);
    world_make_room(world, cyd, "b", false);
    world_make_room(world, cyd, "a", false);
    world_make_room(world, cyd, "hidden", true);
    for (size_t at = 0; at < 5; at += 2) {
        assert_int_equal(WORLD_CALL(world, room_list, ben, &listed,
                                    .present = GIVEN(room_list, limit), .after = after, .limit = 2),
                         ERR_OK);
        assert_int_equal(listed.rooms.count, at == 4 ? 1 : 2);
        for (size_t i = 0; i < listed.rooms.count && at + i < 5; i++)
            assert_text(listed.rooms.items[i].name, sorted[at + i]);
        assert_true((listed.next_cursor.len == 0) == (at == 4));
        after = listed.next_cursor;
    }
    assert_int_equal(WORLD_CALL(world, room_list, ben, &listed, .after = STR("nonsense")),
                     ERR_INVALID_CURSOR);
}

static void members_go_by_name_a_page_at_a_time(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct room_members_result members;
    world_join(world, world_person(world, "cyd"), room);
    world_join(world, world_person(world, "ada"), room);
    assert_int_equal(WORLD_CALL(world, room_members, ben, &members,
                                .present = GIVEN(room_members, limit), .room = room, .limit = 2),
                     ERR_OK);
    assert_int_equal(members.members.count, 2);
    assert_text(members.members.items[0].name, "ada");
    assert_int_equal(members.seq, 3);
    assert_int_equal(
        WORLD_CALL(world, room_members, ben, &members, .room = room, .after = members.next_cursor),
        ERR_OK);
    assert_int_equal(members.members.count, 1);
    assert_text(members.members.items[0].name, "cyd");
    assert_int_equal(members.next_cursor.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup_people, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_room_begins_with_its_maker_as_member),
        TEST(a_private_room_is_not_told_to_the_workspace),
        TEST(a_retry_of_making_a_room_finds_the_first),
        TEST(a_retry_of_making_a_room_is_answered_to_who_may_see_it),
        TEST(a_nonce_is_forgotten_after_a_day_whoevers_it_is),
        TEST(a_nonce_stands_for_one_operation_with_its_parameters),
        TEST(a_default_given_and_one_left_away_are_the_same_request),
        TEST(the_operators_room_has_no_member),
        TEST(joining_is_told_to_the_person_first_and_twice_is_once),
        TEST(leaving_and_rejoining_keep_one_membership_with_a_new_beginning),
        TEST(private_rooms_are_missing_for_strangers),
        TEST(guests_see_only_rooms_that_they_were_added_to),
        TEST(makers_and_admins_manage_and_others_do_not),
        TEST(archiving_hides_and_comes_back),
        TEST(nobody_removes_somebody_of_higher_rank),
        TEST(adding_a_member_again_changes_nothing),
        TEST(lists_go_by_name_a_page_at_a_time),
        TEST(members_go_by_name_a_page_at_a_time),
    };
    return cmocka_run_group_tests_name("chat_rooms", tests, NULL, NULL);
}
