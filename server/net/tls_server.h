/* The certificate and key that a server speaks TLS with, for all loops: TLS 1.2 and 1.3, ECDHE with
 * AEAD ciphers only, ALPN http/1.1, stateless session tickets, no renegotiation.
 *
 * Thread: any; replacing takes a short lock. A connection keeps what it began with, so a new
 * certificate disturbs nobody. Errors name the setting; no message has a path (the
 * two may have been mixed up) or content of the files. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include <stdbool.h>

struct tls_server;
struct ssl_st;

/* Reads both files (PEM; the certificate with its chain). NULL, and why in `error`, when one cannot
 * be used or they do not belong together. The paths are copied. */
struct tls_server *tls_server_create(const char *certificate, const char *key, struct buf *error);
void tls_server_destroy(struct tls_server *server);
/* Reads the files again, for connections to come. False, and why in `error`, when they cannot be
 * used: what was there stays. */
bool tls_server_reload(struct tls_server *server, struct buf *error) MUST_CHECK;
/* For tls.c: OpenSSL's state of one connection, the caller's to free. */
struct ssl_st *tls_server_accept(struct tls_server *server);
