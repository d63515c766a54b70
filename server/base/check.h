/* What the code promises itself. CHECK() stays on in release builds: a broken promise ends the
 * process at once instead of going on with wrong data. It is never for input: what comes from
 * outside is answered, not checked. Any thread. */
#pragma once

/* The compiler warns when the result is dropped. */
#define MUST_CHECK __attribute__((warn_unused_result))
/* Arguments are checked against a printf format: positions of the format and of the first argument,
 * from 1. */
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

#define CHECK(cond)                                                                                \
    (__builtin_expect(!!(cond), 1) ? (void)0 : check_fail(#cond, __FILE__, __LINE__))

/* Prints the broken promise to stderr and aborts. Call it through CHECK. */
_Noreturn void check_fail(const char *cond, const char *file, int line);
