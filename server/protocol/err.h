/* What can go wrong, as values. Every function that can fail returns one, must-check; results go
 * through the last parameter. The rows are in errors.def; codes and messages are what clients get.
 * Any thread. */
#pragma once
#include "base/str.h"

enum err {
    ERR_OK = 0,
#define ERROR(id, code, status, message) ERR_##id,
#include "protocol/errors.def"
#undef ERROR
    ERR_COUNT
};

/* The stable code on the wire, "not_found". */
const char *err_code(enum err err);
int err_http_status(enum err err);
const char *err_message(enum err err);

/* What an error says besides its code. Strs point to what outlives it (literals or the request's
 * arena). */
struct error_detail {
    struct str field;       /* the parameter that is wrong; empty: none */
    struct str detail;      /* what is allowed, or what to do; empty: none */
    int64_t retry_after_ms; /* 0: none */
};
