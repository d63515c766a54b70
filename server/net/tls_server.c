#include "net/tls_server.h"

#include "base/mem.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>

/* What TLS 1.2 may use; TLS 1.3 has nothing else. */
static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char GROUPS[] = "X25519:P-256:P-384";
/* RFC 7301: a list of names, each with its length before it. */
static const unsigned char ALPN[] = "\x08http/1.1";

struct tls_server {
    char *certificate, *key;
    pthread_mutex_t lock;
    SSL_CTX *context; /* under the lock */
};

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg);

/* No terminal is asked: a key with a passphrase is refused. The type is OpenSSL's. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static int refuse_passphrase(char *out, int size, int is_writing, void *arg) {
    (void)out;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1;
}

/* OpenSSL's first complaint, which it then forgets. */
static void append_reason(struct buf *error) {
    unsigned long code = ERR_get_error();
    const char *reason =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    buf_append_cstr(error, reason != NULL ? reason : "unknown reason");
    ERR_clear_error();
}

static bool set_rules(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, CIPHERS) == 1 &&
           SSL_CTX_set1_groups_list(context, GROUPS) == 1;
}

/* Without a common protocol there is nothing to say (RFC 7301 section 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg) {
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ALPN, sizeof ALPN - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool read_files(SSL_CTX *context, const char *certificate, const char *key,
                       struct buf *error) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
        buf_append_cstr(error, "tls.certificate names a file that cannot be used: ");
        append_reason(error);
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        buf_append_cstr(error, "tls.key names a file that cannot be used: ");
        append_reason(error);
        return false;
    }
    return true;
}

static SSL_CTX *make_context(const char *certificate, const char *key, struct buf *error) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    CHECK(context != NULL && set_rules(context));
    if (read_files(context, certificate, key, error))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

struct tls_server *tls_server_create(const char *certificate, const char *key, struct buf *error) {
    SSL_CTX *context = make_context(certificate, key, error);
    if (context == NULL)
        return NULL;
    struct tls_server *server = mem_zalloc(1, sizeof *server);
    server->certificate = mem_strdup(certificate);
    server->key = mem_strdup(key);
    server->context = context;
    CHECK(pthread_mutex_init(&server->lock, NULL) == 0);
    return server;
}

void tls_server_destroy(struct tls_server *server) {
    if (server == NULL)
        return;
    SSL_CTX_free(server->context);
    pthread_mutex_destroy(&server->lock);
    mem_free(server->certificate);
    mem_free(server->key);
    mem_free(server);
}

bool tls_server_reload(struct tls_server *server, struct buf *error) {
    SSL_CTX *fresh = make_context(server->certificate, server->key, error);
    if (fresh == NULL)
        return false;
    pthread_mutex_lock(&server->lock);
    SSL_CTX *old = server->context;
    server->context = fresh;
    pthread_mutex_unlock(&server->lock);
    SSL_CTX_free(old); /* goes with its last connection */
    return true;
}

struct ssl_st *tls_server_accept(struct tls_server *server) {
    pthread_mutex_lock(&server->lock);
    SSL *ssl = SSL_new(server->context);
    pthread_mutex_unlock(&server->lock);
    CHECK(ssl != NULL);
    SSL_set_accept_state(ssl);
    return ssl;
}
