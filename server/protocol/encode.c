#include "protocol/encode.h"

#include "base/clock.h"
#include "base/eight.h"

/* ---- scalars ---- */

static bool may_need_escape(char byte) {
    unsigned char c = (unsigned char)byte;
    return c < 0x20 || c == '"' || c == '\\' || c == 0x7f || c == 0xe2;
}

/* The same of eight bytes at once. */
static bool may_need_escape_8(const char *text) {
    uint64_t bytes;
    memcpy(&bytes, text, sizeof bytes);
    return eight_has_below(bytes, 0x20) || eight_has(bytes, '"') || eight_has(bytes, '\\') ||
           eight_has(bytes, 0x7f) || eight_has(bytes, 0xe2);
}

/* How many bytes from `text` on need no escape. */
static size_t plain_run(struct str text) {
    size_t i = 0;
    while (text.len - i >= sizeof(uint64_t) && !may_need_escape_8(text.ptr + i))
        i += sizeof(uint64_t);
    while (i < text.len && !may_need_escape(text.ptr[i]))
        i++;
    return i;
}

/* U+2028 or U+2029 at the beginning of `text`: 0, or which of them. */
static char line_separator(struct str text) {
    bool is_one = text.len >= 3 && (unsigned char)text.ptr[0] == 0xe2 &&
                  (unsigned char)text.ptr[1] == 0x80 && ((unsigned char)text.ptr[2] & 0xfe) == 0xa8;
    return is_one ? ((unsigned char)text.ptr[2] == 0xa8 ? '8' : '9') : 0;
}

static void escape_control(struct buf *out, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    char text[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    buf_append(out, text, sizeof text);
}

/* Writes the first character of `text`, one that plain_run stopped at; returns its bytes. */
static size_t escape_one(struct buf *out, struct str text) {
    unsigned char c = (unsigned char)text.ptr[0];
    switch (c) {
    case '"':
        buf_append(out, "\\\"", 2);
        return 1;
    case '\\':
        buf_append(out, "\\\\", 2);
        return 1;
    case '\n':
        buf_append(out, "\\n", 2);
        return 1;
    case '\r':
        buf_append(out, "\\r", 2);
        return 1;
    case '\t':
        buf_append(out, "\\t", 2);
        return 1;
    case 0xe2:
        break;
    default:
        escape_control(out, c);
        return 1;
    }
    char separator = line_separator(text);
    if (separator == 0) {
        buf_append_char(out, (char)c);
        return 1;
    }
    buf_append(out, "\\u202", 5);
    buf_append_char(out, separator);
    return 3;
}

void encode_string(struct buf *out, struct str text) {
    buf_append_char(out, '"');
    while (text.len > 0) {
        size_t plain = plain_run(text);
        buf_append(out, text.ptr, plain);
        text = str_slice(text, plain, text.len);
        if (text.len > 0)
            text = str_slice(text, escape_one(out, text), text.len);
    }
    buf_append_char(out, '"');
}

void encode_uuid(struct buf *out, struct uuid id) {
    char text[UUID_TEXT_BYTES];
    uuid_format(id, text);
    buf_append_char(out, '"');
    buf_append(out, text, UUID_TEXT_BYTES - 1);
    buf_append_char(out, '"');
}

static void encode_time(struct buf *out, int64_t unix_ms) {
    char text[TIME_RFC3339_BYTES];
    time_format_rfc3339(unix_ms, text);
    buf_append_char(out, '"');
    buf_append(out, text, TIME_RFC3339_BYTES - 1);
    buf_append_char(out, '"');
}

/* ---- by field tables ---- */

/* The member at `at`, of each kind's C type. */
#define AT(type) (*(type const *)at)

struct any_list { /* every <object>_list begins so */
    const char *items;
    size_t count;
};

static bool is_empty(const struct field *field, const void *at) {
    switch (field->kind) {
    case FIELD_ID:
        return uuid_is_zero(AT(struct uuid));
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
        return AT(struct str).len == 0;
    case FIELD_BOOL:
        return !AT(bool);
    case FIELD_TIME:
        return AT(int64_t) == 0;
    case FIELD_OBJ:
        return AT(const void *) == NULL;
    case FIELD_LIST:
        return AT(struct any_list).items == NULL;
    case FIELD_IDS:
        return AT(struct uuid_list).items == NULL;
    case FIELD_INT:
        return AT(int64_t) < 0; /* no count or number on the wire is negative */
    case FIELD_ENUM:
        return false;
    }
    return false;
}

static void encode_list(struct buf *out, const struct object_type *type,
                        const struct any_list *list) {
    buf_append_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        encode_object(out, type->fields, list->items + i * type->size);
    }
    buf_append_char(out, ']');
}

static void encode_ids(struct buf *out, const struct uuid_list *list) {
    buf_append_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        encode_uuid(out, list->items[i]);
    }
    buf_append_char(out, ']');
}

static void encode_value(struct buf *out, const struct field *field, const void *at) {
    switch (field->kind) {
    case FIELD_ID:
        encode_uuid(out, AT(struct uuid));
        break;
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
        encode_string(out, AT(struct str));
        break;
    case FIELD_INT:
        buf_append_i64(out, AT(int64_t));
        break;
    case FIELD_BOOL:
        buf_append_cstr(out, AT(bool) ? "true" : "false");
        break;
    case FIELD_TIME:
        encode_time(out, AT(int64_t));
        break;
    case FIELD_ENUM:
        CHECK(AT(unsigned) < field->values->count);
        encode_string(out, str_from_cstr(field->values->words[AT(unsigned)]));
        break;
    case FIELD_OBJ:
        CHECK(AT(const void *) != NULL);
        encode_object(out, field->type->fields, AT(const void *));
        break;
    case FIELD_LIST:
        encode_list(out, field->type, at);
        break;
    case FIELD_IDS:
        encode_ids(out, at);
        break;
    }
}

void encode_object(struct buf *out, const struct field *fields, const void *object) {
    bool is_first = true;
    buf_append_char(out, '{');
    for (const struct field *field = fields; field->name != NULL; field++) {
        const void *at = (const char *)object + field->offset;
        bool empty =
            (field->flags & (FIELD_OPTIONAL | FIELD_NULL_AT_END)) != 0 && is_empty(field, at);
        if (empty && (field->flags & FIELD_OPTIONAL) != 0)
            continue;
        buf_append(out, is_first ? "\"" : ",\"", is_first ? 1 : 2);
        buf_append_cstr(out, field->name);
        buf_append(out, "\":", 2);
        is_first = false;
        if (empty)
            buf_append(out, "null", 4);
        else
            encode_value(out, field, at);
    }
    buf_append_char(out, '}');
}

/* ---- envelopes ---- */

static void encode_id_text(struct buf *out, struct str id) {
    buf_append_cstr(out, "{\"id\":");
    buf_append_str(out, id.len > 0 ? id : STR("null"));
}

void encode_reply(struct buf *out, struct str id, const struct field *fields, const void *result) {
    encode_id_text(out, id);
    buf_append_cstr(out, ",\"result\":");
    encode_object(out, fields, result);
    buf_append_char(out, '}');
}

void encode_reply_json(struct buf *out, struct str id, struct str result) {
    encode_id_text(out, id);
    buf_append_cstr(out, ",\"result\":");
    buf_append_str(out, result);
    buf_append_char(out, '}');
}

/* Seconds with up to three digits after the point. */
static void encode_seconds(struct buf *out, int64_t ms) {
    buf_append_i64(out, ms / 1000);
    if (ms % 1000 != 0)
        buf_appendf(out, ".%03d", (int)(ms % 1000));
}

static void encode_details(struct buf *out, const struct error_detail *detail) {
    if (detail->field.len > 0) {
        buf_append_cstr(out, ",\"field\":");
        encode_string(out, detail->field);
    }
    if (detail->detail.len > 0) {
        buf_append_cstr(out, ",\"detail\":");
        encode_string(out, detail->detail);
    }
    if (detail->retry_after_ms > 0) {
        buf_append_cstr(out, ",\"retry_after\":");
        encode_seconds(out, detail->retry_after_ms);
    }
}

void encode_error(struct buf *out, enum err err, const struct error_detail *detail) {
    buf_append_cstr(out, "{\"code\":");
    encode_string(out, str_from_cstr(err_code(err)));
    buf_append_cstr(out, ",\"message\":");
    encode_string(out, str_from_cstr(err_message(err)));
    encode_details(out, detail);
    buf_append_char(out, '}');
}

void encode_error_reply(struct buf *out, struct str id, enum err err,
                        const struct error_detail *detail) {
    encode_id_text(out, id);
    buf_append_cstr(out, ",\"error\":");
    encode_error(out, err, detail);
    buf_append_char(out, '}');
}

void encode_problem(struct buf *out, enum err err, const struct error_detail *detail) {
    buf_append_cstr(out, "{\"type\":\"about:blank\",\"title\":");
    encode_string(out, str_from_cstr(err_message(err)));
    buf_append_cstr(out, ",\"status\":");
    buf_append_i64(out, err_http_status(err));
    buf_append_cstr(out, ",\"code\":");
    encode_string(out, str_from_cstr(err_code(err)));
    buf_append_cstr(out, ",\"message\":");
    encode_string(out, str_from_cstr(err_message(err)));
    encode_details(out, detail);
    buf_append_char(out, '}');
}

void encode_event(struct buf *out, const struct event_envelope *envelope) {
    const struct event_type *type = event_type(envelope->type);
    buf_append_cstr(out, "{\"event\":\"");
    buf_append_cstr(out, type->name);
    buf_append_char(out, '"');
    if (!uuid_is_zero(envelope->room)) {
        buf_append_cstr(out, ",\"room\":");
        encode_uuid(out, envelope->room);
    }
    if (envelope->seq != 0) {
        buf_append_cstr(out, ",\"seq\":");
        buf_append_i64(out, envelope->seq);
    }
    if (envelope->cursor.len > 0) {
        buf_append_cstr(out, ",\"cursor\":\"");
        buf_append_str(out, envelope->cursor);
        buf_append_char(out, '"');
    }
    buf_append_cstr(out, ",\"data\":");
    if (envelope->data != NULL)
        encode_object(out, type->fields, envelope->data);
    else
        buf_append(out, "{}", 2);
    buf_append_char(out, '}');
}
