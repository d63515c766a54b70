/* Structs become JSON by their field tables. */
#include "protocol/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#define ID "0192f0c1-2233-7abc-8def-001122334455"
/* 2026-11-24T13:00:00.250Z */
#define NOW_MS INT64_C(1795525200250)

static struct buf out;

static int open_out(void **state) {
    (void)state;
    buf_init(&out);
    return 0;
}

static int close_out(void **state) {
    (void)state;
    buf_finish(&out);
    return 0;
}

static struct uuid id(void) {
    struct uuid id;
    assert_true(uuid_parse(STR(ID), &id));
    return id;
}

/* What was written, and forgets it. */
static void assert_out(const char *want) {
    assert_string_equal(buf_cstr(&out), want);
    buf_clear(&out);
}

static void assert_encoded(struct str text, const char *want) {
    encode_string(&out, text);
    assert_out(want);
}

/* ---- strings ---- */

static void strings_are_escaped(void **state) {
    (void)state;
    assert_encoded(STR(""), "\"\"");
    assert_encoded(STR("plain"), "\"plain\"");
    assert_encoded(STR("\"\\/"), "\"\\\"\\\\/\"");
    assert_encoded(STR("\n\r\t"), "\"\\n\\r\\t\"");
    assert_encoded(STR("a\0b\x1f\x7f"), "\"a\\u0000b\\u001f\\u007f\"");
}

static void utf8_stays_but_for_line_separators(void **state) {
    (void)state;
    assert_encoded(STR("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
    assert_encoded(STR("a\xe2\x80\xa8\xe2\x80\xa9z"), "\"a\\u2028\\u2029z\"");
    assert_encoded(STR("\xe2\x80\xaa\xe2\x82\xac"), "\"\xe2\x80\xaa\xe2\x82\xac\"");
}

/* Whatever the text is, a JSON reader gets it back. */
static void every_byte_below_128_is_read_back(void **state) {
    (void)state;
    char text[127];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i + 1);
    encode_string(&out, str_make(text, sizeof text));
    json_t *value = json_loadb(out.data, out.len, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    assert_int_equal(json_string_length(value), sizeof text);
    assert_memory_equal(json_string_value(value), text, sizeof text);
    json_decref(value);
}

/* Eight bytes are looked at together: what one byte gives does not depend on where it stands. */
static void every_byte_is_escaped_alike_at_every_place(void **state) {
    enum { LENGTH = 20 };
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char alone[16], text[LENGTH];
        char one = (char)byte;
        encode_string(&out, str_make(&one, 1));
        size_t alone_len = out.len - 2;
        memcpy(alone, out.data + 1, alone_len);
        buf_clear(&out);
        for (size_t place = 0; place < LENGTH; place++) {
            memset(text, 'a', LENGTH);
            text[place] = one;
            encode_string(&out, str_make(text, LENGTH));
            assert_int_equal(out.len, 2 + LENGTH - 1 + alone_len);
            assert_memory_equal(out.data + 1 + place, alone, alone_len);
            assert_int_equal(out.data[place], place == 0 ? '"' : 'a');
            assert_int_equal(out.data[1 + place + alone_len], place == LENGTH - 1 ? '"' : 'a');
            buf_clear(&out);
        }
    }
}

/* ---- objects ---- */

static const struct field *fields_of(const char *name) {
    for (size_t i = 0; object_types[i] != NULL; i++)
        if (strcmp(object_types[i]->name, name) == 0)
            return object_types[i]->fields;
    fail_msg("no object %s", name);
    return NULL;
}

static void an_object_has_every_kind_of_member(void **state) {
    (void)state;
    const struct author author = {id(), STR("bob"), STR("Bob")};
    const struct message message = {.id = id(),
                                    .room = id(),
                                    .seq = INT64_C(9007199254740991),
                                    .author = &author,
                                    .text = STR("a\nb"),
                                    .nonce = STR("n"),
                                    .created_at = NOW_MS,
                                    .deleted_at = NOW_MS + 1};
    encode_object(&out, fields_of("message"), &message);
    assert_out("{\"id\":\"" ID "\",\"room\":\"" ID "\",\"seq\":9007199254740991,\"author\":{"
               "\"id\":\"" ID "\",\"name\":\"bob\",\"display_name\":\"Bob\"},\"text\":\"a\\nb\","
               "\"nonce\":\"n\",\"created_at\":\"2026-11-24T13:00:00.250Z\","
               "\"deleted_at\":\"2026-11-24T13:00:00.251Z\"}");
}

static void optional_members_are_left_out_when_empty(void **state) {
    (void)state;
    struct user user = {.id = id(), .role = ROLE_ADMIN, .created_at = NOW_MS};
    encode_object(&out, fields_of("user"), &user);
    assert_out("{\"id\":\"" ID "\",\"name\":\"\",\"display_name\":\"\",\"role\":\"admin\","
               "\"created_at\":\"2026-11-24T13:00:00.250Z\"}");
    user.disabled = true;
    user.status = STR("away");
    encode_object(&out, fields_of("user"), &user);
    assert_out("{\"id\":\"" ID "\",\"name\":\"\",\"display_name\":\"\",\"role\":\"admin\","
               "\"status\":\"away\",\"created_at\":\"2026-11-24T13:00:00.250Z\","
               "\"disabled\":true}");
}

static void lists_and_ids_keep_their_order(void **state) {
    (void)state;
    struct uuid online[] = {id(), id()};
    const struct self self = {.id = id(), .role = ROLE_GUEST, .created_at = NOW_MS};
    struct state all = {.user = &self};
    encode_object(&out, fields_of("state"), &all);
    assert_non_null(strstr(buf_cstr(&out), "\"rooms\":[],\"online\":[]}"));
    buf_clear(&out);
    struct my_room rooms[2] = {{.name = STR("one")}, {.name = STR("two"), .seq = -1}};
    all.rooms = (struct my_room_list){rooms, 2};
    all.online = (struct uuid_list){online, 2};
    encode_object(&out, fields_of("state"), &all);
    json_t *read = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(read);
    json_t *list = json_object_get(read, "rooms");
    assert_int_equal(json_array_size(list), 2);
    json_t *second = json_array_get(list, 1);
    assert_string_equal(json_string_value(json_object_get(second, "name")), "two");
    assert_int_equal(json_integer_value(json_object_get(second, "seq")), -1);
    assert_int_equal(json_array_size(json_object_get(read, "online")), 2);
    json_decref(read);
}

/* ---- envelopes ---- */

static void null_stands_where_a_last_page_has_no_next(void **state) {
    (void)state;
    const struct operation *operation = &operation_table()[OPERATION_message_list];
    struct message_list_result result = {.seq = 3};
    encode_reply(&out, STR("\"x\""), operation->out, &result);
    assert_out("{\"id\":\"x\",\"result\":{\"messages\":[],\"seq\":3,\"next_cursor\":null}}");
    result.next_cursor = STR("c");
    encode_reply(&out, STR("1"), operation->out, &result);
    assert_out("{\"id\":1,\"result\":{\"messages\":[],\"seq\":3,\"next_cursor\":\"c\"}}");
}

static void an_error_says_code_words_and_details(void **state) {
    (void)state;
    const struct error_detail none = {0}, some = {STR("text"), STR("1 to \"4000\""), 1250};
    char want[512];
    encode_error_reply(&out, STR_EMPTY, ERR_NOT_FOUND, &none);
    snprintf(want, sizeof want,
             "{\"id\":null,\"error\":{\"code\":\"not_found\",\"message\":\"%s\"}}",
             err_message(ERR_NOT_FOUND));
    assert_out(want);
    encode_error_reply(&out, STR("7"), ERR_INVALID_FIELD, &some);
    snprintf(want, sizeof want,
             "{\"id\":7,\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"field\":\"text\","
             "\"detail\":\"1 to \\\"4000\\\"\",\"retry_after\":1.250}}",
             err_code(ERR_INVALID_FIELD), err_message(ERR_INVALID_FIELD));
    assert_out(want);
}

static void a_problem_has_the_status_of_its_error(void **state) {
    (void)state;
    const struct error_detail wait = {.retry_after_ms = 2000};
    for (int err = ERR_OK + 1; err < ERR_COUNT; err++) {
        encode_problem(&out, (enum err)err, &wait);
        json_t *read = json_loadb(out.data, out.len, 0, NULL);
        assert_non_null(read);
        assert_int_equal(json_integer_value(json_object_get(read, "status")),
                         err_http_status((enum err)err));
        assert_string_equal(json_string_value(json_object_get(read, "code")),
                            err_code((enum err)err));
        assert_int_equal(json_integer_value(json_object_get(read, "retry_after")), 2);
        assert_in_range(err_http_status((enum err)err), 400, 599);
        json_decref(read);
        buf_clear(&out);
    }
}

static void an_event_has_what_it_has(void **state) {
    (void)state;
    const struct marker marker = {id(), 5, 0};
    const struct read_updated_data data = {.marker = &marker};
    encode_event(&out, &(struct event_envelope){.type = EVENT_read_updated, .data = &data});
    assert_out("{\"event\":\"read.updated\",\"data\":{\"marker\":{\"room\":\"" ID
               "\",\"seq\":5,\"unread\":0}}}");
    encode_event(
        &out, &(struct event_envelope){
                  .type = EVENT_message_created, .room = id(), .seq = 9, .cursor = STR("k:9:0")});
    assert_out("{\"event\":\"message.created\",\"room\":\"" ID
               "\",\"seq\":9,\"cursor\":\"k:9:0\",\"data\":{}}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_out, close_out)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(strings_are_escaped),
        TEST(utf8_stays_but_for_line_separators),
        TEST(every_byte_is_escaped_alike_at_every_place),
        TEST(every_byte_below_128_is_read_back),
        TEST(an_object_has_every_kind_of_member),
        TEST(optional_members_are_left_out_when_empty),
        TEST(lists_and_ids_keep_their_order),
        TEST(null_stands_where_a_last_page_has_no_next),
        TEST(an_error_says_code_words_and_details),
        TEST(a_problem_has_the_status_of_its_error),
        TEST(an_event_has_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
