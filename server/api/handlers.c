#include "api/handlers.h"

/* A function pointer may only be called through its own type, so each handler gets a small function
 * that takes void pointers. */
#define THUNK_RUN(id)                                                                              \
    static enum err run_##id(struct call *call, const void *params, void *result) {                \
        return id(call, params, result);                                                           \
    }
#define THUNK_PREPARE(id)                                                                          \
    static enum err prepare_##id(struct call *call, const void *params) {                          \
        return id##_prepare(call, params);                                                         \
    }
#define THUNK_LOAD(id)                                                                             \
    static enum err load_##id(struct call *call, const void *params) {                             \
        return id##_load(call, params);                                                            \
    }
#define THUNKS_READ(id) THUNK_RUN(id)
#define THUNKS_WRITE(id) THUNK_RUN(id)
#define THUNKS_PREPARE_WRITE(id) THUNK_PREPARE(id) THUNK_RUN(id)
#define THUNKS_LOAD_PREPARE_WRITE(id) THUNK_LOAD(id) THUNK_PREPARE(id) THUNK_RUN(id)
#define OP(id, name, method, path, status, run, ...) THUNKS_##run(id)
#define IN(...)
#define OUT(...)
#define END(id)
#include "protocol/operations.def"
#undef OP

#define ROW_READ(id) {NULL, NULL, run_##id},
#define ROW_WRITE(id) {NULL, NULL, run_##id},
#define ROW_PREPARE_WRITE(id) {NULL, prepare_##id, run_##id},
#define ROW_LOAD_PREPARE_WRITE(id) {load_##id, prepare_##id, run_##id},
#define OP(id, name, method, path, status, run, ...) ROW_##run(id)
static const struct handler handlers[] = {
#include "protocol/operations.def"
};

const struct handler *handler_of(enum operation_id id) {
    return &handlers[id];
}
