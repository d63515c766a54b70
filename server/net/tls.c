#include "net/tls.h"

#include "base/mem.h"
#include "net/tls_server.h"
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

struct tls {
    SSL *ssl;
    struct str in;   /* what OpenSSL may read; empty between calls */
    struct buf *out; /* where it writes; NULL between calls */
    const char *failure;
    bool is_ended, is_end_sent;
};

/* ---- a BIO over the call's bytes ---- */

/* OpenSSL's own memory BIO would keep a buffer as large as it ever was. */

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static int on_bio_read(BIO *bio, char *to, int cap) {
    struct tls *tls = BIO_get_data(bio);
    size_t count = tls->in.len < (size_t)cap ? tls->in.len : (size_t)cap;
    BIO_clear_retry_flags(bio);
    if (count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, tls->in.ptr, count);
    tls->in = str_slice(tls->in, count, tls->in.len);
    return (int)count;
}

static int on_bio_write(BIO *bio, const char *bytes, int len) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    CHECK(tls->out != NULL);
    buf_append(tls->out, bytes, (size_t)len);
    return len;
}

static long on_bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void make_method(void) {
    int type = BIO_get_new_index();
    CHECK(type != -1);
    method = BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "parley bytes");
    CHECK(method != NULL && BIO_meth_set_read(method, on_bio_read) == 1 &&
          BIO_meth_set_write(method, on_bio_write) == 1 &&
          BIO_meth_set_ctrl(method, on_bio_control) == 1);
}

/* ---- life ---- */

struct tls *tls_create(struct tls_server *server) {
    CHECK(pthread_once(&method_once, make_method) == 0);
    struct tls *tls = mem_zalloc(1, sizeof *tls);
    BIO *bio = BIO_new(method);
    CHECK(bio != NULL);
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    tls->ssl = tls_server_accept(server);
    SSL_set_bio(tls->ssl, bio, bio); /* takes the BIO */
    return tls;
}

void tls_destroy(struct tls *tls) {
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    mem_free(tls);
}

bool tls_is_ended(const struct tls *tls) {
    return tls->is_ended;
}

const char *tls_failure(const struct tls *tls) {
    return tls->failure != NULL ? tls->failure : "none";
}

/* ---- bytes ---- */

static void note_failure(struct tls *tls) {
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    tls->failure = reason != NULL ? reason : "unknown reason";
    ERR_clear_error();
}

static enum tls_status why_reading_stopped(struct tls *tls, int result) {
    int why = SSL_get_error(tls->ssl, result);
    if (why == SSL_ERROR_WANT_READ)
        return TLS_GOES_ON;
    if (why == SSL_ERROR_ZERO_RETURN) {
        tls->is_ended = true;
        return TLS_ENDED;
    }
    note_failure(tls);
    return TLS_FAILED;
}

enum tls_status tls_receive(struct tls *tls, struct str bytes, struct buf *plain, struct buf *out) {
    int count;
    if (tls->failure != NULL)
        return TLS_FAILED;
    tls->in = bytes;
    tls->out = out;
    do {
        ERR_clear_error();
        count = SSL_read(tls->ssl, buf_reserve(plain, TLS_RECORD_BYTES), TLS_RECORD_BYTES);
        if (count > 0)
            plain->len += (size_t)count;
    } while (count > 0);
    enum tls_status status = why_reading_stopped(tls, count);
    tls->in = STR_EMPTY;
    tls->out = NULL;
    return status;
}

bool tls_send(struct tls *tls, struct str plain, struct buf *out) {
    if (tls->failure != NULL)
        return false;
    CHECK(plain.len > 0 && plain.len <= INT_MAX);
    tls->out = out;
    ERR_clear_error();
    bool is_sent = SSL_write(tls->ssl, plain.ptr, (int)plain.len) == (int)plain.len;
    tls->out = NULL;
    if (!is_sent)
        note_failure(tls);
    return is_sent;
}

void tls_end(struct tls *tls, struct buf *out) {
    if (tls->failure != NULL || tls->is_end_sent || !SSL_is_init_finished(tls->ssl))
        return;
    tls->is_end_sent = true;
    tls->out = out;
    ERR_clear_error();
    if (SSL_shutdown(tls->ssl) < 0)
        note_failure(tls);
    tls->out = NULL;
}
