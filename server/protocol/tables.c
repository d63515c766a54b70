/* The .def tables as data. The words that stand in the rows' flags are macros here only. */
#include "protocol/err.h"
#include "protocol/events.h"
#include "protocol/limits.h"
#include "protocol/operations.h"

#include <stddef.h>

#define REQUIRED FIELD_REQUIRED
#define NULLABLE FIELD_NULLABLE
#define ASCII FIELD_ASCII
#define OPTIONAL FIELD_OPTIONAL
#define NULL_AT_END FIELD_NULL_AT_END
#define REST WAY_REST
#define SOCKET WAY_SOCKET
#define CONTROL WAY_CONTROL
#define POLLED OPERATION_POLLED
#define LOGGED EVENT_LOGGED
#define INTERNAL EVENT_INTERNAL
#define DROPPABLE EVENT_DROPPABLE
#define NO_GUEST EVENT_NO_GUEST

/* ---- errors ---- */

struct err_row {
    const char *code;
    int status;
    const char *message;
};

static const struct err_row err_rows[] = {
    {"ok", 200, "ok"},
#define ERROR(id, code, status, message) {code, status, message},
#include "protocol/errors.def"
#include "protocol/undef.h"
};

const char *err_code(enum err err) {
    return err_rows[err].code;
}

int err_http_status(enum err err) {
    return err_rows[err].status;
}

const char *err_message(enum err err) {
    return err_rows[err].message;
}

/* ---- enumerations and objects ---- */

#define ENUMERATION(id) static const char *const id##_words[] = {
#define VALUE(constant, word) word,
#define END_ENUMERATION(id)                                                                        \
    }                                                                                              \
    ;                                                                                              \
    static const struct enumeration id##_enumeration = {#id, id##_words,                           \
                                                        sizeof id##_words / sizeof id##_words[0]};
#define OBJECT(...)
#define FIELD(...)
#define END_OBJECT(id)
#include "protocol/types.def"
#include "protocol/undef.h"

#define ENUMERATION(id)
#define VALUE(constant, word)
#define END_ENUMERATION(id)
#define OBJECT(id, doc) static struct object_type id##_type = {#id, sizeof(struct id), NULL, doc};
#define FIELD(...)
#define END_OBJECT(id)
#include "protocol/types.def"
#include "protocol/undef.h"

/* What a field refers to, by kind. */
#define TYPE_ID(arg) NULL
#define TYPE_STR(arg) NULL
#define TYPE_TEXT(arg) NULL
#define TYPE_SECRET(arg) NULL
#define TYPE_INT(arg) NULL
#define TYPE_BOOL(arg) NULL
#define TYPE_TIME(arg) NULL
#define TYPE_ENUM(arg) NULL
#define TYPE_OBJ(arg) &arg##_type
#define TYPE_LIST(arg) &arg##_type
#define TYPE_IDS(arg) NULL
#define VALUES_ID(arg) NULL
#define VALUES_STR(arg) NULL
#define VALUES_TEXT(arg) NULL
#define VALUES_SECRET(arg) NULL
#define VALUES_INT(arg) NULL
#define VALUES_BOOL(arg) NULL
#define VALUES_TIME(arg) NULL
#define VALUES_ENUM(arg) &arg##_enumeration
#define VALUES_OBJ(arg) NULL
#define VALUES_LIST(arg) NULL
#define VALUES_IDS(arg) NULL

/* A row does not know its struct's tag, so each table stands in a function that says it once, as
 * `self`. The functions are called once, before main (fill_tables). */
#define FIELDS_BEGIN(function, tag)                                                                \
    static const struct field *function(void) {                                                    \
        typedef struct tag self;                                                                   \
        static const struct field table[] = {
#define FIELDS_ROW(kind, member, arg, min, max, flags, doc)                                        \
    {#member,          FIELD_##kind,       flags, offsetof(self, member), min, max,                \
     TYPE_##kind(arg), VALUES_##kind(arg), doc},
#define FIELDS_END                                                                                 \
    { NULL, FIELD_ID, 0, sizeof(self), 0, 0, NULL, NULL, NULL }                                    \
    }                                                                                              \
    ;                                                                                              \
    return table;                                                                                  \
    }

#define ENUMERATION(id)
#define VALUE(constant, word)
#define END_ENUMERATION(id)
#define OBJECT(id, doc) FIELDS_BEGIN(id##_fields, id)
#define FIELD(kind, name, arg, flags, doc) FIELDS_ROW(kind, name, arg, 0, 0, flags, doc)
#define END_OBJECT(id) FIELDS_END
#include "protocol/types.def"
#include "protocol/undef.h"

#define ENUMERATION(id) &id##_enumeration,
#define VALUE(constant, word)
#define END_ENUMERATION(id)
#define OBJECT(...)
#define FIELD(...)
#define END_OBJECT(id)
const struct enumeration *const enumerations[] = {
#include "protocol/types.def"
    NULL};
#include "protocol/undef.h"

#define ENUMERATION(id)
#define VALUE(constant, word)
#define END_ENUMERATION(id)
#define OBJECT(id, doc) &id##_type,
#define FIELD(...)
#define END_OBJECT(id)
const struct object_type *const object_types[] = {
#include "protocol/types.def"
    NULL};
#include "protocol/undef.h"

/* ---- operations ---- */

#define OP(id, ...) FIELDS_BEGIN(id##_in, id##_params)
#define IN(kind, name, arg, min, max, flags, doc) FIELDS_ROW(kind, name, arg, min, max, flags, doc)
#define OUT(...)
#define END(id) FIELDS_END
#include "protocol/operations.def"
#include "protocol/undef.h"

#define OP(id, ...) FIELDS_BEGIN(id##_out, id##_result)
#define IN(...)
#define OUT(kind, name, arg, flags, doc) FIELDS_ROW(kind, name, arg, 0, 0, flags, doc)
#define END(id) FIELDS_END
#include "protocol/operations.def"
#include "protocol/undef.h"

#define OP(id, name, method, path, status, run, ways, permission, limit, doc)                      \
    {#id,                                                                                          \
     name,                                                                                         \
     #method,                                                                                      \
     path,                                                                                         \
     status,                                                                                       \
     RUN_##run,                                                                                    \
     ways,                                                                                         \
     PERMISSION_##permission,                                                                      \
     LIMIT_##limit,                                                                                \
     doc,                                                                                          \
     NULL,                                                                                         \
     NULL,                                                                                         \
     sizeof(struct id##_params),                                                                   \
     sizeof(struct id##_result)},
#define IN(...)
#define OUT(...)
#define END(id)
static struct operation operations[OPERATION_COUNT] = {
#include "protocol/operations.def"
};
#include "protocol/undef.h"

const struct operation *operation_table(void) {
    return operations;
}

const struct operation *operation_by_name(struct str name) {
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        const char *own = operations[i].name;
        if (strncmp(own, name.ptr, name.len) == 0 && strlen(own) == name.len)
            return &operations[i];
    }
    return NULL;
}

bool params_present(const struct field *in, const void *params, size_t offset) {
    unsigned place = 0;
    while (in[place].name != NULL && in[place].offset != offset)
        place++;
    return (*(const uint64_t *)params >> place & 1) != 0;
}

/* ---- events ---- */

#define EVENT(id, ...) FIELDS_BEGIN(id##_event_fields, id##_data)
#define FIELD(kind, name, arg, flags, doc) FIELDS_ROW(kind, name, arg, 0, 0, flags, doc)
#define END_EVENT(id) FIELDS_END
#include "protocol/events.def"
#include "protocol/undef.h"

#define EVENT(id, name, audience, subject, flags, doc)                                             \
    {name, AUDIENCE_##audience, SUBJECT_##subject, flags, NULL, sizeof(struct id##_data), doc},
#define FIELD(...)
#define END_EVENT(id)
static struct event_type events[EVENT_COUNT] = {
    {"", AUDIENCE_ROOM, SUBJECT_NONE, 0, NULL, 0, ""},
#include "protocol/events.def"
};
#include "protocol/undef.h"

const struct event_type *event_type(enum event_id id) {
    return &events[id];
}

/* ---- permissions ---- */

struct permission_row {
    const char *name;
    enum role lowest;
    const char *doc;
};

static const struct permission_row permissions[PERMISSION_COUNT] = {
    {"PUBLIC", ROLE_GUEST, "Nobody need be signed in"},
    {"SIGNED_IN", ROLE_GUEST, "Anybody who is signed in"},
    {"OPERATOR", ROLE_OWNER, "Whoever reaches the control socket"},
#define PERMISSION(id, lowest, doc) {#id, lowest, doc},
#include "protocol/permissions.def"
#include "protocol/undef.h"
};

bool permission_allows(enum permission permission, enum role role) {
    return permission != PERMISSION_OPERATOR && role >= permissions[permission].lowest;
}

const char *permission_name(enum permission permission) {
    return permissions[permission].name;
}

const char *permission_doc(enum permission permission) {
    return permissions[permission].doc;
}

/* ---- together ---- */

__attribute__((constructor)) static void fill_tables(void) {
#define ENUMERATION(id)
#define VALUE(constant, word)
#define END_ENUMERATION(id)
#define OBJECT(id, doc) id##_type.fields = id##_fields();
#define FIELD(...)
#define END_OBJECT(id)
#include "protocol/types.def"
#include "protocol/undef.h"
#define OP(id, ...)                                                                                \
    operations[OPERATION_##id].in = id##_in();                                                     \
    operations[OPERATION_##id].out = id##_out();
#define IN(...)
#define OUT(...)
#define END(id)
#include "protocol/operations.def"
#include "protocol/undef.h"
#define EVENT(id, ...) events[EVENT_##id].fields = id##_event_fields();
#define FIELD(...)
#define END_EVENT(id)
#include "protocol/events.def"
#include "protocol/undef.h"
}
