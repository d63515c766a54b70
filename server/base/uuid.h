/* UUIDs, version 7 (RFC 9562 section 5.7): the ids that the outside sees. Any thread. */
#pragma once
#include "base/str.h"

enum { UUID_TEXT_BYTES = 37 }; /* 36 characters and a NUL */

struct uuid {
    uint8_t bytes[16];
};

/* A fresh one. Ids made by one process rise in the order in which they are made, within a
 * millisecond and when the clock steps back too. */
struct uuid uuid_v7(void);
/* The 36-character form, hex in either case; any version. */
bool uuid_parse(struct str text, struct uuid *out);
/* Lower case, NUL-terminated. */
void uuid_format(struct uuid uuid, char out[UUID_TEXT_BYTES]);
bool uuid_equal(struct uuid a, struct uuid b);
bool uuid_is_zero(struct uuid uuid);
/* Less than, equal to or greater than 0, by bytes: the order of time for version 7. */
int uuid_compare(struct uuid a, struct uuid b);
