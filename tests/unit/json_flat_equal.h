/* What json_flat_parse took beside what jansson made of the same text: for its unit test and its
 * fuzzer. */
#pragma once
#include "protocol/json_flat.h"

#include <stdlib.h>

/* `written` is the JSON text that jansson makes of a number or string. */
static inline bool is_written_alike(struct str written, const json_t *value) {
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    bool is_alike = text != NULL && str_equal(written, str_from_cstr(text));
    free(text);
    return is_alike;
}

static inline bool json_flat_equal(const struct json_flat_object *flat, const json_t *json);

static inline bool is_same_value(const struct json_flat_member *member, const json_t *value) {
    if (value == NULL || member->type != json_typeof(value))
        return false;
    if (member->type == JSON_OBJECT)
        return json_flat_equal(member->object, value);
    if (!is_written_alike(member->written, value))
        return false;
    if (member->type == JSON_INTEGER)
        return member->integer == json_integer_value(value);
    return member->type != JSON_STRING ||
           str_equal(member->text, str_make(json_string_value(value), json_string_length(value)));
}

/* The same members with the same types and values, in whatever order. */
static inline bool json_flat_equal(const struct json_flat_object *flat, const json_t *json) {
    if (!json_is_object(json) || json_object_size(json) != flat->count)
        return false;
    for (size_t i = 0; i < flat->count; i++) {
        const struct json_flat_member *member = &flat->members[i];
        if (!is_same_value(member, json_object_getn(json, member->name.ptr, member->name.len)))
            return false;
    }
    return true;
}
