/* What a socket sends as a message: JSON, the frame round it, and the params of whichever operation
 * it names. */
#include "protocol/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_create();
    struct decode_frame frame;
    if (decode_frame(arena, (struct str){(const char *)data, size}, &frame) == ERR_OK) {
        const struct operation *operation = operation_by_name(frame.method);
        if (operation != NULL) {
            struct error_detail detail = {0};
            struct decode_source source = {.body = frame.params};
            void *params = arena_zalloc(arena, operation->params_size);
            enum err err = decode_params(arena, operation, &source, params, &detail);
            CHECK(err == ERR_OK || err == ERR_MISSING_FIELD || err == ERR_INVALID_FIELD ||
                  (err == ERR_INVALID_REQUEST && frame.params.is_other));
        }
    }
    decode_object_release(frame.object);
    arena_destroy(arena);
    return 0;
}
