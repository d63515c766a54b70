/* WebSocket connections over real sockets: who reads nothing is not read, and what counts as a sign
 * of life. */
#include "net_fixture.h"

#include "base/metrics.h"
#include "net/conn_state.h"
#include "net/ws_deflate.h"

#include <linux/sockios.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PIECE_BYTES = 65536, PIECES = 512, PINGS = 20000, SMALL_BUFFER_BYTES = 16384 };

static struct net_fixture fixture;
static size_t pauses_before;

static void start(void) {
    struct net_options options = net_fixture_options(SEND_BATCH_AUTO);
    pauses_before = (size_t)metrics_get(METRIC_WEBSOCKET_PAUSES);
    net_fixture_start(&fixture, &options);
}

static bool has_paused(struct net_fixture *of) {
    (void)of;
    return (size_t)metrics_get(METRIC_WEBSOCKET_PAUSES) > pauses_before;
}

static bool has_no_connection(struct net_fixture *of) {
    return net_connection_count(of->net) == 0;
}

/* ---- who reads nothing ---- */

static int sender_fd;

/* PIECES messages that say their number, then a close frame. */
static void *send_pieces(void *arg) {
    char *bytes = calloc(1, PIECE_BYTES);
    (void)arg;
    for (int i = 0; i < PIECES; i++) {
        snprintf(bytes, PIECE_BYTES, "%d", i);
        client_send_frame(sender_fd, WS_BINARY, str_make(bytes, PIECE_BYTES));
    }
    client_send_frame(sender_fd, WS_CLOSE, STR("\x03\xe8"));
    free(bytes);
    return NULL;
}

static void who_reads_nothing_is_not_read_and_loses_nothing(void **state) {
    (void)state;
    pthread_t sender;
    struct buf payload = BUF_INIT;
    start();
    sender_fd = client_connect(&fixture, SMALL_BUFFER_BYTES);
    client_upgrade(sender_fd, "/ws");
    assert_int_equal(pthread_create(&sender, NULL, send_pieces, NULL), 0);
    net_fixture_wait(&fixture, has_paused);
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(client_receive_frame(sender_fd, &payload), WS_BINARY);
        assert_int_equal(payload.len, PIECE_BYTES);
        assert_int_equal(strtol(payload.data, NULL, 10), i);
    }
    client_expect_close(sender_fd, WS_CLOSE_NORMAL);
    client_expect_end(sender_fd);
    assert_int_equal(pthread_join(sender, NULL), 0);
    assert_true(atomic_load(&fixture.most_queued) <=
                fixture.options.queue_bytes + PIECE_BYTES + WS_SERVER_HEADER_MAX_BYTES);
    close(sender_fd);
    buf_finish(&payload);
    net_fixture_stop(&fixture);
}

/* What the kernel has of a connection's bytes and has not sent. */
static size_t not_sent_bytes(void) {
    int bytes = 0;
    assert_int_equal(ioctl(atomic_load(&fixture.fd), SIOCOUTQNSD, &bytes), 0);
    return (size_t)bytes;
}

static bool has_flooded(struct net_fixture *of) {
    return atomic_load(&of->messages) > 0;
}

static bool has_sent(struct net_fixture *of) {
    (void)of;
    return not_sent_bytes() > 0;
}

/* The rest stays in the queue, which is limited. One piece may lie beyond the mark. */
static void the_kernel_holds_little_for_who_reads_nothing(void **state) {
    (void)state;
    start();
    int fd = client_connect(&fixture, SMALL_BUFFER_BYTES);
    client_upgrade(fd, "/ws");
    client_send_frame(fd, WS_TEXT, STR("flood 200"));
    net_fixture_wait(&fixture, has_flooded);
    net_fixture_wait(&fixture, has_sent);
    assert_in_range(not_sent_bytes(), 1, CONN_NOTSENT_BYTES + PIECE_BYTES);
    close(fd);
    net_fixture_stop(&fixture);
}

/* All that was read at once is not answered at once. */
static void a_piece_of_many_messages_stops_in_the_middle(void **state) {
    enum { MESSAGES = 40 };
    (void)state;
    struct net_options options = net_fixture_options(SEND_BATCH_AUTO);
    struct buf frames = BUF_INIT, payload = BUF_INIT;
    options.queue_bytes = 4096;
    pauses_before = (size_t)metrics_get(METRIC_WEBSOCKET_PAUSES);
    net_fixture_start(&fixture, &options);
    int fd = client_connect(&fixture, 0);
    client_upgrade(fd, "/ws");
    for (int i = 0; i < MESSAGES; i++) {
        char bytes[1004] = {(char)0x82, (char)0xfe, 0x03, (char)0xe4}; /* masked by zeros */
        memset(bytes + 8, 'A' + i, sizeof bytes - 8);
        buf_append(&frames, bytes, sizeof bytes);
    }
    client_send(fd, buf_str(&frames));
    for (int i = 0; i < MESSAGES; i++) {
        assert_int_equal(client_receive_frame(fd, &payload), WS_BINARY);
        assert_int_equal(payload.len, 996);
        assert_int_equal(payload.data[995], 'A' + i);
    }
    assert_true(has_paused(&fixture));
    assert_true(atomic_load(&fixture.most_queued) <= 4096 + 1000);
    close(fd);
    buf_finish(&frames);
    buf_finish(&payload);
    net_fixture_stop(&fixture);
}

/* Pings that came in one piece are owed more pongs than one turn makes. */
static void a_flood_of_pings_is_answered_a_part_at_a_time(void **state) {
    (void)state;
    struct buf pings = BUF_INIT, pongs = BUF_INIT;
    start();
    int fd = client_connect(&fixture, 0);
    client_upgrade(fd, "/ws");
    for (int i = 0; i < PINGS; i++)
        buf_append(&pings, "\x89\x80\0\0\0\0", 6);
    client_send(fd, buf_str(&pings));
    assert_true(client_receive(fd, (size_t)PINGS * 2, &pongs));
    for (size_t i = 0; i < pongs.len; i += 2)
        assert_memory_equal(pongs.data + i, "\x8a\0", 2);
    assert_true(has_paused(&fixture));
    client_send_frame(fd, WS_TEXT, STR("still there"));
    assert_int_equal(client_receive_frame(fd, &pongs), WS_TEXT);
    close(fd);
    buf_finish(&pings);
    buf_finish(&pongs);
    net_fixture_stop(&fixture);
}

/* No more than a share of them is taken a tick; then others have their turn. `begin` goes before
 * the flood of empty frames that each begin with `frame`; the message "after all" has the opcode
 * `last`. */
static void flood(struct str begin, const char frame[2], unsigned last) {
    enum { FRAMES = 4 * CONN_FRAMES_PER_TICK };
    struct buf frames = BUF_INIT, echo = BUF_INIT;
    start();
    int fd = client_connect(&fixture, 0), other = client_connect(&fixture, 0);
    client_upgrade(fd, "/ws");
    client_upgrade(other, "/ws");
    buf_append_str(&frames, begin);
    for (int i = 0; i < FRAMES; i++) {
        buf_append(&frames, frame, 2);
        buf_append(&frames, "\0\0\0\0", 4);
    }
    client_send(fd, buf_str(&frames));
    client_send_frame(fd, last, STR("after all"));
    net_fixture_wait(&fixture, has_paused);
    client_send_frame(other, WS_TEXT, STR("between"));
    assert_int_equal(client_receive_frame(other, &echo), WS_TEXT);
    assert_int_equal(client_receive_frame(fd, &echo), WS_TEXT);
    assert_true(str_equal(buf_str(&echo), STR("after all")));
    close(fd);
    close(other);
    buf_finish(&frames);
    buf_finish(&echo);
    net_fixture_stop(&fixture);
}

/* Nobody asked for them, and nothing is owed. */
static void a_flood_of_pongs_is_taken_a_share_at_a_time(void **state) {
    (void)state;
    flood(STR_EMPTY, "\x8a\x80", WS_TEXT);
}

/* A message that does not grow is at no limit. */
static void a_flood_of_empty_fragments_is_taken_a_share_at_a_time(void **state) {
    (void)state;
    flood(STR("\x01\x80\0\0\0\0"), "\x00\x80", WS_CONTINUATION);
}

static void who_goes_while_it_is_not_read_is_let_go(void **state) {
    (void)state;
    struct linger reset = {1, 0};
    start();
    int fd = client_connect(&fixture, SMALL_BUFFER_BYTES);
    client_upgrade(fd, "/ws");
    client_send_frame(fd, WS_TEXT, STR("flood 200"));
    net_fixture_wait(&fixture, has_paused);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(fd);
    net_fixture_wait(&fixture, has_no_connection);
    net_fixture_stop(&fixture);
}

/* ---- the upgrade ---- */

static void an_upgrade_behind_a_request_that_is_answered_later_is_read_on(void **state) {
    (void)state;
    struct buf bytes = BUF_INIT;
    start();
    int fd = client_connect(&fixture, 0);
    client_send(fd,
                STR("GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
                    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    client_receive_answer(fd, NULL, NULL);
    while (str_find(buf_str(&bytes), STR("\r\n\r\n")) == STR_NOT_FOUND)
        assert_true(client_receive(fd, 1, &bytes));
    assert_true(str_starts_with(buf_str(&bytes), STR("HTTP/1.1 101 ")));
    client_send_frame(fd, WS_TEXT, STR("hello"));
    assert_int_equal(client_receive_frame(fd, &bytes), WS_TEXT);
    close(fd);
    buf_finish(&bytes);
    net_fixture_stop(&fixture);
}

/* ---- how large a message may be ---- */

static void send_message(int fd, size_t bytes) {
    char *text = malloc(bytes);
    memset(text, 'x', bytes);
    client_send_frame(fd, WS_BINARY, str_make(text, bytes));
    free(text);
}

static void expect_echo(int fd, size_t bytes) {
    struct buf payload = BUF_INIT;
    assert_int_equal(client_receive_frame(fd, &payload), WS_BINARY);
    assert_int_equal(payload.len, bytes);
    buf_finish(&payload);
}

static void expect_too_big(int take_fd) {
    client_expect_close(take_fd, WS_CLOSE_TOO_BIG);
    client_expect_end(take_fd);
    close(take_fd);
}

/* Each one's holds to the byte. */
static void a_connection_may_have_a_limit_of_its_own(void **state) {
    enum { DEFAULT_BYTES = 1000 };
    static const struct {
        const char *path;
        size_t limit_bytes;
    } cases[] = {{"/ws", DEFAULT_BYTES}, {"/ws-limited", NET_LIMITED_BYTES}};
    (void)state;
    struct net_options options = net_fixture_options(SEND_BATCH_AUTO);
    options.max_message_bytes = DEFAULT_BYTES;
    net_fixture_start(&fixture, &options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = client_connect(&fixture, 0);
        client_upgrade(fd, cases[i].path);
        send_message(fd, cases[i].limit_bytes);
        expect_echo(fd, cases[i].limit_bytes);
        send_message(fd, cases[i].limit_bytes + 1);
        expect_too_big(fd);
    }
    net_fixture_stop(&fixture);
}

/* One message of so many bytes when it is inflated, and far fewer on the wire. */
static void send_compressed(int fd, size_t bytes) {
    struct ws_deflater *deflater = ws_deflater_create(WS_WINDOW_BITS_MAX);
    char *text = malloc(bytes);
    memset(text, 'x', bytes);
    struct blob *frame = ws_deflater_frame(deflater, WS_BINARY, str_make(text, bytes), false);
    assert_true(frame->len < 1000 && frame->bytes[1] == 126); /* two bytes of length */
    client_send_frame(fd, WS_COMPRESSED | WS_BINARY, str_slice(blob_str(frame), 4, frame->len));
    blob_unref(frame);
    free(text);
    ws_deflater_destroy(deflater);
}

static void a_limit_of_its_own_holds_for_what_is_inflated(void **state) {
    (void)state;
    struct net_options options = net_fixture_options(SEND_BATCH_AUTO);
    options.max_message_bytes = 1000;
    options.deflate = (struct ws_deflate_options){
        .is_on = true, .window_bits = WS_WINDOW_BITS_MAX, .min_bytes = 1};
    net_fixture_start(&fixture, &options);
    int fd = client_connect(&fixture, 0);
    client_upgrade_with(fd, "/ws-limited", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    send_compressed(fd, NET_LIMITED_BYTES);
    expect_echo(fd, NET_LIMITED_BYTES); /* as it comes: the fixture compresses nothing */
    send_compressed(fd, NET_LIMITED_BYTES + 1);
    expect_too_big(fd);
    fd = client_connect(&fixture, 0);
    client_upgrade_with(fd, "/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    send_compressed(fd, NET_LIMITED_BYTES);
    expect_too_big(fd);
    net_fixture_stop(&fixture);
}

/* ---- signs of life ---- */

/* Whoever is connected after it is answered after it was read. */
static void wait_until_it_was_read(void) {
    int other = client_connect(&fixture, 0);
    client_ask(other, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 200, NULL);
    close(other);
}

static void bytes_of_a_frame_that_does_not_end_are_no_sign_of_life(void **state) {
    (void)state;
    struct buf payload = BUF_INIT;
    start();
    int fd = client_connect(&fixture, 0);
    client_upgrade(fd, "/ws");
    client_send(fd, STR("\x81\x83\0\0\0\0a"));
    wait_until_it_was_read();
    client_send(fd, STR("b"));
    wait_until_it_was_read();
    assert_int_equal(atomic_load(&fixture.alive), 0);
    client_send(fd, STR("c"));
    assert_int_equal(client_receive_frame(fd, &payload), WS_TEXT);
    wait_until_it_was_read();
    assert_int_equal(atomic_load(&fixture.alive), 1);
    client_send_frame(fd, WS_PONG, STR_EMPTY);
    wait_until_it_was_read();
    assert_int_equal(atomic_load(&fixture.alive), 2);
    close(fd);
    buf_finish(&payload);
    net_fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reads_nothing_is_not_read_and_loses_nothing),
        cmocka_unit_test(the_kernel_holds_little_for_who_reads_nothing),
        cmocka_unit_test(a_piece_of_many_messages_stops_in_the_middle),
        cmocka_unit_test(a_flood_of_pings_is_answered_a_part_at_a_time),
        cmocka_unit_test(a_flood_of_pongs_is_taken_a_share_at_a_time),
        cmocka_unit_test(a_flood_of_empty_fragments_is_taken_a_share_at_a_time),
        cmocka_unit_test(who_goes_while_it_is_not_read_is_let_go),
        cmocka_unit_test(an_upgrade_behind_a_request_that_is_answered_later_is_read_on),
        cmocka_unit_test(a_connection_may_have_a_limit_of_its_own),
        cmocka_unit_test(a_limit_of_its_own_holds_for_what_is_inflated),
        cmocka_unit_test(bytes_of_a_frame_that_does_not_end_are_no_sign_of_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
