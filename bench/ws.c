#include "ws.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { SCRATCH_BYTES = 1 << 20, READ_BYTES = 256 << 10, KEY_BYTES_MAX = 64 };

void bench_fail(const char *format, ...) {
    int error = errno;
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (errno %d: %s)\n", error, strerror(error));
    exit(1);
}

uint64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void bench_lift_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Finds the whole frame at the start of the bytes; answers its size, 0 if more must be read. */
static size_t frame_parse(uint8_t *data, size_t available, struct ws_frame *frame) {
    if (available < 2) {
        return 0;
    }
    if ((data[0] & 0xB0) != 0x80) {
        bench_fail("a fragmented frame, first byte %02x", data[0]);
    }
    size_t header = 2;
    uint64_t length = data[1] & 0x7F;
    size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (extended != 0) {
        if (available < header + extended) {
            return 0;
        }
        length = 0;
        for (size_t i = 0; i < extended; i++) {
            length = length << 8 | data[header + i];
        }
        header += extended;
    }
    bool masked = (data[1] & 0x80) != 0;
    const uint8_t *mask = data + header;
    header += masked ? 4 : 0;
    if (length > SCRATCH_BYTES - READ_BYTES) {
        bench_fail("a frame of %llu bytes", (unsigned long long)length);
    }
    if (available < header + length) {
        return 0;
    }
    frame->opcode = data[0] & 0x0F;
    frame->compressed = (data[0] & 0x40) != 0;
    frame->payload = data + header;
    frame->length = (size_t)length;
    for (size_t i = 0; masked && i < frame->length; i++) {
        frame->payload[i] ^= mask[i & 3];
    }
    return header + frame->length;
}

/* Takes the head off the front of the bytes, if it is whole; answers its size. */
static size_t head_take(struct ws_inbox *in, uint8_t *data, size_t available,
                        const struct ws_reader *reader, void *owner) {
    uint8_t *end = memmem(data, available, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    end[2] = '\0';
    in->upgraded = true;
    reader->on_head(owner, (const char *)data);
    return (size_t)(end - data) + 4;
}

static void rest_keep(struct ws_inbox *in, const uint8_t *data, size_t length) {
    free(in->rest);
    in->rest = NULL;
    in->rest_bytes = length;
    if (length > 0) {
        in->rest = malloc(length);
        if (in->rest == NULL) {
            bench_fail("out of memory");
        }
        memcpy(in->rest, data, length);
    }
}

bool ws_inbox_read(struct ws_inbox *in, int fd, const struct ws_reader *reader, void *owner) {
    static uint8_t scratch[SCRATCH_BYTES];
    if (in->rest_bytes > 0) {
        memcpy(scratch, in->rest, in->rest_bytes);
    }
    ssize_t got = recv(fd, scratch + in->rest_bytes, READ_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (got <= 0) {
        return false;
    }
    size_t total = in->rest_bytes + (size_t)got;
    size_t used = in->upgraded ? 0 : head_take(in, scratch, total, reader, owner);
    struct ws_frame frame;
    size_t size;
    while (in->upgraded && (size = frame_parse(scratch + used, total - used, &frame)) > 0) {
        used += size;
        reader->on_frame(owner, &frame);
    }
    if (used < total || in->rest_bytes > 0) {
        rest_keep(in, scratch + used, total - used);
    }
    return true;
}

void ws_inbox_finish(struct ws_inbox *in) {
    rest_keep(in, NULL, 0);
}

size_t ws_header_write(uint8_t out[WS_HEADER_BYTES], uint8_t opcode, size_t length,
                       const uint8_t mask[4]) {
    size_t extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = extended == 0 ? (uint8_t)length : extended == 2 ? 126 : 127;
    for (size_t i = 0; i < extended; i++) {
        out[2 + i] = (uint8_t)((uint64_t)length >> (8 * (extended - 1 - i)));
    }
    if (mask != NULL) {
        out[1] |= 0x80;
        memcpy(out + 2 + extended, mask, 4);
    }
    return 2 + extended + (mask != NULL ? 4 : 0);
}

void ws_accept_key(const char *key, char out[WS_ACCEPT_BYTES]) {
    char text[KEY_BYTES_MAX + 40];
    size_t length = 0;
    while (length < KEY_BYTES_MAX && key[length] >= '+') {
        length++;
    }
    int whole =
        snprintf(text, sizeof(text), "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)length, key);
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA1((const uint8_t *)text, (size_t)whole, digest);
    EVP_EncodeBlock((uint8_t *)out, digest, sizeof(digest));
}
