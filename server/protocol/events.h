/* The table of events (events.def): their data as structs, and the rows. Read-only; any thread. */
#pragma once
#include "protocol/field.h"
#include "protocol/model.h"

/* A row's place is the event's number in the log: rows are only ever appended. */
enum event_id {
    EVENT_NOTHING,
#define EVENT(id, ...) EVENT_##id,
#define FIELD(...)
#define END_EVENT(id)
#include "protocol/events.def"
#include "protocol/undef.h"
    EVENT_COUNT
};

#define EVENT(id, ...)                                                                             \
    struct id##_data {                                                                             \
        char first_;
#define FIELD(kind, name, arg, ...) CTYPE_##kind(arg) name;
#define END_EVENT(id)                                                                              \
    }                                                                                              \
    ;
#include "protocol/events.def"
#include "protocol/undef.h"

enum event_audience { AUDIENCE_ROOM, AUDIENCE_PERSON, AUDIENCE_WORKSPACE };
enum event_subject { SUBJECT_NONE, SUBJECT_MESSAGE, SUBJECT_ROOM, SUBJECT_USER, SUBJECT_SESSION };
enum event_flag {
    EVENT_LOGGED = 1,    /* has a pos, is kept and replayed */
    EVENT_INTERNAL = 2,  /* acted upon by the hub, never sent */
    EVENT_DROPPABLE = 4, /* first to go when a queue is full */
    EVENT_NO_GUEST = 8,  /* not for guests */
};

struct event_type {
    const char *name;
    enum event_audience audience;
    enum event_subject subject;
    unsigned flags;
    const struct field *fields; /* of its data */
    size_t data_size;
    const char *doc;
};

/* The row of an event; EVENT_NOTHING has none. */
const struct event_type *event_type(enum event_id id);
