/* Values of rows as C: what every aggregate reads its columns with. Private to store/. */
#pragma once
#include "base/uuid.h"
#include "store/db.h"

#include <string.h>

/* An id; NULL gives the zero one. */
static inline struct uuid row_uuid(const struct db_value *value) {
    struct uuid uuid = {{0}};
    if (value->kind == DB_BLOB && value->bytes.len == sizeof uuid.bytes)
        memcpy(uuid.bytes, value->bytes.ptr, sizeof uuid.bytes);
    return uuid;
}

#define DB_ID(uuid) DB_B((uuid).bytes, sizeof(uuid).bytes)

/* For a query that gives a row with a key: the key. */
static inline enum err row_key(enum err err, const struct db_rows *rows, int64_t *key) {
    if (err == ERR_OK)
        *key = db_at(rows, 0, 0)->integer;
    return err;
}
