/* The server's half of the opening handshake (RFC 6455 section 4.2.2). Socket-free; any thread. */
#pragma once
#include "base/str.h"

enum { WS_ACCEPT_BYTES = 29 };

/* The value of Sec-WebSocket-Accept for a client's key, NUL-terminated. */
void ws_handshake_accept(struct str key, char out[WS_ACCEPT_BYTES]);
