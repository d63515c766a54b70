/* Where a stream begins and what is read again from the log: session.start, state.get, the log's
 * loader; read markers, typing. */
#include "chat_fixture.h"
#include "realtime/presence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

enum { RESUME_MAX = 10 }; /* as chat_fixture.c sets it */

static const struct uuid no_room;

/* An owner and a member, both in `room`, which is public, and in general. */
struct pair {
    struct person owner, bob;
    struct uuid room;
};

static struct pair make_pair(void) {
    struct pair pair;
    pair.owner = chat_make_owner();
    pair.room = chat_make_room(pair.owner, "room", false);
    pair.bob = chat_make_person(pair.owner, "bob", ROLE_MEMBER, pair.room);
    return pair;
}

static struct str cursor_now(struct person who) {
    struct state_get_result got;
    assert_err(CALL(who, state_get, &got, 0), ERR_OK);
    return got.cursor;
}

static const struct my_room *room_in(const struct my_room_list *rooms, struct uuid id) {
    for (size_t i = 0; i < rooms->count; i++)
        if (uuid_equal(rooms->items[i].id, id))
            return &rooms->items[i];
    return NULL;
}

static int64_t unread_of(struct person who, struct uuid room) {
    struct state_get_result got;
    assert_err(CALL(who, state_get, &got, 0), ERR_OK);
    assert_non_null(room_in(&got.state->rooms, room));
    return room_in(&got.state->rooms, room)->unread;
}

/* ---- session.start ---- */

static void a_start_without_a_cursor_gives_the_state_at_the_head(void **state) {
    struct session_start_result started;
    (void)state;
    struct pair pair = make_pair();
    assert_err(CALL(pair.bob, session_start, &started, 0), ERR_OK);
    assert_false(started.resumed);
    assert_int_equal(started.reason.len, 0);
    assert_int_equal(started.state->rooms.count, 2);
    assert_true(uuid_equal(started.state->user->id, pair.bob.id));
    assert_true(chat_last_call()->effect.start_stream);
    assert_int_equal(chat_last_call()->effect.start_pos, chat_integer("SELECT pos FROM log_head"));
    assert_true(str_equal(started.cursor, cursor_now(pair.bob)));
}

static void a_start_with_a_cursor_resumes_and_counts_what_was_missed(void **state) {
    struct session_start_result started;
    (void)state;
    struct pair pair = make_pair();
    struct str cursor = cursor_now(pair.bob);
    int64_t pos = chat_integer("SELECT pos FROM log_head");
    chat_say(pair.owner, pair.room, "one");
    chat_say(pair.owner, pair.room, "two");
    chat_make_room(pair.owner, "secret", true); /* none of bob's */
    assert_err(CALL(pair.bob, session_start, &started, .cursor = cursor), ERR_OK);
    assert_true(started.resumed);
    assert_int_equal(started.missed, 2);
    assert_true(str_equal(started.cursor, cursor));
    assert_null(started.state);
    assert_int_equal(chat_last_call()->effect.start_pos, pos);
}

static void a_cursor_that_is_none_gives_the_state_and_says_why(void **state) {
    static const char *const cursors[] = {"nonsense", "k3:1:00000000", "::", "a:-1:0", "a:1:0:0"};
    struct session_start_result started;
    (void)state;
    struct pair pair = make_pair();
    for (size_t i = 0; i < sizeof cursors / sizeof *cursors; i++) {
        assert_err(CALL(pair.bob, session_start, &started, .cursor = str_from_cstr(cursors[i])),
                   ERR_OK);
        assert_false(started.resumed);
        assert_str(started.reason, "cursor_invalid");
        assert_non_null(started.state);
        assert_int_equal(chat_last_call()->effect.start_pos,
                         chat_integer("SELECT pos FROM log_head"));
    }
}

static void who_missed_too_many_gets_the_state(void **state) {
    struct session_start_result started;
    char text[32];
    (void)state;
    struct pair pair = make_pair();
    struct str cursor = cursor_now(pair.bob);
    for (int i = 0; i < RESUME_MAX; i++) {
        snprintf(text, sizeof text, "message %d", i);
        chat_say(pair.owner, pair.room, text);
    }
    assert_err(CALL(pair.bob, session_start, &started, .cursor = cursor), ERR_OK);
    assert_true(started.resumed);
    assert_int_equal(started.missed, RESUME_MAX);
    chat_say(pair.owner, pair.room, "one too many");
    assert_err(CALL(pair.bob, session_start, &started, .cursor = cursor), ERR_OK);
    assert_false(started.resumed);
    assert_str(started.reason, "too_many");
    assert_non_null(started.state);
}

static void a_cursor_outlives_a_restart(void **state) {
    struct session_start_result started;
    (void)state;
    struct pair pair = make_pair();
    struct str cursor = cursor_now(pair.bob);
    chat_restart();
    chat_say(pair.owner, pair.room, "one");
    assert_err(CALL(pair.bob, session_start, &started, .cursor = cursor), ERR_OK);
    assert_true(started.resumed);
    assert_int_equal(started.missed, 1);
}

static void a_resume_tells_the_markers_that_moved_meanwhile_and_who_is_online(void **state) {
    struct session_start_result started;
    (void)state;
    struct pair pair = make_pair();
    struct message said = chat_say(pair.owner, pair.room, "one");
    chat_say(pair.owner, pair.room, "two");
    struct str before = cursor_now(pair.bob);
    assert_err(CALL(pair.bob, read_update, NULL, .room = pair.room, .seq = said.seq), ERR_OK);
    chat_say(pair.owner, pair.room, "three");
    struct str after = cursor_now(pair.bob);
    assert_true(presence_enter(pair.owner.account, pair.owner.id, 0));
    assert_err(CALL(pair.bob, session_start, &started, .cursor = before), ERR_OK);
    assert_int_equal(started.markers.count, 1);
    assert_true(uuid_equal(started.markers.items[0].room, pair.room));
    assert_int_equal(started.markers.items[0].seq, said.seq);
    assert_int_equal(started.markers.items[0].unread, 2);
    assert_int_equal(started.online.count, 1);
    assert_err(CALL(pair.bob, session_start, &started, .cursor = after), ERR_OK);
    assert_int_equal(started.markers.count, 0);
}

/* ---- the state ---- */

static void the_state_leaves_out_archived_rooms_and_those_that_one_left(void **state) {
    struct state_get_result got;
    (void)state;
    struct pair pair = make_pair();
    struct uuid attic = chat_make_room(pair.bob, "attic", false),
                gone = chat_make_room(pair.bob, "gone", false);
    assert_err(CALL(pair.bob, room_archive, NULL, .room = attic), ERR_OK);
    assert_err(CALL(pair.bob, room_leave, NULL, .room = gone), ERR_OK);
    assert_err(CALL(pair.bob, state_get, &got, 0), ERR_OK);
    assert_int_equal(got.state->rooms.count, 2);
    assert_null(room_in(&got.state->rooms, attic));
    assert_null(room_in(&got.state->rooms, gone));
}

static void the_name_of_a_room_has_no_spaces_at_its_ends(void **state) {
    struct room_create_result made;
    struct room_update_result changed;
    (void)state;
    struct person owner = chat_make_owner();
    assert_err(CALL(owner, room_create, &made, .name = STR("  the den ")), ERR_OK);
    assert_str(made.room->name, "the den");
    assert_err(
        CALL(owner, room_update, &changed, .room = made.room->id, .name = STR(" the\u00a0attic\t")),
        ERR_OK);
    assert_str(changed.room->name, "the\u00a0attic");
}

static void guests_are_not_told_who_is_online(void **state) {
    struct state_get_result got;
    struct presence_list_result list;
    (void)state;
    struct pair pair = make_pair();
    struct person guest = chat_make_person(pair.owner, "guest", ROLE_GUEST, pair.room);
    assert_true(presence_enter(pair.owner.account, pair.owner.id, 0));
    assert_err(CALL(guest, state_get, &got, 0), ERR_OK);
    assert_int_equal(got.state->online.count, 0);
    assert_err(CALL(guest, presence_list, NULL, 0), ERR_FORBIDDEN);
    assert_err(CALL(pair.bob, presence_list, &list, 0), ERR_OK);
    assert_int_equal(list.online.count, 1);
    assert_true(uuid_equal(list.online.items[0], pair.owner.id));
}

/* ---- unread ---- */

static void unread_are_live_messages_of_others_after_the_marker(void **state) {
    (void)state;
    struct pair pair = make_pair();
    chat_say(pair.owner, pair.room, "one");
    chat_say(pair.bob, pair.room, "mine");
    struct message two = chat_say(pair.owner, pair.room, "two");
    struct message three = chat_say(pair.owner, pair.room, "three");
    assert_int_equal(unread_of(pair.bob, pair.room), 3);
    assert_err(CALL(pair.owner, message_delete, NULL, .room = pair.room, .message = three.id),
               ERR_OK);
    assert_int_equal(unread_of(pair.bob, pair.room), 2);
    assert_err(CALL(pair.bob, read_update, NULL, .room = pair.room, .seq = two.seq), ERR_OK);
    assert_int_equal(unread_of(pair.bob, pair.room), 0);
    assert_int_equal(unread_of(pair.owner, pair.room), 1); /* bob's */
}

static void nothing_from_before_joining_is_unread(void **state) {
    (void)state;
    struct pair pair = make_pair();
    chat_say(pair.owner, pair.room, "one");
    struct person cleo = chat_make_person(pair.owner, "cleo", ROLE_MEMBER, pair.room);
    assert_int_equal(unread_of(cleo, pair.room), 0);
    chat_say(pair.owner, pair.room, "two");
    assert_int_equal(unread_of(cleo, pair.room), 1);
}

static void unread_is_counted_up_to_100(void **state) {
    char text[32];
    (void)state;
    struct pair pair = make_pair();
    for (int i = 0; i < 101; i++) {
        snprintf(text, sizeof text, "message %d", i);
        chat_say(pair.owner, pair.room, text);
    }
    assert_int_equal(unread_of(pair.bob, pair.room), 100);
}

/* ---- read.update ---- */

static void a_marker_moves_forward_only_and_no_further_than_the_room(void **state) {
    struct read_update_result read;
    (void)state;
    struct pair pair = make_pair();
    struct message one = chat_say(pair.owner, pair.room, "one"),
                   two = chat_say(pair.owner, pair.room, "two");
    chat_forget_events();
    assert_err(
        CALL(pair.bob, read_update, &read, .room = pair.room, .seq = INT64_C(9007199254740991)),
        ERR_OK);
    assert_int_equal(read.marker->seq, two.seq);
    assert_int_equal(read.marker->unread, 0);
    assert_err(CALL(pair.bob, read_update, &read, .room = pair.room, .seq = one.seq), ERR_OK);
    assert_int_equal(read.marker->seq, two.seq);
    assert_events(EVENT_read_updated); /* one: it did not move the second time */
    assert_int_equal(chat_event(0)->pos, 0);
    assert_int_equal(chat_event(0)->audience, audience_person(pair.bob.account));
}

static void only_members_have_a_marker(void **state) {
    (void)state;
    struct pair pair = make_pair();
    struct uuid open = chat_make_room(pair.owner, "open", false),
                closed = chat_make_room(pair.owner, "closed", true);
    assert_err(CALL(pair.bob, read_update, NULL, .room = open, .seq = 1), ERR_FORBIDDEN);
    assert_err(CALL(pair.bob, read_update, NULL, .room = closed, .seq = 1), ERR_NOT_FOUND);
}

/* ---- typing.start ---- */

static void typing_is_told_to_the_room_and_kept_nowhere(void **state) {
    (void)state;
    struct pair pair = make_pair();
    int64_t head = chat_integer("SELECT pos FROM log_head");
    chat_forget_events();
    assert_err(CALL(pair.bob, typing_start, NULL, .room = pair.room), ERR_OK);
    assert_events(EVENT_typing_started);
    assert_int_equal(chat_event(0)->pos, 0);
    assert_true(uuid_equal(chat_event(0)->room_id, pair.room));
    assert_int_equal(chat_integer("SELECT pos FROM log_head"), head);
}

static void only_members_of_a_living_room_type(void **state) {
    (void)state;
    struct pair pair = make_pair();
    struct uuid closed = chat_make_room(pair.owner, "closed", true);
    assert_err(CALL(pair.bob, typing_start, NULL, .room = closed), ERR_NOT_FOUND);
    assert_err(CALL(pair.owner, room_archive, NULL, .room = pair.room), ERR_OK);
    assert_err(CALL(pair.bob, typing_start, NULL, .room = pair.room), ERR_ROOM_ARCHIVED);
}

/* ---- replay ---- */

static int64_t page_account, page_pos;
static enum role page_role;
static struct log_page page;
static struct arena *page_arena; /* of the newest page */

static enum err page_body(struct tx *tx, struct fixture_work *work) {
    (void)work;
    tx->arena = page_arena;
    return log_page(tx, page_account, page_role, page_pos, &page);
}

static const struct log_page *read_page(struct person who, enum role role, int64_t pos) {
    page_account = who.account;
    page_role = role;
    page_pos = pos;
    assert_err(fixture_read(chat_store(), 0, page_body), ERR_OK);
    return &page;
}

static int open_with_page(void **state) {
    page_arena = arena_create();
    return chat_open(state);
}

static int close_with_page(void **state) {
    arena_destroy(page_arena);
    return chat_close(state);
}

static int64_t head_now(void) {
    return chat_integer("SELECT pos FROM log_head");
}

/* SECURITY 2. */
static void replay_shows_a_message_as_it_is_now(void **state) {
    (void)state;
    struct pair pair = make_pair();
    int64_t pos = head_now();
    struct message one = chat_say(pair.owner, pair.room, "one"),
                   two = chat_say(pair.owner, pair.room, "two");
    assert_err(CALL(pair.owner, message_edit, NULL, .room = pair.room, .message = one.id,
                    .text = STR("uno")),
               ERR_OK);
    assert_err(CALL(pair.owner, message_delete, NULL, .room = pair.room, .message = two.id),
               ERR_OK);
    const struct log_page *read = read_page(pair.bob, ROLE_MEMBER, pos);
    assert_int_equal(read->count, 4);
    assert_int_equal(read->events[0].type, EVENT_message_created);
    const struct message_created_data *first = read->events[0].data, *second = read->events[1].data;
    assert_str(first->message->text, "uno");
    assert_true(first->message->edited_at > 0);
    assert_str(second->message->text, "");
    assert_true(second->message->deleted_at > 0);
    assert_int_equal(read->events[2].type, EVENT_message_edited);
    assert_int_equal(read->events[3].type, EVENT_message_deleted);
    assert_true(uuid_equal(read->events[3].room_id, pair.room));
}

/* SECURITY 3: nothing from before joining, nothing after leaving, but that one left. */
static void replay_gives_what_happened_within_the_membership_alone(void **state) {
    (void)state;
    struct pair pair = make_pair();
    struct person cleo = chat_make_person(pair.owner, "cleo", ROLE_MEMBER, no_room);
    int64_t pos = head_now();
    chat_say(pair.owner, pair.room, "before");
    assert_err(CALL(cleo, room_join, NULL, .room = pair.room), ERR_OK);
    chat_say(pair.owner, pair.room, "within");
    const struct log_page *read = read_page(cleo, ROLE_MEMBER, pos);
    assert_int_equal(read->count, 3);
    assert_int_equal(read->events[0].type, EVENT_room_joined);
    const struct room_joined_data *joined = read->events[0].data;
    assert_true(joined->room->joined);
    assert_int_equal(joined->room->unread, 1);
    assert_int_equal(read->events[1].type, EVENT_member_joined);
    assert_int_equal(read->events[2].type, EVENT_message_created);
    assert_err(CALL(cleo, room_leave, NULL, .room = pair.room), ERR_OK);
    chat_say(pair.owner, pair.room, "after");
    read = read_page(cleo, ROLE_MEMBER, pos);
    assert_int_equal(read->count, 2);
    assert_int_equal(read->events[0].type, EVENT_room_joined);
    assert_int_equal(read->events[1].type, EVENT_room_left);
    const struct room_left_data *left = read->events[1].data;
    assert_true(uuid_equal(left->room, pair.room));
}

/* What was sent at once and what is read from the log later is the same. */
static void every_event_is_loaded_again_as_it_was_sent(void **state) {
    (void)state;
    chat_owner_secret();
    struct person owner = chat_make_owner();
    chat_forget_events();
    struct uuid room = chat_make_room(owner, "room", false);
    struct person bob = chat_make_person(owner, "bob", ROLE_MEMBER, room);
    chat_say(owner, room, "one");
    assert_err(CALL(owner, room_update, NULL, .room = room, .topic = STR("a topic")), ERR_OK);
    assert_err(CALL(bob, user_update, NULL, .status = STR("here")), ERR_OK);
    assert_err(CALL(bob, room_leave, NULL, .room = room), ERR_OK);
    const struct log_page *read = read_page(owner, ROLE_OWNER, 0);
    for (size_t i = 0; i < read->count; i++) {
        const struct log_event *loaded = &read->events[i];
        assert_non_null(loaded->data);
        for (size_t j = 0; j < chat_event_count(); j++)
            if (chat_event(j)->pos == loaded->pos) {
                assert_int_equal(loaded->type, chat_event(j)->type);
                assert_int_equal(loaded->seq, chat_event(j)->seq);
                assert_int_equal(loaded->check, chat_event(j)->check);
                assert_true(uuid_equal(loaded->room_id, chat_event(j)->room_id));
                assert_non_null(chat_event(j)->data);
            }
    }
}

/* ---- many at once ---- */

static void a_nonce_twice_in_one_batch_makes_one_message(void **state) {
    struct message_send_result first, second, other;
    (void)state;
    struct pair pair = make_pair();
    chat_close_gate();
    struct chat_run *one = START(pair.bob, message_send, &first, .room = pair.room,
                                 .nonce = STR("n"), .text = STR("hi"));
    struct chat_run *again = START(pair.bob, message_send, &second, .room = pair.room,
                                   .nonce = STR("n"), .text = STR("hi"));
    struct chat_run *reused = START(pair.bob, message_send, &other, .room = pair.room,
                                    .nonce = STR("n"), .text = STR("ho"));
    chat_open_gate();
    assert_err(chat_wait(one), ERR_OK);
    assert_err(chat_wait(again), ERR_OK);
    assert_err(chat_wait(reused), ERR_NONCE_REUSED);
    assert_false(first.duplicate);
    assert_true(second.duplicate);
    assert_true(uuid_equal(first.message->id, second.message->id));
    assert_int_equal(first.message->seq, second.message->seq);
    assert_int_equal(chat_integer("SELECT count(*) FROM message"), 1);
}

static void one_refused_send_in_a_batch_leaves_the_others(void **state) {
    struct message_send_result results[3];
    struct chat_run *runs[3];
    (void)state;
    struct pair pair = make_pair();
    struct uuid closed = chat_make_room(pair.owner, "closed", true);
    chat_close_gate();
    runs[0] = START(pair.bob, message_send, &results[0], .room = pair.room, .nonce = STR("a"),
                    .text = STR("a"));
    runs[1] = START(pair.bob, message_send, &results[1], .room = closed, .nonce = STR("b"),
                    .text = STR("b"));
    runs[2] = START(pair.owner, message_send, &results[2], .room = pair.room, .nonce = STR("c"),
                    .text = STR("c"));
    chat_open_gate();
    assert_err(chat_wait(runs[0]), ERR_OK);
    assert_err(chat_wait(runs[1]), ERR_NOT_FOUND);
    assert_err(chat_wait(runs[2]), ERR_OK);
    assert_int_equal(results[2].message->seq, results[0].message->seq + 1);
}

static void a_marker_set_in_the_batch_of_its_message_is_not_beyond_the_room(void **state) {
    struct message_send_result sent;
    struct read_update_result read;
    (void)state;
    struct pair pair = make_pair();
    chat_close_gate();
    struct chat_run *send = START(pair.owner, message_send, &sent, .room = pair.room,
                                  .nonce = STR("a"), .text = STR("a"));
    struct chat_run *mark = START(pair.bob, read_update, &read, .room = pair.room, .seq = 1000);
    chat_open_gate();
    assert_err(chat_wait(send), ERR_OK);
    assert_err(chat_wait(mark), ERR_OK);
    assert_int_equal(read.marker->seq, sent.message->seq);
}

static void who_is_removed_in_the_batch_writes_no_more(void **state) {
    (void)state;
    struct pair pair = make_pair();
    chat_close_gate();
    struct chat_run *remove =
        START(pair.owner, room_remove, NULL, .room = pair.room, .user = pair.bob.id);
    struct chat_run *send =
        START(pair.bob, message_send, NULL, .room = pair.room, .nonce = STR("a"), .text = STR("a"));
    chat_open_gate();
    assert_err(chat_wait(remove), ERR_OK);
    assert_err(chat_wait(send), ERR_FORBIDDEN);
}

static void a_room_that_is_left_in_the_batch_in_which_it_was_joined_stays_whole(void **state) {
    (void)state;
    struct pair pair = make_pair();
    struct person cleo = chat_make_person(pair.owner, "cleo", ROLE_MEMBER, no_room);
    chat_forget_events();
    chat_close_gate();
    struct chat_run *join = START(cleo, room_join, NULL, .room = pair.room);
    struct chat_run *leave = START(cleo, room_leave, NULL, .room = pair.room);
    struct chat_run *back = START(cleo, room_join, NULL, .room = pair.room);
    chat_open_gate();
    assert_err(chat_wait(join), ERR_OK);
    assert_err(chat_wait(leave), ERR_OK);
    assert_err(chat_wait(back), ERR_OK);
    assert_events(EVENT_room_joined, EVENT_member_joined, EVENT_room_left, EVENT_member_left,
                  EVENT_room_joined, EVENT_member_joined);
    assert_int_equal(chat_integer("SELECT joined_pos FROM membership ORDER BY key DESC LIMIT 1"),
                     chat_event(4)->pos);
}

static bool is_in_a_file(const char *text) {
    return fixture_file_contains(chat_folder(), "parley.db", text) ||
           fixture_file_contains(chat_folder(), "parley.db-wal", text);
}

/* While the server runs. (A checkpoint moves text from one file to the other between two looks.) */
static void wait_until_text(const char *text, bool is_there) {
    int64_t tries = 0;
    while (is_in_a_file(text) != is_there) {
        assert_true(tries++ < 1000);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

/* SECURITY 2. */
static void a_text_that_was_edited_away_or_deleted_leaves_the_database_and_its_wal(void **state) {
    (void)state;
    struct pair pair = make_pair();
    struct message said = chat_say(pair.owner, pair.room, "said");
    const struct uuid room = pair.room, id = said.id;
    assert_err(CALL(pair.owner, message_edit, NULL, .room = room, .message = id,
                    .text = STR("canary-8b1f")),
               ERR_OK);
    wait_until_text("canary-8b1f", true);
    assert_err(CALL(pair.owner, message_edit, NULL, .room = room, .message = id,
                    .text = STR("canary-42d0")),
               ERR_OK);
    wait_until_text("canary-8b1f", false);
    assert_err(CALL(pair.owner, message_delete, NULL, .room = room, .message = id), ERR_OK);
    wait_until_text("canary-42d0", false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_with_page, close_with_page)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_start_without_a_cursor_gives_the_state_at_the_head),
        TEST(a_start_with_a_cursor_resumes_and_counts_what_was_missed),
        TEST(a_cursor_that_is_none_gives_the_state_and_says_why),
        TEST(who_missed_too_many_gets_the_state),
        TEST(a_cursor_outlives_a_restart),
        TEST(a_resume_tells_the_markers_that_moved_meanwhile_and_who_is_online),
        TEST(the_state_leaves_out_archived_rooms_and_those_that_one_left),
        TEST(the_name_of_a_room_has_no_spaces_at_its_ends),
        TEST(guests_are_not_told_who_is_online),
        TEST(unread_are_live_messages_of_others_after_the_marker),
        TEST(nothing_from_before_joining_is_unread),
        TEST(unread_is_counted_up_to_100),
        TEST(a_marker_moves_forward_only_and_no_further_than_the_room),
        TEST(only_members_have_a_marker),
        TEST(typing_is_told_to_the_room_and_kept_nowhere),
        TEST(only_members_of_a_living_room_type),
        TEST(replay_shows_a_message_as_it_is_now),
        TEST(replay_gives_what_happened_within_the_membership_alone),
        TEST(every_event_is_loaded_again_as_it_was_sent),
        TEST(a_nonce_twice_in_one_batch_makes_one_message),
        TEST(one_refused_send_in_a_batch_leaves_the_others),
        TEST(a_marker_set_in_the_batch_of_its_message_is_not_beyond_the_room),
        TEST(who_is_removed_in_the_batch_writes_no_more),
        TEST(a_room_that_is_left_in_the_batch_in_which_it_was_joined_stays_whole),
        TEST(a_text_that_was_edited_away_or_deleted_leaves_the_database_and_its_wal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
