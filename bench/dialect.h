/* What members say to the server that is measured: one struct a kind of server.
 *
 * All of them join one room, send texts that carry a number behind '#', and report what arrives to
 * traffic.c. A server that says anything else ends the program. */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include "load.h"

enum { REQUEST_BYTES_MAX = 512 };

struct dialect {
    const char *name;
    bool acknowledges; /* the sender of a message gets an answer beside the message */
    /* The path that is asked for; answers its length, as snprintf. */
    int (*write_path)(const struct room *room, char *out, size_t size);
    /* The socket was upgraded: joins the room. member_ready() follows, at once or by on_text. */
    void (*on_open)(struct member *m);
    void (*on_text)(struct member *m, const struct ws_frame *frame, uint64_t now_ns);
    /* The frame that sends message `number` of the sender's room; answers its length. */
    int (*write_message)(const struct member *sender, size_t number, const char *text, char *out,
                         size_t size);
};

/* "parley", "history" (Parley: pages here and there are read instead of messages sent),
 * "history-again" (always the same page), "raw" (raw_epoll), "ws" or
 * "socketio"; NULL for others. */
const struct dialect *dialect_find(const char *name);

#endif
