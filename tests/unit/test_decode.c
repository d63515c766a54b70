/* What comes from outside becomes params by the operations' tables, or is refused by name. */
#include "base/buf.h"
#include "protocol/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ROOM "0192f0c1-2233-7abc-8def-001122334455"

static struct arena *arena;
static struct error_detail detail;
/* Where the newest params stand. */
static union {
    struct message_send_params send;
    struct ticket_create_params ticket;
    struct room_create_params create;
    struct message_list_params list;
    struct room_update_params update;
    struct room_archive_params archive;
    struct session_create_params sign_in;
    struct invite_create_params invite;
} params;

static int open_arena(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

static void assert_str(struct str have, const char *want) {
    if (!str_equal(have, str_from_cstr(want)))
        fail_msg("'%.*s' is not '%s'", (int)have.len, have.ptr, want);
}

static enum err decode_from(enum operation_id id, const struct decode_source *source) {
    memset(&params, 0, sizeof params);
    detail = (struct error_detail){0};
    return decode_params(arena, &operation_table()[id], source, &params, &detail);
}

static enum err decode_by_jansson(enum operation_id id, struct str text) {
    struct decode_source source = {0};
    json_t *json = NULL;
    enum err err = decode_json(text, DECODE_DEPTH_MAX, &json);
    source.body = decode_object_of(json);
    if (err == ERR_OK)
        err = decode_from(id, &source);
    json_decref(json);
    return err;
}

/* Both ways, which must agree; where the flat one declines, they are one. */
static enum err decode_text(enum operation_id id, const char *text) {
    struct decode_source source = {0};
    struct json_flat room;
    detail = (struct error_detail){0};
    enum err want = decode_by_jansson(id, str_from_cstr(text));
    struct error_detail told = detail;
    detail = (struct error_detail){0};
    enum err err = decode_object_parse(str_from_cstr(text), DECODE_DEPTH_MAX, &room, &source.body);
    if (err == ERR_OK)
        err = decode_from(id, &source);
    decode_object_release(source.body);
    assert_int_equal(err, want);
    assert_true(str_equal(detail.field, told.field) && str_equal(detail.detail, told.detail));
    return err;
}

static void assert_refused(enum operation_id id, const char *text, enum err want,
                           const char *field) {
    enum err err = decode_text(id, text);
    if (err != want)
        fail_msg("%s: %s, not %s", text, err == ERR_OK ? "taken" : err_code(err), err_code(want));
    assert_str(detail.field, field);
}

/* message.send with a text of `count` times `piece`. */
static enum err decode_long_text(const char *piece, size_t count) {
    struct buf json = BUF_INIT;
    buf_append_cstr(&json, "{\"room\":\"" ROOM "\",\"nonce\":\"n\",\"text\":\"");
    for (size_t i = 0; i < count; i++)
        buf_append_cstr(&json, piece);
    buf_append_cstr(&json, "\"}");
    enum err err = decode_text(OPERATION_message_send, buf_cstr(&json));
    buf_finish(&json);
    return err;
}

/* ---- JSON ---- */

static bool is_json(struct str text, size_t depth_max) {
    json_t *value = NULL;
    enum err err = decode_json(text, depth_max, &value);
    assert_true(err == ERR_OK || err == ERR_INVALID_JSON);
    assert_int_equal(err == ERR_OK, value != NULL);
    json_decref(value);
    return err == ERR_OK;
}

static void only_one_whole_value_is_json(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",        " ",     "null null",   "1 1",           "\"a",        "[",         "{",
        "{}}",     "{} {}", "{'a':1}",     "{\"a\":1,}",    "{\"a\":01}", "{a:1}",     "{\"a\":}",
        "{\"a\"}", "nul",   "{\"a\":NaN}", "{\"a\":1e999}", "// \n{}",    "{\"a\":+1}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (is_json(str_from_cstr(wrong[i]), DECODE_DEPTH_MAX))
            fail_msg("taken: %s", wrong[i]);
    assert_true(is_json(STR("{}"), DECODE_DEPTH_MAX));
    assert_true(is_json(STR(" {\"a\" : [1, 2.5, true, null]}\n"), DECODE_DEPTH_MAX));
    assert_true(is_json(STR("[]"), DECODE_DEPTH_MAX));
    assert_true(is_json(STR(" null "), DECODE_DEPTH_MAX));
    assert_true(is_json(STR("\"a\""), DECODE_DEPTH_MAX));
}

static void a_name_twice_in_an_object_is_refused(void **state) {
    (void)state;
    assert_false(is_json(STR("{\"a\":1,\"a\":1}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":{\"b\":1,\"\\u0062\":2}}"), DECODE_DEPTH_MAX));
    assert_true(is_json(STR("{\"a\":{\"a\":1}}"), DECODE_DEPTH_MAX));
}

static void nesting_has_a_limit_and_brackets_in_strings_are_none(void **state) {
    (void)state;
    assert_true(is_json(STR("{\"a\":[{}]}"), 3));
    assert_false(is_json(STR("{\"a\":[[{}]]}"), 3));
    assert_true(is_json(STR("{\"a\":[],\"b\":[],\"c\":[],\"d\":[]}"), 2));
    assert_true(is_json(STR("{\"a\":\"[[[[{{{{\"}"), 1));
    assert_true(is_json(STR("{\"a\":\"\\\"[[\"}"), 1));
    assert_false(is_json(STR("{\"a\":\"\\\\\",\"b\":[]}"), 1));
}

static void what_is_whole_ends_with_its_first_bracket(void **state) {
    static const char *const whole[] = {"{}", "[[],{}]", "[\"]\"]", "[\"\\\"]\"]", "[nonsense]"};
    static const char *const torn[] = {"",    "[", "[]x",    "[][]", "[\"]",
                                       "[]]", "7", "\"[]\"", "] [] "};
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!decode_json_is_whole(str_from_cstr(whole[i])))
            fail_msg("not whole: %s", whole[i]);
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++)
        if (decode_json_is_whole(str_from_cstr(torn[i])))
            fail_msg("whole: %s", torn[i]);
}

static void text_is_utf8_without_nul_and_half_surrogates(void **state) {
    (void)state;
    assert_false(is_json(STR("{\"a\":\"\xff\"}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":\"\xc0\x80\"}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":\"\xed\xa0\x80\"}"), DECODE_DEPTH_MAX)); /* U+D800 */
    assert_false(is_json(STR("{\"a\":\"\\ud83d\"}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":\"\\ude00\"}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":\"\\ud83d\\u0041\"}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":\"\\u0000\"}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":\"b\0c\"}"), DECODE_DEPTH_MAX));
    assert_false(is_json(STR("{\"a\":\"b\nc\"}"), DECODE_DEPTH_MAX)); /* a bare line end */
    assert_int_equal(decode_long_text("\\ud83d\\ude00", 1), ERR_OK);
    assert_str(params.send.text, "\xf0\x9f\x98\x80");
}

/* ---- params ---- */

/* An object with lists in it, `depth` levels with its own. */
static const char *make_deep(size_t depth) {
    struct buf json = BUF_INIT;
    buf_append_cstr(&json, "{\"more\":");
    for (size_t i = 1; i < depth; i++)
        buf_append_char(&json, '[');
    for (size_t i = 1; i < depth; i++)
        buf_append_char(&json, ']');
    buf_append_char(&json, '}');
    struct str copy = arena_strdup(arena, buf_str(&json));
    buf_finish(&json);
    return copy.ptr;
}

/* The error of a frame with such params. */
static enum err decode_frame_with(const char *frame_params, bool *is_other) {
    struct decode_frame frame;
    struct str text =
        arena_printf(arena, "{\"id\":7,\"method\":\"ticket.create\",\"params\":%s}", frame_params);
    enum err err = decode_frame(arena, text, &frame);
    *is_other = frame.params.is_other;
    decode_object_release(frame.object);
    return err;
}

static void depth_counts_from_the_params_in_a_body_and_in_a_frame(void **state) {
    (void)state;
    bool is_other;
    for (size_t extra = 0; extra < 3; extra++) {
        const char *text = make_deep(DECODE_DEPTH_MAX + extra);
        enum err want = extra == 0 ? ERR_OK : ERR_INVALID_JSON;
        assert_int_equal(decode_text(OPERATION_ticket_create, text), want);
        assert_int_equal(decode_frame_with(text, &is_other), want);
    }
}

static void params_are_nothing_null_or_an_object(void **state) {
    (void)state;
    static const char *const other[] = {"[]", "[{}]", "0", "-1.5", "\"\"", "true", "false"};
    bool is_other;
    assert_int_equal(decode_from(OPERATION_ticket_create, &(struct decode_source){0}), ERR_OK);
    assert_int_equal(decode_text(OPERATION_ticket_create, "null"), ERR_OK);
    assert_int_equal(decode_text(OPERATION_ticket_create, "{}"), ERR_OK);
    assert_refused(OPERATION_room_create, "null", ERR_MISSING_FIELD, "name");
    assert_int_equal(decode_frame_with("null", &is_other), ERR_OK);
    assert_false(is_other);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_refused(OPERATION_ticket_create, other[i], ERR_INVALID_REQUEST, "");
        assert_refused(OPERATION_room_create, other[i], ERR_INVALID_REQUEST, "");
        assert_int_equal(decode_frame_with(other[i], &is_other), ERR_OK); /* the operation's word */
        assert_true(is_other);
    }
}

static void a_whole_request_is_decoded(void **state) {
    (void)state;
    assert_int_equal(decode_text(OPERATION_message_send,
                                 "{\"room\":\"" ROOM "\",\"nonce\":\"n-1\",\"text\":\"a\\nb\\t\"}"),
                     ERR_OK);
    struct uuid room;
    assert_true(uuid_parse(STR(ROOM), &room));
    assert_true(uuid_equal(params.send.room, room));
    assert_str(params.send.nonce, "n-1");
    assert_str(params.send.text, "a\nb\t");
    assert_int_equal(params.send.present, 7);
}

static void what_is_required_and_missing_is_named(void **state) {
    (void)state;
    assert_refused(OPERATION_message_send, "{}", ERR_MISSING_FIELD, "room");
    assert_refused(OPERATION_message_send, "{\"room\":\"" ROOM "\",\"text\":\"a\"}",
                   ERR_MISSING_FIELD, "nonce");
    assert_refused(OPERATION_message_send, "{\"room\":\"" ROOM "\",\"nonce\":\"n\",\"text\":null}",
                   ERR_MISSING_FIELD, "text");
    assert_int_equal(decode_from(OPERATION_message_send, &(struct decode_source){0}),
                     ERR_MISSING_FIELD);
}

static void a_value_of_another_type_is_refused(void **state) {
    (void)state;
    static const char *const not_text[] = {"1", "true", "[]", "{}", "1.5", "[\"a\"]"};
    static const char *const not_int[] = {"\"1\"", "true", "1.0", "[1]", "{}"};
    static const char *const not_bool[] = {"0", "1", "\"true\"", "[]"};
    char text[256];
    for (size_t i = 0; i < sizeof not_text / sizeof *not_text; i++) {
        snprintf(text, sizeof text, "{\"login\":%s,\"password\":\"x\"}", not_text[i]);
        assert_refused(OPERATION_session_create, text, ERR_INVALID_FIELD, "login");
        snprintf(text, sizeof text, "{\"room\":%s}", not_text[i]);
        assert_refused(OPERATION_room_archive, text, ERR_INVALID_FIELD, "room");
        snprintf(text, sizeof text, "{\"role\":%s}", not_text[i]);
        assert_refused(OPERATION_invite_create, text, ERR_INVALID_FIELD, "role");
    }
    for (size_t i = 0; i < sizeof not_int / sizeof *not_int; i++) {
        snprintf(text, sizeof text, "{\"uses\":%s}", not_int[i]);
        assert_refused(OPERATION_invite_create, text, ERR_INVALID_FIELD, "uses");
    }
    for (size_t i = 0; i < sizeof not_bool / sizeof *not_bool; i++) {
        snprintf(text, sizeof text, "{\"room\":\"" ROOM "\",\"archived\":%s}", not_bool[i]);
        assert_refused(OPERATION_room_archive, text, ERR_INVALID_FIELD, "archived");
    }
}

static void unknown_members_are_ignored(void **state) {
    (void)state;
    assert_int_equal(decode_text(OPERATION_invite_create,
                                 "{\"uses\":3,\"colour\":\"red\",\"deep\":{\"er\":[1]}}"),
                     ERR_OK);
    assert_int_equal(params.invite.uses, 3);
}

static void lengths_are_counted_in_characters(void **state) {
    (void)state;
    assert_int_equal(decode_long_text("", 0), ERR_INVALID_FIELD);
    assert_str(detail.detail, "1 to 4000 characters");
    assert_int_equal(decode_long_text("a", 4000), ERR_OK);
    assert_int_equal(decode_long_text("a", 4001), ERR_INVALID_FIELD);
    assert_str(detail.field, "text");
    assert_int_equal(decode_long_text("\xf0\x9f\x98\x80", 4000), ERR_OK);
    assert_int_equal(params.send.text.len, 16000);
    assert_int_equal(decode_long_text("\xf0\x9f\x98\x80", 4001), ERR_INVALID_FIELD);
}

static void numbers_have_bounds(void **state) {
    (void)state;
    assert_int_equal(decode_text(OPERATION_invite_create, "{\"uses\":1000}"), ERR_OK);
    assert_refused(OPERATION_invite_create, "{\"uses\":1001}", ERR_INVALID_FIELD, "uses");
    assert_str(detail.detail, "1 to 1000");
    assert_refused(OPERATION_invite_create, "{\"uses\":0}", ERR_INVALID_FIELD, "uses");
    assert_refused(OPERATION_invite_create, "{\"uses\":-9223372036854775808}", ERR_INVALID_FIELD,
                   "uses");
    assert_refused(OPERATION_invite_create, "{\"uses\":9223372036854775808}", ERR_INVALID_JSON, "");
}

static void one_line_has_no_control_characters_and_text_has_lines(void **state) {
    (void)state;
    assert_refused(OPERATION_session_create, "{\"login\":\"a\\nb\",\"password\":\"x\"}",
                   ERR_INVALID_FIELD, "login");
    assert_refused(OPERATION_session_create, "{\"login\":\"a\\u007f\",\"password\":\"x\"}",
                   ERR_INVALID_FIELD, "login");
    assert_int_equal(
        decode_text(OPERATION_session_create, "{\"login\":\"a\",\"password\":\"\\u0001\\n\"}"),
        ERR_OK); /* a secret is taken as it is */
    assert_int_equal(decode_long_text("\\r\\n", 1), ERR_OK);
    assert_int_equal(decode_long_text("\\u001b", 1), ERR_INVALID_FIELD);
}

static void a_nonce_is_printable_ascii(void **state) {
    (void)state;
    static const char *const wrong[] = {"\xc3\xa9", "\\t", "\\u0080", "\\u007f"};
    char text[256];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "{\"room\":\"" ROOM "\",\"nonce\":\"%s\",\"text\":\"a\"}",
                 wrong[i]);
        assert_refused(OPERATION_message_send, text, ERR_INVALID_FIELD, "nonce");
    }
}

static void an_enumeration_takes_its_words_and_names_them(void **state) {
    (void)state;
    assert_int_equal(decode_text(OPERATION_invite_create, "{\"role\":\"admin\"}"), ERR_OK);
    assert_int_equal(params.invite.role, ROLE_ADMIN);
    assert_refused(OPERATION_invite_create, "{\"role\":\"Admin\"}", ERR_INVALID_FIELD, "role");
    assert_str(detail.detail, "guest, member, admin, owner");
}

/* null clears what may be cleared, and is elsewhere as if it were not there. */
static void absent_null_and_empty_are_told_apart(void **state) {
    (void)state;
    assert_int_equal(decode_text(OPERATION_room_update, "{\"room\":\"" ROOM "\",\"name\":null}"),
                     ERR_OK);
    assert_false(PRESENT(&params.update, room_update, name));
    assert_false(PRESENT(&params.update, room_update, topic));
    assert_int_equal(decode_text(OPERATION_room_update, "{\"room\":\"" ROOM "\",\"topic\":null}"),
                     ERR_OK);
    assert_true(PRESENT(&params.update, room_update, topic));
    assert_int_equal(params.update.topic.len, 0);
    assert_refused(OPERATION_room_update, "{\"room\":\"" ROOM "\",\"name\":\"\"}",
                   ERR_INVALID_FIELD, "name");
}

/* ---- path and query ---- */

static void the_path_comes_before_the_body_and_the_body_before_the_query(void **state) {
    (void)state;
    json_t *body = NULL;
    assert_int_equal(
        decode_json(STR("{\"room\":\"nonsense\",\"after\":\"body\"}"), DECODE_DEPTH_MAX, &body),
        ERR_OK);
    const struct decode_source source = {.body.json = body,
                                         .query = STR("after=query&limit=7"),
                                         .path = {{STR("room"), STR(ROOM)}},
                                         .path_count = 1};
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_OK);
    json_decref(body);
    assert_str(params.list.after, "body");
    assert_int_equal(params.list.limit, 7);
}

static void a_query_is_percent_decoded(void **state) {
    (void)state;
    struct decode_source source = {.path = {{STR("room"), STR(ROOM)}}, .path_count = 1};
    source.query = STR("%61fter=a+%C3%A9%2B");
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_OK);
    assert_str(params.list.after, "a \xc3\xa9+");
    source.query = STR("after=a&%61fter=a");
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_INVALID_FIELD);
    source.query = STR("after=%00");
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_INVALID_FIELD);
    source.query = STR("after=%ff");
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_INVALID_FIELD);
    source.query = STR("after=%4");
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_INVALID_REQUEST);
    source.query = STR("limit=1x");
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_INVALID_FIELD);
    source.query = STR("limit=");
    assert_int_equal(decode_from(OPERATION_message_list, &source), ERR_INVALID_FIELD);
}

static void percent_escapes_are_two_hex_digits(void **state) {
    (void)state;
    struct str out;
    assert_true(decode_percent(arena, STR("a%2fB%2F+%7e"), false, &out));
    assert_str(out, "a/B/+~");
    assert_true(decode_percent(arena, STR("+"), true, &out));
    assert_str(out, " ");
    assert_true(decode_percent(arena, STR(""), true, &out));
    assert_false(decode_percent(arena, STR("%"), false, &out));
    assert_false(decode_percent(arena, STR("%2"), false, &out));
    assert_false(decode_percent(arena, STR("%g0"), false, &out));
    assert_false(decode_percent(arena, STR("%-1"), false, &out));
}

static void the_idempotency_key_stands_for_the_nonce(void **state) {
    (void)state;
    json_t *body = NULL;
    struct decode_source source = {
        .path = {{STR("room"), STR(ROOM)}}, .path_count = 1, .idempotency_key = STR("k-1")};
    assert_int_equal(decode_json(STR("{\"text\":\"a\"}"), DECODE_DEPTH_MAX, &body), ERR_OK);
    source.body.json = body;
    assert_int_equal(decode_from(OPERATION_message_send, &source), ERR_OK);
    assert_str(params.send.nonce, "k-1");
    json_object_set_new(body, "nonce", json_string("k-1"));
    assert_int_equal(decode_from(OPERATION_message_send, &source), ERR_OK);
    json_object_set_new(body, "nonce", json_string("k-2"));
    assert_int_equal(decode_from(OPERATION_message_send, &source), ERR_NONCE_CONFLICT);
    assert_str(detail.field, "nonce");
    json_object_set_new(body, "nonce", json_integer(1));
    assert_int_equal(decode_from(OPERATION_message_send, &source), ERR_INVALID_FIELD);
    json_decref(body);
}

/* ---- socket requests ---- */

static enum err decode_one_frame(struct str text, const char *id, bool is_flat) {
    struct decode_frame frame;
    enum err err = decode_frame(arena, text, &frame);
    assert_str(frame.id, id);
    assert_false(is_flat ? frame.object.json != NULL : frame.object.flat != NULL);
    decode_object_release(frame.object);
    return err;
}

/* The error of a frame; its id must be `id`. With a list in it, the same frame goes jansson's way,
 * with the same outcome. */
static enum err decode_request(const char *text, const char *id) {
    bool is_flat = strpbrk(text, "\\[.") == NULL;
    enum err err = decode_one_frame(str_from_cstr(text), id, is_flat);
    if (text[0] == '{') {
        struct str with_list = arena_printf(arena, "{\"list\":[],%s", text + 1);
        assert_int_equal(decode_one_frame(with_list, id, false), err);
    }
    return err;
}

static void a_frame_has_an_id_and_a_method(void **state) {
    (void)state;
    struct decode_frame frame;
    assert_int_equal(
        decode_frame(arena, STR("{\"id\":7,\"method\":\"a.b\",\"params\":{\"c\":1}}"), &frame),
        ERR_OK);
    assert_str(frame.id, "7");
    assert_str(frame.method, "a.b");
    assert_non_null(frame.params.flat);
    assert_int_equal(frame.params.flat->count, 1);
    decode_object_release(frame.object);
    assert_int_equal(decode_request("{\"id\":\"\\\"x\\\\\",\"method\":\"a\"}", "\"\\\"x\\\\\""),
                     ERR_OK);
    assert_int_equal(decode_request("{\"id\":-3,\"method\":\"a\",\"params\":null}", "-3"), ERR_OK);
}

static void a_frame_that_is_wrong_still_tells_its_id(void **state) {
    (void)state;
    assert_int_equal(decode_request("{\"id\":7}", "7"), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("{\"id\":7,\"method\":1}", "7"), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("{\"method\":\"a\"}", ""), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("{\"id\":null,\"method\":\"a\"}", ""), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("{\"id\":1.5,\"method\":\"a\"}", ""), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("{\"id\":{},\"method\":\"a\"}", ""), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("not json", ""), ERR_INVALID_JSON);
    assert_int_equal(decode_request("[]", ""), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("null", ""), ERR_INVALID_REQUEST);
    assert_int_equal(decode_request("\"x\"", ""), ERR_INVALID_REQUEST);
}

static void an_id_has_a_longest_length(void **state) {
    (void)state;
    char text[256], id[DECODE_ID_MAX_BYTES + 4];
    snprintf(id, sizeof id, "\"%0*d\"", DECODE_ID_MAX_BYTES, 0);
    snprintf(text, sizeof text, "{\"id\":%s,\"method\":\"a\"}", id);
    assert_int_equal(decode_request(text, id), ERR_OK);
    snprintf(text, sizeof text, "{\"id\":\"%0*d\",\"method\":\"a\"}", DECODE_ID_MAX_BYTES + 1, 0);
    assert_int_equal(decode_request(text, ""), ERR_INVALID_REQUEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(only_one_whole_value_is_json),
        TEST(a_name_twice_in_an_object_is_refused),
        TEST(what_is_whole_ends_with_its_first_bracket),
        TEST(nesting_has_a_limit_and_brackets_in_strings_are_none),
        TEST(text_is_utf8_without_nul_and_half_surrogates),
        TEST(depth_counts_from_the_params_in_a_body_and_in_a_frame),
        TEST(params_are_nothing_null_or_an_object),
        TEST(a_whole_request_is_decoded),
        TEST(what_is_required_and_missing_is_named),
        TEST(a_value_of_another_type_is_refused),
        TEST(unknown_members_are_ignored),
        TEST(lengths_are_counted_in_characters),
        TEST(numbers_have_bounds),
        TEST(one_line_has_no_control_characters_and_text_has_lines),
        TEST(a_nonce_is_printable_ascii),
        TEST(an_enumeration_takes_its_words_and_names_them),
        TEST(absent_null_and_empty_are_told_apart),
        TEST(the_path_comes_before_the_body_and_the_body_before_the_query),
        TEST(a_query_is_percent_decoded),
        TEST(percent_escapes_are_two_hex_digits),
        TEST(the_idempotency_key_stands_for_the_nonce),
        TEST(a_frame_has_an_id_and_a_method),
        TEST(a_frame_that_is_wrong_still_tells_its_id),
        TEST(an_id_has_a_longest_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
