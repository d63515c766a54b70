/* The HTTP parser takes or refuses the same requests however the bytes are cut. The first byte of
 * the input says where. What is taken has a path and a host that the rest can rely on. */
#include "net/http_parser.h"
#include "net/http_target.h"

/* What all behind the parser rely on. */
static void check(struct http_request *take_request) {
    bool is_path = take_request->path.len > 0 && take_request->path.ptr[0] == '/';
    CHECK(is_path || (http_request_is_server_wide(take_request) &&
                      take_request->method == METHOD_OPTIONS && take_request->query.len == 0));
    CHECK(take_request->host.len == 0 || http_target_is_authority(take_request->host));
    CHECK(take_request->scheme == SCHEME_NONE || take_request->host.len > 0);
    http_request_destroy(take_request);
}

/* Counts whole requests; what is refused counts as 1000. */
static unsigned parse(struct str bytes, size_t step) {
    const struct http_limits limits = {.max_header_bytes = 4096, .max_body_bytes = 4096};
    struct http_parser *parser = http_parser_create(&limits);
    unsigned seen = 0;
    for (size_t at = 0; at < bytes.len;) {
        size_t piece = bytes.len - at < step ? bytes.len - at : step;
        size_t used = 0;
        enum err error = ERR_OK;
        enum http_progress progress =
            http_parser_feed(parser, (struct str){bytes.ptr + at, piece}, &used, &error);
        CHECK(used <= piece);
        at += used;
        if (progress == HTTP_FAILED) {
            CHECK(error != ERR_OK);
            seen += 1000;
            break;
        }
        if (progress == HTTP_DONE) {
            check(http_parser_take_request(parser));
            seen++;
        } else if (progress == HTTP_MORE) {
            CHECK(used == piece);
        }
    }
    http_parser_destroy(parser);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    struct str bytes = {(const char *)data + 1, size - 1};
    CHECK(parse(bytes, bytes.len) == parse(bytes, (size_t)data[0] % 64 + 1));
    return 0;
}
