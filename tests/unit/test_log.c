#include "base/mem.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { ROOMS = 6, PEOPLE = 5, STEPS = 1500, EVENTS_MAX = STEPS * 3 };

/* ---- a random history, and the naive model of it ---- */

struct history {
    char *folder;
    struct store *store;
    struct executor_ops ops;
    struct log_event events[EVENTS_MAX]; /* as they were committed */
    size_t count;
    bool joined[ROOMS + 1][PEOPLE + 1];
    int64_t joined_pos[ROOMS + 1][PEOPLE + 1];
    uint64_t random;
};

static struct history history;

static unsigned roll(unsigned sides) {
    history.random = history.random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(history.random >> 33) % sides;
}

/* On the writer's thread; the test looks only when the writer rests. */
static void history_committed(void *arg, const struct log_event *events, size_t count) {
    (void)arg;
    for (size_t i = 0; i < count; i++) {
        const struct log_event *event = &events[i];
        if (event->pos == 0)
            continue;
        assert_true(history.count < EVENTS_MAX);
        history.events[history.count++] = *event;
        if (event->type != EVENT_room_joined && event->type != EVENT_room_left)
            continue;
        int64_t room = event->subject, person = event->audience / 4;
        history.joined[room][person] = event->type == EVENT_room_joined;
        if (history.joined[room][person])
            history.joined_pos[room][person] = event->pos;
    }
}

static enum err make_everybody(struct tx *tx, struct fixture_work *self) {
    enum err err = ERR_OK;
    (void)self;
    for (int i = 1; err == ERR_OK && i <= PEOPLE; i++)
        err = fixture_make_account(tx, i);
    for (int i = 1; err == ERR_OK && i <= ROOMS; i++)
        err = fixture_make_room(tx, i);
    return err;
}

/* One thing that happens, the same one however often it is run; sometimes it is taken back after it
 * was emitted. */
static enum err happen(struct tx *tx, struct fixture_work *self) {
    history.random = (uint64_t)self->number * 0x9E3779B97F4A7C15u;
    int64_t room = 1 + roll(ROOMS), person = 1 + roll(PEOPLE), seq = 0, joined = 0;
    bool refused = roll(7) == 0;
    unsigned kind = roll(20);
    enum err err = fixture_integer(tx, &joined,
                                   "SELECT count(*) FROM membership WHERE room = %lld AND account "
                                   "= %lld AND is_open = 1",
                                   (long long)room, (long long)person);
    if (err != ERR_OK)
        return err;
    if (kind < 4 && joined == 0)
        err = fixture_join(tx, room, person);
    else if (kind < 4)
        err = fixture_leave(tx, room, person);
    else if (kind < 16)
        err = fixture_send(tx, room, person, self->number, &seq);
    else if (kind < 18)
        err = emit(tx,
                   &(struct log_event){.type = EVENT_user_updated,
                                       .audience = audience_workspace(),
                                       .subject = person},
                   NULL);
    else
        err = emit(
            tx,
            &(struct log_event){.type = EVENT_session_ended, .audience = audience_person(person)},
            NULL);
    return err == ERR_OK && refused ? ERR_FORBIDDEN : err;
}

static int history_begin(void **state) {
    (void)state;
    memset(&history, 0, sizeof history);
    history.folder = fixture_make_folder();
    history.ops = (struct executor_ops){.committed = history_committed};
    const struct fixture_options options = {.synchronous = "OFF", .batch_max = 16};
    history.store = fixture_open(history.folder, &options);
    store_start(history.store, &history.ops);
    assert_int_equal(fixture_write(history.store, 0, make_everybody), ERR_OK);
    struct fixture_work *works = mem_zalloc(STEPS, sizeof *works);
    for (int i = 0; i < STEPS; i++) {
        fixture_work_init(&works[i], true, i + 1, happen);
        fixture_submit(history.store, &works[i]);
    }
    for (int i = 0; i < STEPS; i++) {
        enum err err = fixture_wait(&works[i]);
        assert_true(err == ERR_OK || err == ERR_FORBIDDEN);
        fixture_work_finish(&works[i]);
    }
    mem_free(works);
    return 0;
}

static int history_end(void **state) {
    (void)state;
    log_set_loader(NULL);
    fixture_close(history.store);
    fixture_remove_folder(history.folder);
    return 0;
}

static bool model_shows(const struct log_event *event, int64_t person, enum role role,
                        int64_t after) {
    const struct event_type *type = event_type(event->type);
    if (event->pos <= after || (type->flags & EVENT_INTERNAL) != 0 ||
        (role == ROLE_GUEST && (type->flags & EVENT_NO_GUEST) != 0))
        return false;
    if (event->audience == audience_workspace() || event->audience == audience_person(person))
        return true;
    int64_t room = event->audience / 4;
    return event->audience % 4 == AUDIENCE_KIND_ROOM && history.joined[room][person] &&
           event->pos >= history.joined_pos[room][person];
}

/* ---- pages ---- */

static enum err load_marker(struct tx *tx, int64_t reader, struct log_event *event) {
    int64_t *data = arena_zalloc(tx->arena, sizeof *data);
    *data = reader * 1000000 + event->subject;
    event->data = data;
    return ERR_OK;
}

static const struct log_loader marker_loader = {.load = load_marker};

static void assert_same_event(const struct log_event *event, const struct log_event *expected,
                              int64_t person) {
    assert_int_equal(event->pos, expected->pos);
    assert_int_equal(event->type, expected->type);
    assert_int_equal(event->audience, expected->audience);
    assert_int_equal(event->seq, expected->seq);
    assert_int_equal(event->subject, expected->subject);
    assert_int_equal(event->check, expected->check);
    assert_int_equal(*(const int64_t *)event->data, person * 1000000 + event->subject);
    bool names_room = event->audience % 4 == AUDIENCE_KIND_ROOM ||
                      event->type == EVENT_room_joined || event->type == EVENT_room_left;
    assert_int_equal(uuid_is_zero(event->room_id), !names_room);
}

static void assert_rooms_at_head(const struct log_page *page, int64_t person) {
    size_t expected = 0;
    for (int room = 1; room <= ROOMS; room++)
        expected += history.joined[room][person];
    assert_int_equal(page->room_count, expected);
    for (size_t i = 0; i < page->room_count; i++)
        assert_true(history.joined[page->rooms[i].room][person]);
}

/* Reads page after page from `after`, against the model. */
static enum err read_as(struct tx *tx, int64_t person, enum role role, int64_t after) {
    struct log_page page;
    size_t at = 0;
    int64_t head = (int64_t)history.count, pos = after, missed = 0, shown = 0;
    do {
        enum err err = log_page(tx, person, role, pos, &page);
        if (err != ERR_OK)
            return err;
        for (size_t i = 0; i < page.count; i++, shown++) {
            while (at < history.count && !model_shows(&history.events[at], person, role, after))
                at++;
            assert_true(at < history.count);
            assert_same_event(&page.events[i], &history.events[at++], person);
        }
        assert_true(page.at_head || page.count == LOG_PAGE_EVENTS);
        assert_true(page.next_pos > pos || page.at_head);
        pos = page.next_pos;
    } while (!page.at_head);
    while (at < history.count && !model_shows(&history.events[at], person, role, after))
        at++;
    assert_int_equal(at, history.count); /* nothing was left out at the end */
    assert_int_equal(pos, head);
    assert_rooms_at_head(&page, person);
    assert_int_equal(log_count_missed(tx, person, role, after, 10000, &missed), ERR_OK);
    assert_int_equal(missed, shown);
    assert_int_equal(log_count_missed(tx, person, role, after, 5, &missed), ERR_OK);
    assert_int_equal(missed, shown < 6 ? shown : 6);
    return ERR_OK;
}

static enum err read_everybody(struct tx *tx, struct fixture_work *self) {
    enum err err = ERR_OK;
    (void)self;
    for (int i = 0; err == ERR_OK && i < 60; i++) {
        int64_t after = i < 2 * PEOPLE ? 0 : roll((unsigned)history.count + 1);
        err = read_as(tx, 1 + i % PEOPLE, i % 2 == 0 ? ROLE_MEMBER : ROLE_GUEST, after);
    }
    return err;
}

static void pages_give_each_person_exactly_what_a_naive_model_gives(void **state) {
    (void)state;
    log_set_loader(&marker_loader);
    assert_true(history.count > 1000);
    assert_int_equal(fixture_read(history.store, 0, read_everybody), ERR_OK);
}

static void pos_and_seq_have_no_gap_after_many_refusals(void **state) {
    int64_t seqs[ROOMS + 1] = {0};
    (void)state;
    for (size_t i = 0; i < history.count; i++) {
        const struct log_event *event = &history.events[i];
        assert_int_equal(event->pos, i + 1);
        if (event->audience % 4 == AUDIENCE_KIND_ROOM)
            assert_int_equal(event->seq, ++seqs[event->audience / 4]);
        else
            assert_int_equal(event->seq, 0);
    }
    for (int room = 1; room <= ROOMS; room++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT max(seq) FROM log WHERE audience = %d * 4", room);
        assert_int_equal(fixture_query(history.folder, sql), seqs[room]);
    }
    assert_int_equal(fixture_query(history.folder, "SELECT count(*) FROM log"), history.count);
}

/* ---- cursors ---- */

static enum cursor_state parse(struct tx *tx, struct str cursor, int64_t *pos) {
    enum cursor_state state = CURSOR_TOO_OLD;
    assert_int_equal(cursor_parse(tx, cursor, &state, pos), ERR_OK);
    return state;
}

static enum err tamper(struct tx *tx, struct fixture_work *self) {
    static const char alphabet[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~: \n";
    int64_t pos = -1;
    char text[CURSOR_MAX_BYTES];
    struct str cursor;
    assert_int_equal(cursor_at(tx, self->number, &cursor), ERR_OK);
    assert_int_equal(parse(tx, cursor, &pos), CURSOR_VALID);
    assert_int_equal(pos, self->number);
    for (size_t at = 0; at < cursor.len; at++)
        for (const char *c = alphabet; *c != '\0'; c++) {
            memcpy(text, cursor.ptr, cursor.len);
            text[at] = *c;
            if (*c != cursor.ptr[at] &&
                parse(tx, str_make(text, cursor.len), &pos) != CURSOR_INVALID)
                fail_msg("taken: %.*s for %.*s", (int)cursor.len, text, STR_ARG(cursor));
        }
    for (size_t len = 0; len < cursor.len; len++) /* cut short, at either end */
        assert_true(parse(tx, str_make(cursor.ptr, len), &pos) == CURSOR_INVALID &&
                    parse(tx, str_make(cursor.ptr + cursor.len - len, len), &pos) ==
                        CURSOR_INVALID);
    return ERR_OK;
}

static void a_cursor_with_any_character_changed_is_invalid(void **state) {
    (void)state;
    assert_int_equal(fixture_read(history.store, 0, tamper), ERR_OK);
    assert_int_equal(fixture_read(history.store, 345, tamper), ERR_OK);
    assert_int_equal(fixture_read(history.store, (int64_t)history.count, tamper), ERR_OK);
}

static enum err parse_odd_ones(struct tx *tx, struct fixture_work *self) {
    static const char *const odd[] = {"",
                                      ":",
                                      "::",
                                      ":::",
                                      "k3:9001:5c1f",
                                      "-",
                                      "99999999999999999999999999999999999999999999999999999999999",
                                      "\xff\xfe:1:00000000",
                                      "aaaaaaaa:-1:00000000",
                                      "aaaaaaaa:00:00000000"};
    int64_t pos;
    char past[CURSOR_MAX_BYTES];
    (void)self;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(parse(tx, str_from_cstr(odd[i]), &pos), CURSOR_INVALID);
    size_t len = cursor_format((int64_t)history.count + 1, 0, past);
    assert_int_equal(parse(tx, str_make(past, len), &pos), CURSOR_INVALID);
    return ERR_OK;
}

static void malformed_cursors_and_those_past_the_head_are_invalid(void **state) {
    (void)state;
    assert_int_equal(fixture_read(history.store, 0, parse_odd_ones), ERR_OK);
}

static enum err committed_ones_parse(struct tx *tx, struct fixture_work *self) {
    char text[CURSOR_MAX_BYTES];
    int64_t pos;
    (void)self;
    for (size_t i = 0; i < history.count; i += 7) {
        size_t len = cursor_format(history.events[i].pos, history.events[i].check, text);
        assert_int_equal(parse(tx, str_make(text, len), &pos), CURSOR_VALID);
        assert_int_equal(pos, i + 1);
    }
    return ERR_OK;
}

static void the_check_bits_given_at_the_commit_are_those_of_the_row(void **state) {
    (void)state;
    assert_int_equal(fixture_read(history.store, 0, committed_ones_parse), ERR_OK);
}

/* Changes each column of the row in turn, looks, and takes it all back. */
static enum err alter_row(struct tx *tx, struct fixture_work *self) {
    static const char *const columns[] = {"type",    "audience", "seq",       "actor",
                                          "subject", "fact",     "created_at"};
    struct str cursor;
    int64_t pos;
    (void)self;
    assert_int_equal(cursor_at(tx, 400, &cursor), ERR_OK);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        assert_int_equal(
            fixture_sql(tx, "UPDATE log SET %s = %s + 1 WHERE pos = 400", columns[i], columns[i]),
            ERR_OK);
        assert_int_equal(parse(tx, cursor, &pos), CURSOR_INVALID);
        assert_int_equal(
            fixture_sql(tx, "UPDATE log SET %s = %s - 1 WHERE pos = 400", columns[i], columns[i]),
            ERR_OK);
        assert_int_equal(parse(tx, cursor, &pos), CURSOR_VALID);
    }
    return ERR_FORBIDDEN;
}

static void a_cursor_for_an_event_that_is_another_now_is_invalid(void **state) {
    (void)state;
    assert_int_equal(fixture_write(history.store, 0, alter_row), ERR_FORBIDDEN);
}

static enum err forget_beginning(struct tx *tx, struct fixture_work *self) {
    struct str beginning, old, kept;
    int64_t pos;
    (void)self;
    assert_int_equal(cursor_at(tx, 0, &beginning), ERR_OK);
    assert_int_equal(cursor_at(tx, 99, &old), ERR_OK);
    assert_int_equal(cursor_at(tx, 100, &kept), ERR_OK);
    assert_int_equal(parse(tx, beginning, &pos), CURSOR_VALID);
    assert_int_equal(fixture_sql(tx, "DELETE FROM log WHERE pos < 100"), ERR_OK);
    assert_int_equal(parse(tx, beginning, &pos), CURSOR_TOO_OLD);
    assert_int_equal(parse(tx, old, &pos), CURSOR_TOO_OLD);
    assert_int_equal(parse(tx, kept, &pos), CURSOR_VALID);
    return ERR_FORBIDDEN;
}

static void a_cursor_before_the_kept_part_of_the_log_is_too_old(void **state) {
    (void)state;
    assert_int_equal(fixture_write(history.store, 0, forget_beginning), ERR_FORBIDDEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pos_and_seq_have_no_gap_after_many_refusals),
        cmocka_unit_test(pages_give_each_person_exactly_what_a_naive_model_gives),
        cmocka_unit_test(a_cursor_with_any_character_changed_is_invalid),
        cmocka_unit_test(malformed_cursors_and_those_past_the_head_are_invalid),
        cmocka_unit_test(the_check_bits_given_at_the_commit_are_those_of_the_row),
        cmocka_unit_test(a_cursor_for_an_event_that_is_another_now_is_invalid),
        cmocka_unit_test(a_cursor_before_the_kept_part_of_the_log_is_too_old),
    };
    return cmocka_run_group_tests(tests, history_begin, history_end);
}
