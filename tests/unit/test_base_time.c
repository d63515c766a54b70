/* clock, RFC 3339, UUIDs, random, log lines, metrics. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/uuid.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void times_are_formatted_as_rfc3339(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {1795525200000, "2026-11-24T13:00:00.000Z"},
        {951782400123, "2000-02-29T00:00:00.123Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[TIME_RFC3339_BYTES];
        int64_t back;
        time_format_rfc3339(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_true(time_parse_rfc3339(str_from_cstr(text), &back));
        assert_true(back == cases[i].ms);
    }
}

static void other_forms_of_rfc3339_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01T01:30:00+01:30", 0},
        {"1969-12-31T16:00:00-08:00", 0},
        {"1970-01-01T00:00:00.5Z", 500},
        {"1970-01-01T00:00:00.1239999999Z", 123},
        {"1985-04-12T23:20:50.52Z", 482196050520},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms;
        assert_true(time_parse_rfc3339(str_from_cstr(cases[i].text), &ms));
        assert_true(ms == cases[i].ms);
    }
}

static void what_is_no_rfc3339_time_is_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1990-12-31T23:59:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+01",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00Z ",
        "+970-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z",
    };
    int64_t ms;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (time_parse_rfc3339(str_from_cstr(cases[i]), &ms))
            fail_msg("taken: %s", cases[i]);
}

static void monotonic_time_never_goes_back(void **state) {
    (void)state;
    uint64_t before = clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_ns();
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_now_ms() > INT64_C(1600000000000));
}

static void a_uuid_goes_to_text_and_back(void **state) {
    (void)state;
    char text[UUID_TEXT_BYTES];
    struct uuid uuid = uuid_v7(), back;
    uuid_format(uuid, text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '7');
    assert_non_null(strchr("89ab", text[19]));
    assert_true(uuid_parse(str_from_cstr(text), &back) && uuid_equal(uuid, back));
    assert_true(uuid_parse(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &back));
    uuid_format(back, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"); /* RFC 9562 appendix A.6 */
    assert_false(uuid_is_zero(back));
    assert_true(uuid_is_zero((struct uuid){{0}}));
}

static void what_is_no_uuid_is_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398fa",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
        "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
    };
    struct uuid uuid;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_false(uuid_parse(str_from_cstr(cases[i]), &uuid));
}

static void uuids_carry_the_time(void **state) {
    (void)state;
    int64_t before_ms = clock_now_ms();
    struct uuid uuid = uuid_v7();
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | uuid.bytes[i];
    assert_true(ms >= before_ms &&
                ms <= clock_now_ms() + 60000); /* may run ahead when many are made at once */
}

enum { UUIDS = 20000 };

static void *make_uuids(void *arg) {
    struct uuid *uuids = arg;
    for (int i = 0; i < UUIDS; i++)
        uuids[i] = uuid_v7();
    return NULL;
}

static void uuids_rise_in_the_order_of_making(void **state) {
    (void)state;
    struct uuid *other = malloc(UUIDS * sizeof *other), *own = malloc(UUIDS * sizeof *own);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, make_uuids, other), 0);
    make_uuids(own);
    pthread_join(thread, NULL);
    for (int i = 1; i < UUIDS; i++) {
        assert_true(uuid_compare(own[i - 1], own[i]) < 0);
        assert_true(uuid_compare(other[i - 1], other[i]) < 0);
    }
    free(own);
    free(other);
}

static void random_numbers_differ_and_stay_below_their_limit(void **state) {
    (void)state;
    assert_true(random_u64() != random_u64());
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(3) < 3);
}

static const char *line(struct buf *buf, bool json, const struct log_field *fields) {
    buf_clear(buf);
    log_format(buf, 0, LOG_LEVEL_WARN, json, "bad input", fields);
    return buf_cstr(buf);
}

static void a_log_line_is_key_value_or_json(void **state) {
    (void)state;
    struct buf buf = BUF_INIT;
    const struct log_field fields[] = {log_cstr("peer", "::1"), log_int("port", -7),
                                       log_bool("tls", true), log_end()};
    assert_string_equal(line(&buf, false, fields),
                        "time=1970-01-01T00:00:00.000Z level=warn event=\"bad input\" "
                        "peer=\"::1\" port=-7 tls=true\n");
    assert_string_equal(
        line(&buf, true, fields),
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warn\",\"event\":\"bad input\","
        "\"peer\":\"::1\",\"port\":-7,\"tls\":true}\n");
    buf_finish(&buf);
}

static void no_value_can_forge_a_log_line(void **state) {
    (void)state;
    struct buf buf = BUF_INIT;
    static const struct {
        const char *value, *shown;
    } cases[] = {
        {"a\nlevel=error", "v=\"a\\u000alevel=error\"\n"},
        {"\" x=\"", "v=\"\\\" x=\\\"\"\n"},
        {"\\", "v=\"\\\\\"\n"},
        {"\x1b[2J\x7f", "v=\"\\u001b[2J\\u007f\"\n"},
        {"\xC2\x9B"
         "31m",
         "v=\"\\u009b31m\"\n"},
        {"\xE2\x80\xA8", "v=\"\\u2028\"\n"},
        {"\xC3\xA9", "v=\"\xC3\xA9\"\n"},
        {"a\xFF", "v=\"a\\ufffd\"\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct log_field fields[] = {log_cstr("v", cases[i].value), log_end()};
        assert_non_null(strstr(line(&buf, false, fields), cases[i].shown));
    }
    buf_finish(&buf);
}

static void a_log_line_and_its_values_have_a_limit(void **state) {
    (void)state;
    struct buf buf = BUF_INIT;
    char big[9000];
    memset(big, '\x01', sizeof big); /* each becomes six bytes */
    struct str value = str_make(big, sizeof big);
    const struct log_field fields[] = {log_int("n", 1), log_str("a", value), log_end()};
    assert_non_null(strstr(line(&buf, true, fields), ",\"n\":1,\"cut\":true}\n"));
    memset(big, 'x', sizeof big);
    line(&buf, true, fields);
    assert_true(buf.len > LOG_VALUE_MAX_BYTES && buf.len < LOG_VALUE_MAX_BYTES + 200);
    buf_finish(&buf);
}

static void a_lower_level_is_not_even_evaluated(void **state) {
    (void)state;
    int evaluated = 0;
    log_init(LOG_LEVEL_ERROR, false);
    LOG_WARN("not shown", log_int("n", ++evaluated));
    assert_int_equal(evaluated, 0);
    log_init(LOG_LEVEL_INFO, false);
}

static void *count_mail(void *arg) {
    (void)arg;
    for (int i = 0; i < 1000; i++)
        metrics_add(METRIC_LOOP_MAIL, 2);
    return NULL;
}

static void counters_of_all_threads_add_up(void **state) {
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_mail, NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metrics_get(METRIC_LOOP_MAIL), 8000);
    struct buf buf = BUF_INIT;
    metrics_write(&buf);
    assert_non_null(strstr(buf_cstr(&buf),
                           "# TYPE parley_loop_mail_total counter\nparley_loop_mail_total 8000\n"));
    buf_finish(&buf);
}

static void a_gauge_is_set_and_moved(void **state) {
    (void)state;
    metrics_set(METRIC_WORKER_QUEUED, 40);
    metrics_add(METRIC_WORKER_QUEUED, -3);
    assert_int_equal(metrics_get(METRIC_WORKER_QUEUED), 37);
    metrics_set(METRIC_WORKER_QUEUED, 5);
    assert_int_equal(metrics_get(METRIC_WORKER_QUEUED), 5);
}

static void a_histogram_counts_into_growing_buckets(void **state) {
    (void)state;
    struct buf buf = BUF_INIT;
    metrics_observe_us(METRIC_WORKER_RUN, 100);
    metrics_observe_us(METRIC_WORKER_RUN, 101);
    metrics_observe_us(METRIC_WORKER_RUN, 60000000);
    metrics_write(&buf);
    const char *text = buf_cstr(&buf);
    assert_non_null(strstr(text, "parley_worker_run_seconds_bucket{le=\"0.000050\"} 0\n"));
    assert_non_null(strstr(text, "parley_worker_run_seconds_bucket{le=\"0.000100\"} 1\n"));
    assert_non_null(strstr(text, "parley_worker_run_seconds_bucket{le=\"0.000250\"} 2\n"));
    assert_non_null(strstr(text, "parley_worker_run_seconds_bucket{le=\"5.000000\"} 2\n"));
    assert_non_null(strstr(text, "parley_worker_run_seconds_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "parley_worker_run_seconds_sum 60.000201\n"));
    assert_non_null(strstr(text, "parley_worker_run_seconds_count 3\n"));
    buf_finish(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_formatted_as_rfc3339),
        cmocka_unit_test(other_forms_of_rfc3339_are_read),
        cmocka_unit_test(what_is_no_rfc3339_time_is_refused),
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(a_uuid_goes_to_text_and_back),
        cmocka_unit_test(what_is_no_uuid_is_refused),
        cmocka_unit_test(uuids_carry_the_time),
        cmocka_unit_test(uuids_rise_in_the_order_of_making),
        cmocka_unit_test(random_numbers_differ_and_stay_below_their_limit),
        cmocka_unit_test(a_log_line_is_key_value_or_json),
        cmocka_unit_test(no_value_can_forge_a_log_line),
        cmocka_unit_test(a_log_line_and_its_values_have_a_limit),
        cmocka_unit_test(a_lower_level_is_not_even_evaluated),
        cmocka_unit_test(counters_of_all_threads_add_up),
        cmocka_unit_test(a_gauge_is_set_and_moved),
        cmocka_unit_test(a_histogram_counts_into_growing_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
