/* The PROXY header: the same verdict however much comes at once, never more bytes than there are,
 * and nothing but a whole header is taken. */
#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str all = str_make((const char *)data, size);
    struct proxy_header header = {0}, again = {0};
    enum proxy_progress whole = proxy_header_parse(all, &header);
    for (size_t cut = 0; cut < size; cut++) {
        enum proxy_progress part = proxy_header_parse(str_slice(all, 0, cut), &again);
        /* once decided, it stays so */
        CHECK(part == PROXY_MORE || part == whole);
        CHECK(part != PROXY_DONE || (again.bytes == header.bytes && again.bytes <= cut));
    }
    if (whole == PROXY_DONE) {
        CHECK(header.bytes <= size && header.bytes <= PROXY_HEADER_MAX_BYTES);
        CHECK(proxy_header_parse(str_slice(all, 0, header.bytes - 1), &again) == PROXY_MORE);
    }
    return 0;
}
