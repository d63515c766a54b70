#include "api/http_route.h"

#include "protocol/decode.h"
#include <stdio.h>

/* Compares a path with a row's pattern, segment by segment, and takes the values of {name}
 * segments. */
static bool match_path(struct arena *arena, struct str pattern, struct str path,
                       struct route *out) {
    out->value_count = 0;
    while (pattern.len > 0 && path.len > 0) {
        struct str want, have;
        if (path.ptr[0] != '/')
            return false;
        pattern = str_slice(pattern, 1, pattern.len);
        path = str_slice(path, 1, path.len);
        bool more_pattern = str_cut(pattern, '/', &want, &pattern);
        bool more_path = str_cut(path, '/', &have, &path);
        if (more_pattern != more_path)
            return false;
        if (more_pattern) { /* the slash goes back before the rest */
            pattern = str_make(pattern.ptr - 1, pattern.len + 1);
            path = str_make(path.ptr - 1, path.len + 1);
        }
        bool is_value = want.len > 2 && want.ptr[0] == '{';
        if (!is_value && !str_equal(want, have))
            return false;
        if (is_value) {
            CHECK(out->value_count < ROUTE_VALUES_MAX);
            struct route_value *value = &out->values[out->value_count++];
            value->name = str_slice(want, 1, want.len - 1);
            if (have.len == 0 || !decode_percent(arena, have, false, &value->value))
                return false;
        }
    }
    return pattern.len == 0 && path.len == 0;
}

static const char *method_text(enum http_method method) {
    static const char *const texts[] = {"GET",   "GET",    "POST",    "PUT",
                                        "PATCH", "DELETE", "OPTIONS", ""};
    return texts[method];
}

static void add_allowed(struct route *out, const char *method) {
    size_t used = strlen(out->allow);
    snprintf(out->allow + used, sizeof out->allow - used, "%s%s%s", used > 0 ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

enum err http_route_find(struct arena *arena, enum http_method method, struct str path,
                         struct route *out) {
    const struct operation *table = operation_table();
    bool is_known = false;
    out->allow[0] = '\0';
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if (table[i].path[0] != '/' || (table[i].ways & WAY_REST) == 0 ||
            !match_path(arena, str_from_cstr(table[i].path), path, out))
            continue;
        if (strcmp(table[i].method, method_text(method)) == 0) {
            out->operation = &table[i];
            out->id = (enum operation_id)i;
            return ERR_OK;
        }
        is_known = true;
        add_allowed(out, table[i].method);
    }
    if (is_known)
        add_allowed(out, "OPTIONS");
    return is_known ? ERR_METHOD_NOT_ALLOWED : ERR_UNKNOWN_OPERATION;
}
