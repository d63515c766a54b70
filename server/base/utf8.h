/* UTF-8 (RFC 3629): strict. Overlong forms, surrogates and what lies beyond U+10FFFF are invalid.
 * Any thread. */
#pragma once
#include "base/str.h"

/* The whole of s is valid. Eight bytes at a time while it is ASCII. */
bool utf8_is_valid(struct str s);
/* Code points in valid UTF-8. */
size_t utf8_count(struct str s);

/* A text that comes in pieces, cut anywhere (fragments of a WebSocket message). */
struct utf8_state {
    uint8_t need;      /* continuation bytes still to come */
    uint8_t low, high; /* bounds of the next one */
};

void utf8_start(struct utf8_state *state);
/* False as soon as the bytes so far cannot begin a valid text. */
bool utf8_feed(struct utf8_state *state, struct str piece);
/* No character is left unfinished. */
bool utf8_is_complete(const struct utf8_state *state);
