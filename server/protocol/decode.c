#include "protocol/decode.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

/* ---- JSON ---- */

/* What the brackets of a text tell, those in strings left out. */
struct brackets {
    size_t deepest;
    size_t end; /* behind the one that closes the first; 0: none does */
};

static struct brackets scan_brackets(struct str text) {
    struct brackets found = {0};
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > found.deepest)
                found.deepest = depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            if (--depth == 0 && found.end == 0)
                found.end = i + 1;
        }
    }
    return found;
}

/* jansson has no depth limit below 2048, so the depth is looked at first. */
static bool is_shallow(struct str text, size_t depth_max) {
    return scan_brackets(text).deepest <= depth_max;
}

bool decode_json_is_whole(struct str text) {
    return text.len > 0 && scan_brackets(text).end == text.len;
}

enum err decode_json(struct str text, size_t depth_max, json_t **out) {
    json_error_t error;
    *out = NULL;
    if (is_shallow(text, depth_max))
        *out = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    return *out != NULL ? ERR_OK : ERR_INVALID_JSON;
}

struct decode_object decode_object_of(json_t *json) {
    if (json_is_object(json))
        return (struct decode_object){.json = json};
    return (struct decode_object){.is_other = json != NULL && !json_is_null(json)};
}

enum err decode_object_parse(struct str text, size_t depth_max, struct json_flat *room,
                             struct decode_object *out) {
    json_t *json = NULL;
    *out = (struct decode_object){0};
    if (json_flat_parse(text, room)) {
        out->flat = &room->root;
        return ERR_OK;
    }
    enum err err = decode_json(text, depth_max, &json);
    *out = decode_object_of(json);
    if (out->json == NULL)
        json_decref(json);
    return err;
}

void decode_object_release(struct decode_object take_object) {
    json_decref(take_object.json);
}

/* ---- text ---- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool decode_percent(struct arena *arena, struct str text, bool plus_is_space, struct str *out) {
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        bytes[length++] = c;
    }
    bytes[length] = '\0';
    *out = str_make(bytes, length);
    return true;
}

/* ---- one value ---- */

/* A value as it came, whoever parsed it: JSON, or text of a path or query. */
struct raw {
    bool is_json;
    json_type type;              /* JSON: which of the next there is */
    struct str text;             /* a string's, or the path's or query's */
    struct str written;          /* flat JSON: the value as it stands there */
    int64_t integer;             /* an integer's */
    const json_t *list;          /* an array's, of jansson */
    struct decode_object object; /* an object's, or that it is none; borrowed */
};

static struct raw raw_from_json(json_t *json) {
    struct raw raw = {.is_json = true, .type = json_typeof(json)};
    if (raw.type == JSON_STRING)
        raw.text = str_make(json_string_value(json), json_string_length(json));
    else if (raw.type == JSON_INTEGER)
        raw.integer = json_integer_value(json);
    else if (raw.type == JSON_ARRAY)
        raw.list = json;
    raw.object = decode_object_of(json);
    return raw;
}

static struct raw raw_from_flat(const struct json_flat_member *member) {
    struct raw raw = {.is_json = true, .type = member->type, .written = member->written};
    if (raw.type == JSON_STRING)
        raw.text = member->text;
    else if (raw.type == JSON_INTEGER)
        raw.integer = member->integer;
    else if (raw.type == JSON_OBJECT)
        raw.object.flat = member->object;
    raw.object.is_other = raw.type != JSON_OBJECT && raw.type != JSON_NULL;
    return raw;
}

/* An object's member; false without one of that name. */
static bool raw_find(const struct decode_object *object, const char *name, struct raw *out) {
    const struct json_flat_member *member =
        object->flat != NULL ? json_flat_find(object->flat, str_from_cstr(name)) : NULL;
    json_t *json = object->json != NULL ? json_object_get(object->json, name) : NULL;
    if (member == NULL && json == NULL)
        return false;
    *out = member != NULL ? raw_from_flat(member) : raw_from_json(json);
    return true;
}

struct decoder {
    struct arena *arena;
    const struct field *field;
    struct error_detail *detail;
    void *at;
};

static enum err refuse(struct decoder *decoder, const char *allowed) {
    decoder->detail->field = str_from_cstr(decoder->field->name);
    decoder->detail->detail = str_from_cstr(allowed);
    return ERR_INVALID_FIELD;
}

static enum err refuse_bounds(struct decoder *decoder, const char *unit) {
    const struct field *field = decoder->field;
    decoder->detail->field = str_from_cstr(field->name);
    decoder->detail->detail = arena_printf(decoder->arena, "%lld to %lld%s", (long long)field->min,
                                           (long long)field->max, unit);
    return ERR_INVALID_FIELD;
}

static bool has_control(struct str text, bool lines) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && !(lines && (c == '\n' || c == '\t' || c == '\r'))) || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_printable_ascii(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

static bool raw_text(const struct raw *raw, struct str *out) {
    *out = raw->text;
    return !raw->is_json || raw->type == JSON_STRING;
}

/* What a text that is not all printable ASCII must keep to. */
static enum err check_text(struct decoder *decoder, struct str text) {
    const struct field *field = decoder->field;
    if (!utf8_is_valid(text) || memchr(text.ptr, 0, text.len) != NULL)
        return refuse(decoder, "valid UTF-8 without NUL");
    if ((field->flags & FIELD_ASCII) != 0)
        return refuse(decoder, "printable ASCII characters");
    if (field->kind != FIELD_SECRET && has_control(text, field->kind == FIELD_TEXT))
        return refuse(decoder, field->kind == FIELD_TEXT
                                   ? "no control characters but line ends and tabs"
                                   : "one line without control characters");
    return ERR_OK;
}

static enum err decode_text(struct decoder *decoder, const struct raw *raw) {
    const struct field *field = decoder->field;
    struct str text;
    if (!raw_text(raw, &text))
        return refuse(decoder, "a string");
    bool is_plain = is_printable_ascii(text);
    enum err err = is_plain ? ERR_OK : check_text(decoder, text);
    if (err != ERR_OK)
        return err;
    int64_t count = (int64_t)(is_plain ? text.len : utf8_count(text));
    if (count < field->min || count > field->max)
        return refuse_bounds(decoder, " characters");
    *(struct str *)decoder->at = arena_strdup(decoder->arena, text);
    return ERR_OK;
}

static enum err decode_id(struct decoder *decoder, const struct raw *raw) {
    struct str text;
    if (!raw_text(raw, &text) || !uuid_parse(text, decoder->at))
        return refuse(decoder, "an id");
    return ERR_OK;
}

/* The id at `at` of a list in JSON; of a text, what is before its first comma, which is cut off. */
static bool next_id(const struct raw *raw, size_t at, struct str *rest, struct uuid *out) {
    struct str one;
    if (raw->is_json)
        one = raw_from_json(json_array_get(raw->list, at)).text; /* empty if it is no string */
    else
        str_cut(*rest, ',', &one, rest);
    return uuid_parse(one, out);
}

/* A list in JSON; in a query, ids with commas between. */
static enum err decode_ids(struct decoder *decoder, const struct raw *raw) {
    struct uuid_list *list = decoder->at;
    struct str rest = raw->is_json ? STR_EMPTY : raw->text;
    size_t count = 0, max = (size_t)decoder->field->max;
    if (raw->is_json && raw->type != JSON_ARRAY)
        return refuse(decoder, "a list of ids");
    list->items = arena_zalloc_array(decoder->arena, max, sizeof *list->items);
    for (; rest.len > 0 || count < json_array_size(raw->list); count++) {
        if (count == max)
            return refuse_bounds(decoder, " ids");
        if (!next_id(raw, count, &rest, &list->items[count]))
            return refuse(decoder, "a list of ids");
    }
    list->count = count;
    return count < (size_t)decoder->field->min ? refuse_bounds(decoder, " ids") : ERR_OK;
}

static enum err decode_int(struct decoder *decoder, const struct raw *raw) {
    int64_t value = raw->integer;
    if (raw->is_json ? raw->type != JSON_INTEGER : !str_to_i64(raw->text, &value))
        return refuse(decoder, "a whole number");
    if (value < decoder->field->min || value > decoder->field->max)
        return refuse_bounds(decoder, "");
    *(int64_t *)decoder->at = value;
    return ERR_OK;
}

static enum err decode_bool(struct decoder *decoder, const struct raw *raw) {
    bool is_true = raw->is_json ? raw->type == JSON_TRUE : str_equal(raw->text, STR("true"));
    bool is_false = raw->is_json ? raw->type == JSON_FALSE : str_equal(raw->text, STR("false"));
    if (!is_true && !is_false)
        return refuse(decoder, "true or false");
    *(bool *)decoder->at = is_true;
    return ERR_OK;
}

static enum err decode_time(struct decoder *decoder, const struct raw *raw) {
    struct str text;
    if (!raw_text(raw, &text) || !time_parse_rfc3339(text, decoder->at))
        return refuse(decoder, "a time like 2026-11-24T13:00:00.000Z");
    return ERR_OK;
}

static enum err decode_enum(struct decoder *decoder, const struct raw *raw) {
    const struct enumeration *values = decoder->field->values;
    struct buf allowed = BUF_INIT;
    struct str text;
    if (raw_text(raw, &text)) {
        for (unsigned i = 0; i < values->count; i++) {
            if (str_equal(str_from_cstr(values->words[i]), text)) {
                *(unsigned *)decoder->at = i;
                return ERR_OK;
            }
        }
    }
    for (unsigned i = 0; i < values->count; i++)
        buf_appendf(&allowed, "%s%s", i > 0 ? ", " : "", values->words[i]);
    struct str copy = arena_strdup(decoder->arena, buf_str(&allowed));
    buf_finish(&allowed);
    return refuse(decoder, copy.ptr);
}

static enum err decode_value(struct decoder *decoder, const struct raw *raw) {
    switch (decoder->field->kind) {
    case FIELD_ID:
        return decode_id(decoder, raw);
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
        return decode_text(decoder, raw);
    case FIELD_INT:
        return decode_int(decoder, raw);
    case FIELD_BOOL:
        return decode_bool(decoder, raw);
    case FIELD_TIME:
        return decode_time(decoder, raw);
    case FIELD_ENUM:
        return decode_enum(decoder, raw);
    case FIELD_IDS:
        return decode_ids(decoder, raw);
    case FIELD_OBJ:
    case FIELD_LIST:
        break;
    }
    return refuse(decoder, "nothing: no operation takes a parameter of this kind");
}

/* ---- where a parameter is found ---- */

/* The value of the decoder's field in a query string. *found is false when it is not there; two of
 * them could be read differently by whoever is on the way. */
static enum err find_in_query(struct decoder *decoder, struct str query, struct str *value,
                              bool *found) {
    struct str name = str_from_cstr(decoder->field->name);
    *found = false;
    while (query.len > 0) {
        struct str pair, key, text, decoded, decoded_value;
        str_cut(query, '&', &pair, &query);
        str_cut(pair, '=', &key, &text);
        if (!decode_percent(decoder->arena, key, true, &decoded) ||
            !decode_percent(decoder->arena, text, true, &decoded_value))
            return ERR_INVALID_REQUEST;
        if (!str_equal(decoded, name))
            continue;
        if (*found)
            return refuse(decoder, "given once");
        *value = decoded_value;
        *found = true;
    }
    return ERR_OK;
}

static enum err find_raw(struct decoder *decoder, const struct decode_source *source,
                         struct raw *raw, bool *found) {
    struct str name = str_from_cstr(decoder->field->name);
    *found = true;
    for (size_t i = 0; i < source->path_count; i++) {
        if (str_equal(source->path[i].name, name)) {
            raw->text = source->path[i].value;
            return ERR_OK;
        }
    }
    if (raw_find(&source->body, decoder->field->name, raw))
        return ERR_OK;
    return find_in_query(decoder, source->query, &raw->text, found);
}

/* The header Idempotency-Key stands for `nonce`: either, or both alike. */
static enum err merge_nonce(const struct decode_source *source, const struct field *field,
                            struct raw *raw, bool *found, struct error_detail *detail) {
    struct str text;
    if (source->idempotency_key.ptr == NULL || strcmp(field->name, "nonce") != 0)
        return ERR_OK;
    if (*found && raw_text(raw, &text) && !str_equal(text, source->idempotency_key)) {
        detail->field = STR("nonce");
        return ERR_NONCE_CONFLICT;
    }
    if (!*found)
        *raw = (struct raw){.text = source->idempotency_key};
    *found = true;
    return ERR_OK;
}

static enum err decode_field(struct decoder *decoder, const struct decode_source *source,
                             bool *given) {
    const struct field *field = decoder->field;
    struct raw raw = {0};
    enum err err = find_raw(decoder, source, &raw, given);
    if (err == ERR_OK)
        err = merge_nonce(source, field, &raw, given, decoder->detail);
    if (err != ERR_OK)
        return err;
    if (*given && raw.is_json && raw.type == JSON_NULL) {
        if ((field->flags & FIELD_NULLABLE) != 0) {
            *(struct str *)decoder->at = STR_EMPTY;
            return ERR_OK;
        }
        *given = false; /* null is the same as not given */
    }
    if (*given)
        return decode_value(decoder, &raw);
    if ((field->flags & FIELD_REQUIRED) == 0)
        return ERR_OK;
    decoder->detail->field = str_from_cstr(field->name);
    return ERR_MISSING_FIELD;
}

enum err decode_params(struct arena *arena, const struct operation *operation,
                       const struct decode_source *source, void *params,
                       struct error_detail *detail) {
    uint64_t present = 0;
    if (source->body.is_other)
        return ERR_INVALID_REQUEST;
    for (unsigned i = 0; operation->in[i].name != NULL; i++) {
        const struct field *field = &operation->in[i];
        struct decoder decoder = {arena, field, detail, (char *)params + field->offset};
        bool given = false;
        enum err err = decode_field(&decoder, source, &given);
        if (err != ERR_OK)
            return err;
        if (given)
            present |= (uint64_t)1 << i;
    }
    *(uint64_t *)params = present;
    return ERR_OK;
}

/* ---- socket requests ---- */

/* The id as JSON text again: a whole number or a short string. A flat one stands in the frame just
 * as jansson would write it: its numbers have one form, its strings nothing to escape. */
static enum err decode_frame_id(struct arena *arena, const struct decode_object *object,
                                struct str *out) {
    struct raw id = {0};
    if (!raw_find(object, "id", &id) ||
        (id.type != JSON_INTEGER && (id.type != JSON_STRING || id.text.len > DECODE_ID_MAX_BYTES)))
        return ERR_INVALID_REQUEST;
    if (object->flat != NULL) {
        *out = arena_strdup(arena, id.written);
        return ERR_OK;
    }
    char *text = json_dumps(json_object_get(object->json, "id"), JSON_ENCODE_ANY);
    if (text == NULL)
        return ERR_INVALID_REQUEST;
    *out = arena_strdup(arena, str_from_cstr(text));
    free(text);
    return ERR_OK;
}

enum err decode_frame(struct arena *arena, struct str text, struct decode_frame *out) {
    struct raw method = {0}, params = {0};
    out->id = out->method = STR_EMPTY;
    out->params = (struct decode_object){0};
    enum err err = decode_object_parse(text, DECODE_FRAME_DEPTH_MAX, &out->room, &out->object);
    if (err == ERR_OK)
        err = decode_frame_id(arena, &out->object, &out->id);
    if (err != ERR_OK)
        return err;
    if (!raw_find(&out->object, "method", &method) || method.type != JSON_STRING)
        return ERR_INVALID_REQUEST;
    raw_find(&out->object, "params", &params);
    out->method = method.text;
    out->params = params.object;
    return ERR_OK;
}
