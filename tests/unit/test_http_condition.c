/* Conditional requests, ranges and their dates: what is answered to which headers. */
#include "net/http_condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* RFC 9110's own example: 1994-11-06 08:49:37. */
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"
enum { DATE_S = 784111777 };

static const struct http_validators now = {STR_INIT("\"tag\""), DATE_S};

/* Up to two headers; an empty name is none. */
struct headers {
    const char *name, *value, *name2, *value2;
};
#define ONE(name, value)                                                                           \
    { name, value, NULL, NULL }

static size_t fill(struct http_header out[2], const struct headers *headers) {
    out[0] = (struct http_header){str_from_cstr(headers->name), str_from_cstr(headers->value)};
    out[1] = (struct http_header){str_from_cstr(headers->name2), str_from_cstr(headers->value2)};
    return headers->name == NULL ? 0 : headers->name2 == NULL ? 1 : 2;
}

/* ---- dates ---- */

static void a_date_is_written_in_the_preferred_form(void **state) {
    (void)state;
    char text[HTTP_DATE_BYTES];
    http_date_format(DATE_S, text);
    assert_string_equal(text, DATE);
    http_date_format(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void the_three_forms_of_a_date_are_read(void **state) {
    (void)state;
    static const char *const forms[] = {DATE, "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        int64_t seconds = 0;
        assert_true(http_date_parse(str_from_cstr(forms[i]), &seconds));
        assert_int_equal(seconds, DATE_S);
    }
}

static void what_is_no_date_is_refused(void **state) {
    (void)state;
    static const char *const forms[] = {"",
                                        " " DATE,
                                        DATE " ",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "784111777",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun,06 Nov 1994 08:49:37 GMT",
                                        "Sun, 31 Feb 1994 08:49:37 GMT",
                                        DATE DATE DATE};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        int64_t seconds;
        if (http_date_parse(str_from_cstr(forms[i]), &seconds))
            fail_msg("'%s' was taken", forms[i]);
    }
}

/* ---- conditions ---- */

static void conditions_count_in_their_order(void **state) {
    (void)state;
    static const struct {
        struct headers headers;
        enum http_condition wanted;
    } cases[] = {
        {{0}, HTTP_CONDITION_MET},
        {ONE("If-None-Match", "\"tag\""), HTTP_CONDITION_NOT_MODIFIED},
        {ONE("If-None-Match", "W/\"tag\""), HTTP_CONDITION_NOT_MODIFIED},
        {ONE("If-None-Match", "\"a\" , \"tag\""), HTTP_CONDITION_NOT_MODIFIED},
        {ONE("If-None-Match", "*"), HTTP_CONDITION_NOT_MODIFIED},
        {ONE("If-None-Match", "\"tag-gzip\""), HTTP_CONDITION_MET},
        {ONE("If-None-Match", "tag"), HTTP_CONDITION_MET},
        {ONE("If-Match", "\"tag\""), HTTP_CONDITION_MET},
        {ONE("If-Match", "*"), HTTP_CONDITION_MET},
        {ONE("If-Match", "\"other\""), HTTP_CONDITION_FAILED},
        {ONE("If-Match", "W/\"tag\""), HTTP_CONDITION_FAILED}, /* strong comparison */
        {ONE("If-Modified-Since", DATE), HTTP_CONDITION_NOT_MODIFIED},
        {ONE("If-Modified-Since", AFTER), HTTP_CONDITION_NOT_MODIFIED},
        {ONE("If-Modified-Since", BEFORE), HTTP_CONDITION_MET},
        {ONE("If-Modified-Since", "yesterday"), HTTP_CONDITION_MET},
        {ONE("If-Unmodified-Since", BEFORE), HTTP_CONDITION_FAILED},
        {ONE("If-Unmodified-Since", DATE), HTTP_CONDITION_MET},
        {ONE("If-Unmodified-Since", "tomorrow"), HTTP_CONDITION_MET},
        /* a tag is more exact than a date */
        {{"If-None-Match", "\"x\"", "If-Modified-Since", DATE}, HTTP_CONDITION_MET},
        {{"If-Match", "\"tag\"", "If-Unmodified-Since", BEFORE}, HTTP_CONDITION_MET},
        {{"If-Match", "\"x\"", "If-None-Match", "\"tag\""}, HTTP_CONDITION_FAILED},
        {{"If-Match", "\"tag\"", "If-None-Match", "\"tag\""}, HTTP_CONDITION_NOT_MODIFIED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_header headers[2];
        struct http_request request = {.method = METHOD_GET, .headers = headers};
        request.header_count = fill(headers, &cases[i].headers);
        enum http_condition found = http_condition_check(&request, &now);
        if (found != cases[i].wanted)
            fail_msg("case %zu (%s): %d", i, cases[i].headers.name, (int)found);
    }
}

/* ---- ranges ---- */

static enum http_range range_of(enum http_method method, const struct headers *with, size_t *from,
                                size_t *to) {
    struct http_header headers[2];
    struct http_request request = {.method = method, .headers = headers};
    request.header_count = fill(headers, with);
    return http_condition_range(&request, &now, 10, from, to);
}

static void a_range_counts_only_for_get(void **state) {
    (void)state;
    const struct headers headers = ONE("Range", "bytes=2-4");
    size_t from = 0, to = 0;
    assert_int_equal(range_of(METHOD_GET, &headers, &from, &to), HTTP_RANGE_ONE);
    assert_int_equal(from, 2);
    assert_int_equal(to, 5);
    assert_int_equal(range_of(METHOD_HEAD, &headers, &from, &to), HTTP_RANGE_NONE);
    assert_int_equal(range_of(METHOD_GET, &(struct headers)ONE("Range", "BYTES=9-"), &from, &to),
                     HTTP_RANGE_ONE);
    assert_int_equal(range_of(METHOD_GET, &(struct headers)ONE("Range", "bytes=10-"), &from, &to),
                     HTTP_RANGE_BEYOND);
}

static void a_range_counts_only_for_what_the_client_has(void **state) {
    (void)state;
    static const struct {
        const char *if_range;
        enum http_range wanted;
    } cases[] = {
        {"\"tag\"", HTTP_RANGE_ONE},         {DATE, HTTP_RANGE_ONE},
        {"W/\"tag\"", HTTP_RANGE_NONE},      {"\"old\"", HTTP_RANGE_NONE},
        {BEFORE, HTTP_RANGE_NONE},           {AFTER, HTTP_RANGE_NONE},
        {"something", HTTP_RANGE_NONE},      {"", HTTP_RANGE_NONE},
        {"\"tag\", \"x\"", HTTP_RANGE_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t from, to;
        const struct headers headers = {"Range", "bytes=0-1", "If-Range", cases[i].if_range};
        if (range_of(METHOD_GET, &headers, &from, &to) != cases[i].wanted)
            fail_msg("If-Range: %s", cases[i].if_range);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_written_in_the_preferred_form),
        cmocka_unit_test(the_three_forms_of_a_date_are_read),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(conditions_count_in_their_order),
        cmocka_unit_test(a_range_counts_only_for_get),
        cmocka_unit_test(a_range_counts_only_for_what_the_client_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
