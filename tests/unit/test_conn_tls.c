/* TLS on connections over real sockets, with each way of sending: OpenSSL's client on the other
 * end. */
#include "net_fixture.h"

#include "net/tls_server.h"
#include "net/ws_frame.h"
#include "tls_files.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HELLO "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
#define LATER "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
#define BIG "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

enum { CLIENTS = 4, FLOODED_FRAMES = 200, FLOODED_BYTES = 65536 };

static struct net_fixture fixture;
static struct tls_files files;
static struct tls_server *server;
static SSL_CTX *client_context;

static void start(void **state) {
    struct net_options options = net_fixture_options(*(enum send_batch_mode *)*state);
    options.tls = server;
    net_fixture_start(&fixture, &options);
}

/* ---- clients ---- */

/* By io_uring's work, as client_recv() says: OpenSSL asks for the same call once more. */
static bool is_interrupted(SSL *client, int result) {
    int why = SSL_get_error(client, result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static SSL *client_open(int receive_bytes) {
    SSL *client = SSL_new(client_context);
    int result;
    SSL_set_fd(client, client_connect(&fixture, receive_bytes));
    do
        result = SSL_connect(client);
    while (is_interrupted(client, result));
    assert_int_equal(result, 1);
    return client;
}

static void client_close(SSL *client) {
    close(SSL_get_fd(client));
    SSL_free(client);
}

static void say(SSL *client, struct str text) {
    int sent;
    do
        sent = SSL_write(client, text.ptr, (int)text.len);
    while (is_interrupted(client, sent));
    assert_int_equal(sent, text.len);
}

/* As SSL_read(), onto the end of `out`. */
static int client_read(SSL *client, struct buf *out) {
    int got;
    do
        got = SSL_read(client, buf_reserve(out, 65536), 65536);
    while (is_interrupted(client, got));
    out->len += got > 0 ? (size_t)got : 0;
    return got;
}

/* Reads on until `count` bytes are there. */
static void hear(SSL *client, struct buf *out, size_t count) {
    while (out->len < count) {
        if (client_read(client, out) <= 0)
            fail_msg("the stream ended at %zu of %zu", out->len, count);
    }
}

/* Reads up to the end, which must be a close_notify. */
static void hear_all(SSL *client, struct buf *out) {
    int got;
    do
        got = client_read(client, out);
    while (got > 0);
    assert_int_equal(SSL_get_error(client, got), SSL_ERROR_ZERO_RETURN);
}

static size_t head_bytes(struct buf *answer) {
    size_t end = str_find(buf_str(answer), STR("\r\n\r\n"));
    assert_true(end != STR_NOT_FOUND);
    return end + 4;
}

static void assert_is_big(struct str body) {
    assert_int_equal(body.len, NET_BIG_BYTES);
    for (size_t i = 0; i < body.len; i++)
        if ((unsigned char)body.ptr[i] != (unsigned char)(i * 31 + i / 4096))
            fail_msg("byte %zu is wrong", i);
}

/* ---- tests ---- */

static void requests_sent_ahead_are_answered_in_order(void **state) {
    struct buf heard = BUF_INIT;
    start(state);
    SSL *client = client_open(0);
    say(client, STR(LATER HELLO LATER));
    SSL_shutdown(client); /* we say no more, and hear what was asked for */
    hear_all(client, &heard);
    struct str text = buf_str(&heard);
    size_t later = str_find(text, STR("\r\n\r\nlater")),
           hello = str_find(text, STR("\r\n\r\nhello"));
    assert_true(later < hello && hello != STR_NOT_FOUND);
    assert_true(str_find(str_slice(text, hello, text.len), STR("\r\n\r\nlater")) != STR_NOT_FOUND);
    client_close(client);
    buf_finish(&heard);
    net_fixture_stop(&fixture);
}

static void large_answers_come_whole_to_slow_readers_at_once(void **state) {
    SSL *clients[CLIENTS];
    start(state);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_open(8192);
        say(clients[i], STR(BIG));
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct buf answer = BUF_INIT;
        hear(clients[i], &answer, 4096);
        size_t head = head_bytes(&answer);
        hear(clients[i], &answer, head + NET_BIG_BYTES);
        assert_is_big(str_slice(buf_str(&answer), head, answer.len));
        client_close(clients[i]);
        buf_finish(&answer);
    }
    net_fixture_stop(&fixture);
}

static void send_frame(SSL *client, enum ws_opcode opcode, struct str payload) {
    uint8_t header[WS_HEADER_MAX_BYTES];
    struct buf frame = BUF_INIT;
    size_t length = ws_frame_header(opcode, payload.len, header);
    header[1] |= 0x80;
    buf_append(&frame, header, length);
    buf_append(&frame, "\0\0\0\0", 4); /* a mask of zeros changes nothing */
    buf_append_str(&frame, payload);
    say(client, buf_str(&frame));
    buf_finish(&frame);
}

/* The frames of a stream: how many are whole, and where the last begins. Fails when something is
 * left over. */
static size_t count_frames(struct str bytes, size_t *last) {
    size_t count = 0;
    for (size_t at = 0; at < bytes.len; count++) {
        const uint8_t *frame = (const uint8_t *)bytes.ptr + at;
        size_t length = frame[1], header = 2;
        assert_true(bytes.len - at >= 2);
        if (length == 127) {
            assert_int_equal(frame[7], FLOODED_BYTES >> 16);
            length = FLOODED_BYTES;
            header = 10;
        }
        *last = at;
        at += header + length;
        assert_true(at <= bytes.len);
    }
    return count;
}

static bool has_heard_the_flood(struct net_fixture *of) {
    return atomic_load(&of->messages) == 1;
}

/* What was begun is finished when the rest of the queue is dropped, else the peer could not read
 * what follows. */
static void a_frame_that_is_half_sealed_goes_out_whole(void **state) {
    struct buf heard = BUF_INIT;
    size_t last = 0;
    struct net_options options = net_fixture_options(*(enum send_batch_mode *)*state);
    options.tls = server;
    options.queue_bytes = 64 << 20; /* it goes on reading us */
    net_fixture_start(&fixture, &options);
    SSL *client = client_open(8192);
    say(client, STR(UPGRADE));
    hear(client, &heard, 1);
    assert_int_equal(head_bytes(&heard), heard.len);
    buf_clear(&heard);
    send_frame(client, WS_TEXT, STR("flood 200"));
    net_fixture_wait(&fixture, has_heard_the_flood);
    send_frame(client, WS_TEXT, STR("drop-and-close"));
    while (!str_ends_with(buf_str(&heard), STR("\x88\x02\x0f\xa1"))) /* 4001 */
        hear(client, &heard, heard.len + 1);
    send_frame(client, WS_CLOSE, STR("\x0f\xa1"));
    hear_all(client, &heard);
    size_t frames = count_frames(buf_str(&heard), &last);
    assert_true(frames > 1 && frames < FLOODED_FRAMES);
    assert_int_equal((uint8_t)heard.data[last], 0x88);
    client_close(client);
    buf_finish(&heard);
    net_fixture_stop(&fixture);
}

static void what_is_no_tls_ends_its_connection_alone(void **state) {
    struct buf heard = BUF_INIT;
    start(state);
    SSL *client = client_open(0);
    int fd = client_connect(&fixture, 0);
    client_send(fd, STR(HELLO));
    client_expect_end(fd);
    close(fd);
    say(client, STR(HELLO));
    hear(client, &heard, 1);
    assert_true(str_starts_with(buf_str(&heard), STR("HTTP/1.1 200 ")));
    client_close(client);
    buf_finish(&heard);
    net_fixture_stop(&fixture);
}

static int make_server(void **state) {
    struct buf error = BUF_INIT;
    (void)state;
    tls_files_make(&files, "localhost");
    server = tls_server_create(files.certificate, files.key, &error);
    if (server == NULL)
        fail_msg("%s", buf_cstr(&error));
    client_context = SSL_CTX_new(TLS_client_method());
    return 0;
}

static int destroy_server(void **state) {
    (void)state;
    SSL_CTX_free(client_context);
    tls_server_destroy(server);
    tls_files_remove(&files);
    return 0;
}

static enum send_batch_mode automatic = SEND_BATCH_AUTO, writev_mode = SEND_BATCH_WRITEV;

#define BOTH(test)                                                                                 \
    {#test " (auto)", test, NULL, NULL, &automatic}, {                                             \
#test " (writev)", test, NULL, NULL, &writev_mode                                          \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(requests_sent_ahead_are_answered_in_order),
        BOTH(large_answers_come_whole_to_slow_readers_at_once),
        BOTH(a_frame_that_is_half_sealed_goes_out_whole),
        BOTH(what_is_no_tls_ends_its_connection_alone),
    };
    return cmocka_run_group_tests(tests, make_server, destroy_server);
}
