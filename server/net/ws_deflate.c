#include "net/ws_deflate.h"

#include "base/mem.h"
#include <zlib.h>

/* A sync flush ends with an empty stored block, of which all but three bits are cut off the message
 * by who sends it and put back by who reads it (7.2.1, 7.2.2). */
enum { TAIL_BYTES = 4 };
static const char tail[TAIL_BYTES] = {0, 0, (char)0xff, (char)0xff};

enum {
    /* Measured over JSON with a window of 12 bits: at 0.5 KiB all levels cost and give about the
     * same (9 us, 52 %); at 4 KiB level 1 takes 22 us to 31 %, level 6 49 us to 29 %. */
    DEFLATE_LEVEL = 1,
    /* zlib's memory levels go with the window: 12 bits and level 5 take 29 KiB. */
    MEMORY_LEVEL_BELOW_BITS = 7,
    INFLATE_FIRST_BYTES = 1024,
    /* inflate() says in data_type that it stands between two blocks. */
    AT_BLOCK_BORDER = 128,
};

/* Never NULL: out of memory ends the process. */
static void *allocate(void *opaque, unsigned count, unsigned size) {
    (void)opaque;
    return mem_alloc((size_t)count * size);
}

static void release(void *opaque, void *take_ptr) {
    (void)opaque;
    mem_free(take_ptr);
}

/* ---- deflate ---- */

struct ws_deflater {
    z_stream stream;
    bool is_stale; /* the peer's window is not what ours is */
};

struct ws_deflater *ws_deflater_create(unsigned window_bits) {
    CHECK(window_bits >= WS_DEFLATE_BITS_MIN && window_bits <= WS_WINDOW_BITS_MAX);
    struct ws_deflater *deflater = mem_zalloc(1, sizeof *deflater);
    deflater->stream.zalloc = allocate;
    deflater->stream.zfree = release;
    int result = deflateInit2(&deflater->stream, DEFLATE_LEVEL, Z_DEFLATED, -(int)window_bits,
                              (int)window_bits - MEMORY_LEVEL_BELOW_BITS, Z_DEFAULT_STRATEGY);
    CHECK(result == Z_OK);
    return deflater;
}

void ws_deflater_destroy(struct ws_deflater *take_deflater) {
    if (take_deflater == NULL)
        return;
    deflateEnd(&take_deflater->stream);
    mem_free(take_deflater);
}

void ws_deflater_forget(struct ws_deflater *deflater) {
    deflater->is_stale = true;
}

/* Deflates into `out`, which has room for the payload's length; returns how much it became, without
 * the tail, or 0 when it did not fit. */
static size_t deflate_into(z_stream *stream, struct str payload, unsigned char *out) {
    stream->next_in = (unsigned char *)(uintptr_t)payload.ptr;
    stream->avail_in = (unsigned)payload.len;
    stream->next_out = out;
    stream->avail_out = (unsigned)payload.len;
    int result = deflate(stream, Z_SYNC_FLUSH);
    /* with room left, the flush is complete and ends with the tail */
    if (result != Z_OK || stream->avail_in > 0 || stream->avail_out == 0)
        return 0;
    return payload.len - stream->avail_out - TAIL_BYTES;
}

struct blob *ws_deflater_frame(struct ws_deflater *deflater, enum ws_opcode opcode,
                               struct str payload, bool keeps_context) {
    CHECK(payload.len <= UINT32_MAX - WS_SERVER_HEADER_MAX_BYTES);
    struct blob *frame = blob_create(WS_SERVER_HEADER_MAX_BYTES + payload.len);
    uint8_t *deflated = frame->bytes + WS_SERVER_HEADER_MAX_BYTES;
    if (!keeps_context || deflater->is_stale)
        deflateReset(&deflater->stream);
    size_t length = deflate_into(&deflater->stream, payload, deflated);
    deflater->is_stale = length == 0;
    if (length == 0) {
        blob_unref(frame);
        return NULL;
    }
    size_t header = ws_frame_header(opcode, length, frame->bytes);
    frame->bytes[0] |= WS_COMPRESSED;
    memmove(frame->bytes + header, deflated, length);
    frame->len = (uint32_t)(header + length);
    return blob_shrink(frame);
}

/* ---- inflate ---- */

struct ws_inflater {
    z_stream stream;
    /* The message needs no tail: nothing of it was fed (there are clients that send an empty one as
     * no bytes), or the last byte closed a final block (7.2.3.4). */
    bool is_closed;
};

struct ws_inflater *ws_inflater_create(unsigned window_bits) {
    CHECK(window_bits >= WS_WINDOW_BITS_MIN && window_bits <= WS_WINDOW_BITS_MAX);
    /* Clients that mean 8 and deflate with zlib use 9. */
    unsigned bits = window_bits < WS_DEFLATE_BITS_MIN ? WS_DEFLATE_BITS_MIN : window_bits;
    struct ws_inflater *inflater = mem_zalloc(1, sizeof *inflater);
    inflater->stream.zalloc = allocate;
    inflater->stream.zfree = release;
    CHECK(inflateInit2(&inflater->stream, -(int)bits) == Z_OK);
    inflater->is_closed = true;
    return inflater;
}

void ws_inflater_destroy(struct ws_inflater *take_inflater) {
    if (take_inflater == NULL)
        return;
    inflateEnd(&take_inflater->stream);
    mem_free(take_inflater);
}

/* Room for one byte more at least; doubled, and never beyond the limit and its slack. */
static size_t make_room(struct buf *message, size_t limit_bytes) {
    size_t most = limit_bytes + WS_INFLATE_SLACK_BYTES;
    if (message->cap == message->len || message->data == NULL) {
        size_t cap = message->cap < INFLATE_FIRST_BYTES / 2 ? INFLATE_FIRST_BYTES
                     : message->cap > most / 2              ? most
                                                            : message->cap * 2;
        buf_resize(message, cap < most ? cap : most);
    }
    return message->cap - message->len;
}

/* One call of zlib. */
static int inflate_some(struct ws_inflater *inflater, size_t limit_bytes, struct buf *message) {
    z_stream *stream = &inflater->stream;
    size_t room = make_room(message, limit_bytes);
    stream->next_out = (unsigned char *)message->data + message->len;
    stream->avail_out = room < UINT32_MAX ? (unsigned)room : UINT32_MAX;
    unsigned before = stream->avail_out;
    int result = inflate(stream, Z_SYNC_FLUSH);
    message->len += before - stream->avail_out;
    return result;
}

uint16_t ws_inflater_feed(struct ws_inflater *inflater, struct str piece, size_t limit_bytes,
                          struct buf *message) {
    z_stream *stream = &inflater->stream;
    stream->next_in = (unsigned char *)(uintptr_t)piece.ptr;
    stream->avail_in = (unsigned)piece.len;
    bool goes_on = piece.len > 0;
    while (goes_on) {
        int result = inflate_some(inflater, limit_bytes, message);
        if (message->len > limit_bytes)
            return WS_CLOSE_TOO_BIG;
        if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END)
            return WS_CLOSE_PROTOCOL_ERROR;
        inflater->is_closed = result == Z_STREAM_END && stream->avail_in == 0;
        if (result == Z_STREAM_END) /* what follows a final block sees the same window */
            CHECK(inflateResetKeep(stream) == Z_OK);
        goes_on = !inflater->is_closed && (stream->avail_in > 0 || stream->avail_out == 0);
    }
    return 0;
}

uint16_t ws_inflater_end(struct ws_inflater *inflater, size_t limit_bytes, struct buf *message) {
    if (inflater->is_closed)
        return 0;
    uint16_t code = ws_inflater_feed(inflater, str_make(tail, sizeof tail), limit_bytes, message);
    bool is_whole = (inflater->stream.data_type & AT_BLOCK_BORDER) != 0;
    inflater->is_closed = true;
    return code == 0 && !is_whole ? WS_CLOSE_PROTOCOL_ERROR : code;
}
