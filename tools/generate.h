/* What tools/generate writes, a file each. Single-threaded. */
#pragma once
#include "base/buf.h"
#include "protocol/events.h"
#include "protocol/operations.h"

void generate_typescript(struct buf *out);
void generate_protocol(struct buf *out);
void generate_openapi(struct buf *out);
void generate_settings(struct buf *out);

/* "message_send" as "MessageSend". */
void append_pascal(struct buf *out, const char *id);
