/* The PROXY protocol's binary header, version 2: what a proxy says before all else about whose
 * connection it hands on (haproxy's proxy-protocol.txt, section 2.2). Socket-free. Any thread. */
#pragma once
#include "base/check.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

/* Its own 16 bytes, the addresses and as many extra fields (TLVs) as we are ready to skip. */
enum { PROXY_HEADER_MAX_BYTES = 2048 };

enum proxy_progress {
    PROXY_MORE, /* so far it is one; wait for the rest */
    PROXY_DONE,
    PROXY_BAD, /* no header, not version 2, malformed or over PROXY_HEADER_MAX_BYTES */
};

struct proxy_header {
    size_t bytes;       /* of the header: what follows is the connection's */
    bool has_source;    /* false for LOCAL (the proxy's own check) and for what is not TCP */
    uint8_t source[16]; /* IPv4 as v4-mapped */
};

/* Looks at the connection's first bytes, all that came so far; `out` is set with PROXY_DONE. */
enum proxy_progress proxy_header_parse(struct str bytes, struct proxy_header *out) MUST_CHECK;
