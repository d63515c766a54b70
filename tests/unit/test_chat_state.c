#include "chat_world.h"
#include "realtime/presence.h"

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

static struct state_get_result state_of(struct world *world, struct actor actor) {
    struct state_get_result got;
    assert_int_equal(WORLD_CALL(world, state_get, actor, &got, .present = 0), ERR_OK);
    return got;
}

static const struct my_room *room_in(const struct state_get_result *got, struct uuid room) {
    for (size_t i = 0; i < got->state->rooms.count; i++)
        if (uuid_equal(got->state->rooms.items[i].id, room))
            return &got->state->rooms.items[i];
    return NULL;
}

static int64_t unread_in(struct world *world, struct actor actor, struct uuid room) {
    struct state_get_result got = state_of(world, actor);
    const struct my_room *mine = room_in(&got, room);
    assert_non_null(mine);
    return mine->unread;
}

static void the_state_holds_joined_rooms_that_are_open(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid tea = world_make_room(world, ben, "tea", false),
                milk = world_make_room(world, ben, "milk", false);
    struct uuid other = world_make_room(world, cyd, "other", false);
    struct room_archive_result archived;
    assert_int_equal(WORLD_CALL(world, room_archive, ben, &archived, .room = milk), ERR_OK);
    struct state_get_result got = state_of(world, ben);
    assert_text(got.state->user->name, "ben");
    assert_int_equal(got.state->rooms.count, 2); /* general, tea */
    assert_non_null(room_in(&got, tea));
    assert_null(room_in(&got, milk));
    assert_null(room_in(&got, other));
}

static void unread_counts_live_messages_of_others_after_the_marker(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message_delete_result deleted;
    struct read_update_result read;
    world_join(world, cyd, room);
    struct message first = world_send(world, ben, room, "n1", "one"),
                   second = world_send(world, ben, room, "n2", "two");
    world_send(world, cyd, room, "n1", "own");
    assert_int_equal(unread_in(world, cyd, room), 2);
    assert_int_equal(
        WORLD_CALL(world, message_delete, ben, &deleted, .room = room, .message = second.id),
        ERR_OK);
    assert_int_equal(unread_in(world, cyd, room), 1);
    assert_int_equal(WORLD_CALL(world, read_update, cyd, &read, .room = room, .seq = first.seq),
                     ERR_OK);
    assert_int_equal(unread_in(world, cyd, room), 0);
}

static void unread_stops_at_a_hundred(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    world_join(world, cyd, room);
    for (int i = 0; i < 105; i++) {
        char nonce[16];
        snprintf(nonce, sizeof nonce, "m%d", i);
        world_send(world, ben, room, nonce, nonce);
    }
    assert_int_equal(unread_in(world, cyd, room), 100);
}

static void a_marker_moves_forward_only_and_never_beyond_the_room(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd"),
                 amy = world_person(world, "amy");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct read_update_result read;
    world_join(world, cyd, room);
    int64_t last = world_send(world, ben, room, "n1", "one").seq;
    assert_int_equal(WORLD_CALL(world, read_update, cyd, &read, .room = room, .seq = 999), ERR_OK);
    assert_int_equal(read.marker->seq, last);
    const struct log_event *event = world_event(world, EVENT_read_updated, 0);
    assert_int_equal(event->audience, audience_person(cyd.account));
    assert_int_equal(event->pos, 0);
    assert_int_equal(WORLD_CALL(world, read_update, cyd, &read, .room = room, .seq = 1), ERR_OK);
    assert_int_equal(read.marker->seq, last);
    assert_int_equal(world_event_total(world), 0);
    assert_int_equal(WORLD_CALL(world, read_update, amy, &read, .room = room, .seq = 1),
                     ERR_FORBIDDEN);
}

static void typing_is_told_to_the_room_and_never_logged(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct typing_start_result typing;
    assert_int_equal(WORLD_CALL(world, typing_start, cyd, &typing, .room = room), ERR_FORBIDDEN);
    assert_int_equal(WORLD_CALL(world, typing_start, ben, &typing, .room = room), ERR_OK);
    const struct log_event *event = world_event(world, EVENT_typing_started, 0);
    assert_int_equal(event->pos, 0);
    assert_text(((const struct typing_started_data *)event->data)->user->name, "ben");
}

static void guests_are_not_told_who_is_online(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    assert_true(presence_enter(ben.account, ben.author.id, 0));
    assert_int_equal(state_of(world, ben).state->online.count, 1);
    assert_int_equal(state_of(world, world_person(world, "gus")).state->online.count, 0);
    presence_finish();
}

/* ---- session.start ---- */

static struct session_start_result start(struct world *world, struct actor actor,
                                         struct str cursor) {
    struct session_start_result started;
    assert_int_equal(WORLD_CALL(world, session_start, actor, &started, .cursor = cursor), ERR_OK);
    assert_true(world->effect.start_stream);
    return started;
}

static void a_session_without_a_cursor_gets_the_state_at_the_head(void **state) {
    struct world *world = *state;
    struct session_start_result started = start(world, world_person(world, "ben"), STR_EMPTY);
    assert_false(started.resumed);
    assert_int_equal(started.reason.len, 0);
    assert_non_null(started.state);
    assert_true(started.cursor.len > 0);
    assert_true(world->effect.start_pos > 0);
}

static void a_session_resumes_from_its_cursor(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct read_update_result read;
    world_join(world, cyd, room);
    struct session_start_result first = start(world, cyd, STR_EMPTY);
    int64_t pos = world->effect.start_pos;
    struct session_start_result again = start(world, cyd, first.cursor);
    assert_true(again.resumed);
    assert_int_equal(again.missed, 0);
    int64_t seq = world_send(world, ben, room, "n1", "one").seq;
    assert_int_equal(WORLD_CALL(world, read_update, cyd, &read, .room = room, .seq = seq), ERR_OK);
    again = start(world, cyd, first.cursor);
    assert_true(again.resumed);
    assert_int_equal(again.missed, 1);
    assert_int_equal(world->effect.start_pos, pos);
    assert_true(str_equal(again.cursor, first.cursor));
    assert_null(again.state);
    bool found = false;
    for (size_t i = 0; i < again.markers.count; i++)
        found |= uuid_equal(again.markers.items[i].room, room) && again.markers.items[i].seq == seq;
    assert_true(found);
}

static void a_marker_moved_after_the_last_event_is_not_missed(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct read_update_result read;
    struct message message = world_send(world, ben, room, "n1", "one");
    struct session_start_result first = start(world, ben, STR_EMPTY);
    assert_int_equal(WORLD_CALL(world, read_update, ben, &read, .room = room, .seq = message.seq),
                     ERR_OK);
    struct session_start_result again = start(world, ben, first.cursor); /* no event came between */
    assert_true(again.resumed);
    assert_true(again.markers.count >= 1);
}

static void a_cursor_that_is_none_gives_the_state_and_says_why(void **state) {
    struct world *world = *state;
    struct session_start_result started = start(world, world_person(world, "ben"), STR("nonsense"));
    assert_false(started.resumed);
    assert_text(started.reason, "cursor_invalid");
    assert_non_null(started.state);
}

static void too_much_missed_gives_the_state(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    world_join(world, cyd, room);
    struct session_start_result first = start(world, cyd, STR_EMPTY);
    for (int i = 0; i < 21; i++) { /* one more than resume_max_events */
        char nonce[16];
        snprintf(nonce, sizeof nonce, "m%d", i);
        world_send(world, ben, room, nonce, nonce);
    }
    struct session_start_result again = start(world, cyd, first.cursor);
    assert_false(again.resumed);
    assert_text(again.reason, "too_many");
    assert_non_null(again.state);
    assert_int_equal(room_in(&(struct state_get_result){.state = again.state}, room)->unread, 21);
}

/* ---- replay ---- */

struct replayed {
    struct actor actor;
    struct log_page page;
};

static enum err replay_body(struct tx *tx, void *arg) {
    struct replayed *replayed = arg;
    return log_page(tx, replayed->actor.account, replayed->actor.role, 0, &replayed->page);
}

static struct log_page replay(struct world *world, struct actor actor) {
    struct replayed replayed = {.actor = actor};
    assert_int_equal(world_tx(world, false, replay_body, &replayed), ERR_OK);
    return replayed.page;
}

static const struct log_event *find(const struct log_page *page, enum event_id type, size_t nth) {
    for (size_t i = 0; i < page->count; i++)
        if (page->events[i].type == type && nth-- == 0)
            return &page->events[i];
    return NULL;
}

static void replay_gives_every_event_its_data_as_it_is_now(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct room_update_result renamed;
    struct message_edit_result edited;
    struct room_leave_result left;
    struct message message = world_send(world, ben, room, "n1", "one");
    world_join(world, cyd, room);
    assert_int_equal(WORLD_CALL(world, message_edit, ben, &edited, .room = room,
                                .message = message.id, .text = STR("two")),
                     ERR_OK);
    assert_int_equal(WORLD_CALL(world, room_update, ben, &renamed,
                                .present = GIVEN(room_update, name), .room = room,
                                .name = STR("cha")),
                     ERR_OK);
    assert_int_equal(WORLD_CALL(world, room_leave, cyd, &left, .room = room), ERR_OK);
    struct log_page page = replay(world, ben);
    for (size_t i = 0; i < page.count; i++)
        assert_non_null(page.events[i].data);
    const struct log_event *created = find(&page, EVENT_message_created, 0);
    const struct message *now = ((const struct message_created_data *)created->data)->message;
    assert_text(now->text, "two"); /* never what it was */
    assert_text(now->author->name, "ben");
    assert_true(uuid_equal(now->room, room));
    assert_true(uuid_equal(created->room_id, room));
    const struct log_event *joined = find(&page, EVENT_room_joined, 1); /* general, then tea */
    assert_text(((const struct room_joined_data *)joined->data)->room->name, "cha");
    assert_true(uuid_equal(joined->room_id, room));
    assert_text(
        ((const struct member_left_data *)find(&page, EVENT_member_left, 0)->data)->user->name,
        "cyd");
    assert_text(
        ((const struct room_updated_data *)find(&page, EVENT_room_updated, 0)->data)->room->name,
        "cha");
    assert_text(
        ((const struct user_updated_data *)find(&page, EVENT_user_updated, 0)->data)->user->name,
        "ada");
    page = replay(world, cyd);
    assert_null(find(&page, EVENT_message_edited, 0)); /* nothing of a room that was left … */
    const struct log_event *gone = find(&page, EVENT_room_left, 0);
    assert_true(uuid_equal(((const struct room_left_data *)gone->data)->room,
                           room)); /* … but that it was */
}

static void a_deleted_message_is_replayed_without_its_text(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message_delete_result deleted;
    struct message message = world_send(world, ben, room, "n1", "canary-7311");
    assert_int_equal(
        WORLD_CALL(world, message_delete, ben, &deleted, .room = room, .message = message.id),
        ERR_OK);
    struct log_page page = replay(world, ben);
    const struct log_event *created = find(&page, EVENT_message_created, 0);
    assert_int_equal(((const struct message_created_data *)created->data)->message->text.len, 0);
}

static void doctor_finds_nothing_wrong_with_all_this(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct doctor_check_result checked;
    struct room_leave_result left;
    world_join(world, cyd, room);
    world_send(world, cyd, room, "n1", "one");
    assert_int_equal(WORLD_CALL(world, room_leave, cyd, &left, .room = room), ERR_OK);
    world_join(world, cyd, room);
    assert_int_equal(WORLD_CALL(world, doctor_check, world_operator(), &checked, .present = 0),
                     ERR_OK);
    for (size_t i = 0; i < checked.problems.count; i++)
        fail_msg("%.*s: %.*s", STR_ARG(checked.problems.items[i].check),
                 STR_ARG(checked.problems.items[i].detail));
    assert_true(checked.checked > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup_people, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_state_holds_joined_rooms_that_are_open),
        TEST(unread_counts_live_messages_of_others_after_the_marker),
        TEST(unread_stops_at_a_hundred),
        TEST(a_marker_moves_forward_only_and_never_beyond_the_room),
        TEST(typing_is_told_to_the_room_and_never_logged),
        TEST(guests_are_not_told_who_is_online),
        TEST(a_session_without_a_cursor_gets_the_state_at_the_head),
        TEST(a_session_resumes_from_its_cursor),
        TEST(a_marker_moved_after_the_last_event_is_not_missed),
        TEST(a_cursor_that_is_none_gives_the_state_and_says_why),
        TEST(too_much_missed_gives_the_state),
        TEST(replay_gives_every_event_its_data_as_it_is_now),
        TEST(a_deleted_message_is_replayed_without_its_text),
        TEST(doctor_finds_nothing_wrong_with_all_this),
    };
    return cmocka_run_group_tests_name("chat_state", tests, NULL, NULL);
}
