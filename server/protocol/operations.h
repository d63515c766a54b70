/* The table of operations (operations.def): parameters and results as structs, and the rows.
 * Read-only; any thread. */
#pragma once
#include "protocol/err.h"
#include "protocol/field.h"
#include "protocol/limits.h"
#include "protocol/model.h"
#include "protocol/permissions.h"

/* `struct <id>_params`: bit i of `present` says whether the i-th IN was given; ask with PRESENT().
 * `struct <id>_result`. */
#define OP(id, ...)                                                                                \
    struct id##_params {                                                                           \
        uint64_t present;
#define IN(kind, name, arg, ...) CTYPE_##kind(arg) name;
#define OUT(...)
#define END(id)                                                                                    \
    }                                                                                              \
    ;
#include "protocol/operations.def"
#include "protocol/undef.h"

#define OP(id, ...)                                                                                \
    struct id##_result {                                                                           \
        char first_;
#define IN(...)
#define OUT(kind, name, arg, ...) CTYPE_##kind(arg) name;
#define END(id)                                                                                    \
    }                                                                                              \
    ;
#include "protocol/operations.def"
#include "protocol/undef.h"

enum operation_id {
#define OP(id, ...) OPERATION_##id,
#define IN(...)
#define OUT(...)
#define END(id)
#include "protocol/operations.def"
#include "protocol/undef.h"
    OPERATION_COUNT
};

enum run_kind {
    RUN_READ,
    RUN_WRITE,
    RUN_PREPARE_WRITE,
    RUN_LOAD_PREPARE_WRITE,
};

enum way {
    WAY_REST = 1,
    WAY_SOCKET = 2,
    WAY_CONTROL = 4,
    OPERATION_POLLED = 8, /* stands beside the ways: HTTP's answers carry an ETag */
};

struct operation {
    const char *id; /* of the handler */
    const char *name;
    const char *method;
    const char *path; /* below /api/v1; "-": no REST route */
    int status;       /* of a success by HTTP */
    enum run_kind run;
    unsigned ways; /* and OPERATION_POLLED */
    enum permission permission;
    enum limit limit;
    const char *doc;
    const struct field *in, *out;
    size_t params_size, result_size;
};

/* All rows, by enum operation_id. */
const struct operation *operation_table(void);
/* The row of that name, NULL when there is none. */
const struct operation *operation_by_name(struct str name);

/* Whether an optional parameter was given: PRESENT(params, room_update, topic). The member's place
 * in the struct tells its bit. */
bool params_present(const struct field *in, const void *params, size_t offset);
#define PRESENT(params, operation, member)                                                         \
    params_present(operation_table()[OPERATION_##operation].in, (params),                          \
                   offsetof(struct operation##_params, member))
