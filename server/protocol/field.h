/* Field tables: what the encoder and the decoder need to know of a struct's members, made from the
 * .def tables. Read-only. */
#pragma once
#include "base/str.h"

enum field_kind {
    FIELD_ID,
    FIELD_STR,
    FIELD_TEXT,
    FIELD_SECRET,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_TIME,
    FIELD_ENUM,
    FIELD_OBJ,
    FIELD_LIST,
    FIELD_IDS,
};

enum field_flag {
    FIELD_REQUIRED = 1,    /* a parameter that must be given */
    FIELD_NULLABLE = 2,    /* null is taken, as empty */
    FIELD_ASCII = 4,       /* printable ASCII only */
    FIELD_OPTIONAL = 8,    /* left out of the output when empty */
    FIELD_NULL_AT_END = 16 /* null in the output when empty */
};

struct enumeration {
    const char *name;
    const char *const *words; /* by value */
    unsigned count;
};

struct object_type;

struct field {
    const char *name; /* NULL ends a table */
    enum field_kind kind;
    unsigned flags;
    size_t offset;
    int64_t min, max;               /* code points, value or items; of parameters */
    const struct object_type *type; /* OBJ, LIST */
    const struct enumeration *values;
    const char *doc;
};

struct object_type {
    const char *name;
    size_t size; /* of the struct */
    const struct field *fields;
    const char *doc;
};

/* All objects and enumerations of types.def, for the generator; NULL-terminated. */
extern const struct object_type *const object_types[];
extern const struct enumeration *const enumerations[];
