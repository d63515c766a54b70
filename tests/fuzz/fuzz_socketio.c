/* One Socket.IO packet: what is taken for one is within its limits, and reads the same again. */
#include "realtime/socketio.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct socketio_packet packet, again;
    if (!socketio_parse((struct str){(const char *)data, size}, &packet)) {
        CHECK(packet.data == NULL);
        return 0;
    }
    CHECK(packet.attachments <= SOCKETIO_ATTACHMENTS_MAX &&
          packet.nsp.len <= SOCKETIO_NAMESPACE_MAX_BYTES && packet.nsp.ptr[0] == '/');
    bool is_event = packet.type == SOCKETIO_EVENT || packet.type == SOCKETIO_BINARY_EVENT;
    if (is_event && packet.data == NULL) /* its arguments are not believed */
        return 0;
    struct buf text = BUF_INIT;
    char *json =
        packet.data != NULL ? json_dumps(packet.data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    socketio_append_head(&text, &packet);
    if (json != NULL)
        buf_append_cstr(&text, json);
    CHECK(socketio_parse(buf_str(&text), &again));
    CHECK(again.type == packet.type && again.id == packet.id &&
          again.attachments == packet.attachments && str_equal(again.nsp, packet.nsp) &&
          (packet.data == NULL || json_equal(again.data, packet.data)));
    json_decref(packet.data);
    json_decref(again.data);
    free(json);
    buf_finish(&text);
    return 0;
}
