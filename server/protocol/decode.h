/* Decoding: JSON, query strings and paths into params structs, by their field tables. Any thread.
 * Nothing is believed: lengths, depth, duplicates, types, UTF-8, bounds; unknown members are
 * ignored, in queries as in bodies; a known parameter stands once. */
#pragma once
#include "base/arena.h"
#include "base/check.h"
#include "protocol/err.h"
#include "protocol/json_flat.h"
#include "protocol/operations.h"
#include <jansson.h>

/* Arrays and objects in each other, params themselves counted; no operation needs more than 3. What
 * holds params (a frame, a Socket.IO event) is one level more. */
enum { DECODE_DEPTH_MAX = 16, DECODE_FRAME_DEPTH_MAX = DECODE_DEPTH_MAX + 1 };
/* The longest id of a socket request, as JSON text. */
enum { DECODE_ID_MAX_BYTES = 64 };

/* Parses one JSON value of any type; the caller limits its length. ERR_INVALID_JSON for everything
 * else, and for what is not believed: too deep, duplicate keys, NUL, a number beyond 64 bits, half
 * a surrogate pair. On success the caller gives *out back with json_decref. */
enum err decode_json(struct str text, size_t depth_max, json_t **out) MUST_CHECK;

/* Whether the first bracket of the text is closed at its very end: such an object or array was not
 * cut off, even if it is none that is believed. */
bool decode_json_is_whole(struct str text);

/* An object as it was parsed: by jansson, or flat without an allocation; both NULL: none. */
struct decode_object {
    json_t *json;
    const struct json_flat_object *flat;
    bool is_other; /* none, since JSON of another type stood there: decode_params refuses it */
};

/* What stands where an object is wanted, borrowed: NULL (nothing) and null are none. */
struct decode_object decode_object_of(json_t *json);
/* The same for a text, with decode_json's outcome for every one; what json_flat_parse takes stands
 * in *room. The caller gives *out back with decode_object_release; until then text and room stay
 * where they are. */
enum err decode_object_parse(struct str text, size_t depth_max, struct json_flat *room,
                             struct decode_object *out) MUST_CHECK;
void decode_object_release(struct decode_object take_object);

/* Percent-decodes (RFC 3986 section 2.1) into the arena; false for a broken escape. */
bool decode_percent(struct arena *arena, struct str text, bool plus_is_space,
                    struct str *out) MUST_CHECK;

/* Where an operation's params come from; a parameter is looked for in path, body, query, in this
 * order. */
enum { DECODE_PATH_MAX = 4 };
struct decode_source {
    struct decode_object body; /* borrowed */
    struct str query;          /* percent-encoded, or empty */
    struct decode_pair {
        struct str name, value; /* value decoded */
    } path[DECODE_PATH_MAX];
    size_t path_count;
    /* The header, or ptr NULL: becomes `nonce` where the operation has one, an empty one too. */
    struct str idempotency_key;
};

/* Fills `params` (operation->params_size bytes, zeroed); strings are copied into the arena. One
 * rule for every way: nothing, null or an object is taken, any other JSON is ERR_INVALID_REQUEST.
 * ERR_MISSING_FIELD, ERR_INVALID_FIELD and ERR_NONCE_CONFLICT name the field and what is allowed in
 * `detail`. */
enum err decode_params(struct arena *arena, const struct operation *operation,
                       const struct decode_source *source, void *params,
                       struct error_detail *detail) MUST_CHECK;

/* A socket request `{"id":1,"method":"…","params":{…}}`. `id` is JSON text (a number or string) in
 * the arena, NULL-safe: empty when there is none, and set as soon as it is known, also when an
 * error follows. JSON that is no request is ERR_INVALID_REQUEST. `method` and `params` are borrowed
 * from the text, `object` and `room`: they end with the release of `object`, and a frame is not
 * copied. */
struct decode_frame {
    struct decode_object object; /* the caller's, decode_object_release, also after an error */
    struct str id;
    struct str method;
    struct decode_object params;
    struct json_flat room;
};
enum err decode_frame(struct arena *arena, struct str text, struct decode_frame *out) MUST_CHECK;
