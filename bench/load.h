/* The load generator's parts: traffic (rooms, messages, what must arrive) and members (the
 * WebSockets that carry it).
 *
 * One thread, one epoll. Whatever must not happen (a message twice, lost, in another order, a
 * refused request, a closed connection) ends the program with status 1: a figure is printed only
 * for a run in which every member got every message once, all in the same order. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "histogram.h"
#include "ws.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TEXT_BYTES = 100,
    TEXT_BYTES_MIN = 16,
    TEXT_BYTES_MAX = 4000,
    TEXT_ROOM_BYTES = TEXT_BYTES_MAX + 16,
    ROOM_ID_BYTES = 40,
    NONCE_ROOM_BYTES = 37
};

struct dialect;

/* How a run goes: given on the command line. */
struct plan {
    const char *name;
    const struct dialect *dialect;
    const char *file; /* Parley: a line a room: its id and bearer tokens; else NULL */
    uint16_t port;
    int pid; /* the server's */
    size_t rooms;
    size_t members; /* a room */
    size_t senders; /* of a room's members, how many send in turn */
    size_t window;  /* closed loop: messages of a room in flight; 0: open loop */
    double rate;    /* open loop: messages a second over all rooms */
    double warmup_s, measure_s;
    size_t stalled;    /* a room: further members who read nothing once they are in it */
    size_t text_bytes; /* of a message */
    bool deflate;      /* members read compressed frames */
    bool idle;
    bool hold; /* idle: stay until standard input ends */
};

struct message {
    uint64_t sent_ns; /* open loop: when it was due, so that waiting in the generator counts too */
    uint32_t delivered;
    bool placed;
};

struct room {
    char id[ROOM_ID_BYTES];
    char **tokens;
    size_t token_count;
    struct member **senders;
    size_t next_sender;
    struct message *messages; /* by number */
    uint32_t *order;          /* the number of the message that stands at each place */
    size_t capacity, sent, ordered, completed, acked;
    size_t owed; /* messages to send at the end of this turn */
    struct room *next_owing;
};

struct member {
    int fd;
    bool ready, stalled;
    uint32_t number;
    struct room *room;
    size_t place; /* deliveries so far */
    struct ws_inbox inbox;
    char *out; /* what the socket did not take yet; senders only */
    size_t out_bytes, out_capacity;
    struct member *next_unsent;
    bool unsent;
};

/* What is counted while `counting`. */
struct tally {
    bool counting;
    bool sending; /* a completed message is followed by another */
    uint64_t deliveries, compressed, acked, events;
    struct histogram delivery_ns, ack_ns;
};

extern struct plan plan;
extern struct tally tally;
extern struct room *rooms;
extern struct member *members;
extern size_t member_count, members_ready;

/* ---- traffic.c ---- */
void traffic_init(void);
/* Lets the room send `count` more messages at the end of this turn. */
void room_owe(struct room *room, size_t count);
/* Sends what is owed. A message counts as sent at `due_ns`; 0: now. */
void traffic_send(uint64_t due_ns);
void traffic_delivered(struct member *m, uint32_t number, uint64_t now_ns);
void traffic_acknowledged(struct room *room, uint32_t number, uint64_t now_ns);
/* True when every message was acknowledged and every member has it. */
bool traffic_all_done(void);
size_t traffic_sent(void);
/* A UUIDv7 (RFC 9562, 5.7), as the SDK makes nonces. */
void traffic_nonce(char out[NONCE_ROOM_BYTES]);

/* ---- member.c ---- */
/* Makes `members`, none of them connected. */
void members_make(void);
/* Connects members up to the first `count`, signs them in and starts their streams; answers when
 * these are ready. */
void members_connect(size_t count);
/* One turn: waits at most wait_ns, reads what came, then sends what it led to. */
void members_turn(uint64_t wait_ns);
/* For dialects: the member is in its room. */
void member_ready(struct member *m);
/* Queues one text frame; it goes out at the end of the turn. */
void member_send_text(struct member *m, const char *text, size_t length);

#endif
