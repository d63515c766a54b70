/* A method and a path become an operation and the values in the path. */
#include "api/http_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct route route;

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

static enum err find(enum http_method method, const char *path) {
    memset(&route, 0, sizeof route);
    return http_route_find(arena, method, str_from_cstr(path), &route);
}

static void assert_value(size_t i, const char *name, const char *value) {
    assert_true(i < route.value_count);
    assert_true(str_equal(route.values[i].name, str_from_cstr(name)));
    assert_true(str_equal(route.values[i].value, str_from_cstr(value)));
}

static void a_path_without_values_is_found_by_its_method(void **state) {
    (void)state;
    assert_int_equal(find(METHOD_POST, "/session"), ERR_OK);
    assert_int_equal(route.id, OPERATION_session_create);
    assert_ptr_equal(route.operation, &operation_table()[OPERATION_session_create]);
    assert_int_equal(route.value_count, 0);
    assert_int_equal(find(METHOD_DELETE, "/session"), ERR_OK);
    assert_int_equal(route.id, OPERATION_session_delete);
}

static void values_are_named_and_decoded(void **state) {
    (void)state;
    assert_int_equal(find(METHOD_PATCH, "/rooms/a%2Fb/messages/c+d"), ERR_OK);
    assert_int_equal(route.id, OPERATION_message_edit);
    assert_int_equal(route.value_count, 2);
    assert_value(0, "room", "a/b");
    assert_value(1, "message", "c+d");
}

static void head_is_taken_where_get_is(void **state) {
    (void)state;
    assert_int_equal(find(METHOD_HEAD, "/state"), ERR_OK);
    assert_int_equal(route.id, OPERATION_state_get);
    assert_int_equal(find(METHOD_HEAD, "/session"), ERR_METHOD_NOT_ALLOWED);
}

static void another_method_is_told_which_are_taken(void **state) {
    (void)state;
    assert_int_equal(find(METHOD_PUT, "/session"), ERR_METHOD_NOT_ALLOWED);
    assert_string_equal(route.allow, "POST, DELETE, OPTIONS");
    assert_int_equal(find(METHOD_DELETE, "/rooms/x/messages"), ERR_METHOD_NOT_ALLOWED);
    assert_string_equal(route.allow, "POST, GET, HEAD, OPTIONS");
    assert_int_equal(find(METHOD_OTHER, "/session"), ERR_METHOD_NOT_ALLOWED);
}

static void what_no_row_has_is_unknown(void **state) {
    (void)state;
    static const char *const paths[] = {"",
                                        "/",
                                        "session",
                                        "/sessio",
                                        "/sessions",
                                        "/session/",
                                        "//session",
                                        "/Session",
                                        "/rooms//messages",
                                        "/rooms/x/messages/",
                                        "/rooms/%zz",
                                        "/rooms/x%2",
                                        "/session?",
                                        "/-",
                                        "-",
                                        "/rooms/x/messages/y/z"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        enum err err = find(METHOD_POST, paths[i]);
        if (err != ERR_UNKNOWN_OPERATION)
            fail_msg("%s is known: %s", paths[i],
                     err == ERR_OK ? route.operation->name : route.allow);
    }
}

/* No row hides another, and all that REST takes can be reached. */
static void every_row_is_found_by_its_own_path(void **state) {
    (void)state;
    static const char *const methods[] = {[METHOD_GET] = "GET",
                                          [METHOD_POST] = "POST",
                                          [METHOD_PUT] = "PUT",
                                          [METHOD_PATCH] = "PATCH",
                                          [METHOD_DELETE] = "DELETE"};
    size_t found = 0;
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *operation = &operation_table()[i];
        bool is_rest = operation->path[0] == '/' && (operation->ways & WAY_REST) != 0;
        for (size_t m = 0; is_rest && m < sizeof methods / sizeof *methods; m++)
            if (methods[m] != NULL && strcmp(methods[m], operation->method) == 0) {
                assert_int_equal(find((enum http_method)m, operation->path), ERR_OK);
                assert_int_equal(route.id, i); /* braces are characters like others in a value */
                found++;
            }
    }
    assert_true(found > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_path_without_values_is_found_by_its_method),
        TEST(values_are_named_and_decoded),
        TEST(head_is_taken_where_get_is),
        TEST(another_method_is_told_which_are_taken),
        TEST(what_no_row_has_is_unknown),
        TEST(every_row_is_found_by_its_own_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
