/* The handlers of the operation table, one row each, by operation id. Read-only; any thread. */
#pragma once
#include "protocol/handlers.h"
#include "protocol/operations.h"

struct handler {
    enum err (*load)(struct call *call, const void *params);    /* NULL: no such step */
    enum err (*prepare)(struct call *call, const void *params); /* NULL: no such step */
    enum err (*run)(struct call *call, const void *params, void *result);
};

const struct handler *handler_of(enum operation_id id);
