#include "inflate.h"

#include <string.h>
#include <zlib.h>

enum { INFLATED_BYTES_MAX = 4 << 20, WINDOW_BITS = 15 };
/* Members get the same frames: the newest are inflated once, so that the generator keeps up. */
enum { KEPT_FRAMES = 64, KEPT_BYTES_MAX = 16384 };

struct kept {
    size_t deflated_bytes, bytes; /* 0: none */
    uint8_t deflated[KEPT_BYTES_MAX], inflated[KEPT_BYTES_MAX];
};
static struct kept kept[KEPT_FRAMES];

const char inflate_offer[] = "Sec-WebSocket-Extensions: permessage-deflate; "
                             "server_no_context_takeover; client_no_context_takeover\r\n";

static z_stream *fresh_stream(void) {
    static z_stream stream;
    static bool is_made;
    int result = is_made ? inflateReset(&stream) : inflateInit2(&stream, -WINDOW_BITS);
    if (result != Z_OK) {
        bench_fail("zlib: %d", result);
    }
    is_made = true;
    return &stream;
}

static struct ws_frame inflate_anew(const struct ws_frame *frame) {
    static uint8_t out[INFLATED_BYTES_MAX];
    static uint8_t tail[] = {0, 0, 0xFF, 0xFF}; /* section 7.2.2 */
    z_stream *stream = fresh_stream();
    stream->next_out = out;
    stream->avail_out = sizeof(out);
    stream->next_in = frame->payload;
    stream->avail_in = (unsigned)frame->length;
    int result = inflate(stream, Z_SYNC_FLUSH);
    stream->next_in = tail;
    stream->avail_in = sizeof(tail);
    if (result == Z_OK) {
        result = inflate(stream, Z_SYNC_FLUSH);
    }
    if (result != Z_OK || stream->avail_in > 0 || stream->avail_out == 0) {
        bench_fail("no deflated data, or more than %d bytes: %d", INFLATED_BYTES_MAX, result);
    }
    return (struct ws_frame){
        .opcode = frame->opcode, .payload = out, .length = sizeof(out) - stream->avail_out};
}

static void keep(struct kept *place, const struct ws_frame *frame,
                 const struct ws_frame *inflated) {
    if (frame->length > KEPT_BYTES_MAX || inflated->length > KEPT_BYTES_MAX) {
        return;
    }
    place->deflated_bytes = frame->length;
    place->bytes = inflated->length;
    memcpy(place->deflated, frame->payload, frame->length);
    memcpy(place->inflated, inflated->payload, inflated->length);
}

struct ws_frame inflate_frame(const struct ws_frame *frame) {
    uint32_t sum = (uint32_t)adler32(1, frame->payload, (unsigned)frame->length);
    struct kept *place = &kept[(sum ^ sum >> 16) % KEPT_FRAMES];
    if (place->deflated_bytes == frame->length &&
        memcmp(place->deflated, frame->payload, frame->length) == 0) {
        return (struct ws_frame){
            .opcode = frame->opcode, .payload = place->inflated, .length = place->bytes};
    }
    struct ws_frame inflated = inflate_anew(frame);
    keep(place, frame, &inflated);
    return inflated;
}
