/* docs/asyncapi.json: what a WebSocket brings by itself, one message a row of events.def. */
#include "generate.h"

#include "protocol/encode.h"

/* The members around an event's data; the same on every transport. */
static void append_payload(struct buf *out, const struct event_type *type) {
    bool is_logged = (type->flags & EVENT_LOGGED) != 0;
    buf_appendf(out,
                "{\"type\":\"object\",\"required\":[\"event\",\"data\"%s],\"properties\":{"
                "\"event\":{\"const\":\"%s\"},"
                "\"room\":{\"type\":\"string\",\"format\":\"uuid\"},"
                "\"seq\":{\"type\":\"integer\",\"minimum\":1},",
                is_logged ? ",\"cursor\"" : "", type->name);
    if (is_logged)
        buf_append_cstr(out, "\"cursor\":{\"type\":\"string\"},");
    buf_append_cstr(out, "\"data\":");
    append_object_schema(out, type->fields, NULL);
    buf_append_cstr(out, "}}");
}

/* Calls `append` for every event that clients get, with commas between. */
static void append_each(struct buf *out,
                        void (*append)(struct buf *out, const struct event_type *type)) {
    bool is_first = true;
    for (int id = 1; id < EVENT_COUNT; id++) {
        const struct event_type *type = event_type((enum event_id)id);
        if ((type->flags & EVENT_INTERNAL) != 0)
            continue;
        buf_append_cstr(out, is_first ? "\n" : ",\n");
        append(out, type);
        is_first = false;
    }
}

static void append_reference(struct buf *out, const struct event_type *type) {
    buf_appendf(out, "\"%s\":{\"$ref\":\"#/components/messages/%s\"}", type->name, type->name);
}

static void append_message(struct buf *out, const struct event_type *type) {
    buf_appendf(out, "\"%s\":{\"name\":\"%s\",\"summary\":", type->name, type->name);
    encode_string(out, str_from_cstr(type->doc));
    buf_append_cstr(out, ",\"payload\":");
    append_payload(out, type);
    buf_append_char(out, '}');
}

void generate_asyncapi(struct buf *out) {
    buf_append_cstr(
        out, "{\"asyncapi\":\"3.0.0\",\"info\":{\"title\":\"Parley\",\"version\":\"1\"},"
             "\"defaultContentType\":\"application/json\",\"channels\":{\"socket\":{\"address\":"
             "\"/api/v1/ws\",\"messages\":{");
    append_each(out, append_reference);
    buf_append_cstr(out, "}}},\"operations\":{\"events\":{\"action\":\"send\",\"channel\":{"
                         "\"$ref\":\"#/channels/socket\"}}},\"components\":{\"messages\":{");
    append_each(out, append_message);
    buf_append_cstr(out, "},\"schemas\":{");
    for (const struct object_type *const *type = object_types; *type != NULL; type++) {
        buf_appendf(out, "%s\n\"%s\":", type == object_types ? "" : ",", (*type)->name);
        append_object_schema(out, (*type)->fields, NULL);
    }
    buf_append_cstr(out, "}}}\n");
}
