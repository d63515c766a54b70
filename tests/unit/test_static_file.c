/* The web client from memory: what is answered to which request. The answers are caught here
 * instead of being queued on a connection. */
#include "net/http_response.h"
#include "net/static_file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct static_files *files;
/* The newest answer. */
static struct {
    int status;
    bool head_only;
    struct buf content_type, headers, body;
} answer;

/* Stands for net's: the linker takes this one. */
void http_respond(struct conn *conn, const struct http_response *response) {
    (void)conn;
    answer.status = response->status;
    answer.head_only = response->head_only;
    buf_clear(&answer.content_type);
    buf_clear(&answer.headers);
    buf_clear(&answer.body);
    buf_append_str(&answer.content_type, response->content_type);
    buf_append_str(&answer.headers, response->headers);
    buf_append_str(&answer.body,
                   response->body_blob != NULL ? blob_str(response->body_blob) : response->body);
}

static void write_file(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int open_folder(void **state) {
    char path[256];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/parley-static-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/assets", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    buf_init(&answer.content_type);
    buf_init(&answer.headers);
    buf_init(&answer.body);
    return 0;
}

static int open_site(void **state) {
    struct buf error = BUF_INIT;
    open_folder(state);
    write_file("index.html", "<p>index</p>");
    write_file("robots.txt", "0123456789");
    write_file("assets/app-1a2b.js", "let long = 'long long long long';");
    write_file("assets/app-1a2b.js.gz", "zipped");
    write_file("assets/tiny.css", "a{}");
    write_file("assets/tiny.css.gz", "larger than what it stands for");
    files = static_files_load(folder, &error);
    if (files == NULL)
        fail_msg("%s", buf_cstr(&error));
    buf_finish(&error);
    return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *where) {
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

static int close_folder(void **state) {
    (void)state;
    buf_finish(&answer.content_type);
    buf_finish(&answer.headers);
    buf_finish(&answer.body);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int close_site(void **state) {
    static_files_destroy(files);
    return close_folder(state);
}

/* Asks, with one header or none. */
static void ask(enum http_method method, const char *path, const char *name, const char *value) {
    struct http_header header = {str_from_cstr(name), str_from_cstr(value)};
    const struct http_request request = {.method = method,
                                         .path = str_from_cstr(path),
                                         .headers = &header,
                                         .header_count = name[0] != '\0' ? 1 : 0};
    static_files_respond(files, NULL, &request);
}

static void get(const char *path) {
    ask(METHOD_GET, path, "", "");
}

static void assert_answer(int status, const char *body) {
    assert_int_equal(answer.status, status);
    assert_string_equal(buf_cstr(&answer.body), body);
}

static void assert_header(const char *line) {
    if (strstr(buf_cstr(&answer.headers), line) == NULL)
        fail_msg("no '%s' in:\n%s", line, buf_cstr(&answer.headers));
}

static void assert_no_header(const char *line) {
    assert_null(strstr(buf_cstr(&answer.headers), line));
}

/* ---- loading ---- */

static void a_folder_without_an_index_is_refused(void **state) {
    (void)state;
    struct buf error = BUF_INIT;
    write_file("robots.txt", "x");
    assert_null(static_files_load(folder, &error));
    assert_non_null(strstr(buf_cstr(&error), "index.html"));
    buf_clear(&error);
    assert_null(static_files_load("/nonexistent/folder", &error));
    assert_non_null(strstr(buf_cstr(&error), "/nonexistent/folder"));
    buf_finish(&error);
}

static void a_file_that_is_too_large_is_refused_by_name(void **state) {
    (void)state;
    char path[256];
    struct buf error = BUF_INIT;
    write_file("index.html", "x");
    write_file("big.png", "x");
    snprintf(path, sizeof path, "%s/big.png", folder);
    assert_int_equal(truncate(path, STATIC_FILE_MAX_BYTES + 1), 0);
    assert_null(static_files_load(folder, &error));
    assert_non_null(strstr(buf_cstr(&error), "big.png"));
    buf_finish(&error);
}

/* A link could lead out of the folder. */
static void a_symbolic_link_is_not_followed(void **state) {
    (void)state;
    char path[256];
    struct buf error = BUF_INIT;
    write_file("index.html", "x");
    snprintf(path, sizeof path, "%s/passwd.txt", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    files = static_files_load(folder, &error);
    assert_non_null(files);
    get("/passwd.txt");
    assert_int_equal(answer.status, 404);
    static_files_destroy(files);
    buf_finish(&error);
}

/* ---- answering ---- */

static void pages_of_the_client_are_the_index(void **state) {
    (void)state;
    static const char *const paths[] = {"/", "/index.html", "/rooms", "/rooms/7/members"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        get(paths[i]);
        assert_answer(200, "<p>index</p>");
        assert_string_equal(buf_cstr(&answer.content_type), "text/html; charset=utf-8");
        assert_header("Cache-Control: no-cache\r\n");
    }
}

static void what_is_no_file_is_not_found(void **state) {
    (void)state;
    static const char *const paths[] = {
        "/missing.js",  "/assets/missing",       "/assets/app-1a2b.js.gz", "/../index.html",
        "/robots.txt/", "/assets/../robots.txt", "/%2e%2e/robots.txt"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        get(paths[i]); /* looked up as it stands: never decoded, never resolved */
        assert_int_equal(answer.status, 404);
    }
}

static void only_get_and_head_are_taken(void **state) {
    (void)state;
    ask(METHOD_POST, "/", "", "");
    assert_int_equal(answer.status, 405);
    assert_header("Allow: GET, HEAD, OPTIONS\r\n");
    ask(METHOD_HEAD, "/robots.txt", "", "");
    assert_int_equal(answer.status, 200);
    assert_true(answer.head_only);
}

static void a_name_with_a_hash_is_kept_for_a_year(void **state) {
    (void)state;
    get("/assets/app-1a2b.js");
    assert_answer(200, "let long = 'long long long long';");
    assert_string_equal(buf_cstr(&answer.content_type), "text/javascript; charset=utf-8");
    assert_header("Cache-Control: public, max-age=31536000, immutable\r\n");
    assert_header("Vary: Accept-Encoding\r\n");
}

static void the_policy_lets_only_own_scripts_run(void **state) {
    (void)state;
    get("/");
    assert_header("Content-Security-Policy: default-src 'none'; script-src 'self';");
    assert_header("frame-ancestors 'none'");
    assert_no_header("unsafe");
}

static void gzip_is_sent_to_who_takes_it(void **state) {
    (void)state;
    static const char *const yes[] = {"gzip", "br, GZIP", "deflate;q=1, gzip;q=0.5", "gzip;q=1"};
    static const char *const no[] = {"br", "gzip;q=0", "", "x-gzip"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        ask(METHOD_GET, "/assets/app-1a2b.js", "Accept-Encoding", yes[i]);
        assert_answer(200, "zipped");
        assert_header("Content-Encoding: gzip\r\n");
        assert_header("-gzip\"\r\n"); /* another ETag: other bytes */
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        ask(METHOD_GET, "/assets/app-1a2b.js", "Accept-Encoding", no[i]);
        assert_answer(200, "let long = 'long long long long';");
        assert_no_header("gzip");
    }
    ask(METHOD_GET, "/assets/tiny.css", "Accept-Encoding", "gzip");
    assert_answer(200, "a{}"); /* it would be larger */
}

static void an_etag_that_matches_answers_304(void **state) {
    (void)state;
    char etag[128], list[300];
    get("/robots.txt");
    assert_int_equal(sscanf(buf_cstr(&answer.headers), "ETag: %127[^\r]", etag), 1);
    ask(METHOD_GET, "/robots.txt", "If-None-Match", etag);
    assert_int_equal(answer.status, 304);
    snprintf(list, sizeof list, "\"other\", W/%s", etag);
    ask(METHOD_GET, "/robots.txt", "If-None-Match", list);
    assert_int_equal(answer.status, 304);
    ask(METHOD_GET, "/robots.txt", "If-None-Match", "*");
    assert_int_equal(answer.status, 304);
    ask(METHOD_GET, "/", "If-None-Match", etag);
    assert_answer(200, "<p>index</p>");
}

static void a_date_that_matches_answers_304(void **state) {
    (void)state;
    char date[64];
    get("/robots.txt");
    const char *line = strstr(buf_cstr(&answer.headers), "Last-Modified: ");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "Last-Modified: %63[^\r]", date), 1);
    ask(METHOD_GET, "/robots.txt", "If-Modified-Since", date);
    assert_answer(304, "");
    ask(METHOD_GET, "/robots.txt", "If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_answer(200, "0123456789");
    ask(METHOD_GET, "/robots.txt", "If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_answer(412, "");
}

/* Each form has its own tag, and only the tag of what would be sent matches. */
static void the_etag_of_another_form_does_not_match(void **state) {
    (void)state;
    char etag[128], other[160];
    get("/assets/app-1a2b.js");
    assert_int_equal(sscanf(buf_cstr(&answer.headers), "ETag: \"%100[^\"]", etag), 1);
    snprintf(other, sizeof other, "%s-gzip", etag);
    ask(METHOD_GET, "/assets/app-1a2b.js", "If-None-Match", other);
    assert_answer(200, "let long = 'long long long long';");
}

static void a_range_of_head_is_ignored(void **state) {
    (void)state;
    ask(METHOD_HEAD, "/robots.txt", "Range", "bytes=0-3");
    assert_answer(200, "0123456789");
}

static void one_range_is_sent(void **state) {
    (void)state;
    static const struct {
        const char *range, *body, *content;
    } good[] = {
        {"bytes=0-3", "0123", "bytes 0-3/10"},   {"bytes=7-", "789", "bytes 7-9/10"},
        {"bytes=-2", "89", "bytes 8-9/10"},      {"bytes=-20", "0123456789", "bytes 0-9/10"},
        {"bytes=5-99", "56789", "bytes 5-9/10"}, {"bytes=9-9", "9", "bytes 9-9/10"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ask(METHOD_GET, "/robots.txt", "Range", good[i].range);
        assert_answer(206, good[i].body);
        assert_header(good[i].content);
    }
}

static void a_range_beyond_the_end_is_refused_and_no_range_is_ignored(void **state) {
    (void)state;
    static const char *const bad[] = {"bytes=10-", "bytes=99-100", "bytes=-0"};
    static const char *const ignored[] = {
        "bytes=",    "bytes=-",       "bytes=a-b",
        "lines=1-2", "bytes=0--5",    "bytes=--5",
        "bytes=5-3", "bytes=0-1,3-4", "bytes=0-99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask(METHOD_GET, "/robots.txt", "Range", bad[i]);
        assert_answer(416, "");
        assert_header("Content-Range: bytes */10\r\n");
    }
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        ask(METHOD_GET, "/robots.txt", "Range", ignored[i]);
        if (answer.status != 200)
            fail_msg("%s: %d", ignored[i], answer.status);
        assert_answer(200, "0123456789");
    }
}

#define LOAD(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)

int main(void) {
    const struct CMUnitTest tests[] = {
        LOAD(a_folder_without_an_index_is_refused),
        LOAD(a_file_that_is_too_large_is_refused_by_name),
        LOAD(a_symbolic_link_is_not_followed),
        TEST(pages_of_the_client_are_the_index),
        TEST(what_is_no_file_is_not_found),
        TEST(only_get_and_head_are_taken),
        TEST(a_name_with_a_hash_is_kept_for_a_year),
        TEST(the_policy_lets_only_own_scripts_run),
        TEST(gzip_is_sent_to_who_takes_it),
        TEST(an_etag_that_matches_answers_304),
        TEST(a_date_that_matches_answers_304),
        TEST(the_etag_of_another_form_does_not_match),
        TEST(a_range_of_head_is_ignored),
        TEST(one_range_is_sent),
        TEST(a_range_beyond_the_end_is_refused_and_no_range_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
