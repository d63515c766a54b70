/* The objects of types.def as structs, and the C type of each field kind. Strs and lists are
 * borrowed, as a rule from a request's arena. Any thread. */
#pragma once
#include "base/str.h"
#include "base/uuid.h"

struct uuid_list {
    struct uuid *items;
    size_t count;
};

/* The C type of a field kind; an OBJ is NULL when absent, an optional ID all zero. Times are Unix
 * milliseconds. */
#define CTYPE_ID(arg) struct uuid
#define CTYPE_STR(arg) struct str
#define CTYPE_TEXT(arg) struct str
#define CTYPE_SECRET(arg) struct str
#define CTYPE_INT(arg) int64_t
#define CTYPE_BOOL(arg) bool
#define CTYPE_TIME(arg) int64_t
#define CTYPE_ENUM(arg) enum arg
#define CTYPE_OBJ(arg) const struct arg *
#define CTYPE_LIST(arg) struct arg##_list
#define CTYPE_IDS(arg) struct uuid_list

#define ENUMERATION(id) enum id {
#define VALUE(constant, word) constant,
#define END_ENUMERATION(id)                                                                        \
    }                                                                                              \
    ;
#define OBJECT(id, doc) struct id {
#define FIELD(kind, name, arg, flags, doc) CTYPE_##kind(arg) name;
#define END_OBJECT(id)                                                                             \
    }                                                                                              \
    ;                                                                                              \
    struct id##_list {                                                                             \
        struct id *items;                                                                          \
        size_t count;                                                                              \
    };
#include "protocol/types.def"
#include "protocol/undef.h"
