/* Compressed WebSocket messages (RFC 7692 section 7.2), without sockets: frames of deflated
 * payloads for what we send, inflating for what clients send.
 *
 * Thread: whoever owns the deflater or inflater. Both take their memory when they are made (the
 * window of an inflater: with its first output) and keep it until they are destroyed; who keeps one
 * for how long is the caller's to decide. */
#pragma once
#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "net/ws_extension.h"
#include "net/ws_frame.h"

enum {
    /* Inflated bytes over the limit that may lie in memory before a message is refused. */
    WS_INFLATE_SLACK_BYTES = 1,
};

struct ws_deflater;
struct ws_inflater;

/* `window_bits` 9 to 15. */
struct ws_deflater *ws_deflater_create(unsigned window_bits);
/* NULL is allowed. */
void ws_deflater_destroy(struct ws_deflater *take_deflater);
/* The message as one final, compressed frame (RSV1), one reference; NULL when that would be no
 * shorter than the payload alone. With `keeps_context` it may refer to the payloads before it since
 * the context was last new; without, it stands alone, and whoever has a window of that size can
 * read it. */
struct blob *ws_deflater_frame(struct ws_deflater *deflater, enum ws_opcode opcode,
                               struct str payload, bool keeps_context);
/* The peer was sent compressed messages by another deflater: the next frame stands alone. */
void ws_deflater_forget(struct ws_deflater *deflater);

/* `window_bits` 8 to 15. */
struct ws_inflater *ws_inflater_create(unsigned window_bits);
/* NULL is allowed. */
void ws_inflater_destroy(struct ws_inflater *take_inflater);
/* Appends the inflated piece to `message`. Returns 0 or a close code: WS_CLOSE_TOO_BIG as soon as
 * `message` would have more than `limit_bytes` (its memory never exceeds these by more than
 * WS_INFLATE_SLACK_BYTES), WS_CLOSE_PROTOCOL_ERROR for what is no deflated data. After a failure
 * the inflater may only be destroyed. */
uint16_t ws_inflater_feed(struct ws_inflater *inflater, struct str piece, size_t limit_bytes,
                          struct buf *message) MUST_CHECK;
/* The message's last piece was fed (7.2.2): appends the rest, and checks that the data does not
 * break off inside a block. Returns as ws_inflater_feed. The window stays for the next message. */
uint16_t ws_inflater_end(struct ws_inflater *inflater, size_t limit_bytes,
                         struct buf *message) MUST_CHECK;
