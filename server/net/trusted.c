#include "net/trusted.h"

#include "net/http_request.h"
#include <arpa/inet.h>

enum { V4_MAPPED_BITS = 96, ADDRESS_BITS = 128 };

/* ---- addresses and ranges ---- */

/* Without port or brackets. */
static bool parse_bare(struct str text, uint8_t out[16], bool *is_v4) {
    char name[INET6_ADDRSTRLEN];
    if (text.len >= sizeof name || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    *is_v4 = str_find_char(text, ':') == STR_NOT_FOUND;
    if (!*is_v4)
        return inet_pton(AF_INET6, name, out) == 1;
    memset(out, 0, 16);
    out[10] = out[11] = 0xff;
    return inet_pton(AF_INET, name, out + 12) == 1;
}

static bool is_equal_up_to(const uint8_t a[16], const uint8_t b[16], unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* Nothing set behind the prefix: "10.0.0.5/8" is more likely a slip than a wish. */
static bool is_clean(const struct trusted_range *range) {
    static const uint8_t zero[16];
    struct trusted_range tail = *range;
    for (unsigned i = 0; i < range->bits; i++)
        tail.address[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    return memcmp(tail.address, zero, sizeof zero) == 0;
}

static bool parse_range(struct str text, struct trusted_range *out) {
    struct str address, prefix;
    int64_t bits;
    bool is_v4;
    bool has_prefix = str_cut(text, '/', &address, &prefix);
    if (!parse_bare(address, out->address, &is_v4))
        return false;
    out->bits = ADDRESS_BITS;
    if (!has_prefix)
        return true;
    if (!str_to_i64(prefix, &bits) || bits < 0 || bits > (is_v4 ? 32 : ADDRESS_BITS))
        return false;
    out->bits = (uint8_t)(is_v4 ? V4_MAPPED_BITS + bits : bits);
    return is_clean(out);
}

bool trusted_parse(struct str text, struct trusted *out, struct buf *error) {
    struct str item, rest = text;
    bool goes_on = str_trim(text).len > 0;
    *out = (struct trusted){0};
    while (goes_on) {
        goes_on = str_cut(rest, ',', &item, &rest);
        item = str_trim(item);
        if (out->count == TRUSTED_RANGES_MAX) {
            buf_appendf(error, "more than %d ranges", TRUSTED_RANGES_MAX);
            return false;
        }
        if (!parse_range(item, &out->ranges[out->count++])) {
            buf_appendf(error,
                        "\"%.*s\" is neither an address nor a range such as 10.0.0.0/8 or "
                        "2001:db8::/32",
                        STR_ARG(item));
            return false;
        }
    }
    return true;
}

bool trusted_has(const struct trusted *trusted, const uint8_t address[16]) {
    for (unsigned i = 0; trusted != NULL && i < trusted->count; i++) {
        if (is_equal_up_to(address, trusted->ranges[i].address, trusted->ranges[i].bits))
            return true;
    }
    return false;
}

bool trusted_parse_address(struct str text, uint8_t out[16]) {
    struct str port = STR_EMPTY;
    size_t end = str_find_char(text, text.len > 0 && text.ptr[0] == '[' ? ']' : ':');
    bool is_v4;
    int64_t number;
    if (text.len > 0 && text.ptr[0] == '[') {
        if (end == STR_NOT_FOUND)
            return false;
        port = str_slice(text, end + 1, text.len);
        text = str_slice(text, 1, end);
        if (str_find_char(text, ':') == STR_NOT_FOUND)
            return false;
    } else if (end != STR_NOT_FOUND && str_find_char(str_slice(text, end + 1, text.len), ':') ==
                                           STR_NOT_FOUND) { /* one colon: a port */
        port = str_slice(text, end, text.len);
        text = str_slice(text, 0, end);
    }
    bool is_port =
        port.len == 0 || (port.ptr[0] == ':' && str_to_i64(str_slice(port, 1, port.len), &number) &&
                          number >= 0 && number <= UINT16_MAX);
    return is_port && parse_bare(text, out, &is_v4);
}

/* ---- what a proxy says ---- */

/* Takes the last item off a comma separated list. */
static struct str take_last(struct str *list) {
    size_t comma = list->len;
    while (comma > 0 && list->ptr[comma - 1] != ',')
        comma--;
    struct str item = str_trim(str_slice(*list, comma, list->len));
    *list = str_slice(*list, 0, comma > 0 ? comma - 1 : 0);
    return item;
}

/* The walk over one header line, from its right; false when it has come to its end. */
static bool walk_line(const struct trusted *trusted, struct str list, unsigned *hops,
                      uint8_t client[16]) {
    while (list.len > 0) {
        uint8_t address[16];
        if (++*hops > TRUSTED_HOPS_MAX || !trusted_has(trusted, client) ||
            !trusted_parse_address(take_last(&list), address))
            return false;
        memcpy(client, address, sizeof address);
    }
    return true;
}

void trusted_find_client(const struct trusted *trusted, const uint8_t peer[16],
                         const struct http_request *request, uint8_t client[16]) {
    unsigned hops = 0;
    memcpy(client, peer, 16);
    /* several lines are one list (RFC 9110 section 5.3) */
    for (size_t i = request->header_count; i > 0; i--) {
        const struct http_header *header = &request->headers[i - 1];
        if (str_equal_nocase(header->name, STR("X-Forwarded-For")) &&
            !walk_line(trusted, header->value, &hops, client))
            return;
    }
}

bool trusted_says_plain(const struct trusted *trusted, const uint8_t peer[16],
                        const struct http_request *request) {
    return trusted_has(trusted, peer) &&
           str_equal_nocase(http_request_header(request, "X-Forwarded-Proto"), STR("http"));
}
