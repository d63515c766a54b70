#include "realtime/engineio.h"

#include "base/text.h"
#include "net/ws_frame.h"

enum { PACKET_SEPARATOR = '\x1e', BINARY_MARK = 'b' };

bool engineio_parse(struct str text, struct engineio_packet *out) {
    if (text.len == 0 || text.ptr[0] < '0' || text.ptr[0] > '0' + ENGINEIO_NOOP)
        return false;
    *out = (struct engineio_packet){.type = (enum engineio_type)(text.ptr[0] - '0'),
                                    .data = str_slice(text, 1, text.len)};
    return true;
}

static bool parse_binary(struct str base64, struct buf *binary, struct engineio_packet *out) {
    size_t length = 0;
    buf_clear(binary);
    char *bytes = buf_reserve(binary, base64.len / 4 * 3 + 1);
    if (!text_base64_decode(base64, bytes, base64.len / 4 * 3 + 1, &length))
        return false;
    *out = (struct engineio_packet){
        .type = ENGINEIO_MESSAGE, .is_binary = true, .data = str_make(bytes, length)};
    return true;
}

enum engineio_next engineio_next(struct str *rest, struct buf *binary,
                                 struct engineio_packet *out) {
    if (rest->ptr == NULL)
        return ENGINEIO_END;
    struct str packet, after;
    if (!str_cut(*rest, PACKET_SEPARATOR, &packet, &after))
        after.ptr = NULL; /* that was the last */
    *rest = after;
    bool is_binary = packet.len > 0 && packet.ptr[0] == BINARY_MARK;
    bool is_one = is_binary ? parse_binary(str_slice(packet, 1, packet.len), binary, out)
                            : engineio_parse(packet, out);
    return is_one ? ENGINEIO_PACKET : ENGINEIO_MALFORMED;
}

/* ---- frames ---- */

struct blob *engineio_frame(enum engineio_type type, struct str data) {
    uint8_t header[WS_SERVER_HEADER_MAX_BYTES];
    size_t header_length = ws_frame_header(WS_TEXT, data.len + 1, header);
    char digit = (char)('0' + (int)type);
    struct blob *frame = blob_create(header_length + 1 + data.len);
    blob_append(frame, header, header_length);
    blob_append(frame, &digit, 1);
    blob_append(frame, data.ptr, data.len);
    return frame;
}

struct blob *engineio_frame_binary(struct str data) {
    return ws_frame_blob(WS_BINARY, data);
}

/* The header's length stands in its second byte (RFC 6455 section 5.2); ours have no mask. */
static struct str frame_payload(const struct blob *frame) {
    enum { LENGTH_16_BITS = 126, LENGTH_64_BITS = 127 };
    size_t skip = 2;
    if (frame->bytes[1] == LENGTH_16_BITS)
        skip = 4;
    else if (frame->bytes[1] == LENGTH_64_BITS)
        skip = 10;
    return str_slice(blob_str(frame), skip, frame->len);
}

void engineio_append_frame(struct buf *payload, const struct blob *frame) {
    struct str data = frame_payload(frame);
    if (payload->len > 0)
        buf_append_char(payload, PACKET_SEPARATOR);
    if ((frame->bytes[0] & 0x0f) == WS_TEXT) {
        buf_append_str(payload, data);
        return;
    }
    buf_append_char(payload, BINARY_MARK);
    payload->len +=
        text_base64_encode(data.ptr, data.len, buf_reserve(payload, (data.len + 2) / 3 * 4 + 1));
}

/* ---- requests ---- */

void engineio_parse_query(struct str query, struct engineio_query *out) {
    struct str pair, name, value;
    *out = (struct engineio_query){0};
    while (query.len > 0) {
        str_cut(query, '&', &pair, &query);
        str_cut(pair, '=', &name, &value);
        if (out->version.ptr == NULL && str_equal(name, STR("EIO")))
            out->version = value;
        else if (out->transport.ptr == NULL && str_equal(name, STR("transport")))
            out->transport = value;
        else if (out->sid.ptr == NULL && str_equal(name, STR("sid")))
            out->sid = value;
    }
}

void engineio_append_handshake(struct buf *json, const struct engineio_handshake *handshake) {
    buf_appendf(json,
                "{\"sid\":\"%.*s\",\"upgrades\":[%s],\"pingInterval\":%llu,\"pingTimeout\":%llu,"
                "\"maxPayload\":%zu}",
                STR_ARG(handshake->sid), handshake->can_upgrade ? "\"websocket\"" : "",
                (unsigned long long)handshake->ping_interval_ms,
                (unsigned long long)handshake->ping_timeout_ms, handshake->max_payload_bytes);
}

void engineio_append_error(struct buf *json, enum engineio_error error) {
    static const char *const messages[] = {
        [ENGINEIO_UNKNOWN_TRANSPORT] = "Transport unknown",
        [ENGINEIO_UNKNOWN_SID] = "Session ID unknown",
        [ENGINEIO_BAD_HANDSHAKE_METHOD] = "Bad handshake method",
        [ENGINEIO_BAD_REQUEST] = "Bad request",
        [ENGINEIO_FORBIDDEN] = "Forbidden",
        [ENGINEIO_UNSUPPORTED_VERSION] = "Unsupported protocol version",
    };
    buf_appendf(json, "{\"code\":%d,\"message\":\"%s\"}", (int)error, messages[error]);
}
