#include "inflate.h"

#include <string.h>
#include <zlib.h>

enum { INFLATED_BYTES_MAX = 4 << 20, WINDOW_BITS = 15 };

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

struct ws_frame inflate_frame(const struct ws_frame *frame) {
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
