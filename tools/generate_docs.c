/* docs/PROTOCOL.md, docs/openapi.json, docs/SETTINGS.md and docs/parley.conf. */
#include "generate.h"

#include "protocol/encode.h"
#include "settings.h"
#include <string.h>

static const char *kind_words(const struct field *field) {
    static const char *const words[] = {
        [FIELD_ID] = "id",       [FIELD_STR] = "string, one line",
        [FIELD_TEXT] = "text",   [FIELD_SECRET] = "string",
        [FIELD_INT] = "integer", [FIELD_BOOL] = "boolean",
        [FIELD_TIME] = "time",   [FIELD_ENUM] = "word",
        [FIELD_OBJ] = "object",  [FIELD_LIST] = "list",
        [FIELD_IDS] = "ids",
    };
    return words[field->kind];
}

static void append_kind(struct buf *out, const struct field *field) {
    buf_append_cstr(out, kind_words(field));
    if (field->type != NULL)
        buf_appendf(out, " [%s](#%s)", field->type->name, field->type->name);
    if (field->values != NULL) {
        buf_append_cstr(out, ":");
        for (unsigned i = 0; i < field->values->count; i++)
            buf_appendf(out, "%s `%s`", i > 0 ? "," : "", field->values->words[i]);
    }
    if (field->max > 0)
        buf_appendf(out, ", %lld to %lld", (long long)field->min, (long long)field->max);
    if ((field->flags & (FIELD_NULLABLE | FIELD_NULL_AT_END)) != 0)
        buf_append_cstr(out, ", or null");
}

static void append_fields(struct buf *out, const struct field *fields, bool params) {
    if (fields->name == NULL)
        return;
    buf_appendf(out, "| %s | type | %s | meaning |\n| --- | --- | --- | --- |\n",
                params ? "parameter" : "member", params ? "required" : "always");
    for (const struct field *field = fields; field->name != NULL; field++) {
        bool is_sure =
            params ? (field->flags & FIELD_REQUIRED) != 0 : (field->flags & FIELD_OPTIONAL) == 0;
        buf_appendf(out, "| `%s` | ", field->name);
        append_kind(out, field);
        buf_appendf(out, " | %s | %s |\n", is_sure ? "yes" : "no", field->doc);
    }
    buf_append_char(out, '\n');
}

static const char intro[] =
    "# The protocol\n\n"
    "<!-- Made from server/protocol/*.def by tools/generate: do not edit. -->\n\n"
    "One table of operations serves REST, WebSocket and the control socket alike. Ids are UUIDs, "
    "times RFC 3339 in UTC with milliseconds; "
    "unknown members are ignored; every string is UTF-8.\n\n"
    "One rule for the JSON of parameters, whatever carries it (the body of a REST request, "
    "`params` "
    "on a WebSocket, the second argument of a Socket.IO event): nothing, `null` or an object is "
    "taken, the first two as `{}`; JSON of any other type is `invalid_request`; what is no JSON, "
    "or "
    "none that is believed, is `invalid_json`: a member twice, arrays and objects more than 16 "
    "levels deep (the parameters are the first), a number beyond 64 bits, NUL, half a surrogate "
    "pair. Bytes that are no UTF-8 are `invalid_json` by REST, get 400 by Socket.IO's polling, and "
    "end a WebSocket with 1007 (RFC 6455 section 8.1).\n\n"
    "## Signing in\n\n"
    "A browser signs in by `POST /api/v1/session` and gets an HttpOnly cookie, which counts only "
    "on requests from the server's own pages. Other "
    "clients ask for `\"token\": true` there, or get a token from `parley token create`, and send "
    "`Authorization: Bearer TOKEN`; on a WebSocket also "
    "as the first message, `session.authenticate`.\n\n"
    "## REST\n\n"
    "Routes lie below `/api/v1`. Bodies are JSON objects or none. Errors are problem details (RFC "
    "9457): "
    "`{\"type\",\"title\",\"status\",\"code\",\"message\",\"field\"?,\"detail\"?,\"retry_after\"?}`"
    ", in `application/problem+json`; 401 carries `WWW-Authenticate`, 405 `Allow`, 429 and 503 "
    "`Retry-After` (seconds). `OPTIONS` answers 204 with `Allow`, `HEAD` what `GET` does without "
    "the body; several requests may follow one another without waiting, and are answered in "
    "order.\n\n"
    "`Idempotency-Key` (1 to 64 printable ASCII characters) stands for the parameter `nonce` where "
    "an operation has one: a retry with the same key and the same parameters makes nothing new and "
    "answers 200 with what the first request made, as it is now; with other parameters it answers "
    "409 `nonce_reused`; a header and a `nonce` that differ answer 400 `nonce_conflict`. Keys are "
    "each person's own. `message.send` keeps them for ever, all others for 24 hours. Parameters "
    "are compared with their defaults: one left out, one that is null where null stands for left "
    "out, and a default spelt out are the same request. Whether one may see the room is asked "
    "before: a retry of `message.send` gets the first answer as long as its sender may still read "
    "the message (in a room archived since, and after leaving one that is open to all), and 404 "
    "where not (a private room that was left, or joined anew since); a new nonce gets 403 or 409 "
    "there. What an answer shows only once (the link of an invite) is not stored, so an answer to "
    "a retry is "
    "without it.\n\n"
    "Lists that are polled carry a strong `ETag`: with `If-None-Match` a list that is still the "
    "same is answered 304 without a body. It is made of the body's bytes, for those alone who may "
    "see the list; no cache on the way may keep it (`Cache-Control: no-store`), the poller "
    "does.\n\n"
    "Members of a body that are not known are ignored, and so are parameters of a query, but for "
    "those of [the event stream](EVENT-STREAM.md), where a filter that is misspelt would give "
    "everything. Only `GET`, `HEAD` and `DELETE` take parameters of a query, as it stands in the "
    "logs of proxies. A parameter that is known stands in a query once, else it is 400 "
    "`invalid_field`; "
    "so is a header given twice of which there can be one (`Authorization`, `Idempotency-Key`, "
    "`Content-Type`, `Origin`, …: RFC 9110 section 5.3), and an `Idempotency-Key` that is empty. A "
    "body whose `Content-Type` says another charset than UTF-8 is 415.\n\n"
    "Pages of other sites use the api where the setting `cors.origins` lists their origin: with a "
    "bearer (`session.create` answers them one always), never with a cookie.\n\n";

static const char intro_socket[] =
    "## WebSocket\n\n"
    "`/api/v1/ws`; one JSON object a text message.\n\n"
    "```\n"
    "→ {\"id\":1,\"method\":\"session.start\",\"params\":{\"cursor\":\"k3:9001:5c1f\"}}\n"
    "← {\"id\":1,\"result\":{\"resumed\":true,\"missed\":16,\"cursor\":\"…\"}}        then the "
    "events, in order\n"
    "→ "
    "{\"id\":7,\"method\":\"message.send\",\"params\":{\"room\":\"…\",\"nonce\":\"…\",\"text\":"
    "\"hi\"}}\n"
    "← {\"id\":7,\"result\":{\"message\":{…},\"duplicate\":false}}\n"
    "← {\"id\":7,\"error\":{\"code\":\"rate_limited\",\"message\":\"…\",\"retry_after\":2}}\n"
    "← "
    "{\"event\":\"message.created\",\"room\":\"…\",\"seq\":412,\"cursor\":\"…\",\"data\":{"
    "\"message\":{…}}}\n"
    "```\n\n"
    "`id` is a whole number or a short string. A message that is JSON but no such request (no "
    "object, no `id`, no `method`) is answered `invalid_request`, one that is no JSON "
    "`invalid_json`; `id` is null where it could not be read, and the socket goes on. Operations "
    "work as soon as one is signed in; events "
    "come after `session.start`: each one that is "
    "addressed to the person, in the order of the log, exactly once. Keep the newest `cursor` and "
    "give it to `session.start` after a lost "
    "connection, days later too. `resumed: false` means: take the `state` afresh.\n\n"
    "Close codes: 4000 the server stops (the reason says `retry_after=MS`), 4001 too slow: resume, "
    "4002 no answer to pings, 4003 rights changed, "
    "4500 the session ended, 4501 nobody signed in, 4502 too many connections. 4000–4499: connect "
    "again; 4500–4999: do not, until a person acts.\n\n";

/* The header Idempotency-Key stands for its nonce. */
static bool takes_key(const struct operation *operation) {
    for (const struct field *field = operation->in; field->name != NULL; field++) {
        if (strcmp(field->name, "nonce") == 0)
            return true;
    }
    return false;
}

static void append_ways(struct buf *out, const struct operation *operation) {
    if ((operation->ways & WAY_REST) != 0)
        buf_appendf(out, "`%s /api/v1%s` → %d", operation->method, operation->path,
                    operation->status);
    if ((operation->ways & WAY_SOCKET) != 0)
        buf_appendf(out, "%s`%s` on the socket", (operation->ways & WAY_REST) != 0 ? " · " : "",
                    operation->name);
    if ((operation->ways & WAY_CONTROL) != 0)
        buf_appendf(out, "%sthe operator's control socket",
                    (operation->ways & (WAY_REST | WAY_SOCKET)) != 0 ? " · " : "");
    buf_appendf(out, " · for %s", permission_name(operation->permission));
    if ((operation->ways & WAY_REST) != 0 && takes_key(operation))
        buf_append_cstr(out, " · takes `Idempotency-Key`");
    if ((operation->ways & OPERATION_POLLED) != 0)
        buf_append_cstr(out, " · `ETag`, 304");
    buf_append_cstr(out, "\n\n");
}

static void append_operations(struct buf *out) {
    const struct operation *table = operation_table();
    buf_append_cstr(out, "## Operations\n\n");
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        buf_appendf(out, "### %s\n\n%s.\n\n", table[i].name, table[i].doc);
        append_ways(out, &table[i]);
        append_fields(out, table[i].in, true);
        if (table[i].out->name != NULL)
            buf_append_cstr(out, "Result:\n\n");
        append_fields(out, table[i].out, false);
    }
}

static void append_events(struct buf *out) {
    static const char *const audiences[] = {"the room's members", "the person",
                                            "everybody in the workspace"};
    buf_append_cstr(out, "## Events\n\n");
    for (int id = 1; id < EVENT_COUNT; id++) {
        const struct event_type *type = event_type((enum event_id)id);
        if ((type->flags & EVENT_INTERNAL) != 0)
            continue;
        buf_appendf(out, "### %s\n\n%s. For %s%s; %s.\n\n", type->name, type->doc,
                    audiences[type->audience],
                    (type->flags & EVENT_NO_GUEST) != 0 ? " but guests" : "",
                    (type->flags & EVENT_LOGGED) != 0 ? "logged and replayed"
                                                      : "not logged: never replayed");
        append_fields(out, type->fields, false);
    }
}

void generate_protocol(struct buf *out) {
    buf_append_cstr(out, intro);
    buf_append_cstr(out, intro_socket);
    append_operations(out);
    append_events(out);
    buf_append_cstr(out, "## Objects\n\n");
    for (const struct object_type *const *type = object_types; *type != NULL; type++) {
        buf_appendf(out, "### %s\n\n%s.\n\n", (*type)->name, (*type)->doc);
        append_fields(out, (*type)->fields, false);
    }
    buf_append_cstr(
        out, "## Permissions\n\n| permission | what it allows | roles |\n| --- | --- | --- |\n");
    for (int permission = PERMISSION_OPERATOR + 1; permission < PERMISSION_COUNT; permission++) {
        buf_appendf(out, "| %s | %s |", permission_name((enum permission)permission),
                    permission_doc((enum permission)permission));
        for (unsigned role = 0; role < enumerations[0]->count; role++) {
            if (permission_allows((enum permission)permission, (enum role)role))
                buf_appendf(out, " %s", enumerations[0]->words[role]);
        }
        buf_append_cstr(out, " |\n");
    }
    buf_append_cstr(out, "\n## Errors\n\n| code | HTTP | message |\n| --- | --- | --- |\n");
    for (int err = 1; err < ERR_COUNT; err++)
        buf_appendf(out, "| `%s` | %d | %s |\n", err_code((enum err)err),
                    err_http_status((enum err)err), err_message((enum err)err));
}

/* ---- OpenAPI ---- */

static void append_schema(struct buf *out, const struct field *field) {
    switch (field->kind) {
    case FIELD_ID:
        buf_append_cstr(out, "{\"type\":\"string\",\"format\":\"uuid\"}");
        break;
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
        buf_append_cstr(out, "{\"type\":\"string\"");
        if (field->max > 0)
            buf_appendf(out, ",\"minLength\":%lld,\"maxLength\":%lld", (long long)field->min,
                        (long long)field->max);
        buf_append_char(out, '}');
        break;
    case FIELD_INT:
        buf_append_cstr(out, "{\"type\":\"integer\"");
        if (field->max > 0)
            buf_appendf(out, ",\"minimum\":%lld,\"maximum\":%lld", (long long)field->min,
                        (long long)field->max);
        buf_append_char(out, '}');
        break;
    case FIELD_BOOL:
        buf_append_cstr(out, "{\"type\":\"boolean\"}");
        break;
    case FIELD_TIME:
        buf_append_cstr(out, "{\"type\":\"string\",\"format\":\"date-time\"}");
        break;
    case FIELD_ENUM:
        buf_append_cstr(out, "{\"enum\":[");
        for (unsigned i = 0; i < field->values->count; i++)
            buf_appendf(out, "%s\"%s\"", i > 0 ? "," : "", field->values->words[i]);
        buf_append_cstr(out, "]}");
        break;
    case FIELD_OBJ:
        buf_appendf(out, "{\"$ref\":\"#/components/schemas/%s\"}", field->type->name);
        break;
    case FIELD_LIST:
        buf_appendf(out, "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/%s\"}}",
                    field->type->name);
        break;
    case FIELD_IDS:
        buf_append_cstr(out,
                        "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"format\":\"uuid\"}}");
        break;
    }
}

/* Whether the path has {name}. */
static bool is_in_path(const struct operation *operation, const char *name) {
    struct buf pattern = BUF_INIT;
    buf_appendf(&pattern, "{%s}", name);
    bool is_there = strstr(operation->path, buf_cstr(&pattern)) != NULL;
    buf_finish(&pattern);
    return is_there;
}

static bool has_body(const struct operation *operation) {
    return strcmp(operation->method, "GET") != 0 && strcmp(operation->method, "DELETE") != 0;
}

void append_object_schema(struct buf *out, const struct field *fields,
                          const struct operation *body_of) {
    bool is_first = true;
    buf_append_cstr(out, "{\"type\":\"object\",\"properties\":{");
    for (const struct field *field = fields; field->name != NULL; field++) {
        if (body_of != NULL && is_in_path(body_of, field->name))
            continue;
        buf_appendf(out, "%s\"%s\":", is_first ? "" : ",", field->name);
        append_schema(out, field);
        is_first = false;
    }
    buf_append_cstr(out, "}}");
}

static void append_header_parameter(struct buf *out, const char *name, bool *is_first) {
    buf_appendf(out,
                "%s{\"name\":\"%s\",\"in\":\"header\",\"required\":false,\"schema\":{\"type\":"
                "\"string\"}}",
                *is_first ? "" : ",", name);
    *is_first = false;
}

static void append_parameters(struct buf *out, const struct operation *operation) {
    bool is_first = true;
    buf_append_cstr(out, "\"parameters\":[");
    for (const struct field *field = operation->in; field->name != NULL; field++) {
        bool in_path = is_in_path(operation, field->name);
        if (!in_path && has_body(operation))
            continue;
        buf_appendf(out, "%s{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"schema\":",
                    is_first ? "" : ",", field->name, in_path ? "path" : "query",
                    in_path || (field->flags & FIELD_REQUIRED) != 0 ? "true" : "false");
        append_schema(out, field);
        buf_append_char(out, '}');
        is_first = false;
    }
    if (takes_key(operation))
        append_header_parameter(out, "Idempotency-Key", &is_first);
    if ((operation->ways & OPERATION_POLLED) != 0)
        append_header_parameter(out, "If-None-Match", &is_first);
    buf_append_cstr(out, "],");
}

static void append_responses(struct buf *out, const struct operation *operation) {
    bool is_polled = (operation->ways & OPERATION_POLLED) != 0;
    buf_appendf(out, "\"responses\":{\"%d\":{\"description\":\"done\",%s\"content\":{",
                operation->status,
                is_polled ? "\"headers\":{\"ETag\":{\"schema\":{\"type\":\"string\"}}}," : "");
    buf_append_cstr(out, "\"application/json\":{\"schema\":");
    append_object_schema(out, operation->out, NULL);
    buf_append_cstr(out, "}}},");
    if (is_polled)
        buf_append_cstr(out, "\"304\":{\"description\":\"still as If-None-Match says\"},");
    buf_append_cstr(out, "\"default\":{\"$ref\":\"#/components/responses/problem\"}}}");
}

static void append_route(struct buf *out, const struct operation *operation) {
    buf_append_char(out, '"');
    for (const char *c = operation->method; *c != '\0'; c++)
        buf_append_char(out, (char)(*c | 0x20));
    buf_appendf(out, "\":{\"operationId\":\"%s\",\"summary\":", operation->id);
    encode_string(out, str_from_cstr(operation->doc));
    buf_append_char(out, ',');
    append_parameters(out, operation);
    if (has_body(operation)) {
        buf_append_cstr(out, "\"requestBody\":{\"content\":{\"application/json\":{\"schema\":");
        append_object_schema(out, operation->in, operation);
        buf_append_cstr(out, "}}},");
    }
    append_responses(out, operation);
}

/* All methods of one path stand together; the first row of a path writes it. */
static void append_path(struct buf *out, size_t first, bool *is_first_path) {
    const struct operation *table = operation_table();
    bool is_first = true;
    for (size_t i = 0; i < first; i++) {
        if ((table[i].ways & WAY_REST) != 0 && strcmp(table[i].path, table[first].path) == 0)
            return;
    }
    buf_appendf(out, "%s\n\"%s\":{", *is_first_path ? "" : ",", table[first].path);
    *is_first_path = false;
    for (size_t i = first; i < OPERATION_COUNT; i++) {
        if ((table[i].ways & WAY_REST) == 0 || strcmp(table[i].path, table[first].path) != 0)
            continue;
        buf_append_cstr(out, is_first ? "" : ",");
        append_route(out, &table[i]);
        is_first = false;
    }
    buf_append_char(out, '}');
}

/* RFC 9457, with our members; encode_problem() writes it. */
static const char problem_schema[] =
    "\n\"problem_details\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\","
    "\"code\",\"message\"],\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":"
    "\"string\"},\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},\"message\":{"
    "\"type\":\"string\"},\"field\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
    "\"retry_after\":{\"type\":\"number\"}}}";

/* No row of the table: session.start as a stream (server/api/event_stream.c). */
static const char event_stream_path[] =
    ",\n\"/events\":{\"get\":{\"operationId\":\"event_stream\",\"summary\":\"Everything that is "
    "addressed to one, as Server-Sent Events: session.started, then the events of asyncapi.json in "
    "their envelopes\",\"security\":[{\"bearer\":[]},{\"cookie\":[]},{\"ticket\":[]}],"
    "\"parameters\":["
    "{\"name\":\"rooms\",\"in\":\"query\",\"required\":false,\"description\":\"Only these rooms' "
    "events, and one's own; repeated, or with commas between. room is the same\",\"schema\":{"
    "\"type\":\"array\",\"minItems\":1,\"maxItems\":100,\"items\":{\"type\":\"string\","
    "\"format\":\"uuid\"}}},"
    "{\"name\":\"room\",\"in\":\"query\",\"required\":false,\"description\":\"The same as rooms\","
    "\"schema\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":100,\"items\":{\"type\":"
    "\"string\",\"format\":\"uuid\"}}},"
    "{\"name\":\"cursor\",\"in\":\"query\",\"required\":false,\"description\":\"Where to go on\","
    "\"schema\":{\"type\":\"string\",\"maxLength\":128}},"
    "{\"name\":\"lastEventId\",\"in\":\"query\",\"required\":false,\"description\":\"Where to go "
    "on, as EventSource polyfills say it; before cursor\",\"schema\":{\"type\":\"string\","
    "\"maxLength\":128}},"
    "{\"name\":\"ticket\",\"in\":\"query\",\"required\":false,\"description\":\"Signs in, once: "
    "from ticket_create\",\"schema\":{\"type\":\"string\"}},"
    "{\"name\":\"Last-Event-ID\",\"in\":\"header\",\"required\":false,\"description\":\"Where to "
    "go on; before lastEventId and cursor\",\"schema\":{\"type\":\"string\",\"maxLength\":128}}],"
    "\"responses\":{\"200\":{\"description\":\"a stream without an end; the id of an event is its "
    "cursor\",\"content\":{\"text/event-stream\":{\"schema\":{\"type\":\"string\"}}}},"
    "\"400\":{\"$ref\":\"#/components/responses/problem\"},"
    "\"401\":{\"$ref\":\"#/components/responses/problem\"},"
    "\"403\":{\"$ref\":\"#/components/responses/problem\"},"
    "\"404\":{\"$ref\":\"#/components/responses/problem\"},"
    "\"429\":{\"$ref\":\"#/components/responses/problem\"},"
    "\"503\":{\"$ref\":\"#/components/responses/problem\"},"
    "\"default\":{\"$ref\":\"#/components/responses/problem\"}}}}";

static const char security_schemes[] =
    "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
    "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"parley_session\"},"
    "\"ticket\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"ticket\"}";

void generate_openapi(struct buf *out) {
    const struct operation *table = operation_table();
    bool is_first = true;
    buf_append_cstr(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Parley\",\"version\":\"1\"},"
                         "\"servers\":[{\"url\":\"/api/v1\"}],\"paths\":{");
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if ((table[i].ways & WAY_REST) != 0 && table[i].path[0] == '/')
            append_path(out, i, &is_first);
    }
    buf_append_cstr(out, event_stream_path);
    buf_append_cstr(out, "},\"components\":{\"securitySchemes\":{");
    buf_append_cstr(out, security_schemes);
    buf_append_cstr(out, "},\"schemas\":{");
    buf_append_cstr(out, problem_schema);
    for (const struct object_type *const *type = object_types; *type != NULL; type++) {
        buf_appendf(out, ",\n\"%s\":", (*type)->name);
        append_object_schema(out, (*type)->fields, NULL);
    }
    buf_append_cstr(out,
                    "},\"responses\":{\"problem\":{\"description\":\"problem details (RFC 9457)\","
                    "\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":"
                    "\"#/components/schemas/problem_details\"}}}}}}}\n");
}

/* ---- settings ---- */

void generate_settings(struct buf *out) {
    buf_append_cstr(
        out,
        "# Settings\n\n<!-- Made from server/settings.def by tools/generate: do not edit. -->\n\n"
        "Default < file (`--config FILE`) < environment (`PARLEY_NET_SEND_BATCH`) < command line "
        "(`--net.send_batch=writev`).\n\n```\n");
    settings_write_help(out);
    buf_append_cstr(out, "```\n");
}

void generate_sample(struct buf *out) {
    settings_write_sample(out);
}
