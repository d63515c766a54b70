/* The body of a poll's POST: what is read is written again, and reads the same. */
#include "realtime/engineio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = {(const char *)data, size};
    struct buf binary = BUF_INIT, payload = BUF_INIT;
    struct engineio_packet packet, again;
    struct engineio_query query;
    engineio_parse_query(rest, &query);
    while (engineio_next(&rest, &binary, &packet) == ENGINEIO_PACKET) {
        struct blob *frame = packet.is_binary ? engineio_frame_binary(packet.data)
                                              : engineio_frame(packet.type, packet.data);
        struct buf copy = BUF_INIT;
        buf_append_str(&copy, packet.data);
        buf_clear(&payload);
        engineio_append_frame(&payload, frame);
        struct str written = buf_str(&payload);
        CHECK(engineio_next(&written, &binary, &again) == ENGINEIO_PACKET);
        CHECK(again.type == packet.type && again.is_binary == packet.is_binary &&
              str_equal(again.data, buf_str(&copy)) && written.ptr == NULL);
        buf_finish(&copy);
        blob_unref(frame);
    }
    buf_finish(&binary);
    buf_finish(&payload);
    return 0;
}
