#include "base/utf8.h"

/* High bits of eight bytes at once: none set means all ASCII. */
#define HIGH_BITS UINT64_C(0x8080808080808080)

void utf8_start(struct utf8_state *state) {
    *state = (struct utf8_state){0, 0x80, 0xBF};
}

/* How many bytes from `at` on are ASCII, in steps of eight. */
static size_t ascii_run(struct str s, size_t at) {
    size_t start = at;
    while (s.len - at >= 8) {
        uint64_t word;
        memcpy(&word, s.ptr + at, sizeof word);
        if ((word & HIGH_BITS) != 0)
            break;
        at += 8;
    }
    return at - start;
}

/* Takes a first byte: how many follow and within which bounds the next one lies (RFC 3629 section
 * 4). False: no first byte. */
static bool lead_byte(struct utf8_state *state, uint8_t byte) {
    if (byte < 0x80)
        return true;
    if (byte < 0xC2 || byte > 0xF4)
        return false;
    state->need = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    state->low = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    state->high = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return true;
}

bool utf8_feed(struct utf8_state *state, struct str piece) {
    size_t at = 0;
    while (at < piece.len) {
        if (state->need == 0)
            at += ascii_run(piece, at);
        if (at == piece.len)
            break;
        uint8_t byte = (uint8_t)piece.ptr[at++];
        if (state->need == 0) {
            if (!lead_byte(state, byte))
                return false;
            continue;
        }
        if (byte < state->low || byte > state->high)
            return false;
        state->need--;
        state->low = 0x80;
        state->high = 0xBF;
    }
    return true;
}

bool utf8_is_complete(const struct utf8_state *state) {
    return state->need == 0;
}

bool utf8_is_valid(struct str s) {
    struct utf8_state state;
    utf8_start(&state);
    return utf8_feed(&state, s) && utf8_is_complete(&state);
}

size_t utf8_count(struct str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((uint8_t)s.ptr[i] & 0xC0) != 0x80;
    return count;
}
