/* What is read out of header values: cookies, lists of tokens, the WebSocket handshake, conditions,
 * dates and ranges. The input is lines `Name: value`. */
#include "net/http_condition.h"
#include "net/http_request.h"

enum { HEADERS_MAX = 16, FILE_BYTES = 1000 };

static bool lies_in(struct str part, struct str whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void read_request(struct http_request *request) {
    bool is_bad, is_wrong_version;
    (void)http_request_wants_websocket(request, &is_bad, &is_wrong_version);
    (void)http_request_offers(request, "Sec-WebSocket-Protocol", STR("echo"));
    struct str cookies = http_request_header(request, "Cookie");
    CHECK(lies_in(http_request_cookie(request, "parley_session"), cookies));
}

static void read_conditions(const struct http_request *request) {
    const struct http_validators now = {STR("\"tag\""), 784111777};
    size_t from = 0, to = 0;
    (void)http_condition_check(request, &now);
    if (http_condition_range(request, &now, FILE_BYTES, &from, &to) == HTTP_RANGE_ONE)
        CHECK(from < to && to <= FILE_BYTES);
}

/* What is taken for a date is written the same way again. */
static void read_date(struct str text) {
    char again[HTTP_DATE_BYTES];
    int64_t seconds, seconds_again;
    if (!http_date_parse(text, &seconds))
        return;
    http_date_format(seconds, again);
    CHECK(http_date_parse(str_from_cstr(again), &seconds_again));
    CHECK(seconds == seconds_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_header headers[HEADERS_MAX];
    struct http_request request = {.method = METHOD_GET, .headers = headers};
    struct str rest = str_make((const char *)data, size), line;
    while (rest.len > 0 && request.header_count < HEADERS_MAX) {
        struct http_header *header = &headers[request.header_count++];
        str_cut(rest, '\n', &line, &rest);
        str_cut(line, ':', &header->name, &header->value);
        header->value = str_trim(header->value);
        read_date(header->value);
    }
    read_request(&request);
    read_conditions(&request);
    return 0;
}
