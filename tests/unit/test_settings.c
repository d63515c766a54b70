/* Settings: where values come from, which one wins, what is refused and how the error reads. */
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char file_path[] = "/tmp/parley-settings-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int fd = mkstemp(file_path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(file_path);
}

static void write_file(const char *text) {
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Loads with up to seven arguments; what is left of them stands in rest[]. */
static char *rest[8];
static int rest_count;

static bool load(struct settings *settings, struct buf *error, const char *const *args) {
    rest_count = 0;
    buf_init(error);
    for (; args[rest_count] != NULL; rest_count++)
        rest[rest_count] = (char *)(uintptr_t)args[rest_count];
    return settings_load(settings, &rest_count, rest, error);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ARGS ((const char *const[]){NULL})

static void assert_refused(const char *const *args, const char *const *words) {
    struct settings settings;
    struct buf error;
    assert_false(load(&settings, &error, args));
    for (; *words != NULL; words++)
        if (strstr(buf_cstr(&error), *words) == NULL)
            fail_msg("\"%s\" does not name \"%s\"", buf_cstr(&error), *words);
    buf_finish(&error);
}

static void without_anything_the_defaults_hold(void **state) {
    (void)state;
    struct settings settings;
    struct buf error;
    assert_true(load(&settings, &error, NO_ARGS));
    assert_string_equal(settings.data, "parley-data");
    assert_string_equal(settings.listen, "127.0.0.1:8080");
    assert_string_equal(settings.public_url, "");
    assert_null(settings.config);
    assert_int_equal(settings.net_send_batch, 0);
    assert_int_equal(settings.net_queue_bytes, 1 << 20);
    assert_int_equal(settings.auth_argon2_memory_bytes, 19 << 20);
    assert_int_equal(settings.store_synchronous, 0);
    assert_true(settings.limits_rate);
    assert_int_equal(settings.limits[SETTINGS_LIMIT_SIGN_IN].rate_per_minute, 20);
    assert_int_equal(settings.limits[SETTINGS_LIMIT_ROOM_CREATE].burst, 30);
    settings_finish(&settings);
}

static void command_line_beats_environment_beats_file_beats_default(void **state) {
    (void)state;
    struct settings settings;
    struct buf error;
    write_file("drain_ms = 1\nloops = 1\nlisten = [::1]:1\n[net]\nsend_batch = writev\n; "
               "comment\n# comment\n"
               "[limits]\nsign_in_rate = 7\n");
    setenv("PARLEY_LOOPS", "2", 1);
    setenv("PARLEY_LISTEN", "127.0.0.1:2", 1);
    assert_true(load(&settings, &error, ARGS("--config", file_path, "--listen", "[::]:3")));
    assert_int_equal(settings.store_batch_max, 512);
    assert_int_equal(settings.drain_ms, 1);
    assert_int_equal(settings.net_send_batch, 2);
    assert_int_equal(settings.limits[SETTINGS_LIMIT_SIGN_IN].rate_per_minute, 7);
    assert_int_equal(settings.loops, 2);
    assert_string_equal(settings.listen, "[::]:3");
    assert_string_equal(settings.config, file_path);
    unsetenv("PARLEY_LOOPS");
    unsetenv("PARLEY_LISTEN");
    settings_finish(&settings);
}

static void the_environment_may_name_the_file_and_the_command_line_another(void **state) {
    (void)state;
    struct settings settings;
    struct buf error;
    write_file("loops = 9\n");
    setenv("PARLEY_CONFIG", file_path, 1);
    assert_true(load(&settings, &error, NO_ARGS));
    assert_int_equal(settings.loops, 9);
    settings_finish(&settings);
    assert_true(load(&settings, &error, ARGS("--config=/dev/null")));
    assert_int_equal(settings.loops, 0);
    settings_finish(&settings);
    unsetenv("PARLEY_CONFIG");
}

static void both_forms_of_a_flag_and_all_units_are_read(void **state) {
    (void)state;
    struct settings settings;
    struct buf error;
    setenv("PARLEY_NET_QUEUE_BYTES", "2 MiB", 1);
    assert_true(load(&settings, &error,
                     ARGS("--net.send_batch=io_uring", "--store.synchronous", "off",
                          "--limits.rate=off", "--drain_ms=2m", "--ws.max_message_bytes=64KiB",
                          "--public_url=https://chat.example.org:8443")));
    assert_int_equal(settings.net_send_batch, 1);
    assert_true(
        str_equal(settings_choice("store.synchronous", settings.store_synchronous), STR("off")));
    assert_false(settings.limits_rate);
    assert_int_equal(settings.drain_ms, 120000);
    assert_int_equal(settings.ws_max_message_bytes, 65536);
    assert_int_equal(settings.net_queue_bytes, 2 << 20);
    assert_string_equal(settings.public_url, "https://chat.example.org:8443");
    unsetenv("PARLEY_NET_QUEUE_BYTES");
    settings_finish(&settings);
}

static void what_belongs_to_the_subcommand_is_left_in_order(void **state) {
    (void)state;
    struct settings settings;
    struct buf error;
    assert_true(
        load(&settings, &error, ARGS("ann", "--data", "d", "--role", "owner", "--", "--data")));
    assert_string_equal(settings.data, "d");
    assert_int_equal(rest_count, 5);
    static const char *const expected[] = {"ann", "--role", "owner", "--", "--data"};
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(rest[i], expected[i]);
    settings_finish(&settings);
    assert_false(settings_refuse_rest(rest_count - 1, rest + 1, &error));
    assert_non_null(strstr(buf_cstr(&error), "\"--role\""));
    assert_true(settings_refuse_rest(0, rest, &error));
    buf_finish(&error);
}

static void a_wrong_value_is_named_with_what_is_allowed(void **state) {
    (void)state;
    assert_refused(ARGS("--net.send_batch=epoll"),
                   ARGS("net.send_batch", "\"epoll\"", "auto, io_uring, writev", "command line"));
    assert_refused(ARGS("--loops=257"), ARGS("loops", "\"257\"", "0 to 256"));
    assert_refused(ARGS("--limits.rate=maybe"), ARGS("limits.rate", "\"maybe\"", "on, off"));
    assert_refused(ARGS("--net.queue_bytes", "1 MB"),
                   ARGS("net.queue_bytes", "\"1 MB\"", "4096 to", "KiB"));
    assert_refused(ARGS("--drain_ms=10x"), ARGS("drain_ms", "\"10x\"", "600000 ms"));
    assert_refused(ARGS("--ws.silence_timeout_ms=11000"),
                   ARGS("ws.silence_timeout_ms", "\"11000\"", "12000"));
    assert_refused(ARGS("--data="), ARGS("data", "\"\"", "1 to 4096 bytes"));
}

static void wrong_numbers_addresses_and_urls_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "--loops=",
        "--loops=-1",
        "--net.queue_bytes=4095",
        "--drain_ms=600001",
        "--loops=1s",
        "--loops=99999999999999999999",
        "--drain_ms=9223372036854775807d",
        "--drain_ms=1.5s",
        "--listen=",
        "--listen=8080",
        "--listen=localhost:8080",
        "--listen=::1:8080",
        "--listen=[::1]",
        "--listen=[::1:8080",
        "--listen=127.0.0.1:65536",
        "--listen=127.0.0.1:",
        "--listen=127.0.0.1:08",
        "--listen=1.2.3:80",
        "--public_url=chat.example.org",
        "--public_url=https://",
        "--public_url=https://:8080",
        "--public_url=https://chat.example.org/path",
        "--public_url=https://a@b",
        "--public_url=ftp://chat.example.org",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct settings settings;
        struct buf error;
        if (load(&settings, &error, ARGS(cases[i])))
            fail_msg("taken: %s", cases[i]);
        buf_finish(&error);
    }
}

static void unknown_names_are_errors_everywhere(void **state) {
    (void)state;
    assert_refused(ARGS("--net.sendbatch=auto"), ARGS("\"net.sendbatch\"", "command line"));
    setenv("PARLEY_NET_SENDBATCH", "auto", 1);
    assert_refused(NO_ARGS, ARGS("PARLEY_NET_SENDBATCH", "environment"));
    unsetenv("PARLEY_NET_SENDBATCH");
    write_file("[net]\nsendbatch = auto\n");
    assert_refused(ARGS("--config", file_path), ARGS("\"net.sendbatch\"", file_path));
}

static void a_file_that_cannot_be_read_is_an_error(void **state) {
    (void)state;
    assert_refused(ARGS("--config=/nonexistent/parley.ini"),
                   ARGS("/nonexistent/parley.ini", "No such file"));
    write_file("loops = 1\nnonsense\n");
    assert_refused(ARGS("--config", file_path), ARGS(file_path, "line 2"));
    write_file("[net]\nsend_batch = epoll\n");
    assert_refused(ARGS("--config", file_path),
                   ARGS(file_path, "net.send_batch", "epoll", "writev"));
    assert_refused(ARGS("--config"), ARGS("--config", "needs a value"));
}

static void the_sample_file_is_a_settings_file_of_defaults(void **state) {
    (void)state;
    struct buf sample = BUF_INIT, error;
    struct settings settings;
    settings_write_sample(&sample);
    /* Every "# name = value" is made a real line; no other comment has that form. */
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    struct str left = buf_str(&sample), line;
    int names = 0;
    while (left.len > 0) {
        str_cut(left, '\n', &line, &left);
        bool is_name =
            str_starts_with(line, STR("# ")) && str_find(line, STR(" = ")) != STR_NOT_FOUND;
        names += is_name;
        fprintf(file, "%.*s\n", STR_ARG(str_slice(line, is_name ? 2 : 0, line.len)));
    }
    assert_int_equal(fclose(file), 0);
    assert_true(names > 40);
    assert_true(load(&settings, &error, ARGS("--config", file_path)));
    assert_int_equal(settings.net_idle_timeout_ms, 75000);
    settings_finish(&settings);
    buf_finish(&sample);
}

static void the_help_names_every_setting(void **state) {
    (void)state;
    struct buf help = BUF_INIT;
    settings_write_help(&help);
    static const char *const keys[] = {
#define SETTING(field, key, kind, standard, min, max, unit, help) "--" key "=",
#include "settings.def"
#undef SETTING
        "--limits.typing_burst=",
    };
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_non_null(strstr(buf_cstr(&help), keys[i]));
    buf_finish(&help);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_the_defaults_hold),
        cmocka_unit_test(command_line_beats_environment_beats_file_beats_default),
        cmocka_unit_test(the_environment_may_name_the_file_and_the_command_line_another),
        cmocka_unit_test(both_forms_of_a_flag_and_all_units_are_read),
        cmocka_unit_test(what_belongs_to_the_subcommand_is_left_in_order),
        cmocka_unit_test(a_wrong_value_is_named_with_what_is_allowed),
        cmocka_unit_test(wrong_numbers_addresses_and_urls_are_refused),
        cmocka_unit_test(unknown_names_are_errors_everywhere),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
        cmocka_unit_test(the_sample_file_is_a_settings_file_of_defaults),
        cmocka_unit_test(the_help_names_every_setting),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
