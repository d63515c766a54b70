/* The network part of one loop: its listener, its connections, its flush. Thread: the loop, but for
 * net_create (before start). */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "net/conn.h"
#include "net/ws_extension.h"
#include <stdbool.h>

struct loop;
struct tls_server;
struct trusted;

enum send_batch_mode { SEND_BATCH_AUTO, SEND_BATCH_IO_URING, SEND_BATCH_WRITEV };

struct net_options {
    size_t max_connections; /* per loop; beyond, idle ones are closed or accepting pauses */
    size_t max_connections_per_address; /* per loop, of strangers; beyond, refused; 0: no limit */
    size_t max_header_bytes;            /* request line and headers */
    size_t max_body_bytes;
    struct str
        own_body_prefix; /* paths that begin with it have own_body_bytes; lent; empty: none */
    size_t own_body_bytes;
    size_t max_message_bytes;   /* one WebSocket message, reassembled and inflated */
    size_t own_message_bytes;   /* the same where conn_ops say has_own_message_limit */
    size_t queue_bytes;         /* a connection's queue: mark for on_drain (half) */
    uint64_t header_timeout_ms; /* from the first byte to the end of the headers */
    uint64_t body_timeout_ms;   /* the whole body */
    uint64_t idle_timeout_ms;   /* keep-alive without a request */
    uint64_t close_timeout_ms;  /* a closing connection that does not answer */
    enum send_batch_mode send_batch;
    struct tls_server *tls;        /* NULL: plain; lent for the net's life */
    const struct trusted *trusted; /* proxies that are believed; lent; NULL: none */
    bool proxy_protocol; /* a connection from one of them begins with a PROXY header (version 2);
                            from anybody else such a header is bytes like any other */
    bool is_https;       /* people come by https: answers say Strict-Transport-Security */
    struct ws_deflate_options deflate; /* compressed WebSocket messages */
};

struct net;

/* Makes the network part of `loop` with `ops` for HTTP. Fails (message in `error`) when io_uring
 * was demanded and is forbidden. */
bool net_create(struct loop *loop, const struct net_options *options, const struct conn_ops *ops,
                struct net **out, struct buf *error) MUST_CHECK;
void net_destroy(struct net *net);
/* Lowers both limits of net_options to these, where they are higher. Before the loop runs. */
void net_limit_connections(struct net *net, size_t most, size_t most_per_address);
/* Which one runs: "io_uring" or "writev". */
const char *net_send_batch_name(const struct net *net);
/* Opens a listening socket for ADDR:PORT (port 0: any). `first`: bind without SO_REUSEPORT so that
 * a port in use is found (EADDRINUSE), and set it after; the other loops' sockets set it before.
 * Returns the bound port through `port`. Before the loop runs. */
bool net_listen(struct net *net, struct str address, uint16_t *port, bool first,
                struct buf *error) MUST_CHECK;
/* A unix socket listener on an already bound and listening descriptor is not net's: see
 * commands/control. */
/* Stops accepting, closes HTTP connections that wait for a request, and those that get their answer
 * as soon as it is out. On the loop. */
void net_drain(struct net *net);
/* Closes everything at once. On the loop. */
void net_abort_all(struct net *net);
size_t net_connection_count(const struct net *net);
