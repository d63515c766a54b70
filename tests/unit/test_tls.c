/* TLS without sockets: OpenSSL's client on the other side, bytes carried by hand and cut anywhere.
 */
#include "net/tls.h"

#include "net/tls_server.h"
#include "tls_files.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PAYLOAD_BYTES = 40000, ROUNDS_MAX = 20 };

static struct tls_files files;
static struct tls_server *server;

/* ---- both ends ---- */

struct pair {
    SSL_CTX *context;
    SSL *client;
    struct tls *tls;
    struct buf plain, out; /* what the server understood; what it wants sent */
    enum tls_status status;
};

static void pair_init(struct pair *pair) {
    *pair = (struct pair){.context = SSL_CTX_new(TLS_client_method()), .tls = tls_create(server)};
    pair->client = SSL_new(pair->context);
    SSL_set_bio(pair->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(pair->client);
}

static void pair_finish(struct pair *pair) {
    SSL_free(pair->client);
    SSL_CTX_free(pair->context);
    tls_destroy(pair->tls);
    buf_finish(&pair->plain);
    buf_finish(&pair->out);
}

/* What the client wants sent, in pieces of `cut` bytes, to the server. */
static void carry_up(struct pair *pair, size_t cut) {
    char *bytes;
    size_t length = (size_t)BIO_get_mem_data(SSL_get_wbio(pair->client), &bytes);
    for (size_t at = 0; at < length && pair->status == TLS_GOES_ON; at += cut) {
        struct str piece = str_slice(str_make(bytes, length), at, at + cut);
        size_t before = pair->plain.len;
        pair->status = tls_receive(pair->tls, piece, &pair->plain, &pair->out);
        assert_true(pair->plain.len - before <= piece.len + TLS_RECORD_BYTES);
    }
    BIO_reset(SSL_get_wbio(pair->client));
}

static void carry_down(struct pair *pair) {
    if (pair->out.len > 0)
        assert_int_equal(BIO_write(SSL_get_rbio(pair->client), pair->out.data, (int)pair->out.len),
                         pair->out.len);
    buf_clear(&pair->out);
}

static bool handshake(struct pair *pair, size_t cut) {
    for (int i = 0; i < ROUNDS_MAX && pair->status == TLS_GOES_ON; i++) {
        bool is_done = SSL_do_handshake(pair->client) == 1;
        carry_up(pair, cut);
        carry_down(pair);
        if (is_done)
            return pair->status == TLS_GOES_ON;
    }
    return false;
}

static void client_says(struct pair *pair, struct str text, size_t cut) {
    assert_int_equal(SSL_write(pair->client, text.ptr, (int)text.len), text.len);
    carry_up(pair, cut);
}

static void client_hears(struct pair *pair, struct str wanted) {
    struct buf heard = BUF_INIT;
    int count;
    carry_down(pair);
    while ((count = SSL_read(pair->client, buf_reserve(&heard, 4096), 4096)) > 0)
        heard.len += (size_t)count;
    assert_true(str_equal(buf_str(&heard), wanted));
    buf_finish(&heard);
}

static void server_hears(struct pair *pair, struct str wanted) {
    assert_true(str_equal(buf_str(&pair->plain), wanted));
    buf_clear(&pair->plain);
}

static struct str payload(void) {
    static char bytes[PAYLOAD_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 + i / 256);
    return str_make(bytes, sizeof bytes);
}

/* The newest alert that went out in the clear, or -1. */
static int alert_of(const struct buf *out) {
    bool is_alert = out->len >= 7 && out->data[out->len - 7] == 21;
    return is_alert ? (uint8_t)out->data[out->len - 1] : -1;
}

/* ---- bytes ---- */

static void bytes_pass_both_ways_however_they_are_cut(void **state) {
    static const size_t cuts[] = {1, 2, 5, 7, 1000, 100000};
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct pair pair;
        pair_init(&pair);
        assert_true(handshake(&pair, cuts[i]));
        client_says(&pair, STR("ping"), cuts[i]);
        server_hears(&pair, STR("ping"));
        client_says(&pair, payload(), cuts[i]);
        server_hears(&pair, payload());
        assert_true(tls_send(pair.tls, payload(), &pair.out));
        client_hears(&pair, payload());
        assert_int_equal(SSL_version(pair.client), TLS1_3_VERSION);
        pair_finish(&pair);
    }
}

static void what_comes_with_the_handshake_is_not_lost(void **state) {
    struct pair pair;
    (void)state;
    pair_init(&pair);
    SSL_do_handshake(pair.client);
    carry_up(&pair, 100000);
    carry_down(&pair);
    assert_int_equal(SSL_do_handshake(pair.client), 1); /* its Finished waits */
    client_says(&pair, STR("GET /"), 100000);
    server_hears(&pair, STR("GET /"));
    pair_finish(&pair);
}

static void garbage_is_refused_and_stays_refused(void **state) {
    static const struct str garbage[] = {
        STR_INIT("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), STR_INIT("\x16\x03\x01\xff\xff garbage"),
        STR_INIT("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), STR_INIT("\x17\x03\x03\x00\x02hi"),
        STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0")};
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        struct pair pair;
        pair_init(&pair);
        assert_int_equal(tls_receive(pair.tls, garbage[i], &pair.plain, &pair.out), TLS_FAILED);
        assert_int_equal(tls_receive(pair.tls, STR("x"), &pair.plain, &pair.out), TLS_FAILED);
        assert_false(tls_send(pair.tls, STR("x"), &pair.out));
        assert_int_equal(pair.plain.len, 0);
        assert_string_not_equal(tls_failure(pair.tls), "none");
        pair_finish(&pair);
    }
}

static void an_altered_record_is_refused_with_an_alert(void **state) {
    struct pair pair;
    char *bytes;
    (void)state;
    pair_init(&pair);
    assert_true(handshake(&pair, 100000));
    assert_int_equal(SSL_write(pair.client, "hello", 5), 5);
    size_t length = (size_t)BIO_get_mem_data(SSL_get_wbio(pair.client), &bytes);
    bytes[length - 1] ^= 1;
    carry_up(&pair, 3);
    assert_int_equal(pair.status, TLS_FAILED);
    assert_int_equal(pair.plain.len, 0);
    assert_true(pair.out.len > 0);
    client_hears(&pair, STR_EMPTY);
    assert_int_equal(SSL_get_shutdown(pair.client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    pair_finish(&pair);
}

/* ---- the end ---- */

static void both_ends_say_that_they_close(void **state) {
    struct pair pair;
    (void)state;
    pair_init(&pair);
    assert_true(handshake(&pair, 100000));
    assert_false(tls_is_ended(pair.tls));
    assert_int_equal(SSL_write(pair.client, "bye", 3), 3);
    SSL_shutdown(pair.client);
    carry_up(&pair, 1);
    assert_int_equal(pair.status, TLS_ENDED);
    assert_true(tls_is_ended(pair.tls));
    server_hears(&pair, STR("bye"));
    assert_true(tls_send(pair.tls, STR("the rest"), &pair.out)); /* our half is still open */
    tls_end(pair.tls, &pair.out);
    size_t length = pair.out.len;
    tls_end(pair.tls, &pair.out);
    assert_int_equal(pair.out.len, length); /* once */
    client_hears(&pair, STR("the rest"));
    assert_int_equal(SSL_get_error(pair.client, SSL_read(pair.client, (char[1]){0}, 1)),
                     SSL_ERROR_ZERO_RETURN);
    pair_finish(&pair);
}

static void before_the_handshake_there_is_nothing_to_close(void **state) {
    struct pair pair;
    (void)state;
    pair_init(&pair);
    tls_end(pair.tls, &pair.out);
    assert_int_equal(pair.out.len, 0);
    SSL_do_handshake(pair.client);
    carry_up(&pair, 100000);
    buf_clear(&pair.out);
    tls_end(pair.tls, &pair.out);
    assert_int_equal(pair.out.len, 0);
    pair_finish(&pair);
}

static void a_stream_that_is_cut_off_is_no_end(void **state) {
    struct pair pair;
    char *bytes;
    (void)state;
    pair_init(&pair);
    assert_true(handshake(&pair, 100000));
    assert_int_equal(SSL_write(pair.client, "half of it", 10), 10);
    SSL_shutdown(pair.client);
    size_t length = (size_t)BIO_get_mem_data(SSL_get_wbio(pair.client), &bytes);
    for (size_t cut = 1; cut < 24; cut += 7)
        assert_true(length > cut);
    pair.status = tls_receive(pair.tls, str_make(bytes, length - 1), &pair.plain, &pair.out);
    assert_int_equal(pair.status, TLS_GOES_ON);
    assert_false(tls_is_ended(pair.tls));
    server_hears(&pair, STR("half of it"));
    pair_finish(&pair);
}

/* ---- what is agreed on ---- */

static void tls_1_2_is_spoken_with_forward_secrecy(void **state) {
    struct pair pair;
    (void)state;
    pair_init(&pair);
    SSL_set_max_proto_version(pair.client, TLS1_2_VERSION);
    assert_true(handshake(&pair, 9));
    assert_int_equal(SSL_version(pair.client), TLS1_2_VERSION);
    assert_non_null(strstr(SSL_get_cipher_name(pair.client), "ECDHE-ECDSA-"));
    client_says(&pair, STR("hi"), 9);
    server_hears(&pair, STR("hi"));
    pair_finish(&pair);
}

static void older_versions_are_refused(void **state) {
    enum { PROTOCOL_VERSION = 70 };
    static const int versions[] = {TLS1_1_VERSION, TLS1_VERSION};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        pair_init(&pair);
        SSL_set_security_level(pair.client, 0);
        SSL_set_min_proto_version(pair.client, versions[i]);
        SSL_set_max_proto_version(pair.client, versions[i]);
        SSL_do_handshake(pair.client);
        carry_up(&pair, 100000);
        assert_int_equal(pair.status, TLS_FAILED);
        assert_int_equal(alert_of(&pair.out), PROTOCOL_VERSION);
        pair_finish(&pair);
    }
}

static void ciphers_without_aead_are_refused(void **state) {
    enum { HANDSHAKE_FAILURE = 40 };
    struct pair pair;
    (void)state;
    pair_init(&pair);
    SSL_set_max_proto_version(pair.client, TLS1_2_VERSION);
    assert_int_equal(SSL_set_cipher_list(pair.client, "ECDHE-ECDSA-AES128-SHA256"), 1);
    SSL_do_handshake(pair.client);
    carry_up(&pair, 100000);
    assert_int_equal(pair.status, TLS_FAILED);
    assert_int_equal(alert_of(&pair.out), HANDSHAKE_FAILURE);
    pair_finish(&pair);
}

static void nobody_renegotiates(void **state) {
    struct pair pair;
    (void)state;
    pair_init(&pair);
    SSL_set_max_proto_version(pair.client, TLS1_2_VERSION);
    assert_true(handshake(&pair, 100000));
    assert_int_equal(SSL_renegotiate(pair.client), 1);
    assert_int_equal(SSL_do_handshake(pair.client), -1);
    carry_up(&pair, 100000);
    assert_true(pair.out.len > 0 && pair.out.len < 100); /* a warning, no ServerHello */
    carry_down(&pair);
    assert_int_not_equal(SSL_do_handshake(pair.client), 1);
    pair_finish(&pair);
}

static void http_1_1_is_agreed_on_and_nothing_else(void **state) {
    enum { NO_APPLICATION_PROTOCOL = 120 };
    static const unsigned char both[] = "\x02h2\x08http/1.1", other[] = "\x02h2";
    const unsigned char *chosen;
    unsigned length;
    struct pair pair;
    (void)state;
    pair_init(&pair);
    SSL_set_alpn_protos(pair.client, both, sizeof both - 1);
    assert_true(handshake(&pair, 100000));
    SSL_get0_alpn_selected(pair.client, &chosen, &length);
    assert_true(str_equal(str_make((const char *)chosen, length), STR("http/1.1")));
    pair_finish(&pair);

    pair_init(&pair);
    SSL_set_alpn_protos(pair.client, other, sizeof other - 1);
    SSL_do_handshake(pair.client);
    carry_up(&pair, 100000);
    assert_int_equal(pair.status, TLS_FAILED);
    assert_int_equal(alert_of(&pair.out), NO_APPLICATION_PROTOCOL);
    pair_finish(&pair);
}

static void a_ticket_resumes(void **state) {
    struct pair first, second;
    (void)state;
    pair_init(&first);
    assert_true(handshake(&first, 100000));
    client_hears(&first, STR_EMPTY); /* the tickets */
    SSL_SESSION *session = SSL_get1_session(first.client);
    assert_true(SSL_SESSION_is_resumable(session));
    pair_init(&second);
    SSL_set_session(second.client, session);
    assert_true(handshake(&second, 100000));
    assert_int_equal(SSL_session_reused(second.client), 1);
    SSL_SESSION_free(session);
    pair_finish(&first);
    pair_finish(&second);
}

/* ---- the files ---- */

static void assert_common_name(const struct pair *pair, const char *wanted) {
    char name[64];
    X509 *certificate = SSL_get1_peer_certificate(pair->client);
    assert_non_null(certificate);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    X509_free(certificate);
    assert_string_equal(name, wanted);
}

static void a_new_certificate_is_for_new_connections(void **state) {
    struct buf error = BUF_INIT;
    struct pair old, fresh;
    (void)state;
    pair_init(&old);
    assert_true(handshake(&old, 100000));
    tls_files_renew(&files, "second");
    assert_true(tls_server_reload(server, &error));
    pair_init(&fresh);
    assert_true(handshake(&fresh, 100000));
    assert_common_name(&old, "first");
    assert_common_name(&fresh, "second");
    client_says(&old, STR("still here"), 4);
    server_hears(&old, STR("still here"));
    pair_finish(&old);
    pair_finish(&fresh);
    tls_files_renew(&files, "first");
    assert_true(tls_server_reload(server, &error));
    buf_finish(&error);
}

static void a_broken_certificate_leaves_the_old_one(void **state) {
    struct buf error = BUF_INIT;
    struct pair pair;
    (void)state;
    tls_files_write(files.certificate, "-----BEGIN CERTIFICATE-----\nnone\n");
    assert_false(tls_server_reload(server, &error));
    assert_non_null(strstr(buf_cstr(&error), "tls.certificate"));
    pair_init(&pair);
    assert_true(handshake(&pair, 100000));
    assert_common_name(&pair, "first");
    pair_finish(&pair);
    tls_files_renew(&files, "first");
    buf_finish(&error);
}

static void expect_refusal(const char *certificate, const char *key, const char *setting) {
    struct buf error = BUF_INIT;
    assert_null(tls_server_create(certificate, key, &error));
    assert_non_null(strstr(buf_cstr(&error), setting));
    assert_null(strstr(buf_cstr(&error), "secret-key"));
    buf_finish(&error);
}

static void files_that_cannot_be_used_are_named_by_their_setting(void **state) {
    struct tls_files other;
    char rsa_key[TLS_FILES_PATH_BYTES], command[512];
    (void)state;
    tls_files_make(&other, "other");
    expect_refusal("/nowhere/certificate.pem", files.key, "tls.certificate");
    expect_refusal(files.key, files.key, "tls.certificate");
    expect_refusal(files.certificate, "/nowhere/secret-key.pem", "tls.key");
    expect_refusal(files.certificate, files.certificate, "tls.key");
    expect_refusal(files.certificate, other.key, "tls.key");
    snprintf(rsa_key, sizeof rsa_key, "%.64s/secret-key-rsa.pem", other.folder);
    snprintf(command, sizeof command, "openssl genrsa -out %s 2048 2>/dev/null", rsa_key);
    tls_files_run(command);
    expect_refusal(files.certificate, rsa_key, "tls.key");
    snprintf(command, sizeof command,
             "openssl ec -in %s -aes256 -passout pass:word -out %s 2>/dev/null", files.key,
             other.key);
    tls_files_run(command);
    expect_refusal(files.certificate, other.key, "tls.key");
    tls_files_remove(&other);
}

static int start(void **state) {
    struct buf error = BUF_INIT;
    (void)state;
    tls_files_make(&files, "first");
    server = tls_server_create(files.certificate, files.key, &error);
    if (server == NULL)
        fail_msg("%s", buf_cstr(&error));
    buf_finish(&error);
    return 0;
}

static int stop(void **state) {
    (void)state;
    tls_server_destroy(server);
    tls_files_remove(&files);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_both_ways_however_they_are_cut),
        cmocka_unit_test(what_comes_with_the_handshake_is_not_lost),
        cmocka_unit_test(garbage_is_refused_and_stays_refused),
        cmocka_unit_test(an_altered_record_is_refused_with_an_alert),
        cmocka_unit_test(both_ends_say_that_they_close),
        cmocka_unit_test(before_the_handshake_there_is_nothing_to_close),
        cmocka_unit_test(a_stream_that_is_cut_off_is_no_end),
        cmocka_unit_test(tls_1_2_is_spoken_with_forward_secrecy),
        cmocka_unit_test(older_versions_are_refused),
        cmocka_unit_test(ciphers_without_aead_are_refused),
        cmocka_unit_test(nobody_renegotiates),
        cmocka_unit_test(http_1_1_is_agreed_on_and_nothing_else),
        cmocka_unit_test(a_ticket_resumes),
        cmocka_unit_test(a_new_certificate_is_for_new_connections),
        cmocka_unit_test(a_broken_certificate_leaves_the_old_one),
        cmocka_unit_test(files_that_cannot_be_used_are_named_by_their_setting),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
