/* The floor to compare with: a WebSocket server that only fans out. Nobody signs in, nothing is
 * stored, checked or limited: each frame that a member sends goes, as a ready frame, to all members
 * of its room, the sender included.
 *
 *   raw_epoll PORT write|writev|io_uring
 *
 * write: one write a delivery. writev: one writev a socket at the end of the turn (of one
 * epoll_wait), with all that waits for it. io_uring: the same, but the sends of up to RING_ENTRIES
 * sockets are one submission: what the kernel alone costs when it is asked so. The room is named by
 * the path: GET /ROOM. Prints `ready` when it listens. One thread, no limit on what waits: a peer
 * that does not read makes it grow, which the load generator does not do. */
#include "ws.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOMS = 65536, EVENTS = 256, IOV_CHUNK = 256, QUEUE_FIRST = 8 };
enum { RING_ENTRIES = 256, RING_IOV = 64 };

/* A ready frame, shared by all queues that hold it. */
struct packet {
    unsigned references;
    size_t length;
    uint8_t bytes[];
};

struct member {
    int fd;
    struct member **room; /* head of the room's list */
    struct member *next;
    struct member *next_dirty;
    bool dirty;
    bool wants_out;
    struct ws_inbox inbox;
    /* A ring of `capacity` (a power of two) packets; the first has been written up to `offset`. */
    struct packet **queue;
    size_t capacity, head, waiting, offset;
};

static struct member *rooms[ROOMS];
static struct member *dirty;
static bool coalesce, use_ring;
static struct io_uring ring;
static int epoll_fd;

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        bench_fail("out of memory");
    }
    return memory;
}

static void packet_release(struct packet *packet) {
    if (--packet->references == 0) {
        free(packet);
    }
}

static void queue_push(struct member *m, struct packet *packet) {
    if (m->waiting == m->capacity) {
        size_t capacity = m->capacity == 0 ? QUEUE_FIRST : m->capacity * 2;
        struct packet **bigger = allocate(capacity * sizeof(struct packet *));
        for (size_t i = 0; i < m->waiting; i++) {
            bigger[i] = m->queue[(m->head + i) & (m->capacity - 1)];
        }
        free((void *)m->queue);
        m->queue = bigger;
        m->capacity = capacity;
        m->head = 0;
    }
    packet->references++;
    m->queue[(m->head + m->waiting++) & (m->capacity - 1)] = packet;
}

/* Takes what was written off the front. */
static void queue_advance(struct member *m, size_t written) {
    m->offset += written;
    while (m->waiting > 0) {
        struct packet *first = m->queue[m->head];
        if (m->offset < first->length) {
            return;
        }
        m->offset -= first->length;
        m->head = (m->head + 1) & (m->capacity - 1);
        m->waiting--;
        packet_release(first);
    }
}

static void member_watch(struct member *m, bool wants_out) {
    if (m->wants_out == wants_out) {
        return;
    }
    m->wants_out = wants_out;
    struct epoll_event event = {.events = EPOLLIN | (wants_out ? EPOLLOUT : 0U), .data.ptr = m};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, m->fd, &event) != 0) {
        bench_fail("epoll_ctl");
    }
}

/* Fills in the first of what waits, up to `limit` packets; answers how many, and their bytes. */
static size_t queue_peek(const struct member *m, struct iovec *iov, size_t limit, size_t *total) {
    size_t count = m->waiting < limit ? m->waiting : limit;
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        struct packet *packet = m->queue[(m->head + i) & (m->capacity - 1)];
        size_t skip = i == 0 ? m->offset : 0;
        iov[i].iov_base = packet->bytes + skip;
        iov[i].iov_len = packet->length - skip;
        *total += iov[i].iov_len;
    }
    return count;
}

/* Writes all that waits, until the socket takes no more. */
static void member_flush(struct member *m) {
    while (m->waiting > 0) {
        struct iovec iov[IOV_CHUNK];
        size_t total;
        size_t count = queue_peek(m, iov, IOV_CHUNK, &total);
        ssize_t written = writev(m->fd, iov, (int)count);
        if (written < 0) {
            if (errno != EAGAIN) {
                break; /* the read side finds the peer gone */
            }
            written = 0;
        }
        queue_advance(m, (size_t)written);
        if ((size_t)written < total) {
            member_watch(m, true);
            return;
        }
    }
    member_watch(m, false);
}

/* One send of a submission. */
struct submitted {
    struct member *member;
    struct msghdr header;
    struct iovec iov[RING_IOV];
    size_t total;
};

/* What a submission did; what it left is written as writev does. */
static void ring_reap(struct submitted *sends, unsigned count) {
    for (unsigned reaped = 0; reaped < count; reaped++) {
        struct io_uring_cqe *cqe;
        if (io_uring_wait_cqe(&ring, &cqe) != 0) {
            bench_fail("io_uring_wait_cqe");
        }
        struct submitted *sent = &sends[io_uring_cqe_get_data64(cqe)];
        size_t written = cqe->res > 0 ? (size_t)cqe->res : 0;
        io_uring_cqe_seen(&ring, cqe);
        queue_advance(sent->member, written);
        if (written < sent->total || sent->member->waiting > 0) {
            member_flush(sent->member);
        }
    }
}

/* Takes up to RING_ENTRIES dirty sockets and hands their sends over in one submission. */
static void ring_flush(void) {
    static struct submitted sends[RING_ENTRIES];
    unsigned count = 0;
    while (dirty != NULL && count < RING_ENTRIES) {
        struct member *m = dirty;
        dirty = m->next_dirty;
        m->dirty = false;
        if (m->wants_out || m->waiting == 0) {
            continue;
        }
        struct submitted *send = &sends[count];
        send->member = m;
        send->header = (struct msghdr){.msg_iov = send->iov};
        send->header.msg_iovlen = queue_peek(m, send->iov, RING_IOV, &send->total);
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        if (send->header.msg_iovlen == 1) {
            io_uring_prep_send(sqe, m->fd, send->iov[0].iov_base, send->iov[0].iov_len,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
        } else {
            io_uring_prep_sendmsg(sqe, m->fd, &send->header, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        io_uring_sqe_set_data64(sqe, count++);
    }
    if (count > 0 && io_uring_submit_and_wait(&ring, count) != (int)count) {
        bench_fail("io_uring_submit_and_wait");
    }
    ring_reap(sends, count);
}

static void member_deliver(struct member *m, struct packet *packet) {
    if (coalesce) {
        queue_push(m, packet);
        if (!m->dirty) {
            m->dirty = true;
            m->next_dirty = dirty;
            dirty = m;
        }
        return;
    }
    size_t written = 0;
    if (m->waiting == 0) {
        ssize_t result = write(m->fd, packet->bytes, packet->length);
        written = result > 0 ? (size_t)result : 0;
    }
    if (written < packet->length) {
        queue_push(m, packet);
        queue_advance(m, written);
        member_watch(m, true);
    }
}

static void on_frame(void *owner, const struct ws_frame *frame) {
    struct member *sender = owner;
    if (frame->opcode != WS_TEXT) {
        return;
    }
    struct packet *packet = allocate(sizeof(*packet) + WS_HEADER_BYTES + frame->length);
    size_t header = ws_header_write(packet->bytes, WS_TEXT, frame->length, NULL);
    memcpy(packet->bytes + header, frame->payload, frame->length);
    packet->length = header + frame->length;
    packet->references = 1;
    for (struct member *m = *sender->room; m != NULL; m = m->next) {
        member_deliver(m, packet);
    }
    packet_release(packet);
}

static void on_head(void *owner, const char *head) {
    struct member *m = owner;
    const char *key = strcasestr(head, "\r\nSec-WebSocket-Key: ");
    unsigned long room = strncmp(head, "GET /", 5) == 0 ? strtoul(head + 5, NULL, 10) : ROOMS;
    if (key == NULL || room >= ROOMS) {
        bench_fail("not an upgrade to a room: %.80s", head);
    }
    char accept[WS_ACCEPT_BYTES];
    ws_accept_key(strchr(key, ':') + 2, accept);
    dprintf(m->fd,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: %s\r\n\r\n",
            accept);
    m->room = &rooms[room];
    m->next = rooms[room];
    rooms[room] = m;
}

static void member_destroy(struct member *m) {
    if (m->room != NULL) {
        struct member **link = m->room;
        while (*link != m) {
            link = &(*link)->next;
        }
        *link = m->next;
    }
    close(m->fd);
    ws_inbox_finish(&m->inbox);
    while (m->waiting > 0) {
        queue_advance(m, m->queue[m->head]->length - m->offset);
    }
    free((void *)m->queue);
    free(m);
}

static void members_accept(int listener) {
    int fd;
    // epoll keeps the pointer to each member, which the analyzer does not see.
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct member *m = allocate(sizeof(*m));
        m->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = m};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            bench_fail("epoll_ctl");
        }
    }
}

static int listen_on(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4096) != 0) {
        bench_fail("port %u", port);
    }
    return fd;
}

/* One turn: all that is readable, then one writev for each socket that something waits for. */
static void turn(int listener) {
    static const struct ws_reader reader = {.on_head = on_head, .on_frame = on_frame};
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll_fd, events, EVENTS, -1);
    struct member *gone[EVENTS];
    size_t gone_count = 0;
    for (int i = 0; i < count; i++) {
        struct member *m = events[i].data.ptr;
        if (m == NULL) {
            members_accept(listener);
            continue;
        }
        if ((events[i].events & EPOLLOUT) != 0) {
            member_flush(m);
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 &&
            !ws_inbox_read(&m->inbox, m->fd, &reader, m)) {
            gone[gone_count++] = m;
        }
    }
    while (use_ring && dirty != NULL) {
        ring_flush();
    }
    while (dirty != NULL) {
        struct member *m = dirty;
        dirty = m->next_dirty;
        m->dirty = false;
        if (!m->wants_out) {
            member_flush(m);
        }
    }
    while (gone_count > 0) {
        member_destroy(gone[--gone_count]);
    }
}

int main(int argc, char **argv) {
    const char *mode = argc == 3 ? argv[2] : "";
    use_ring = strcmp(mode, "io_uring") == 0;
    coalesce = use_ring || strcmp(mode, "writev") == 0;
    if (!coalesce && strcmp(mode, "write") != 0) {
        fputs("usage: raw_epoll PORT write|writev|io_uring\n", stderr);
        return 2;
    }
    if (use_ring && io_uring_queue_init(RING_ENTRIES, &ring, 0) != 0) {
        bench_fail("io_uring is not allowed here");
    }
    signal(SIGPIPE, SIG_IGN);
    bench_lift_file_limit();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0) {
        bench_fail("epoll_ctl");
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        turn(listener);
    }
}
