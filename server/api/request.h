/* A request: one operation on its way from a client through the executors and back. It is handed
 * over whole, with its arena.
 *
 * Thread: made on its loop; then on a read executor, a worker, the writer, as its row of the table
 * says; `reply` is called on its loop again (without a loop: on the last of those threads) and
 * destroys it. */
#pragma once
#include "auth/call.h"
#include "base/buf.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "protocol/decode.h"
#include "store/executor.h"

struct api;

enum request_step {
    REQUEST_LOAD,
    REQUEST_PREPARE,
    REQUEST_RUN,
};

/* By what the caller proves who it is. */
struct credential {
    struct str token;    /* cookie or bearer; in the arena */
    int64_t session_row; /* a socket that is signed in */
    bool is_operator;    /* the control socket, or the folder's lock */
};

struct request {
    struct work work;
    struct job job;
    struct mail mail;
    struct api *api;
    struct loop *loop; /* NULL: a command without a server */
    struct arena *arena;
    const struct operation *operation; /* NULL: only find out who calls */
    enum operation_id id;
    enum request_step step;
    struct credential credential;
    uint8_t address[16];
    bool charged; /* the limits were asked already: a batch may be run twice */
    void *params, *result;
    struct call call;
    struct error_detail error;
    enum err outcome;
    uint64_t started_ns;
    void (*reply)(struct request *take_request);
    void *way; /* the way's object: a session, a connection, a client of the control socket */
    struct str way_id;        /* socket: the id's JSON text, echoed */
    bool claims_start;        /* socket: the session's one session.start */
    bool head_only, close;    /* HTTP */
    struct str allow;         /* HTTP: for 405 */
    struct str if_none_match; /* HTTP: for rows that are POLLED */
    struct str headers;       /* HTTP: lines that the answer carries, whatever it is */
};

struct request *request_create(struct api *api, struct loop *loop,
                               void (*reply)(struct request *take_request));
void request_destroy(struct request *take_request);
/* The result of a request that went well as JSON, and the socket's whole reply to it. */
void request_encode_result(struct buf *out, const struct request *request);
void request_encode_reply(struct buf *out, const struct request *request);
/* Finds the operation of that name and decodes its params (borrowed). Returns and
 * stores the outcome. */
enum err request_decode_operation(struct request *request, struct str name,
                                  struct decode_object params) MUST_CHECK;
/* Decodes one JSON request (a WebSocket message, a line of the control socket) into operation, id
 * and params. Returns and stores the outcome; `way_id` is set wherever it could be read. */
enum err request_decode_frame(struct request *request, struct str text) MUST_CHECK;
