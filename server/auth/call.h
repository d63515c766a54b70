/* A call: one operation being carried out, as its handler sees it. A handler knows no socket,
 * thread, lock or bus; its only effects are rows, emit()s and the `effect` below, so it may be run
 * again.
 *
 * Thread: `load` and the handler on an executor, `prepare` on the worker pool, one after the other.
 * Owner: api (struct request); everything points into its arena. */
#pragma once
#include "base/blob.h"
#include "protocol/handlers.h"
#include "protocol/model.h"
#include "protocol/operations.h"
#include "store/log.h"

/* Who calls, read from rows in the call's own transaction (dispatch_run does it before the
 * handler). */
struct actor {
    int64_t account;      /* 0: nobody signed in, or the operator */
    int64_t session;      /* row of the session that the credential named */
    int64_t expires_at;   /* when that session ends by itself */
    struct author author; /* its id and names; in the arena */
    enum role role;
    bool is_operator; /* reached over the control socket or the folder's lock: above every rank */
};

/* What the layer above does after the reply of a committed call. */
struct call_effect {
    bool sign_in;    /* bind the connection or cookie to account/session below */
    bool set_cookie; /* token goes out as the session cookie (HTTP) */
    bool clear_cookie;
    struct str token; /* the fresh session secret, when one was made */
    int64_t expires_at;
    int64_t account, session;
    enum role role;
    bool start_stream; /* session.start: the stream goes on from start_pos */
    int64_t start_pos;
    const int64_t *only_rooms; /* session.start: keys in the arena, NULL: all rooms */
    size_t only_count;
};

struct call {
    struct tx *tx; /* NULL in prepare */
    struct arena *arena;
    const struct operation *operation;
    struct actor actor;
    struct call_effect effect;
    struct blob *encoded; /* the result as JSON, by a handler that has it so: the caller's
                             reference; NULL: the result struct counts */
    void *prepared;       /* what load and prepare leave for the next step; in the arena */
    bool is_http;         /* came as an HTTP request (session.create sets a cookie there) */
    bool is_foreign;      /* from a page of another site: no cookie is set */
    bool wants_created; /* set by a handler that found a duplicate: false → 200 instead of 201 */
    struct error_detail
        *error; /* a handler may name the field or the retry_after of what it returns */
};

/* ERR_INVALID_FIELD, with the parameter that is wrong and what is allowed; both literals. */
enum err call_refuse(struct call *call, const char *field, const char *detail) MUST_CHECK;
