/* The built web client, served from memory: every file of a folder is read at the start, with the
 * .gz beside it. Read-only after loading; any loop. */
#pragma once
#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "net/http_request.h"

struct conn;
struct static_files;

/* NULL (and why in `error`) when the folder cannot be read or has no index.html. Files over
 * STATIC_FILE_MAX_BYTES are refused. */
enum { STATIC_FILE_MAX_BYTES = 16 * 1024 * 1024 };
struct static_files *static_files_load(const char *folder, struct buf *error) MUST_CHECK;
void static_files_destroy(struct static_files *files);

/* Answers GET and HEAD: the file of that path; index.html for `/` and for pages of the client (a
 * path without a dot); 404 otherwise. ETag, Last-Modified and every condition on them, one Range,
 * gzip where the client takes it, a year's caching for names with a hash, a strict content security
 * policy. OPTIONS: 204 with Allow. */
void static_files_respond(const struct static_files *files, struct conn *conn,
                          const struct http_request *request);
