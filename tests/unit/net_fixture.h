/* A server of net alone, on a loop of its own, and blocking clients for it on loopback.
 *
 * What the server answers: GET /hello at once, GET /later in a later turn, GET /big with
 * NET_BIG_BYTES, POST /echo with its body, GET /never not at all; GET /ws and /ws-later upgrade,
 * and /ws-limited, with a limit of NET_LIMITED_BYTES for a message. A WebSocket gets each message
 * back, but for those that begin with a command (see on_message in the .c). GET /move moves the
 * connection to `other`, which answers "moved". Thread: functions that take the fixture are the
 * test's, those with a conn the loop's. */
#pragma once
#include "base/buf.h"
#include "loop/loop.h"
#include "net/net.h"

#include <stdatomic.h>

enum { NET_BIG_BYTES = 8 * 1024 * 1024, NET_LIMITED_BYTES = 100000, NET_WAIT_MS = 20000 };

struct net_fixture {
    struct loop *loop;
    struct net *net, *other; /* on one loop; nobody connects to the other */
    struct net_options options;
    uint16_t port;
    atomic_size_t
        most_queued; /* bytes of one connection, as seen when its requests or messages came */
    atomic_uint messages, drained; /* that came over WebSockets; calls of on_drain */
    atomic_uint alive;             /* calls of on_alive */
    atomic_int fd;                 /* of the WebSocket whose message came last */
    atomic_uint moves;             /* requests for /move that came to `net` */
};

/* Limits that suit tests; change some, then start. */
struct net_options net_fixture_options(enum send_batch_mode mode);
void net_fixture_start(struct net_fixture *fixture, const struct net_options *options);
/* Closes everything, waits until it is gone and checks that nothing stayed behind. */
void net_fixture_stop(struct net_fixture *fixture);
/* Runs `run` on the loop and waits for its end. */
void net_fixture_run(struct net_fixture *fixture,
                     void (*run)(struct net_fixture *fixture, void *arg), void *arg);
/* Waits until `is_true` (called on the loop) says so; fails the test after NET_WAIT_MS. */
void net_fixture_wait(struct net_fixture *fixture, bool (*is_true)(struct net_fixture *fixture));

/* recv that goes on after a signal: io_uring's work interrupts the calls of the thread that made
 * the ring. */
ssize_t client_recv(int fd, void *bytes, size_t len, int flags);
/* A client's socket, connected; `receive_bytes` bounds its receive buffer (0: as the system does).
 */
int client_connect(const struct net_fixture *fixture, int receive_bytes);
/* Sends all of it. */
void client_send(int fd, struct str bytes);
/* Appends what comes until `count` bytes more are there, or the other side closed: then false. A
 * reset fails the test. */
bool client_receive(int fd, size_t count, struct buf *out) MUST_CHECK;
/* Everything up to the end. */
void client_receive_all(int fd, struct buf *out);
/* One HTTP answer by its Content-Length: head into `head`, body into `body` (either may be NULL).
 */
void client_receive_answer(int fd, struct buf *head, struct buf *body);
/* Sends the request and expects this status; the body goes into `body` (may be NULL). */
void client_ask(int fd, const char *request, int status, struct buf *body);
/* The handshake at `path`; `headers`: lines more. */
void client_upgrade(int fd, const char *path);
void client_upgrade_with(int fd, const char *path, const char *headers);
/* A masked, final frame. */
void client_send_frame(int fd, unsigned opcode, struct str payload);
/* One frame of the server; its opcode, or -1 at the end of the stream. */
int client_receive_frame(int fd, struct buf *payload);
/* Expects a close frame with this code. */
void client_expect_close(int fd, uint16_t code);
/* Expects the end of the stream. */
void client_expect_end(int fd);
