/* Connections that go over to another network part, while answers wait for the peer. */
#include "net_fixture.h"

#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum { SMALL_BUFFER_BYTES = 16384, IDLE_TIMEOUT_MS = 200 };

static struct net_fixture fixture;

/* The queue has room for the whole answer, so the request behind it is read while it waits. */
static struct net_options roomy_options(void) {
    struct net_options options = net_fixture_options(SEND_BATCH_AUTO);
    options.queue_bytes = (size_t)4 * NET_BIG_BYTES;
    return options;
}

static int ask_for_much_and_move(void) {
    int fd = client_connect(&fixture, SMALL_BUFFER_BYTES);
    client_send(fd, STR("GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
                        "GET /move HTTP/1.1\r\nHost: h\r\n\r\n"));
    return fd;
}

static bool has_asked_to_move(struct net_fixture *of) {
    return atomic_load(&of->moves) > 0;
}

static bool has_no_connection(struct net_fixture *of) {
    return net_connection_count(of->net) + net_connection_count(of->other) == 0;
}

static void what_waits_goes_out_before_a_connection_moves(void **state) {
    (void)state;
    struct net_options options = roomy_options();
    struct buf body = BUF_INIT;
    int64_t before = metrics_get(METRIC_CONNECTIONS_MOVED);
    net_fixture_start(&fixture, &options);
    int fd = ask_for_much_and_move();
    net_fixture_wait(&fixture, has_asked_to_move);
    assert_int_equal(metrics_get(METRIC_CONNECTIONS_MOVED), before);
    client_receive_answer(fd, NULL, &body);
    assert_int_equal(body.len, NET_BIG_BYTES);
    client_receive_answer(fd, NULL, &body);
    assert_true(str_equal(buf_str(&body), STR("moved")));
    assert_int_equal(metrics_get(METRIC_CONNECTIONS_MOVED), before + 1);
    close(fd);
    buf_finish(&body);
    net_fixture_stop(&fixture);
}

/* Its peer reads nothing, so what waits never goes out. */
static void a_connection_that_cannot_move_is_ended_by_its_timer(void **state) {
    (void)state;
    struct net_options options = roomy_options();
    int64_t before = metrics_get(METRIC_CONNECTIONS_MOVED);
    options.idle_timeout_ms = IDLE_TIMEOUT_MS;
    net_fixture_start(&fixture, &options);
    int fd = ask_for_much_and_move();
    net_fixture_wait(&fixture, has_asked_to_move);
    net_fixture_wait(&fixture, has_no_connection);
    assert_int_equal(metrics_get(METRIC_CONNECTIONS_MOVED), before);
    close(fd);
    net_fixture_stop(&fixture);
}

/* Who may not be accepted may not move either: the first is all that its address may have there. */
static void moving_is_no_way_around_an_addresss_share(void **state) {
    (void)state;
    struct net_options options = net_fixture_options(SEND_BATCH_AUTO);
    int fds[2];
    options.max_connections_per_address = 1;
    net_fixture_start(&fixture, &options);
    for (int i = 0; i < 2; i++) {
        fds[i] = client_connect(&fixture, 0);
        client_send(fds[i], STR("GET /move HTTP/1.1\r\nHost: h\r\n\r\n"));
        if (i == 0)
            client_receive_answer(fds[i], NULL, NULL);
        else
            client_expect_end(fds[i]);
    }
    close(fds[0]);
    close(fds[1]);
    net_fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_goes_out_before_a_connection_moves),
        cmocka_unit_test(a_connection_that_cannot_move_is_ended_by_its_timer),
        cmocka_unit_test(moving_is_no_way_around_an_addresss_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
