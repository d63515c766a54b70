/* Encoding: structs to JSON by their field tables, straight into a buffer. Hot: no printf, no tree.
 * Any thread. Strings must be valid UTF-8 (the decoder and the database see to it). */
#pragma once
#include "base/buf.h"
#include "protocol/err.h"
#include "protocol/events.h"
#include "protocol/operations.h"

/* `{"id":…}` with all members of the table. */
void encode_object(struct buf *out, const struct field *fields, const void *object);
/* A JSON string with its quotes; also escapes U+2028 and U+2029, so that the text may stand in a
 * script. */
void encode_string(struct buf *out, struct str text);
void encode_uuid(struct buf *out, struct uuid id);

/* The socket's replies: `{"id":ID,"result":{…}}` and `{"id":ID,"error":{code,message,…}}`; `id` is
 * JSON text, empty: null. */
void encode_reply(struct buf *out, struct str id, const struct field *fields, const void *result);
/* The same of a result that is JSON already. */
void encode_reply_json(struct buf *out, struct str id, struct str result);
void encode_error_reply(struct buf *out, struct str id, enum err err,
                        const struct error_detail *detail);
/* What stands in such an error: `{"code":…,"message":…}` and its details. */
void encode_error(struct buf *out, enum err err, const struct error_detail *detail);
/* HTTP's errors: problem details (RFC 9457). */
void encode_problem(struct buf *out, enum err err, const struct error_detail *detail);

/* The envelope `{"event":"…","room":"…","seq":…,"cursor":"…","data":{…}}`; room, seq and cursor
 * only where they are. `data` may be NULL for an event without members. */
struct event_envelope {
    enum event_id type;
    struct uuid room;  /* all zero: none */
    int64_t seq;       /* 0: none */
    struct str cursor; /* empty: none */
    const void *data;
};
void encode_event(struct buf *out, const struct event_envelope *envelope);
