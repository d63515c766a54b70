/* TLS of one connection as a machine without a socket: bytes in, bytes out.
 *
 * All of its state is this one heap object, so a connection takes it along by its pointer; between
 * calls it holds no bytes but what OpenSSL needs of an unfinished record. Thread: whoever has the
 * connection. The buffers are the caller's and only appended to. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include <stdbool.h>

enum {
    /* The most that one record carries (RFC 8446 section 5.1). */
    TLS_RECORD_BYTES = 16384,
};

enum tls_status {
    TLS_GOES_ON,
    TLS_ENDED,  /* the peer's close_notify: nothing more comes */
    TLS_FAILED, /* no TLS, or broken: send `out`, which has the alert, and close */
};

struct tls;
struct tls_server;

/* The server's side of a new connection. */
struct tls *tls_create(struct tls_server *server);
void tls_destroy(struct tls *tls);
/* Takes all of `bytes`, cut anywhere. What the peer says is appended to `plain` (at most as many
 * bytes and one record more), what it must get back (handshake, alerts) to `out`. */
enum tls_status tls_receive(struct tls *tls, struct str bytes, struct buf *plain,
                            struct buf *out) MUST_CHECK;
/* Appends the records of `plain`. False when the connection is broken. After the handshake: before
 * it nobody has anything to say. */
bool tls_send(struct tls *tls, struct str plain, struct buf *out) MUST_CHECK;
/* Appends our close_notify, once and where one belongs. */
void tls_end(struct tls *tls, struct buf *out);
/* The peer has said that nothing more comes. */
bool tls_is_ended(const struct tls *tls);
/* Why it failed, for the log; lives for ever. */
const char *tls_failure(const struct tls *tls);
