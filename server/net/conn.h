/* A connection: one accepted socket, HTTP/1.1 first and, after an upgrade, WebSocket messages.
 *
 * Thread: all of it on the loop that accepted the socket. Owner: net; the layer above holds a
 * pointer from on_open/on_request until its on_close has returned and every conn_hold() was given
 * back. Upward calls go through struct conn_ops, which main fills with api's functions (HTTP) and
 * realtime's (after the upgrade). Nothing here blocks; sending only queues: the end-of-turn flush
 * (send_batch.h) writes. */
#pragma once
#include "base/blob.h"
#include "base/check.h"
#include "base/str.h"
#include "net/http_request.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct loop;
struct ws_deflater;

/* What a layer above gets called with. Every callback is on the connection's loop. */
struct conn_ops {
    /* The first bytes of a TLS connection are here: may its handshake, which costs much more than
     * they did, be made? False closes it at once. Not asked for a trusted proxy's own connection
     * (net_options.trusted), which may carry anybody's requests. May be NULL: yes. */
    bool (*may_greet)(const struct conn *conn);
    /* One whole HTTP request (head and body). The callee takes the request (its arena with it) and
     * answers exactly once with http_respond() or conn_upgrade_websocket(), at once or later; until
     * then nothing further is read from this connection. */
    void (*on_request)(struct conn *conn, struct http_request *take_request);
    /* One whole WebSocket message, reassembled, unmasked and (text) valid UTF-8. `data` is borrowed
     * for the call. */
    void (*on_message)(struct conn *conn, bool is_text, struct str data);
    /* A whole frame arrived (pong included): the peer is alive. Bytes of a frame that does not end
     * do not count. May be NULL. */
    void (*on_alive)(struct conn *conn);
    /* The queue was above half of its limit and is empty now. May be NULL. */
    void (*on_drain)(struct conn *conn);
    /* The connection is gone (peer closed, error, conn_close finished). Last callback; conn_user()
     * is still valid in it. */
    void (*on_close)(struct conn *conn);
    /* The subprotocol that the WebSocket speaks if the client offers it (RFC 6455 section 1.9);
     * NULL: none. */
    const char *subprotocol;
    /* The WebSocket agrees to no compression, whatever the client offers and net_options say. */
    bool is_uncompressed;
    /* Its messages may have net_options.own_message_bytes, not max_message_bytes. */
    bool has_own_message_limit;
};

/* The upper layer's pointer on this connection; starts NULL. */
void *conn_user(const struct conn *conn);
void conn_set_user(struct conn *conn, void *user);
struct loop *conn_loop(const struct conn *conn);
/* The peer's address: 16 bytes, IPv4 as v4-mapped; behind PROXY protocol the client's. For limits
 * and logs; whose a request is stands in the request, as a proxy hands on many clients' requests by
 * one connection. */
const uint8_t *conn_peer(const struct conn *conn);
/* From now on the connection is this client's alone (before an upgrade or a stream). False, and
 * nothing changed, when nobody signed in on it and that address has its share
 * (net_options.max_connections_per_address). */
bool conn_set_peer(struct conn *conn, const uint8_t peer[16]) MUST_CHECK;
/* Somebody signed in on it: it does not count any more for net_options.max_connections_per_address.
 */
void conn_set_known(struct conn *conn);
/* Keeps the struct (not the socket) alive while a request is away on another thread; give back with
 * conn_release(). */
void conn_hold(struct conn *conn);
void conn_release(struct conn *conn);
/* True once closing began: what is sent after that is dropped. */
bool conn_is_closing(const struct conn *conn);

/* Queues bytes [from, to) of `blob`; takes a reference of its own. Extends the last run when it is
 * the same blob and adjacent. No limit is enforced here: ask conn_queued_bytes() first. */
void conn_send(struct conn *conn, struct blob *blob, uint32_t from, uint32_t to);
/* Queues one WebSocket message as a frame of its own, compressed where the peer agreed and it is
 * worth it (net_options.deflate). */
void conn_send_message(struct conn *conn, bool is_text, struct str message);
/* The peer can read frames that were compressed for many, each standing alone: it agreed, and its
 * window is not smaller than the one that they are made with. */
bool conn_reads_deflated(const struct conn *conn);
/* The loop's deflater for such frames; NULL when the peer cannot read them, or the message is too
 * short for it. */
struct ws_deflater *conn_shared_deflater(struct conn *conn, size_t message_bytes);
/* conn_send() for frames of that deflater. */
void conn_send_deflated(struct conn *conn, struct blob *blob, uint32_t from, uint32_t to);
/* Bytes queued and not yet handed to the kernel (TLS: what is sealed of them counts as sealed). */
size_t conn_queued_bytes(const struct conn *conn);
/* Forgets every queued run of which no byte was handed to the kernel yet (slow consumer: make room
 * for the close frame). */
void conn_drop_unsent(struct conn *conn);
/* Sends what is queued, shuts our half and waits for the peer's; cuts when the peer takes nothing
 * of it, or does not close, for the close timeout. */
void conn_close(struct conn *conn);
/* Closes now; what is queued is dropped. */
void conn_abort(struct conn *conn);

/* After on_request with http_request_wants_websocket(): answers 101 and switches to WebSocket.
 * `ops` (borrowed for ever) replaces the callbacks; all memory that only HTTP needs is freed.
 * `request` stays the caller's to destroy. */
void conn_upgrade_websocket(struct conn *conn, const struct http_request *request,
                            const struct conn_ops *ops, void *user);
/* Answers the request in hand with `head` (status line, headers, blank line and what comes at once)
 * and no end: conn_send() adds to it, on_drain and on_close of `ops` (borrowed for ever) are
 * called. A peer that acknowledges nothing for 25 s is cut. */
void conn_begin_stream(struct conn *conn, struct str head, const struct conn_ops *ops, void *user);
/* While the answer to the request in hand is awaited: `ops`->on_close (borrowed for ever) is called
 * when the peer goes away meanwhile. What else it sends is kept, up to CONN_UNREAD_MAX_BYTES. Ends
 * with the answer, `user` too. */
enum { CONN_UNREAD_MAX_BYTES = 65536 };
void conn_watch(struct conn *conn, const struct conn_ops *ops, void *user);
/* The connection goes on at another loop's network part, whole: socket, unread bytes, and the
 * request in hand, which `to`'s on_request is called with there as soon as what is queued here is
 * out. Takes the request; the caller has nothing to do with `conn` any more. */
struct net;
void conn_move(struct conn *conn, struct net *to, struct http_request *take_request);
/* Sends a close frame (code, short reason), stops delivering messages, and closes when the peer
 * answered or time is up. */
void conn_close_websocket(struct conn *conn, uint16_t code, struct str reason);
/* Sends a ping (empty payload). */
void conn_ping(struct conn *conn);
