#include "net/static_file.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http_condition.h"
#include "net/http_response.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASH_BYTES = 16, FOLDER_DESCRIPTORS = 16, ETAG_MAX_BYTES = TEXT_HEX_BYTES(HASH_BYTES) + 8 };

struct static_file {
    struct blob *plain, *gzip; /* gzip: NULL when there is none, or it is no smaller */
    const char *content_type;
    bool is_immutable; /* its name holds a hash of its bytes */
    int64_t modified_s;
    char hash[TEXT_HEX_BYTES(HASH_BYTES)]; /* of the plain bytes */
};

struct static_files {
    struct strmap by_path; /* "/assets/…" → struct static_file */
    struct static_file *index;
};

/* ---- loading ---- */

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
};

static const char *type_of(struct str path) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (str_ends_with(path, str_from_cstr(types[i].ending)))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* `modified_s` may be NULL. */
static struct blob *read_file(const char *path, int64_t *modified_s) {
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct blob *blob = NULL;
    if (fstat(fd, &stat) == 0 && stat.st_size <= STATIC_FILE_MAX_BYTES) {
        blob = blob_create((size_t)stat.st_size);
        ssize_t count = 1;
        while (count > 0 && blob->len < blob->cap) {
            count = read(fd, blob->bytes + blob->len, blob->cap - blob->len);
            blob->len += count > 0 ? (uint32_t)count : 0;
        }
        if (blob->len != blob->cap) {
            blob_unref(blob);
            blob = NULL;
        }
        if (modified_s != NULL)
            *modified_s = (int64_t)stat.st_mtime;
    }
    close(fd);
    return blob;
}

static void free_file(struct static_file *file) {
    blob_unref(file->plain);
    blob_unref(file->gzip);
    mem_free(file);
}

static struct static_file *load_file(const char *path, struct str url_path) {
    char gzip_path[4096];
    unsigned char digest[crypto_generichash_BYTES];
    int64_t modified_s = 0;
    struct blob *plain = read_file(path, &modified_s);
    if (plain == NULL)
        return NULL;
    struct static_file *file = mem_zalloc(1, sizeof *file);
    file->plain = plain;
    file->modified_s = modified_s;
    file->content_type = type_of(url_path);
    file->is_immutable = str_starts_with(url_path, STR("/assets/"));
    if (snprintf(gzip_path, sizeof gzip_path, "%s.gz", path) < (int)sizeof gzip_path)
        file->gzip = read_file(gzip_path, NULL);
    if (file->gzip != NULL && file->gzip->len >= plain->len) {
        blob_unref(file->gzip);
        file->gzip = NULL;
    }
    crypto_generichash(digest, sizeof digest, plain->bytes, plain->len, NULL, 0);
    text_hex_encode(digest, HASH_BYTES, file->hash);
    return file;
}

/* nftw() has no argument for its callback; loading happens once, on one thread. */
static struct {
    struct static_files *files;
    size_t folder_length;
    struct buf *error;
} loading;

static int visit(const char *path, const struct stat *stat, int type, struct FTW *where) {
    (void)stat;
    (void)where;
    struct str url_path = str_from_cstr(path + loading.folder_length);
    if (type != FTW_F || str_ends_with(url_path, STR(".gz")))
        return 0;
    struct static_file *file = load_file(path, url_path);
    if (file == NULL) {
        buf_appendf(loading.error, "cannot read %s, or it is larger than %d bytes", path,
                    STATIC_FILE_MAX_BYTES);
        return 1;
    }
    strmap_put(&loading.files->by_path, url_path, file);
    return 0;
}

struct static_files *static_files_load(const char *folder, struct buf *error) {
    struct static_files *files = mem_zalloc(1, sizeof *files);
    strmap_init(&files->by_path);
    loading.files = files;
    loading.folder_length = strlen(folder);
    loading.error = error;
    int result = nftw(folder, visit, FOLDER_DESCRIPTORS, FTW_PHYS);
    files->index = strmap_get(&files->by_path, STR("/index.html"));
    if (result == 0 && files->index != NULL)
        return files;
    if (error->len == 0)
        buf_appendf(error, "%s: %s", folder, result < 0 ? strerror(errno) : "has no index.html");
    static_files_destroy(files);
    return NULL;
}

void static_files_destroy(struct static_files *files) {
    size_t at = 0;
    void *file;
    while (strmap_next(&files->by_path, &at, NULL, &file))
        free_file(file);
    strmap_finish(&files->by_path);
    mem_free(files);
}

/* ---- answering ---- */

static const struct static_file *find(const struct static_files *files, struct str path) {
    const struct static_file *file = strmap_get(&files->by_path, path);
    if (file != NULL)
        return file;
    bool is_page =
        str_find_char(path, '.') == STR_NOT_FOUND && !str_starts_with(path, STR("/assets/"));
    return is_page ? files->index : NULL;
}

static bool takes_gzip(const struct http_request *request) {
    struct str list = http_request_header(request, "Accept-Encoding"), item, name, weight;
    while (list.len > 0) {
        str_cut(list, ',', &item, &list);
        str_cut(item, ';', &name, &weight);
        if (str_equal_nocase(str_trim(name), STR("gzip")))
            return str_find(weight, STR("q=0")) == STR_NOT_FOUND ||
                   str_find(weight, STR("q=0.")) != STR_NOT_FOUND;
    }
    return false;
}

static void append_headers(struct buf *headers, const struct static_file *file,
                           const struct http_validators *now, bool gzip) {
    char modified[HTTP_DATE_BYTES];
    http_date_format(now->modified_s, modified);
    buf_appendf(headers, "ETag: %.*s\r\nLast-Modified: %s\r\n", STR_ARG(now->etag), modified);
    buf_append_cstr(headers, "Vary: Accept-Encoding\r\nAccept-Ranges: bytes\r\n");
    buf_appendf(headers, "Cache-Control: %s\r\n",
                file->is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (gzip)
        buf_appendf(headers, "Content-Encoding: gzip\r\n");
    buf_append_cstr(
        headers,
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
        "Cross-Origin-Opener-Policy: same-origin\r\n"
        "Permissions-Policy: camera=(), microphone=(), geolocation=()\r\n");
}

/* 206 or 416: the part of the plain bytes that is asked for. False: all is to be sent. */
static bool take_range(const struct static_file *file, const struct http_request *request,
                       const struct http_validators *now, struct http_response *response,
                       struct buf *headers) {
    size_t from = 0, to = 0, size = file->plain->len;
    switch (http_condition_range(request, now, size, &from, &to)) {
    case HTTP_RANGE_NONE:
        return false;
    case HTTP_RANGE_ONE:
        response->status = 206;
        response->body = str_slice(blob_str(file->plain), from, to);
        buf_appendf(headers, "Content-Range: bytes %zu-%zu/%zu\r\n", from, to - 1, size);
        return true;
    case HTTP_RANGE_BEYOND:
        response->status = 416;
        buf_appendf(headers, "Content-Range: bytes */%zu\r\n", size);
        return true;
    }
    return false;
}

/* Parts are cut from the plain bytes, so who asks for one gets no gzip. */
static void respond_file(const struct static_file *file, struct conn *conn,
                         const struct http_request *request) {
    bool asks_part =
        request->method == METHOD_GET && http_request_header(request, "Range").ptr != NULL;
    bool gzip = !asks_part && file->gzip != NULL && takes_gzip(request);
    char etag[ETAG_MAX_BYTES];
    int length = snprintf(etag, sizeof etag, "\"%s%s\"", file->hash, gzip ? "-gzip" : "");
    struct http_validators now = {str_make(etag, (size_t)length), file->modified_s};
    struct buf headers = BUF_INIT;
    struct http_response response = {.status = 200,
                                     .content_type = str_from_cstr(file->content_type),
                                     .head_only = request->method == METHOD_HEAD};
    enum http_condition condition = http_condition_check(request, &now);
    append_headers(&headers, file, &now, gzip);
    if (condition != HTTP_CONDITION_MET)
        response.status = condition == HTTP_CONDITION_FAILED ? 412 : 304;
    else if (!take_range(file, request, &now, &response, &headers))
        response.body_blob = gzip ? file->gzip : file->plain;
    response.headers = buf_str(&headers);
    http_respond(conn, &response);
    buf_finish(&headers);
}

void static_files_respond(const struct static_files *files, struct conn *conn,
                          const struct http_request *request) {
    struct str allow = STR("Allow: GET, HEAD, OPTIONS\r\n");
    bool is_read = request->method == METHOD_GET || request->method == METHOD_HEAD;
    const struct static_file *file = is_read ? find(files, request->path) : NULL;
    if (file != NULL) {
        respond_file(file, conn, request);
        return;
    }
    if (request->method == METHOD_OPTIONS) {
        http_respond(conn, &(struct http_response){.status = 204, .headers = allow});
        return;
    }
    http_respond(conn, &(struct http_response){
                           .status = is_read ? 404 : 405,
                           .content_type = STR("text/plain; charset=utf-8"),
                           .headers = is_read ? STR_EMPTY : allow,
                           .body = is_read ? STR("There is no such page.\n")
                                           : STR("This address takes GET and HEAD only.\n"),
                           .head_only = request->method == METHOD_HEAD});
}
