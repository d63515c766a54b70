#include "chat/retry.h"

#include "chat/digest.h"

#include <sodium.h>
#include <string.h>

/* A parameter's bytes, as the decoder left them. */
static struct str bytes_of(const struct field *field, const void *params) {
    const char *at = (const char *)params + field->offset;
    const struct uuid_list *ids;
    switch (field->kind) {
    case FIELD_STR:
    case FIELD_TEXT:
    case FIELD_SECRET:
        return *(const struct str *)(const void *)at;
    case FIELD_ID:
        return str_make(at, sizeof(struct uuid));
    case FIELD_INT:
    case FIELD_TIME:
        return str_make(at, sizeof(int64_t));
    case FIELD_BOOL:
        return str_make(at, sizeof(bool));
    case FIELD_ENUM:
        return str_make(at, sizeof(unsigned));
    case FIELD_IDS:
        ids = (const struct uuid_list *)(const void *)at;
        return str_make((const char *)ids->items, ids->count * sizeof *ids->items);
    case FIELD_OBJ:
    case FIELD_LIST:
        break;
    }
    CHECK(false); /* no operation takes such a parameter */
    return STR_EMPTY;
}

/* The operation's name and the value of every parameter but the nonce. Whether it was given does
 * not count: a client library may spell defaults out, and another may leave them away. */
static void digest_call(struct call *call, const void *params,
                        unsigned char out[NONCE_DIGEST_BYTES]) {
    const struct field *fields = call->operation->in;
    size_t count = 0, used = 0;
    while (fields[count].name != NULL)
        count++;
    struct str *parts = arena_alloc(call->arena, (count + 1) * sizeof *parts);
    parts[used++] = str_from_cstr(call->operation->name);
    for (const struct field *field = fields; field < fields + count; field++) {
        if (strcmp(field->name, "nonce") != 0)
            parts[used++] = bytes_of(field, params);
    }
    digest_request(parts, used, out);
}

enum err retry_find(struct call *call, const void *params, struct str nonce, struct retry *out) {
    struct nonce_row first;
    *out = (struct retry){.nonce = nonce};
    if (nonce.len == 0)
        return ERR_OK;
    digest_call(call, params, out->row.digest);
    enum err err = request_nonce_of(call->tx, call->actor.account, nonce, &first);
    if (err != ERR_OK || first.subject == 0)
        return err;
    out->row.subject = first.subject;
    return sodium_memcmp(first.digest, out->row.digest, sizeof first.digest) == 0
               ? ERR_OK
               : ERR_NONCE_REUSED;
}

enum err retry_keep(struct call *call, struct retry *retry, int64_t subject) {
    if (retry->nonce.len == 0)
        return ERR_OK;
    retry->row.subject = subject;
    return request_nonce_put(call->tx, call->actor.account, retry->nonce,
                             str_from_cstr(call->operation->name), &retry->row);
}
