#include "dialect.h"
#include "inflate.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, CONNECTING_MAX = 64, PER_ADDRESS = 2000 };
enum { CONNECT_TIMEOUT_S = 600, STALLED_BUFFER_BYTES = 4096 };

static int epoll_fd = -1;
static struct member *unsent;
static uint64_t turn_ns; /* when the reading of the present member began */
static const uint8_t mask[4] = {0x5A, 0xC3, 0x96, 0x3C};

void member_ready(struct member *m) {
    m->ready = true;
    members_ready++;
    if (m->stalled && epoll_ctl(epoll_fd, EPOLL_CTL_DEL, m->fd, NULL) != 0) {
        bench_fail("epoll_ctl");
    }
}

static void member_send_frame(struct member *m, uint8_t opcode, const char *data, size_t length) {
    size_t needed = m->out_bytes + WS_HEADER_BYTES + length;
    if (needed > m->out_capacity) {
        m->out_capacity = needed * 2;
        m->out = realloc(m->out, m->out_capacity);
        if (m->out == NULL) {
            bench_fail("out of memory");
        }
    }
    uint8_t *out = (uint8_t *)m->out + m->out_bytes;
    size_t header = ws_header_write(out, opcode, length, mask);
    for (size_t i = 0; i < length; i++) {
        out[header + i] = (uint8_t)data[i] ^ mask[i & 3];
    }
    m->out_bytes += header + length;
    if (!m->unsent) {
        m->unsent = true;
        m->next_unsent = unsent;
        unsent = m;
    }
}

void member_send_text(struct member *m, const char *text, size_t length) {
    member_send_frame(m, WS_TEXT, text, length);
}

static void on_text(struct member *m, const struct ws_frame *frame) {
    if (!frame->compressed) {
        plan.dialect->on_text(m, frame, turn_ns);
        return;
    }
    if (!plan.deflate) {
        bench_fail("member %u: a compressed frame, which it did not ask for", m->number);
    }
    struct ws_frame inflated = inflate_frame(frame);
    tally.compressed += tally.counting;
    plan.dialect->on_text(m, &inflated, turn_ns);
}

static void on_frame(void *owner, const struct ws_frame *frame) {
    struct member *m = owner;
    if (frame->opcode == WS_TEXT) {
        on_text(m, frame);
    } else if (frame->opcode == WS_PING) {
        member_send_frame(m, WS_PONG, (const char *)frame->payload, frame->length);
    } else if (frame->opcode == WS_CLOSE) {
        unsigned code =
            frame->length >= 2 ? (unsigned)frame->payload[0] << 8 | frame->payload[1] : 1005;
        bench_fail("member %u: closed with %u", m->number, code);
    }
}

static void on_head(void *owner, const char *head) {
    struct member *m = owner;
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) {
        bench_fail("member %u: no upgrade: %s", m->number, head);
    }
    plan.dialect->on_open(m);
}

/* Sends without masking: the request that asks for the upgrade. */
static void member_upgrade(struct member *m) {
    char request[1024], path[REQUEST_BYTES_MAX];
    char authorization[512] = "";
    const struct room *room = m->room;
    if (plan.file != NULL) {
        size_t within = m->number / plan.rooms;
        snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s\r\n",
                 room->tokens[within % room->token_count]);
    }
    plan.dialect->write_path(room, path, sizeof(path));
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s\r\n",
                          path, plan.port, plan.deflate ? inflate_offer : "", authorization);
    if (send(m->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        bench_fail("member %u: the upgrade", m->number);
    }
}

/* Connects at once (it is loopback), from one of many source addresses: ports of one would not
 * last. */
static void member_connect(struct member *m) {
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7F010001U + m->number / PER_ADDRESS)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(plan.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(m->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
    setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (m->stalled) { /* what lies in the kernel is not what is measured */
        setsockopt(m->fd, SOL_SOCKET, SO_RCVBUF, &(int){STALLED_BUFFER_BYTES}, sizeof(int));
    }
    if (m->fd < 0 || bind(m->fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(m->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        bench_fail("member %u: cannot connect to port %u", m->number, plan.port);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = m};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, m->fd, &event) != 0) {
        bench_fail("epoll_ctl");
    }
    member_upgrade(m);
}

void members_make(void) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    member_count = plan.rooms * (plan.members + plan.stalled);
    members = calloc(member_count, sizeof(*members));
    if (members == NULL) {
        bench_fail("out of memory");
    }
    for (size_t i = 0; i < member_count; i++) {
        struct member *m = &members[i];
        m->number = (uint32_t)i;
        m->room = &rooms[i % plan.rooms];
        m->stalled = i / plan.rooms >= plan.members;
        if (i / plan.rooms < plan.senders) {
            m->room->senders[i / plan.rooms] = m;
        }
    }
}

void members_connect(size_t count) {
    uint64_t limit_ns = bench_now_ns() + (uint64_t)CONNECT_TIMEOUT_S * 1000000000U;
    size_t begun = members_ready;
    while (members_ready < count) {
        for (; begun < count && begun - members_ready < CONNECTING_MAX; begun++) {
            member_connect(&members[begun]);
        }
        members_turn(100000000);
        if (bench_now_ns() > limit_ns) {
            bench_fail("only %zu of %zu members are ready", members_ready, count);
        }
    }
}

/* Hands the sockets what waits; a full one is tried again in the next turn. */
static void members_flush(void) {
    struct member *list = unsent;
    unsent = NULL;
    while (list != NULL) {
        struct member *m = list;
        list = m->next_unsent;
        m->unsent = false;
        ssize_t written = send(m->fd, m->out, m->out_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (written < 0 && errno != EAGAIN) {
            bench_fail("member %u: send", m->number);
        }
        size_t taken = written > 0 ? (size_t)written : 0;
        m->out_bytes -= taken;
        if (m->out_bytes > 0) {
            memmove(m->out, m->out + taken, m->out_bytes);
            m->unsent = true;
            m->next_unsent = unsent;
            unsent = m;
        } else {
            free(m->out);
            m->out = NULL;
            m->out_capacity = 0;
        }
    }
}

void members_turn(uint64_t wait_ns) {
    static const struct ws_reader reader = {.on_head = on_head, .on_frame = on_frame};
    struct epoll_event events[EVENTS];
    if (unsent != NULL && wait_ns > 1000000) {
        wait_ns = 1000000;
    }
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000U),
                            .tv_nsec = (long)(wait_ns % 1000000000U)};
    int count = epoll_pwait2(epoll_fd, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++) {
        struct member *m = events[i].data.ptr;
        turn_ns = bench_now_ns();
        if (!ws_inbox_read(&m->inbox, m->fd, &reader, m)) {
            bench_fail("member %u: the server closed the connection", m->number);
        }
    }
    if (plan.window > 0) {
        traffic_send(0);
    }
    members_flush();
}
