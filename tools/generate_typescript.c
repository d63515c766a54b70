#include "generate.h"

#include <ctype.h>

void append_pascal(struct buf *out, const char *id) {
    bool upper = true;
    for (; *id != '\0'; id++) {
        if (*id != '_')
            buf_append_char(out, upper ? (char)toupper((unsigned char)*id) : *id);
        upper = *id == '_';
    }
}

static void append_type(struct buf *out, const struct field *field) {
    switch (field->kind) {
    case FIELD_ID:
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
    case FIELD_TIME:
        buf_append_cstr(out, "string");
        break;
    case FIELD_INT:
        buf_append_cstr(out, "number");
        break;
    case FIELD_BOOL:
        buf_append_cstr(out, "boolean");
        break;
    case FIELD_IDS:
        buf_append_cstr(out, "string[]");
        break;
    case FIELD_ENUM:
        append_pascal(out, field->values->name);
        break;
    case FIELD_OBJ:
    case FIELD_LIST:
        append_pascal(out, field->type->name);
        if (field->kind == FIELD_LIST)
            buf_append_cstr(out, "[]");
        break;
    }
}

/* A member: of parameters, those that are not required may be left out; of results, those that are
 * optional. */
static void append_members(struct buf *out, const struct field *fields, bool params) {
    for (const struct field *field = fields; field->name != NULL; field++) {
        bool may_lack =
            params ? (field->flags & FIELD_REQUIRED) == 0 : (field->flags & FIELD_OPTIONAL) != 0;
        bool may_be_null = (field->flags & (FIELD_NULLABLE | FIELD_NULL_AT_END)) != 0;
        buf_appendf(out, "  /** %s */\n  %s%s: ", field->doc, field->name, may_lack ? "?" : "");
        append_type(out, field);
        buf_append_cstr(out, may_be_null ? " | null;\n" : ";\n");
    }
}

static void append_interface(struct buf *out, const char *id, const char *suffix,
                             const struct field *fields, bool params) {
    if (fields->name == NULL) {
        buf_append_cstr(out, "export type ");
        append_pascal(out, id);
        buf_appendf(out, "%s = Record<string, never>;\n\n", suffix);
        return;
    }
    buf_append_cstr(out, "export interface ");
    append_pascal(out, id);
    buf_appendf(out, "%s {\n", suffix);
    append_members(out, fields, params);
    buf_append_cstr(out, "}\n\n");
}

static void append_types(struct buf *out) {
    for (const struct enumeration *const *values = enumerations; *values != NULL; values++) {
        buf_append_cstr(out, "export type ");
        append_pascal(out, (*values)->name);
        buf_append_cstr(out, " =");
        for (unsigned i = 0; i < (*values)->count; i++)
            buf_appendf(out, "%s \"%s\"", i > 0 ? " |" : "", (*values)->words[i]);
        buf_append_cstr(out, ";\n\n");
    }
    for (const struct object_type *const *type = object_types; *type != NULL; type++) {
        buf_appendf(out, "/** %s. */\n", (*type)->doc);
        append_interface(out, (*type)->name, "", (*type)->fields, false);
    }
}

static bool is_for_clients(const struct operation *operation) {
    return (operation->ways & (WAY_REST | WAY_SOCKET)) != 0;
}

static void append_operations(struct buf *out) {
    const struct operation *table = operation_table();
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if (!is_for_clients(&table[i]))
            continue;
        append_interface(out, table[i].id, "Params", table[i].in, true);
        append_interface(out, table[i].id, "Result", table[i].out, false);
    }
    buf_append_cstr(out, "/** Every operation that a client can ask for, by its name on the wire. "
                         "*/\nexport interface Operations {\n");
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if (!is_for_clients(&table[i]))
            continue;
        buf_appendf(out, "  /** %s. */\n  \"%s\": { params: ", table[i].doc, table[i].name);
        append_pascal(out, table[i].id);
        buf_append_cstr(out, "Params; result: ");
        append_pascal(out, table[i].id);
        buf_append_cstr(out, "Result };\n");
    }
    buf_append_cstr(out, "}\n\n/** The REST routes, below /api/v1. */\nexport const routes = {\n");
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if ((table[i].ways & WAY_REST) != 0 && table[i].path[0] == '/')
            buf_appendf(out, "  \"%s\": { method: \"%s\", path: \"%s\" },\n", table[i].name,
                        table[i].method, table[i].path);
    }
    buf_append_cstr(out, "} as const;\n\n");
}

static bool is_sent(const struct event_type *type) {
    return (type->flags & EVENT_INTERNAL) == 0;
}

static void append_events(struct buf *out) {
    for (int id = 1; id < EVENT_COUNT; id++) {
        const struct event_type *type = event_type((enum event_id)id);
        struct buf name = BUF_INIT;
        for (const char *c = type->name; *c != '\0'; c++)
            buf_append_char(&name, *c == '.' ? '_' : *c);
        if (is_sent(type))
            append_interface(out, buf_cstr(&name), "Data", type->fields, false);
        buf_finish(&name);
    }
    buf_append_cstr(out,
                    "/** The data of every event, by its name. */\nexport interface Events {\n");
    for (int id = 1; id < EVENT_COUNT; id++) {
        const struct event_type *type = event_type((enum event_id)id);
        if (!is_sent(type))
            continue;
        buf_appendf(out, "  /** %s. */\n  \"%s\": ", type->doc, type->name);
        struct buf name = BUF_INIT;
        for (const char *c = type->name; *c != '\0'; c++)
            buf_append_char(&name, *c == '.' ? '_' : *c);
        append_pascal(out, buf_cstr(&name));
        buf_finish(&name);
        buf_append_cstr(out, "Data;\n");
    }
    buf_append_cstr(out, "}\n\n");
}

void generate_typescript(struct buf *out) {
    buf_append_cstr(out, "/* Made from server/protocol/*.def by tools/generate: do not edit. Ids "
                         "are UUIDs, times RFC 3339 in UTC. */\n\n");
    append_types(out);
    append_operations(out);
    append_events(out);
    buf_append_cstr(out, "export type ErrorCode =\n");
    for (int err = 1; err < ERR_COUNT; err++)
        buf_appendf(out, "  | \"%s\"%s\n", err_code((enum err)err),
                    err + 1 == ERR_COUNT ? ";" : "");
}
