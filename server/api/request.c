#include "api/request.h"

#include "api/dispatch.h"
#include "base/clock.h"
#include "protocol/encode.h"

struct request *request_create(struct api *api, struct loop *loop,
                               void (*reply)(struct request *take_request)) {
    struct arena *arena = arena_create();
    struct request *request = arena_zalloc(arena, sizeof *request);
    request->arena = request->work.arena = request->call.arena = arena;
    dispatch_prime(request);
    request->api = api;
    request->loop = loop;
    request->reply = reply;
    request->call.error = &request->error;
    request->started_ns = clock_monotonic_ns();
    return request;
}

void request_destroy(struct request *take_request) {
    blob_unref(take_request->call.encoded);
    arena_destroy(take_request->arena);
}

void request_encode_result(struct buf *out, const struct request *request) {
    if (request->call.encoded != NULL)
        buf_append_str(out, blob_str(request->call.encoded));
    else
        encode_object(out, request->operation->out, request->result);
}

void request_encode_reply(struct buf *out, const struct request *request) {
    if (request->call.encoded != NULL)
        encode_reply_json(out, request->way_id, blob_str(request->call.encoded));
    else
        encode_reply(out, request->way_id, request->operation->out, request->result);
}

enum err request_decode_operation(struct request *request, struct str name,
                                  struct decode_object params) {
    enum err err = ERR_UNKNOWN_OPERATION;
    request->operation = operation_by_name(name);
    if (request->operation != NULL) {
        struct decode_source source = {.body = params};
        request->id = (enum operation_id)(request->operation - operation_table());
        request->params = arena_zalloc(request->arena, request->operation->params_size);
        err = decode_params(request->arena, request->operation, &source, request->params,
                            &request->error);
    }
    request->outcome = err;
    return err;
}

enum err request_decode_frame(struct request *request, struct str text) {
    struct decode_frame frame;
    enum err err = decode_frame(request->arena, text, &frame);
    request->way_id = frame.id;
    if (err == ERR_OK)
        err = request_decode_operation(request, frame.method, frame.params);
    decode_object_release(frame.object);
    request->outcome = err;
    return err;
}
