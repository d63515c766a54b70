/* Which proxies are believed, and whose request it then is.
 *
 * Whoever can reach the server can write an X-Forwarded-For; only what a trusted proxy adds counts.
 * Addresses are 16 bytes, IPv4 as v4-mapped. Filled before the loops start, then read by any
 * thread. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct http_request;

enum {
    TRUSTED_RANGES_MAX = 64,
    /* More proxies than this one behind the other are not looked through. */
    TRUSTED_HOPS_MAX = 32,
};

struct trusted {
    struct trusted_range {
        uint8_t address[16];
        uint8_t bits; /* of the address that count, 0 to 128 */
    } ranges[TRUSTED_RANGES_MAX];
    unsigned count;
};

/* "10.0.0.0/8, 2001:db8::/32, 192.0.2.7", or empty for none. False, and why in `error`, for what is
 * no such list, or has bits set behind a prefix. */
bool trusted_parse(struct str text, struct trusted *out, struct buf *error) MUST_CHECK;
/* `trusted` may be NULL, which trusts nobody; so in the functions below. */
bool trusted_has(const struct trusted *trusted, const uint8_t address[16]);
/* An address as X-Forwarded-For writes it: IPv4, IPv6, "IPv4:port", "[IPv6]", "[IPv6]:port". */
bool trusted_parse_address(struct str text, uint8_t out[16]);
/* Whose request it is, in `client`: the peer, and as long as that is a trusted proxy, the address
 * to the left of it in X-Forwarded-For. So the leftmost that counts was written down by a proxy of
 * ours, and what the client itself put before it does not. An entry that is no address ends the
 * walk. */
void trusted_find_client(const struct trusted *trusted, const uint8_t peer[16],
                         const struct http_request *request, uint8_t client[16]);
/* True when a trusted peer says by X-Forwarded-Proto that the request came to it by plain HTTP. */
bool trusted_says_plain(const struct trusted *trusted, const uint8_t peer[16],
                        const struct http_request *request);
