/* Routes: from method and path to an operation and the values in its path, by the table. Any
 * thread. */
#pragma once
#include "base/arena.h"
#include "net/http_request.h"
#include "protocol/operations.h"

enum { ROUTE_VALUES_MAX = 4 };

struct route {
    const struct operation *operation;
    enum operation_id id;
    struct route_value {
        struct str name, value; /* value percent-decoded, in the arena */
    } values[ROUTE_VALUES_MAX];
    size_t value_count;
    char allow[64]; /* for 405: the methods that the path takes */
};

/* ERR_OK; ERR_UNKNOWN_OPERATION when no row has the path; ERR_METHOD_NOT_ALLOWED with `allow` when
 * only the method differs. `path` is what follows /api/v1. HEAD is taken where GET is, OPTIONS
 * everywhere: it is answered with `allow` (it gets ERR_METHOD_NOT_ALLOWED here). */
enum err http_route_find(struct arena *arena, enum http_method method, struct str path,
                         struct route *out) MUST_CHECK;
