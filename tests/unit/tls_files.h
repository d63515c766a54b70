/* Certificates and keys for tests, made by the `openssl` command in a folder of their own. */
#pragma once

enum { TLS_FILES_PATH_BYTES = 128 };

struct tls_files {
    char folder[TLS_FILES_PATH_BYTES];
    char certificate[TLS_FILES_PATH_BYTES];
    char key[TLS_FILES_PATH_BYTES];
};

/* A self-signed certificate for localhost and 127.0.0.1 in the common name's name. Fails the test
 * when that does not work. */
void tls_files_make(struct tls_files *files, const char *common_name);
/* Replaces the certificate and key by new ones, with another name. */
void tls_files_renew(const struct tls_files *files, const char *common_name);
/* Runs a command of the test's own words; it must succeed. */
void tls_files_run(const char *command);
void tls_files_write(const char *path, const char *text);
/* Removes the folder. */
void tls_files_remove(const struct tls_files *files);
