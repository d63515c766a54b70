/* The little of RFC 6455 that the bench programs share: reading heads and frames from a socket,
 * writing frame headers.
 *
 * One thread. An idle connection owns no buffer: what is read lands in one shared block, and only
 * the rest of an incomplete frame is kept with the connection. Anything out of order ends the
 * program: a bench that goes on measures nothing. */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };
enum { WS_HEADER_BYTES = 14, WS_ACCEPT_BYTES = 29 };

struct ws_frame {
    uint8_t opcode;
    bool compressed;  /* RSV1 (RFC 7692); the payload is as it came */
    uint8_t *payload; /* unmasked in place; valid during the callback */
    size_t length;
};

/* What a connection has read: first an HTTP head, then frames. All zero at the start. */
struct ws_inbox {
    uint8_t *rest;
    size_t rest_bytes;
    bool upgraded;
};

struct ws_reader {
    /* The head, NUL-terminated, when it is whole. */
    void (*on_head)(void *owner, const char *head);
    void (*on_frame)(void *owner, const struct ws_frame *frame);
};

/* Prints the message and the errno's text and ends the program with status 1. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_fail(const char *format, ...);

/* Monotonic time in nanoseconds. */
uint64_t bench_now_ns(void);

/* Lifts the limit of open files as far as the machine lets it. */
void bench_lift_file_limit(void);

/* Reads once from the non-blocking socket and calls back for all that is whole. False: the peer
 * closed. */
bool ws_inbox_read(struct ws_inbox *in, int fd, const struct ws_reader *reader, void *owner);

void ws_inbox_finish(struct ws_inbox *in);

/* Writes the header of one whole frame and answers its size; with a mask (RFC 6455, 5.3) for a
 * client's frame. */
size_t ws_header_write(uint8_t out[WS_HEADER_BYTES], uint8_t opcode, size_t length,
                       const uint8_t mask[4]);

/* The answer to a Sec-WebSocket-Key (RFC 6455, 4.2.2), which ends at the first byte below '+'. */
void ws_accept_key(const char *key, char out[WS_ACCEPT_BYTES]);

#endif
