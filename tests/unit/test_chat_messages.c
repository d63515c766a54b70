#include "chat_world.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static enum err send_to(struct world *world, struct actor actor, struct uuid room,
                        const char *nonce, const char *text, struct message_send_result *out) {
    return WORLD_CALL(world, message_send, actor, out, .room = room, .nonce = str_from_cstr(nonce),
                      .text = str_from_cstr(text));
}

static void assert_text(struct str got, const char *want) {
    if (!str_equal(got, str_from_cstr(want)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(got), want);
}

static void a_message_is_stored_with_the_next_seq_and_told_to_the_room(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message_send_result sent;
    assert_int_equal(send_to(world, ben, room, "n1", "hello", &sent), ERR_OK);
    assert_true(world->created);
    assert_false(sent.duplicate);
    assert_int_equal(sent.message->seq, 2); /* after member.joined */
    assert_text(sent.message->text, "hello");
    assert_text(sent.message->author->name, "ben");
    const struct log_event *event = world_event(world, EVENT_message_created, 0);
    assert_non_null(event);
    assert_int_equal(event->seq, 2);
    assert_true(uuid_equal(event->room_id, room));
    assert_true(((const struct message_created_data *)event->data)->message == sent.message);
    assert_int_equal(world_send(world, ben, room, "n2", "again").seq, 3);
}

static void a_retry_answers_the_first_message_as_it_is_now(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message first = world_send(world, ben, room, "n1", "hello");
    struct message_edit_result edited;
    struct message_send_result again;
    assert_int_equal(WORLD_CALL(world, message_edit, ben, &edited, .room = room,
                                .message = first.id, .text = STR("hi")),
                     ERR_OK);
    assert_int_equal(send_to(world, ben, room, "n1", "hello", &again), ERR_OK);
    assert_true(again.duplicate);
    assert_false(world->created);
    assert_int_equal(world_event_total(world), 0);
    assert_true(uuid_equal(again.message->id, first.id));
    assert_text(again.message->text, "hi");
}

static void a_nonce_used_for_something_else_is_refused(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false),
                other = world_make_room(world, ben, "milk", false);
    struct message_send_result sent;
    world_send(world, ben, room, "n1", "hello");
    assert_int_equal(send_to(world, ben, room, "n1", "hello!", &sent), ERR_NONCE_REUSED);
    assert_int_equal(send_to(world, ben, other, "n1", "hello", &sent), ERR_NONCE_REUSED);
    assert_int_equal(world_event_total(world), 0);
    struct actor cyd = world_person(world, "cyd"); /* nonces are each sender's own */
    world_join(world, cyd, room);
    world_send(world, cyd, room, "n1", "mine");
}

static void only_members_write(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd"),
                 gus = world_person(world, "gus");
    struct uuid open = world_make_room(world, ben, "tea", false),
                closed = world_make_room(world, ben, "den", true);
    struct message_send_result sent;
    assert_int_equal(send_to(world, cyd, open, "n1", "x", &sent), ERR_FORBIDDEN);
    assert_int_equal(send_to(world, cyd, closed, "n1", "x", &sent), ERR_NOT_FOUND);
    assert_int_equal(send_to(world, gus, open, "n1", "x", &sent), ERR_NOT_FOUND);
    assert_int_equal(send_to(world, world_person(world, "ada"), closed, "n1", "x", &sent),
                     ERR_NOT_FOUND);
    assert_int_equal(send_to(world, ben, uuid_v7(), "n1", "x", &sent), ERR_NOT_FOUND);
}

static void a_text_without_anything_to_see_is_refused(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message_send_result sent;
    assert_int_equal(send_to(world, ben, room, "n1", " \n\t\u00a0\u200b", &sent),
                     ERR_INVALID_FIELD);
    assert_text(world->error.field, "text");
    assert_int_equal(world_send(world, ben, room, "n1", "now").seq,
                     2); /* nothing was kept of the refused one */
}

static void an_archived_room_takes_nothing_new_but_answers_retries(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message_send_result sent;
    struct message_edit_result edited;
    struct room_archive_result archived;
    struct message message = world_send(world, ben, room, "n1", "hello");
    assert_int_equal(WORLD_CALL(world, room_archive, ben, &archived, .room = room), ERR_OK);
    assert_int_equal(send_to(world, ben, room, "n2", "x", &sent), ERR_ROOM_ARCHIVED);
    assert_int_equal(send_to(world, ben, room, "n1", "hello", &sent), ERR_OK);
    assert_true(sent.duplicate);
    assert_int_equal(WORLD_CALL(world, message_edit, ben, &edited, .room = room,
                                .message = message.id, .text = STR("x")),
                     ERR_ROOM_ARCHIVED);
}

static void a_retry_is_answered_to_who_may_still_read_the_message(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid open = world_make_room(world, ben, "tea", false),
                closed = world_make_room(world, ben, "den", true);
    struct message_send_result sent;
    struct room_leave_result left;
    world_join(world, cyd, open);
    world_add(world, ben, closed, cyd);
    struct message first = world_send(world, cyd, open, "n1", "hello");
    world_send(world, cyd, closed, "n2", "hello");
    assert_int_equal(WORLD_CALL(world, room_leave, cyd, &left, .room = open), ERR_OK);
    assert_int_equal(WORLD_CALL(world, room_leave, cyd, &left, .room = closed), ERR_OK);
    assert_int_equal(send_to(world, cyd, open, "n1", "hello", &sent), ERR_OK);
    assert_true(sent.duplicate && uuid_equal(sent.message->id, first.id));
    assert_int_equal(send_to(world, cyd, open, "n1", "hello!", &sent), ERR_NONCE_REUSED);
    assert_int_equal(send_to(world, cyd, open, "n3", "hello", &sent), ERR_FORBIDDEN);
    assert_int_equal(send_to(world, cyd, closed, "n2", "hello", &sent), ERR_NOT_FOUND);
    world_add(world, ben, closed, cyd); /* what was before is not for who comes anew */
    assert_int_equal(send_to(world, cyd, closed, "n2", "hello", &sent), ERR_NOT_FOUND);
    assert_int_equal(world_event_total(world), 0);
}

static void only_the_author_edits(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd");
    struct uuid room = world_make_room(world, ben, "tea", false);
    world_join(world, cyd, room);
    struct message message = world_send(world, cyd, room, "n1", "hello");
    struct message_edit_result edited;
    assert_int_equal(WORLD_CALL(world, message_edit, ben, &edited, .room = room,
                                .message = message.id, .text = STR("x")),
                     ERR_FORBIDDEN);
    assert_int_equal(WORLD_CALL(world, message_edit, cyd, &edited, .room = room,
                                .message = message.id, .text = STR("hi")),
                     ERR_OK);
    assert_text(edited.message->text, "hi");
    assert_true(edited.message->edited_at > 0);
    assert_non_null(world_event(world, EVENT_message_edited, 0));
    assert_int_equal(WORLD_CALL(world, message_edit, cyd, &edited, .room = room,
                                .message = message.id, .text = STR("hi")),
                     ERR_OK);
    assert_int_equal(world_event_total(world), 0); /* unchanged: no event */
}

static enum err delete_in(struct world *world, struct actor actor, struct uuid room,
                          struct uuid message, struct message_delete_result *out) {
    return WORLD_CALL(world, message_delete, actor, out, .room = room, .message = message);
}

static void a_deleted_message_is_a_tombstone_without_text(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message message = world_send(world, ben, room, "n1", "canary-7311");
    struct message_delete_result deleted;
    struct message_edit_result edited;
    assert_int_equal(delete_in(world, ben, room, message.id, &deleted), ERR_OK);
    assert_text(deleted.message->text, "");
    assert_true(deleted.message->deleted_at > 0);
    assert_non_null(world_event(world, EVENT_message_deleted, 0));
    assert_int_equal(delete_in(world, ben, room, message.id, &deleted), ERR_OK);
    assert_int_equal(world_event_total(world), 0);
    assert_int_equal(WORLD_CALL(world, message_edit, ben, &edited, .room = room,
                                .message = message.id, .text = STR("x")),
                     ERR_MESSAGE_IS_DELETED);
    struct message_send_result again; /* the nonce outlives the text */
    assert_int_equal(send_to(world, ben, room, "n1", "canary-7311", &again), ERR_OK);
    assert_true(again.duplicate);
    assert_text(again.message->text, "");
}

static void others_messages_are_deleted_by_the_rooms_maker_and_admins_in_it(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd"),
                 amy = world_person(world, "amy");
    struct uuid room = world_make_room(world, ben, "tea", false);
    world_join(world, cyd, room);
    struct message bens = world_send(world, ben, room, "n1", "one");
    struct message cyds = world_send(world, cyd, room, "n1", "two");
    struct message_delete_result deleted;
    assert_int_equal(delete_in(world, cyd, room, bens.id, &deleted), ERR_FORBIDDEN);
    assert_int_equal(delete_in(world, amy, room, bens.id, &deleted), ERR_FORBIDDEN); /* not in it */
    world_join(world, amy, room);
    assert_int_equal(delete_in(world, amy, room, bens.id, &deleted), ERR_OK);
    assert_int_equal(delete_in(world, ben, room, cyds.id, &deleted), ERR_OK);
    struct uuid other = world_make_room(world, ben, "milk", false);
    assert_int_equal(delete_in(world, ben, other, cyds.id, &deleted), ERR_NOT_FOUND);
}

/* ---- history ---- */

static struct message_list_result page(struct world *world, struct actor actor, struct uuid room,
                                       const char *before, int64_t limit) {
    struct message_list_result listed;
    assert_int_equal(WORLD_CALL(world, message_list, actor, &listed,
                                .present = GIVEN(message_list, limit), .room = room,
                                .before = str_from_cstr(before), .limit = limit),
                     ERR_OK);
    return listed;
}

static void send_many(struct world *world, struct actor actor, struct uuid room, int count) {
    for (int i = 0; i < count; i++) {
        char nonce[16];
        snprintf(nonce, sizeof nonce, "m%d", i);
        world_send(world, actor, room, nonce, nonce);
    }
}

static void history_pages_go_back_without_gap_or_repeat(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    send_many(world, ben, room, 10); /* seqs 2 to 11 */
    char before[32] = "";
    int64_t expected = 11;
    for (int pages = 0; expected > 1; pages++) {
        struct message_list_result listed = page(world, ben, room, before, 4);
        assert_int_equal(listed.seq, 11);
        for (size_t i = listed.messages.count; i > 0; i--)
            assert_int_equal(listed.messages.items[i - 1].seq, expected--);
        assert_true(pages < 3);
        snprintf(before, sizeof before, "%.*s", STR_ARG(listed.next_cursor));
        assert_true((listed.next_cursor.len == 0) == (expected == 1));
    }
}

static void history_goes_forward_and_round_a_seq(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    struct message_list_result listed;
    send_many(world, ben, room, 10);
    assert_int_equal(WORLD_CALL(world, message_list, ben, &listed,
                                .present = GIVEN(message_list, limit), .room = room,
                                .after = STR("4"), .limit = 3),
                     ERR_OK);
    assert_int_equal(listed.messages.count, 3);
    assert_int_equal(listed.messages.items[0].seq, 5);
    assert_text(listed.next_cursor, "5");
    assert_int_equal(WORLD_CALL(world, message_list, ben, &listed,
                                .present = GIVEN(message_list, limit), .room = room,
                                .around = STR("6"), .limit = 4),
                     ERR_OK);
    assert_int_equal(listed.messages.count, 4);
    assert_int_equal(listed.messages.items[0].seq, 5);
    assert_int_equal(listed.messages.items[3].seq, 8);
}

static void bad_cursors_are_refused(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben");
    struct uuid room = world_make_room(world, ben, "tea", false);
    static const char *const bad[] = {"x", "-1", "01", "9223372036854775807",
                                      "99999999999999999999"};
    struct message_list_result listed;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(WORLD_CALL(world, message_list, ben, &listed, .room = room,
                                    .before = str_from_cstr(bad[i])),
                         ERR_INVALID_CURSOR);
    assert_int_equal(WORLD_CALL(world, message_list, ben, &listed, .room = room, .before = STR("1"),
                                .after = STR("1")),
                     ERR_INVALID_FIELD);
}

static void a_private_rooms_history_begins_with_the_joining(void **state) {
    struct world *world = *state;
    struct actor ben = world_person(world, "ben"), cyd = world_person(world, "cyd"),
                 ada = world_person(world, "ada");
    struct uuid open = world_make_room(world, ben, "tea", false),
                closed = world_make_room(world, ben, "den", true);
    struct message_list_result listed;
    struct message early = world_send(world, ben, closed, "n1", "before");
    world_send(world, ben, open, "n2", "before");
    world_add(world, ben, closed, cyd);
    world_send(world, ben, closed, "n3", "after");
    listed = page(world, cyd, closed, "", 50);
    assert_int_equal(listed.messages.count, 1);
    assert_text(listed.messages.items[0].text, "after");
    assert_int_equal(listed.next_cursor.len, 0);
    assert_int_equal(page(world, cyd, open, "", 50).messages.count,
                     1); /* not joined: public is open */
    assert_int_equal(WORLD_CALL(world, message_list, ada, &listed, .room = closed), ERR_NOT_FOUND);
    struct message_delete_result deleted; /* nor can a newcomer touch what came before */
    assert_int_equal(delete_in(world, cyd, closed, early.id, &deleted), ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_is_stored_with_the_next_seq_and_told_to_the_room,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(a_retry_answers_the_first_message_as_it_is_now,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(a_nonce_used_for_something_else_is_refused,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(only_members_write, world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(a_text_without_anything_to_see_is_refused,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(an_archived_room_takes_nothing_new_but_answers_retries,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(a_retry_is_answered_to_who_may_still_read_the_message,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(only_the_author_edits, world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(a_deleted_message_is_a_tombstone_without_text,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(
            others_messages_are_deleted_by_the_rooms_maker_and_admins_in_it, world_setup_people,
            world_teardown),
        cmocka_unit_test_setup_teardown(history_pages_go_back_without_gap_or_repeat,
                                        world_setup_people, world_teardown),
        cmocka_unit_test_setup_teardown(history_goes_forward_and_round_a_seq, world_setup_people,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(bad_cursors_are_refused, world_setup_people,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_private_rooms_history_begins_with_the_joining,
                                        world_setup_people, world_teardown),
    };
    return cmocka_run_group_tests_name("chat_messages", tests, NULL, NULL);
}
