/* HTTP connections over real sockets, with each way of sending. */
#include "net_fixture.h"

#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
#define LATER "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
#define BIG "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
#define ECHOED "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\necho"

static struct net_fixture fixture;

static struct net_options options_of(void **state) {
    return net_fixture_options(*(enum send_batch_mode *)*state);
}

static void start(void **state) {
    struct net_options options = options_of(state);
    net_fixture_start(&fixture, &options);
}

static void assert_body(struct buf *body, const char *wanted) {
    assert_string_equal(buf_cstr(body), wanted);
}

static bool has_no_connection(struct net_fixture *of) {
    return net_connection_count(of->net) == 0;
}

/* ---- requests ---- */

static void a_connection_serves_one_request_after_the_other(void **state) {
    struct buf body = BUF_INIT;
    start(state);
    int fd = client_connect(&fixture, 0);
    client_ask(fd, HELLO, 200, &body);
    assert_body(&body, "hello");
    client_ask(fd, LATER, 200, &body);
    assert_body(&body, "later");
    client_ask(fd, ECHOED, 200, &body);
    assert_body(&body, "echo");
    client_ask(fd, "\r\n" HELLO, 200, &body);
    close(fd);
    buf_finish(&body);
    net_fixture_stop(&fixture);
}

static void requests_sent_ahead_are_answered_in_order(void **state) {
    static const char *const wanted[] = {"later", "hello", "echo", "hello",
                                         "later", "later", "echo"};
    struct str bytes = STR(LATER HELLO ECHOED HELLO LATER LATER ECHOED);
    struct buf body = BUF_INIT;
    start(state);
    for (size_t step = 1; step <= bytes.len; step += bytes.len - 1) {
        int fd = client_connect(&fixture, 0);
        for (size_t at = 0; at < bytes.len; at += step)
            client_send(fd, str_slice(bytes, at, at + step));
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            client_receive_answer(fd, NULL, &body);
            assert_body(&body, wanted[i]);
        }
        close(fd);
    }
    buf_finish(&body);
    net_fixture_stop(&fixture);
}

static void connection_close_is_honoured_and_said(void **state) {
    struct buf head = BUF_INIT;
    start(state);
    static const char *const requests[] = {
        "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" HELLO,
        "GET /later HTTP/1.0\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        int fd = client_connect(&fixture, 0);
        client_send(fd, str_from_cstr(requests[i]));
        client_receive_answer(fd, &head, NULL);
        assert_non_null(strstr(buf_cstr(&head), "\r\nConnection: close\r\n"));
        client_expect_end(fd);
        close(fd);
    }
    buf_finish(&head);
    net_fixture_wait(&fixture, has_no_connection);
    net_fixture_stop(&fixture);
}

static void a_client_that_waits_for_100_continue_gets_it(void **state) {
    struct buf bytes = BUF_INIT;
    start(state);
    int fd = client_connect(&fixture, 0);
    client_send(
        fd,
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
    assert_true(client_receive(fd, 25, &bytes));
    assert_string_equal(buf_cstr(&bytes), "HTTP/1.1 100 Continue\r\n\r\n");
    client_ask(fd, "body", 200, &bytes);
    assert_body(&bytes, "body");
    close(fd);
    buf_finish(&bytes);
    net_fixture_stop(&fixture);
}

static void a_client_that_shuts_its_half_gets_its_answers(void **state) {
    struct buf bytes = BUF_INIT;
    start(state);
    int fd = client_connect(&fixture, 16384);
    client_send(fd, STR(HELLO LATER BIG));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    client_receive_answer(fd, NULL, &bytes);
    assert_body(&bytes, "hello");
    client_receive_answer(fd, NULL, &bytes);
    assert_body(&bytes, "later");
    client_receive_answer(fd, NULL, &bytes);
    assert_int_equal(bytes.len, NET_BIG_BYTES);
    client_expect_end(fd);
    close(fd);
    buf_finish(&bytes);
    net_fixture_stop(&fixture);
}

/* ---- refusals ---- */

static void a_refusal_is_a_problem_document_and_closes(void **state) {
    static const struct {
        const char *request, *status, *code;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "invalid_request"},
        {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n",
         "version_not_supported"},
        {"BREW / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n",
         "not_implemented"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n",
         "HTTP/1.1 413 Content Too Large\r\n", "too_large"},
        {"POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n", "HTTP/1.1 417 Expectation Failed\r\n",
         "expectation_failed"},
    };
    struct buf head = BUF_INIT, body = BUF_INIT;
    start(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = client_connect(&fixture, 0);
        client_send(fd, str_from_cstr(cases[i].request));
        client_receive_answer(fd, &head, &body);
        assert_true(str_starts_with(buf_str(&head), str_from_cstr(cases[i].status)));
        assert_non_null(strstr(buf_cstr(&head), "\r\nContent-Type: application/problem+json\r\n"));
        assert_non_null(strstr(buf_cstr(&head), "\r\nConnection: close\r\n"));
        assert_non_null(strstr(buf_cstr(&body), cases[i].code));
        client_expect_end(fd);
        close(fd);
    }
    buf_finish(&head);
    buf_finish(&body);
    net_fixture_stop(&fixture);
}

static void a_refusal_reaches_a_client_that_still_sends(void **state) {
    struct buf bytes = BUF_INIT;
    struct str piece = {calloc(1, 65536), 65536};
    start(state);
    for (int round = 0; round < 10; round++) {
        int fd = client_connect(&fixture, 0);
        client_send(fd, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n"));
        for (int i = 0; i < 60; i++)
            client_send(fd, piece);
        client_ask(fd, "", 413, NULL); /* a reset would fail here, or in sending */
        client_expect_end(fd);
        close(fd);
    }
    free((char *)(uintptr_t)piece.ptr);
    buf_finish(&bytes);
    net_fixture_stop(&fixture);
}

/* ---- time ---- */

static void slow_heads_and_bodies_get_408(void **state) {
    struct net_options options = options_of(state);
    struct buf body = BUF_INIT;
    options.header_timeout_ms = options.body_timeout_ms = 300;
    net_fixture_start(&fixture, &options);
    int fd = client_connect(&fixture, 0);
    client_ask(fd, "GET / HT", 408, &body);
    assert_non_null(strstr(buf_cstr(&body), "timeout"));
    client_expect_end(fd);
    close(fd);
    fd = client_connect(&fixture, 0);
    client_ask(fd, HELLO, 200, NULL);
    client_ask(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nec", 408, NULL);
    client_expect_end(fd);
    close(fd);
    buf_finish(&body);
    net_fixture_stop(&fixture);
}

static void idle_connections_are_closed_without_a_word(void **state) {
    struct net_options options = options_of(state);
    options.header_timeout_ms = options.idle_timeout_ms = 300;
    net_fixture_start(&fixture, &options);
    int silent = client_connect(&fixture, 0), served = client_connect(&fixture, 0);
    client_ask(served, HELLO, 200, NULL);
    client_expect_end(silent);
    client_expect_end(served);
    close(silent);
    close(served);
    net_fixture_stop(&fixture);
}

static void a_slow_download_is_not_cut_while_it_goes_on(void **state) {
    struct net_options options = options_of(state);
    struct buf bytes = BUF_INIT;
    options.idle_timeout_ms = options.close_timeout_ms = 1000;
    net_fixture_start(&fixture, &options);
    static const char *const requests[] = {
        BIG, "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        int fd = client_connect(&fixture, 16384);
        client_send(fd, str_from_cstr(requests[i]));
        for (int piece = 0; piece < 5; piece++) { /* some, and then some time goes by */
            assert_true(client_receive(fd, NET_BIG_BYTES / 20, &bytes));
            usleep(300000);
        }
        size_t left = NET_BIG_BYTES - bytes.len;
        assert_true(client_receive(fd, left, &bytes));
        buf_clear(&bytes);
        close(fd);
    }
    buf_finish(&bytes);
    net_fixture_stop(&fixture);
}

static void a_download_that_nobody_reads_is_cut(void **state) {
    struct net_options options = options_of(state);
    options.idle_timeout_ms = options.close_timeout_ms = 300;
    net_fixture_start(&fixture, &options);
    int stays = client_connect(&fixture, 4096), closes = client_connect(&fixture, 4096);
    client_send(stays, STR(BIG));
    client_send(closes, STR("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    char byte;
    assert_int_equal(client_recv(stays, &byte, 1, 0), 1); /* it began */
    assert_int_equal(client_recv(closes, &byte, 1, 0), 1);
    net_fixture_wait(&fixture, has_no_connection);
    close(stays);
    close(closes);
    net_fixture_stop(&fixture);
}

/* ---- bounds ---- */

/* Sends what the socket takes without waiting; returns how many whole requests that were. */
static size_t send_ahead(int fd, struct str request, size_t most) {
    size_t sent = 0, bytes = 0;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (sent < most) {
        ssize_t count = send(fd, request.ptr + bytes, request.len - bytes, MSG_NOSIGNAL);
        if (count < 0)
            break;
        bytes += (size_t)count;
        if (bytes == request.len) {
            sent++;
            bytes = 0;
        }
    }
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    if (bytes > 0) /* the rest of the last one is not sent: it gets no answer */
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    return sent;
}

static void who_asks_and_reads_no_answer_is_not_read_further(void **state) {
    start(state);
    int fd = client_connect(&fixture, 4096);
    size_t asked = 0;
    for (int round = 0; round < 50; round++) {
        size_t sent = send_ahead(fd, STR(HELLO), 2000);
        asked += sent;
        if (sent < 2000)
            break;
        usleep(2000);
    }
    struct buf body = BUF_INIT;
    for (size_t i = 0; i < asked; i++) {
        client_receive_answer(fd, NULL, &body);
        assert_body(&body, "hello");
    }
    buf_finish(&body);
    close(fd);
    assert_true(asked > 1000);
    assert_true(atomic_load(&fixture.most_queued) <= fixture.options.queue_bytes);
    net_fixture_stop(&fixture);
}

static void a_big_answer_comes_whole_to_a_slow_reader(void **state) {
    start(state);
    int fd = client_connect(&fixture, 16384);
    struct buf body = BUF_INIT;
    for (int round = 0; round < 2; round++) {
        client_ask(fd, BIG, 200, &body);
        assert_int_equal(body.len, NET_BIG_BYTES);
        for (size_t i = 0; i < body.len; i++)
            assert_int_equal((unsigned char)body.data[i], (unsigned char)(i * 31 + i / 4096));
    }
    client_ask(fd, HELLO, 200, &body);
    close(fd);
    buf_finish(&body);
    net_fixture_stop(&fixture);
}

static void beyond_max_connections_clients_wait_until_others_leave(void **state) {
    enum { MOST = 3 };
    struct net_options options = options_of(state);
    int fds[MOST + 2];
    options.max_connections = MOST;
    net_fixture_start(&fixture, &options);
    int64_t pauses = metrics_get(METRIC_ACCEPT_PAUSES);
    for (int i = 0; i < MOST + 2; i++)
        fds[i] = client_connect(&fixture, 0);
    for (int i = 0; i < MOST; i++)
        client_ask(fds[i], HELLO, 200, NULL);
    for (int waited = 0; metrics_get(METRIC_ACCEPT_PAUSES) == pauses && waited < NET_WAIT_MS;
         waited++)
        usleep(1000);
    assert_true(metrics_get(METRIC_ACCEPT_PAUSES) > pauses);
    for (int i = 0; i < 2; i++) {
        close(fds[i]);
        client_ask(fds[MOST + i], HELLO, 200, NULL);
    }
    for (int i = 2; i < MOST + 2; i++)
        close(fds[i]);
    net_fixture_stop(&fixture);
}

static void without_descriptors_an_idle_connection_makes_room(void **state) {
    struct rlimit limit, none;
    start(state);
    int64_t pauses = metrics_get(METRIC_ACCEPT_PAUSES);
    int fd = dup(0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    close(fd);
    int client = client_connect(&fixture, 0);
    assert_int_equal(client, fd); /* the lowest that was free: the next is beyond the limit */
    client_ask(client, HELLO, 200, NULL);
    int next = dup(0);
    close(next);
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    assert_int_equal(getpeername(client, (struct sockaddr *)&address, &length), 0);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(late, next);
    none.rlim_cur = (rlim_t)next + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(late, (struct sockaddr *)&address, length), 0);
    for (int waited = 0; metrics_get(METRIC_ACCEPT_PAUSES) == pauses && waited < NET_WAIT_MS;
         waited++)
        usleep(1000);
    assert_true(metrics_get(METRIC_ACCEPT_PAUSES) > pauses);
    client_ask(late, HELLO, 200, NULL); /* the first, which was idle, made room */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(client);
    close(late);
    net_fixture_stop(&fixture);
}

/* ---- listening and stopping ---- */

static void a_port_in_use_is_found_and_shared_among_loops(void **state) {
    struct net_options options = options_of(state);
    struct loop *loops[2] = {loop_create(1, NULL), loop_create(2, NULL)};
    struct net *nets[2] = {NULL, NULL};
    struct conn_ops ops = {0};
    struct buf error = BUF_INIT;
    char address[32];
    start(state);
    int length = snprintf(address, sizeof address, "127.0.0.1:%u", fixture.port);
    struct str where = str_make(address, (size_t)length);
    uint16_t port = fixture.port;
    assert_true(net_create(loops[0], &options, &ops, &nets[0], &error));
    assert_false(net_listen(nets[0], where, &port, true, &error)); /* another server */
    assert_non_null(strstr(buf_cstr(&error), "in use"));
    assert_true(net_create(loops[1], &options, &ops, &nets[1], &error));
    assert_true(net_listen(nets[1], where, &port, false, &error)); /* another loop of the same */
    buf_finish(&error);
    for (int i = 0; i < 2; i++) {
        net_drain(nets[i]);
        uv_run(&loops[i]->uv, UV_RUN_NOWAIT);
        net_destroy(nets[i]);
        loop_destroy(loops[i]);
    }
    net_fixture_stop(&fixture);
}

static void addresses_are_checked(void **state) {
    static const char *const wrong[] = {
        "",      "8080",   "127.0.0.1",      "localhost:80", "127.0.0.1:65536", "127.0.0.1:-1",
        "[::1]", "::1:80", "127.0.0.1:http", "[::1:80"};
    struct net_options options = options_of(state);
    struct loop *loop = loop_create(1, NULL);
    struct net *net;
    struct conn_ops ops = {0};
    struct buf error = BUF_INIT;
    uint16_t port = 0;
    assert_true(net_create(loop, &options, &ops, &net, &error));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        buf_clear(&error);
        assert_false(net_listen(net, str_from_cstr(wrong[i]), &port, true, &error));
        assert_non_null(strstr(buf_cstr(&error), "ADDR:PORT"));
    }
    assert_true(net_listen(net, STR("[::1]:0"), &port, true, &error));
    assert_int_not_equal(port, 0);
    net_drain(net);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    net_destroy(net);
    loop_destroy(loop);
    buf_finish(&error);
}

static void drain(struct net_fixture *of, void *arg) {
    (void)arg;
    net_drain(of->net);
}

static void draining_ends_idle_connections_and_answers_what_is_in_hand(void **state) {
    struct buf head = BUF_INIT;
    start(state);
    int idle = client_connect(&fixture, 0), busy = client_connect(&fixture, 0),
        big = client_connect(&fixture, 4096);
    client_ask(idle, HELLO, 200, NULL);
    client_send(big, STR(BIG));
    char byte;
    assert_int_equal(client_recv(big, &byte, 1, MSG_PEEK), 1);
    client_send(busy, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx" LATER));
    client_receive_answer(busy, &head, NULL);
    net_fixture_run(&fixture, drain, NULL);
    client_expect_end(idle);
    client_receive_answer(big, NULL, &head);
    assert_int_equal(head.len, NET_BIG_BYTES);
    client_expect_end(big);
    client_receive_all(busy, &head); /* its second answer, or it was idle already */
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    assert_int_equal(getpeername(busy, (struct sockaddr *)&address, &length), 0);
    assert_int_not_equal(connect(late, (struct sockaddr *)&address, length), 0);
    close(late);
    close(idle);
    close(busy);
    close(big);
    buf_finish(&head);
    net_fixture_stop(&fixture);
}

/* Every test runs with both ways of sending; where io_uring is forbidden, that half says so. */
static enum send_batch_mode io_uring = SEND_BATCH_IO_URING, writev_mode = SEND_BATCH_WRITEV;

static int skip_where_forbidden(void **state) {
    struct net_options options = options_of(state);
    struct loop *loop = loop_create(9, NULL);
    struct net *net;
    struct conn_ops ops = {0};
    struct buf error = BUF_INIT;
    bool is_there = net_create(loop, &options, &ops, &net, &error);
    if (is_there)
        net_destroy(net);
    loop_destroy(loop);
    buf_finish(&error);
    return is_there ? 0 : 1;
}

#define BOTH(test)                                                                                 \
    {#test " (io_uring)", test, skip_where_forbidden, NULL, &io_uring}, {                          \
#test " (writev)", test, NULL, NULL, &writev_mode                                          \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(a_connection_serves_one_request_after_the_other),
        BOTH(requests_sent_ahead_are_answered_in_order),
        BOTH(connection_close_is_honoured_and_said),
        BOTH(a_client_that_waits_for_100_continue_gets_it),
        BOTH(a_client_that_shuts_its_half_gets_its_answers),
        BOTH(a_refusal_is_a_problem_document_and_closes),
        BOTH(a_refusal_reaches_a_client_that_still_sends),
        BOTH(slow_heads_and_bodies_get_408),
        BOTH(idle_connections_are_closed_without_a_word),
        BOTH(a_slow_download_is_not_cut_while_it_goes_on),
        BOTH(a_download_that_nobody_reads_is_cut),
        BOTH(who_asks_and_reads_no_answer_is_not_read_further),
        BOTH(a_big_answer_comes_whole_to_a_slow_reader),
        BOTH(beyond_max_connections_clients_wait_until_others_leave),
        BOTH(without_descriptors_an_idle_connection_makes_room),
        BOTH(a_port_in_use_is_found_and_shared_among_loops),
        BOTH(addresses_are_checked),
        BOTH(draining_ends_idle_connections_and_answers_what_is_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
