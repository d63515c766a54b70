/* The handlers of all operations, declared from the table; chat/ and auth/ define them, api/ calls
 * them. Where a row's RUN says so there are id_load (read executor) and id_prepare (worker pool)
 * before id; see auth/call.h. */
#pragma once
#include "base/check.h"
#include "protocol/operations.h"

struct call;

#define HANDLER_RUN(id)                                                                            \
    enum err id(struct call *call, const struct id##_params *in, struct id##_result *out)          \
        MUST_CHECK;
#define HANDLER_PREPARE(id)                                                                        \
    enum err id##_prepare(struct call *call, const struct id##_params *in) MUST_CHECK;
#define HANDLER_LOAD(id)                                                                           \
    enum err id##_load(struct call *call, const struct id##_params *in) MUST_CHECK;
#define HANDLERS_READ(id) HANDLER_RUN(id)
#define HANDLERS_WRITE(id) HANDLER_RUN(id)
#define HANDLERS_PREPARE_WRITE(id) HANDLER_PREPARE(id) HANDLER_RUN(id)
#define HANDLERS_LOAD_PREPARE_WRITE(id) HANDLER_LOAD(id) HANDLER_PREPARE(id) HANDLER_RUN(id)
#define OP(id, name, method, path, status, run, ...) HANDLERS_##run(id)
#define IN(...)
#define OUT(...)
#define END(id)
#include "protocol/operations.def"
#include "protocol/undef.h"
