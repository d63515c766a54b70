/* What tools/generate writes, a file each. Single-threaded. */
#pragma once
#include "base/buf.h"
#include "protocol/events.h"
#include "protocol/operations.h"

void generate_typescript(struct buf *out);
void generate_protocol(struct buf *out);
void generate_openapi(struct buf *out);
void generate_asyncapi(struct buf *out);
void generate_settings(struct buf *out);
void generate_sample(struct buf *out);

/* "message_send" as "MessageSend". */
void append_pascal(struct buf *out, const char *id);
/* The JSON schema of an object with these fields; what stands in the path of `body_of` (NULL: of
 * nothing) is left out. */
void append_object_schema(struct buf *out, const struct field *fields,
                          const struct operation *body_of);
