#include "tls_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void tls_files_run(const char *command) {
    if (system(command) != 0) // NOLINT(cert-env33-c)
        fail_msg("%s", command);
}

void tls_files_renew(const struct tls_files *files, const char *common_name) {
    char command[1024];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 "
             "-subj /CN=%s -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
             "-keyout %s -out %s 2>/dev/null",
             common_name, files->key, files->certificate);
    tls_files_run(command);
}

void tls_files_make(struct tls_files *files, const char *common_name) {
    snprintf(files->folder, sizeof files->folder, "/tmp/parley-tls-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    snprintf(files->certificate, sizeof files->certificate, "%.64s/certificate.pem", files->folder);
    snprintf(files->key, sizeof files->key, "%.64s/secret-key.pem", files->folder);
    tls_files_renew(files, common_name);
}

void tls_files_write(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void tls_files_remove(const struct tls_files *files) {
    char command[256];
    snprintf(command, sizeof command, "rm -r %.64s", files->folder);
    tls_files_run(command);
}
