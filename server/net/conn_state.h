/* The inside of a connection and of the network part of a loop, shared by net's files. Thread: the
 * loop's. */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"
#include "net/conn.h"
#include "net/http_parser.h"
#include "net/net.h"
#include "net/run_queue.h"
#include "net/send_batch.h"
#include "net/ws_deflate.h"
#include "net/ws_frame.h"

enum {
    NET_READ_BYTES = 65536,
    NET_LISTENERS_MAX = 4,
    /* A peer that is owed so many pongs is not read until they are out. */
    CONN_PONGS_MAX = 1024,
    /* WebSocket: so many frames of one peer are taken a tick of the timers
     * (50,000 a second); the rest of them wait for the next. */
    CONN_FRAMES_PER_TICK = 5000,
    /* So much the kernel takes for a peer that does not read: without it up to 4 MiB (tcp_wmem) lie
     * there before the queue, which is limited, begins to fill. */
    CONN_NOTSENT_BYTES = 131072,
    /* So long sent bytes may go unacknowledged on a stream, whose peer answers nothing. */
    CONN_STREAM_TIMEOUT_MS = 25000,
};

enum conn_state {
    CONN_GREETING,  /* a trusted proxy is to say first whose connection it is */
    CONN_READING,   /* a request is coming, or is awaited */
    CONN_ANSWERING, /* one is with the layer above; nothing is read */
    CONN_SENDING,   /* answered, and much of it waits: it goes out before anything is read */
    CONN_WEBSOCKET,
    CONN_STREAMING,  /* an answer without end; what the peer sends is dropped */
    CONN_WS_CLOSING, /* our close frame is queued or sent; the peer's is awaited */
    CONN_CLOSING,    /* what is queued goes out, then our half is shut */
    CONN_LINGERING,  /* our half is shut; what still comes is dropped until the peer closes too */
    CONN_CLOSED,     /* uv_close was called */
};

struct conn {
    /* What sending needs comes first: the hub has it fetched ahead (hub.c). */
    struct net *net;
    struct run_queue runs;
    uint32_t queued_bytes;
    int fd; /* tcp's */
    uint16_t holds, pongs;
    uint8_t sealed_runs; /* TLS: so many runs at the front are ciphertext */
    uint8_t state;       /* enum conn_state */
    bool dirty : 1;      /* in net->dirty */
    bool writing : 1;    /* uv_write has a rest; the flush skips it */
    bool above_mark : 1;
    bool is_front_begun : 1; /* TLS: a part of the first plaintext run is sealed */
    bool is_paused : 1;      /* WebSocket: too much waits for the peer, or it had its share */
    bool feeding : 1;        /* inside feed_http */
    bool watching : 1;       /* ANSWERING, and read on */
    bool close_after_answer : 1;
    bool is_closed : 1;  /* libuv is done with it */
    bool told : 1;       /* on_close was called */
    bool is_counted : 1; /* in net->strangers */
    bool is_known : 1;   /* somebody signed in on it */
    bool was_served : 1; /* it had an answer, and may be closed when others need room */
    struct tls *tls;     /* all of TLS; NULL without, and until the first byte */
    uv_tcp_t tcp;        /* its data is `net`: that is how all of them are found (net_each_conn) */
    const struct conn_ops *ops;
    void *user;
    struct timer timer;
    struct http_parser *http; /* while a request comes in */
    struct ws_parser *ws;     /* while a frame or message is incomplete */
    struct buf *unread;       /* bytes that came behind the request in hand, of a greeting, or
                                 while paused */
    struct parcel *parcel;    /* it is about to move to another loop (conn_move.c) */
    union {
        uint32_t queued_before; /* when the timer last looked whether the peer reads on */
        struct {
            uint16_t frames, frames_tick; /* open WebSocket: taken, and in which tick (low bits) */
        };
    };
    struct ws_deflate_params deflate; /* agreed on at the upgrade */
    uint8_t peer[16];
    struct conn_contexts *contexts; /* conn_deflate.c; with context takeover only */
};
_Static_assert(sizeof(struct conn) <= 424, "a block of 432 bytes, with malloc's word");

struct net {
    struct loop *loop;
    struct net_options options;
    const struct conn_ops *ops;
    size_t conn_count;
    struct strmap strangers; /* connections by address (conn_peer.c) */
    struct conn **dirty;
    size_t dirty_count, dirty_cap;
    struct turn_end flush_hook;
    struct send_batch *batch;
    struct ws_deflater *deflaters[WS_WINDOW_BITS_MAX + 1]; /* by window bits, made when needed */
    struct listener {
        uv_poll_t poll;
        int fd;
    } listeners[NET_LISTENERS_MAX];
    unsigned listener_count;
    bool accepting, stopped;
    struct timer accept_timer;
    uint64_t next_room_ms;    /* nobody was idle: not looked for again before */
    struct buf plain, sealed; /* TLS, for the call in hand: what came, what goes */
    uint8_t read_buffer[NET_READ_BYTES];
};

/* conn.c, for listener.c: a connection on an accepted socket. */
struct sockaddr_storage;
void conn_accept(struct net *net, int take_fd, const struct sockaddr_storage *peer);
/* conn.c, for conn_move.c: a connection on a socket that another loop had, with the answer to a
 * request awaited; NULL (and the socket closed) when that fails. */
struct conn *conn_adopt(struct net *net, int take_fd, const uint8_t peer[16]) MUST_CHECK;
/* conn_move.c, for conn.c: sends it off when nothing is queued; forgets about it. */
void conn_post_parcel(struct conn *conn);
void conn_drop_parcel(struct conn *conn);
/* conn_peer.c, for conn.c and conn_move.c: may one more come from there? False is counted and
 * logged. */
bool net_admits(struct net *net, const uint8_t address[16]) MUST_CHECK;
/* conn_peer.c, for conn.c: counts the connection for its address, until
 * conn_uncount_stranger(): it closes, is known, or turns out to be another's. */
void conn_count_stranger(struct conn *conn);
void conn_uncount_stranger(struct conn *conn);
/* listener.c, for conn_peer.c: says so in the log, once a minute at most. */
void net_warn_refused(struct net *net, const uint8_t address[16]);
/* listener.c, for conn.c: there is room again. */
void net_resume_accepting(struct net *net);
/* conn_out.c: writes every connection that has something waiting (step 10 of a message's way). */
void conn_flush(struct net *net);
/* conn.c, for conn_out.c: nothing waits any more. */
void conn_on_sent(struct conn *conn);
/* conn.c, for conn_tls.c: bytes as the peer meant them, for HTTP or WebSocket (which unmasks them
 * in place). */
void conn_feed_plain(struct conn *conn, uint8_t *bytes, size_t len);
/* conn_out.c: every run goes, sealed ones too. */
void conn_drop_runs(struct conn *conn);
/* conn_out.c, for conn_tls.c: up to `cap` bytes off the front of the queue, while none is sealed;
 * how many. */
size_t conn_take_queued(struct conn *conn, char *out, size_t cap);
/* conn_out.c, for conn_tls.c: ciphertext, behind what is sealed and before what is not. */
void conn_send_sealed(struct conn *conn, struct blob *blob);

/* ---- conn_tls.c ---- */

/* Takes ciphertext. The first makes the TLS state, if the layer above lets it. */
void conn_feed_tls(struct conn *conn, struct str bytes);
/* For the flush: seals the front of the queue, of which nothing is sealed. False: the connection is
 * closed. */
bool conn_seal(struct conn *conn) MUST_CHECK;
/* Queues our close_notify; false when it went before, or has no place. */
bool conn_end_tls(struct conn *conn);
void conn_drop_tls(struct conn *conn);
/* conn.c, for the other two: reads (on), or closes when that cannot be. */
void conn_start_reading(struct conn *conn);

/* ---- conn_http.c ---- */

/* Gives bytes to the parser until one request is whole; answers may come at once, and then the next
 * request follows. */
void conn_feed_http(struct conn *conn, struct str bytes);
/* Feeds what was kept behind the request in hand; it is taken out first, as the feeding may keep
 * again. */
void conn_feed_unread(struct conn *conn);
/* The next request, of which some may be here. */
void conn_await_request(struct conn *conn);
/* Answers what cannot be a request, and closes. */
void conn_refuse(struct conn *conn, enum err error);
/* For http_response.c: the answer is queued; read on, or close. */
void conn_answered(struct conn *conn, bool close);
/* Keeps what came behind the request in hand; nothing more is read until that is answered, unless
 * the connection is watched and little is kept. */
void conn_keep_unread(struct conn *conn, struct str bytes);
/* The memory of HTTP: the parser, and what came behind the request in hand. */
void conn_drop_http(struct conn *conn);
void conn_drop_unread(struct conn *conn);

/* ---- conn_ws.c ---- */

/* Gives bytes (which are unmasked in place) to the frame parser. */
void conn_feed_websocket(struct conn *conn, uint8_t *bytes, size_t len);
/* Goes on where reading paused, if what waited is out and the peer may have a further share. */
void conn_resume_websocket(struct conn *conn);
/* The memory of an incomplete frame or message, and of compression. */
void conn_drop_websocket(struct conn *conn);

/* ---- conn_deflate.c ---- */

/* At the upgrade: agrees on compression, and appends the response's header line for it, if any. */
void conn_deflate_agree(struct conn *conn, const struct http_request *request, struct buf *head);
/* The parser of the next messages gets what it inflates with, and gives back what is to stay. */
void conn_deflate_lend(struct conn *conn, struct ws_parser *parser);
void conn_deflate_take_back(struct conn *conn, struct ws_parser *parser);
/* For conn_out.c: the peer may not get what was deflated for it. */
void conn_deflate_forget(struct conn *conn);
void conn_deflate_finish(struct conn *conn);
/* For listener.c: the loop's deflaters. */
void net_deflate_finish(struct net *net);
