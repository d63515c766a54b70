/* What json_flat_parse takes, jansson takes and reads alike; a request decoded from either has the
 * same outcome. */
#include "../unit/json_flat_equal.h"
#include "protocol/decode.h"

/* The outcome of one operation's params in `object`; *present: which were given. */
static enum err decode(struct arena *arena, const struct operation *operation,
                       struct decode_object object, uint64_t *present,
                       struct error_detail *detail) {
    struct decode_source source = {.body = object};
    void *params = arena_zalloc(arena, operation->params_size);
    enum err err = decode_params(arena, operation, &source, params, detail);
    *present = *(uint64_t *)params;
    return err;
}

/* As if the text were the body of every operation. */
static void compare_params(struct arena *arena, const struct json_flat_object *flat, json_t *json) {
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *operation = &operation_table()[i];
        uint64_t have = 0, want = 0;
        struct error_detail told = {0}, wanted = {0};
        enum err err = decode(arena, operation, (struct decode_object){.flat = flat}, &have, &told);
        CHECK(err ==
              decode(arena, operation, (struct decode_object){.json = json}, &want, &wanted));
        CHECK(err != ERR_OK || have == want);
        CHECK(str_equal(told.field, wanted.field) && str_equal(told.detail, wanted.detail));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = {(const char *)data, size};
    struct json_flat flat;
    json_t *json;
    if (!json_flat_parse(text, &flat))
        return 0;
    CHECK(decode_json(text, 2, &json) == ERR_OK);
    CHECK(json_flat_equal(&flat.root, json));
    struct arena *arena = arena_create();
    compare_params(arena, &flat.root, json);
    arena_destroy(arena);
    json_decref(json);
    return 0;
}
