/* A request line's method, path and query: the route, the values in the path, the params of the
 * operation. The first line of the input is the query, the rest the path. */
#include "api/http_route.h"
#include "protocol/decode.h"

static void decode(struct arena *arena, const struct route *route, struct str query) {
    struct error_detail detail = {0};
    struct decode_source source = {.query = query, .path_count = route->value_count};
    _Static_assert((int)ROUTE_VALUES_MAX <= (int)DECODE_PATH_MAX, "every value has its place");
    for (size_t i = 0; i < route->value_count; i++)
        source.path[i] = (struct decode_pair){route->values[i].name, route->values[i].value};
    void *params = arena_zalloc(arena, route->operation->params_size);
    enum err err = decode_params(arena, route->operation, &source, params, &detail);
    CHECK(err == ERR_OK || err == ERR_MISSING_FIELD || err == ERR_INVALID_FIELD ||
          err == ERR_INVALID_REQUEST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_create();
    struct str query, path;
    str_cut(str_make((const char *)data, size), '\n', &query, &path);
    for (int method = METHOD_GET; method <= METHOD_OTHER; method++) {
        struct route route = {0};
        enum err err = http_route_find(arena, (enum http_method)method, path, &route);
        CHECK(err == ERR_OK || err == ERR_UNKNOWN_OPERATION || err == ERR_METHOD_NOT_ALLOWED ||
              err == ERR_INVALID_REQUEST);
        if (err == ERR_OK)
            decode(arena, &route, query);
    }
    arena_destroy(arena);
    return 0;
}
