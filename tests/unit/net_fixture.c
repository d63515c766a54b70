#include "net_fixture.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "net/conn_state.h"
#include "net/http_response.h"
#include "net/ws_frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct net_fixture *running; /* conn_ops have no argument; one server a test */
static struct blob *big;

/* ---- what the server does ---- */

static void note_queue(const struct conn *conn) {
    size_t queued = conn_queued_bytes(conn);
    if (queued > atomic_load(&running->most_queued))
        atomic_store(&running->most_queued, queued);
}

static void answer_text(struct conn *conn, struct str text) {
    http_respond(conn, &(struct http_response){
                           .status = 200, .content_type = STR("text/plain"), .body = text});
}

/* An answer that waits for another turn. */
struct later {
    struct mail mail;
    struct conn *conn;
    struct http_request *request; /* to upgrade, or NULL */
};

static const struct conn_ops websocket_ops, limited_ops;

static void answer_later(struct loop *loop, struct mail *take_mail) {
    struct later *later = CONTAINER_OF(take_mail, struct later, mail);
    (void)loop;
    if (later->request != NULL) {
        conn_upgrade_websocket(later->conn, later->request, &websocket_ops, running);
        http_request_destroy(later->request);
    } else {
        answer_text(later->conn, STR("later"));
    }
    conn_release(later->conn);
    mem_free(later);
}

static void post_later(struct conn *conn, struct http_request *request) {
    struct later *later = mem_zalloc(1, sizeof *later);
    later->mail.run = answer_later;
    later->conn = conn;
    later->request = request;
    conn_hold(conn);
    loop_post(conn_loop(conn), &later->mail);
}

/* True when it was taken: the connection is on its way. */
static bool move(struct conn *conn, struct http_request *request) {
    if (conn->net == running->other) {
        answer_text(conn, STR("moved"));
        return false;
    }
    atomic_fetch_add(&running->moves, 1);
    conn_move(conn, running->other, request);
    return true;
}

static void on_request(struct conn *conn, struct http_request *take_request) {
    struct str path = take_request->path;
    note_queue(conn);
    if (str_equal(path, STR("/hello"))) {
        answer_text(conn, STR("hello"));
    } else if (str_equal(path, STR("/later"))) {
        post_later(conn, NULL);
    } else if (str_equal(path, STR("/big"))) {
        http_respond(conn, &(struct http_response){.status = 200,
                                                   .content_type = STR("application/octet-stream"),
                                                   .body_blob = big});
    } else if (str_equal(path, STR("/echo"))) {
        answer_text(conn, take_request->body);
    } else if (str_equal(path, STR("/ws"))) {
        conn_upgrade_websocket(conn, take_request, &websocket_ops, running);
    } else if (str_equal(path, STR("/ws-limited"))) {
        conn_upgrade_websocket(conn, take_request, &limited_ops, running);
    } else if (str_equal(path, STR("/ws-later"))) {
        post_later(conn, take_request);
        return;
    } else if (str_equal(path, STR("/move")) && move(conn, take_request)) {
        return;
    }
    http_request_destroy(take_request);
}

static void on_http_close(struct conn *conn) {
    assert_null(conn_user(conn));
}

static const struct conn_ops http_ops = {.on_request = on_request, .on_close = on_http_close};

static void send_frame(struct conn *conn, enum ws_opcode opcode, struct str payload) {
    struct blob *frame = ws_frame_blob(opcode, payload);
    conn_send(conn, frame, 0, frame->len);
    blob_unref(frame);
}

/* "flood N": N binary messages of 64 KiB. */
static void flood(struct conn *conn, struct str count) {
    enum { PIECE = 65536 };
    int64_t messages = 0;
    char *bytes = malloc(PIECE);
    assert_true(str_to_i64(count, &messages));
    for (int64_t i = 0; i < messages; i++) {
        memset(bytes, (int)('a' + i % 26), PIECE);
        send_frame(conn, WS_BINARY, str_make(bytes, PIECE));
    }
    free(bytes);
}

static void on_message(struct conn *conn, bool is_text, struct str data) {
    atomic_store(&running->fd, conn->fd);
    atomic_fetch_add(&running->messages, 1);
    if (str_starts_with(data, STR("flood "))) {
        flood(conn, str_slice(data, 6, data.len));
    } else if (str_starts_with(data, STR("close"))) {
        conn_close_websocket(conn, 4001, STR("as asked"));
        send_frame(conn, WS_TEXT, STR("too late"));
    } else if (str_starts_with(data, STR("flood-and-close"))) {
        flood(conn, STR("40"));
        conn_close_websocket(conn, 4001, STR(""));
    } else if (str_starts_with(data, STR("drop-and-close"))) {
        conn_drop_unsent(conn);
        conn_close_websocket(conn, 4001, STR(""));
    } else if (str_starts_with(data, STR("abort"))) {
        conn_abort(conn);
    } else {
        send_frame(conn, is_text ? WS_TEXT : WS_BINARY, data);
    }
    note_queue(conn);
}

static void on_drain(struct conn *conn) {
    assert_int_equal(conn_queued_bytes(conn), 0);
    atomic_fetch_add(&running->drained, 1);
}

static void on_alive(struct conn *conn) {
    (void)conn;
    atomic_fetch_add(&running->alive, 1);
}

static void on_ws_close(struct conn *conn) {
    assert_ptr_equal(conn_user(conn), running);
    note_queue(conn);
}

static const struct conn_ops websocket_ops = {
    .on_message = on_message, .on_alive = on_alive, .on_drain = on_drain, .on_close = on_ws_close};
static const struct conn_ops limited_ops = {
    .on_message = on_message, .on_close = on_ws_close, .has_own_message_limit = true};

/* ---- the server's life ---- */

struct net_options net_fixture_options(enum send_batch_mode mode) {
    return (struct net_options){
        .max_connections = 2000,
        .max_header_bytes = 16384,
        .max_body_bytes = 65536,
        .max_message_bytes = 1 << 20,
        .own_message_bytes = NET_LIMITED_BYTES,
        .queue_bytes = 1 << 20,
        .header_timeout_ms = NET_WAIT_MS,
        .body_timeout_ms = NET_WAIT_MS,
        .idle_timeout_ms = NET_WAIT_MS,
        .close_timeout_ms = NET_WAIT_MS,
        .send_batch = mode,
    };
}

static void make_big(void) {
    big = blob_create(NET_BIG_BYTES);
    for (big->len = 0; big->len < NET_BIG_BYTES; big->len++)
        big->bytes[big->len] = (unsigned char)(big->len * 31 + big->len / 4096);
}

void net_fixture_start(struct net_fixture *fixture, const struct net_options *options) {
    struct buf error = BUF_INIT;
    *fixture = (struct net_fixture){.options = *options};
    running = fixture;
    make_big();
    fixture->loop = loop_create(0, NULL);
    if (!net_create(fixture->loop, options, &http_ops, &fixture->net, &error) ||
        !net_create(fixture->loop, options, &http_ops, &fixture->other, &error) ||
        !net_listen(fixture->net, STR("127.0.0.1:0"), &fixture->port, true, &error))
        fail_msg("%s", buf_cstr(&error));
    loop_start(fixture->loop);
}

struct errand {
    struct mail mail;
    struct net_fixture *fixture;
    void (*run)(struct net_fixture *fixture, void *arg);
    void *arg;
    sem_t done;
};

static void run_errand(struct loop *loop, struct mail *mail) {
    struct errand *errand = CONTAINER_OF(mail, struct errand, mail);
    (void)loop;
    errand->run(errand->fixture, errand->arg);
    sem_post(&errand->done);
}

void net_fixture_run(struct net_fixture *fixture,
                     void (*run)(struct net_fixture *fixture, void *arg), void *arg) {
    struct errand errand = {.mail.run = run_errand, .fixture = fixture, .run = run, .arg = arg};
    sem_init(&errand.done, 0, 0);
    loop_post(fixture->loop, &errand.mail);
    while (sem_wait(&errand.done) != 0)
        continue;
    sem_destroy(&errand.done);
}

struct question {
    bool (*is_true)(struct net_fixture *fixture);
    bool answer;
};

static void ask_question(struct net_fixture *fixture, void *arg) {
    struct question *question = arg;
    question->answer = question->is_true(fixture);
}

void net_fixture_wait(struct net_fixture *fixture, bool (*is_true)(struct net_fixture *fixture)) {
    struct question question = {is_true, false};
    for (int waited = 0; waited < NET_WAIT_MS; waited += 5) {
        net_fixture_run(fixture, ask_question, &question);
        if (question.answer)
            return;
        usleep(5000);
    }
    fail_msg("waited in vain");
}

static bool has_no_connection(struct net_fixture *fixture) {
    return net_connection_count(fixture->net) + net_connection_count(fixture->other) == 0;
}

static void close_all(struct net_fixture *fixture, void *arg) {
    (void)arg;
    net_drain(fixture->net);
    net_abort_all(fixture->net);
    net_drain(fixture->other);
    net_abort_all(fixture->other);
}

void net_fixture_stop(struct net_fixture *fixture) {
    net_fixture_run(fixture, close_all, NULL);
    net_fixture_wait(fixture, has_no_connection);
    loop_stop(fixture->loop);
    loop_join(fixture->loop);
    while (uv_run(&fixture->loop->uv, UV_RUN_NOWAIT) != 0 &&
           fixture->loop->uv.closing_handles != NULL)
        continue;
    net_destroy(fixture->net);
    net_destroy(fixture->other);
    loop_destroy(fixture->loop);
    assert_int_equal(atomic_load(&big->refs), 1);
    blob_unref(big);
    running = NULL;
}

/* ---- clients ---- */

int client_connect(const struct net_fixture *fixture, int receive_bytes) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(fixture->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {NET_WAIT_MS / 1000, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    if (receive_bytes > 0)
        assert_int_equal(
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    /* io_uring's work for this thread may interrupt it; the connecting goes on meanwhile */
    while (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EISCONN)
        assert_true(errno == EINTR || errno == EALREADY);
    return fd;
}

ssize_t client_recv(int fd, void *bytes, size_t len, int flags) {
    ssize_t count;
    do
        count = recv(fd, bytes, len, flags);
    while (count < 0 && errno == EINTR);
    return count;
}

void client_send(int fd, struct str bytes) {
    while (bytes.len > 0) {
        ssize_t count = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail_msg("send: %s", strerror(errno));
        bytes = str_slice(bytes, (size_t)count, bytes.len);
    }
}

bool client_receive(int fd, size_t count, struct buf *out) {
    while (count > 0) {
        size_t want = count < 65536 ? count : 65536;
        ssize_t got = client_recv(fd, buf_reserve(out, want), want, 0);
        if (got < 0)
            fail_msg("recv: %s", strerror(errno));
        if (got == 0)
            return false;
        out->len += (size_t)got;
        count -= (size_t)got;
    }
    return true;
}

void client_receive_all(int fd, struct buf *out) {
    while (client_receive(fd, 65536, out))
        continue;
}

/* Reads up to the blank line and not beyond it. */
static void receive_head(int fd, struct buf *head) {
    enum { HEAD_MAX_BYTES = 4096 };
    char bytes[HEAD_MAX_BYTES];
    size_t end = STR_NOT_FOUND;
    buf_clear(head);
    while (end == STR_NOT_FOUND) {
        ssize_t count = client_recv(fd, bytes, sizeof bytes, MSG_PEEK);
        if (count <= 0)
            fail_msg("no head: %zd %s", count, count < 0 ? strerror(errno) : "");
        size_t before = head->len;
        buf_append(head, bytes, (size_t)count);
        end = str_find(buf_str(head), STR("\r\n\r\n"));
        if (end != STR_NOT_FOUND)
            head->len = end + 4;
        assert_int_equal(client_recv(fd, bytes, head->len - before, 0), head->len - before);
    }
}

void client_receive_answer(int fd, struct buf *head, struct buf *body) {
    struct buf own_head = BUF_INIT, own_body = BUF_INIT;
    struct buf *to = head != NULL ? head : &own_head;
    receive_head(fd, to);
    const char *length = strstr(buf_cstr(to), "Content-Length: ");
    assert_non_null(length);
    struct buf *body_to = body != NULL ? body : &own_body;
    buf_clear(body_to);
    assert_true(client_receive(fd, strtoul(length + 16, NULL, 10), body_to));
    buf_finish(&own_head);
    buf_finish(&own_body);
}

void client_ask(int fd, const char *request, int status, struct buf *body) {
    char line[32];
    struct buf head = BUF_INIT;
    client_send(fd, str_from_cstr(request));
    client_receive_answer(fd, &head, body);
    int length = snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (!str_starts_with(buf_str(&head), str_make(line, (size_t)length)))
        fail_msg("%s", buf_cstr(&head));
    buf_finish(&head);
}

void client_upgrade(int fd, const char *path) {
    client_upgrade_with(fd, path, "");
}

void client_upgrade_with(int fd, const char *path, const char *headers) {
    struct buf bytes = BUF_INIT;
    buf_appendf(
        &bytes,
        "GET %s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        path, headers);
    client_send(fd, buf_str(&bytes));
    receive_head(fd, &bytes);
    assert_true(str_starts_with(buf_str(&bytes), STR("HTTP/1.1 101 ")));
    assert_non_null(
        strstr(buf_cstr(&bytes), "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    buf_finish(&bytes);
}

void client_send_frame(int fd, unsigned opcode, struct str payload) {
    uint8_t header[WS_HEADER_MAX_BYTES];
    size_t length = ws_frame_header((enum ws_opcode)opcode, payload.len, header);
    header[1] |= 0x80;
    memset(header + length, 0, 4); /* a mask of zeros changes nothing */
    struct buf frame = BUF_INIT;
    buf_append(&frame, header, length + 4);
    buf_append_str(&frame, payload);
    client_send(fd, buf_str(&frame));
    buf_finish(&frame);
}

int client_receive_frame(int fd, struct buf *payload) {
    struct buf header = BUF_INIT;
    buf_clear(payload);
    if (!client_receive(fd, 2, &header)) {
        buf_finish(&header);
        return -1;
    }
    int opcode = (uint8_t)header.data[0] & 0x0f;
    size_t length = (uint8_t)header.data[1];
    assert_true(length <= 127); /* not masked */
    if (length >= 126) {
        size_t extended = length == 126 ? 2 : 8;
        assert_true(client_receive(fd, extended, &header));
        length = 0;
        for (size_t i = 0; i < extended; i++)
            length = length << 8 | (uint8_t)header.data[2 + i];
    }
    assert_true(client_receive(fd, length, payload));
    buf_finish(&header);
    return opcode;
}

void client_expect_close(int fd, uint16_t code) {
    struct buf payload = BUF_INIT;
    assert_int_equal(client_receive_frame(fd, &payload), WS_CLOSE);
    assert_true(payload.len >= 2);
    assert_int_equal((uint8_t)payload.data[0] << 8 | (uint8_t)payload.data[1], code);
    buf_finish(&payload);
}

void client_expect_end(int fd) {
    char byte;
    ssize_t count = client_recv(fd, &byte, 1, 0);
    if (count != 0)
        fail_msg("not the end: %zd %s", count, count < 0 ? strerror(errno) : "");
}
