#include "net/proxy_header.h"

enum {
    FIXED_BYTES = 16,
    SIGNATURE_BYTES = 12,
    VERSION_2 = 2,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    TCP_OVER_IPV4 = 0x11,
    TCP_OVER_IPV6 = 0x21,
    /* source and destination, a port each */
    IPV4_BYTES = 12,
    IPV6_BYTES = 36,
    /* families and protocols beyond are to be refused */
    FAMILY_LAST = 3,
    PROTOCOL_LAST = 2,
};

static const char SIGNATURE[] = "\r\n\r\n\0\r\nQUIT\n";

/* `body` is what follows the fixed part, its extra fields included. */
static enum proxy_progress read_source(unsigned family, struct str body, struct proxy_header *out) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (family >> 4 > FAMILY_LAST || (family & 0x0f) > PROTOCOL_LAST)
        return PROXY_BAD;
    if (family == TCP_OVER_IPV4) {
        if (body.len < IPV4_BYTES)
            return PROXY_BAD;
        memcpy(out->source, mapped, sizeof mapped);
        memcpy(out->source + sizeof mapped, body.ptr, 4);
        out->has_source = true;
    } else if (family == TCP_OVER_IPV6) {
        if (body.len < IPV6_BYTES)
            return PROXY_BAD;
        memcpy(out->source, body.ptr, 16);
        out->has_source = true;
    }
    return PROXY_DONE;
}

enum proxy_progress proxy_header_parse(struct str bytes, struct proxy_header *out) {
    size_t have = bytes.len < SIGNATURE_BYTES ? bytes.len : SIGNATURE_BYTES;
    if (memcmp(bytes.ptr, SIGNATURE, have) != 0)
        return PROXY_BAD;
    if (bytes.len < FIXED_BYTES)
        return PROXY_MORE;
    const uint8_t *at = (const uint8_t *)bytes.ptr + SIGNATURE_BYTES;
    unsigned version = at[0] >> 4, command = at[0] & 0x0f, family = at[1];
    size_t length = FIXED_BYTES + ((size_t)at[2] << 8 | at[3]);
    if (version != VERSION_2 || command > COMMAND_PROXY || length > PROXY_HEADER_MAX_BYTES)
        return PROXY_BAD;
    if (bytes.len < length)
        return PROXY_MORE;
    *out = (struct proxy_header){.bytes = length};
    if (command == COMMAND_LOCAL)
        return PROXY_DONE;
    return read_source(family, str_slice(bytes, FIXED_BYTES, length), out);
}
