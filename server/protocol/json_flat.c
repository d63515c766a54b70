#include "protocol/json_flat.h"

#include "base/eight.h"
#include "base/utf8.h"

/* What is still to be read. */
struct reader {
    const char *at, *end;
    struct json_flat_object *inner; /* where an object in the object goes; NULL: no more may come */
};

static void skip_space(struct reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
}

/* Whether the next byte is `c`; it is passed then. */
static bool take(struct reader *reader, char c) {
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* The same with white space before and behind it. */
static bool take_sign(struct reader *reader, char c) {
    skip_space(reader);
    if (!take(reader, c))
        return false;
    skip_space(reader);
    return true;
}

static bool take_word(struct reader *reader, struct str word) {
    if (!str_starts_with(str_make(reader->at, (size_t)(reader->end - reader->at)), word))
        return false;
    reader->at += word.len;
    return true;
}

/* Whether one of eight bytes ends a string or is none that is taken: `"`, `\`, below a space. */
static bool has_special(uint64_t bytes) {
    return eight_has(bytes, '"') || eight_has(bytes, '\\') || eight_has_below(bytes, ' ');
}

/* A string behind its opening quote. Only one that is not all ASCII is looked at twice. */
static bool take_string(struct reader *reader, struct str *out) {
    const char *at = reader->at;
    uint64_t seen = 0, bytes;
    for (; reader->end - at >= 8; at += 8) {
        memcpy(&bytes, at, sizeof bytes);
        if (has_special(bytes))
            break;
        seen |= bytes;
    }
    for (; at < reader->end && *at != '"'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '\\' || c < ' ')
            return false;
        seen |= c;
    }
    *out = str_make(reader->at, (size_t)(at - reader->at));
    reader->at = at;
    return take(reader, '"') && ((seen & EIGHT_HIGH) == 0 || utf8_is_valid(*out));
}

/* A number's digits end at the first byte that is none: what may not follow fails there. */
static bool take_integer(struct reader *reader, int64_t *out) {
    bool is_negative = take(reader, '-');
    const char *first = reader->at;
    int64_t value = 0;
    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
        if (reader->at - first == JSON_FLAT_DIGITS_MAX)
            return false;
        value = value * 10 + (*reader->at - '0');
    }
    ptrdiff_t digits = reader->at - first;
    *out = is_negative ? -value : value;
    return digits > 0 && (*first != '0' || (digits == 1 && !is_negative));
}

static bool take_object(struct reader *reader, struct json_flat_object *out);

static bool take_inner(struct reader *reader, const struct json_flat_object **out) {
    struct json_flat_object *inner = reader->inner;
    reader->inner = NULL;
    *out = inner;
    return inner != NULL && take_object(reader, inner);
}

static bool take_value(struct reader *reader, struct json_flat_member *member) {
    if (reader->at == reader->end)
        return false;
    switch (*reader->at) {
    case '"':
        member->type = JSON_STRING;
        reader->at++;
        return take_string(reader, &member->text);
    case '{':
        member->type = JSON_OBJECT;
        return take_inner(reader, &member->object);
    case 't':
        member->type = JSON_TRUE;
        return take_word(reader, STR("true"));
    case 'f':
        member->type = JSON_FALSE;
        return take_word(reader, STR("false"));
    case 'n':
        member->type = JSON_NULL;
        return take_word(reader, STR("null"));
    default:
        member->type = JSON_INTEGER;
        return take_integer(reader, &member->integer);
    }
}

static bool take_member(struct reader *reader, struct json_flat_object *object) {
    struct str name;
    if (object->count == JSON_FLAT_MEMBERS_MAX || !take(reader, '"') ||
        !take_string(reader, &name) || json_flat_find(object, name) != NULL ||
        !take_sign(reader, ':'))
        return false;
    struct json_flat_member *member = &object->members[object->count++];
    const char *first = reader->at;
    member->name = name;
    bool is_taken = take_value(reader, member);
    member->written = str_make(first, (size_t)(reader->at - first));
    return is_taken;
}

static bool take_object(struct reader *reader, struct json_flat_object *out) {
    out->count = 0;
    if (!take_sign(reader, '{'))
        return false;
    if (take(reader, '}'))
        return true;
    do {
        if (!take_member(reader, out))
            return false;
    } while (take_sign(reader, ','));
    return take(reader, '}');
}

bool json_flat_parse(struct str text, struct json_flat *out) {
    if (text.len == 0)
        return false;
    struct reader reader = {text.ptr, text.ptr + text.len, &out->inner};
    if (!take_object(&reader, &out->root))
        return false;
    skip_space(&reader);
    return reader.at == reader.end;
}

const struct json_flat_member *json_flat_find(const struct json_flat_object *object,
                                              struct str name) {
    for (size_t i = 0; i < object->count; i++) {
        if (str_equal(object->members[i].name, name))
            return &object->members[i];
    }
    return NULL;
}
