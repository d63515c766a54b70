#include "auth/token.h"

#include "base/random.h"
#include "base/text.h"

#include <sodium.h>

struct str token_make_secret(struct arena *arena, const char *prefix) {
    unsigned char secret[TOKEN_SECRET_BYTES];
    char text[TEXT_BASE64URL_BYTES(TOKEN_SECRET_BYTES)];
    random_bytes(secret, sizeof secret);
    text_base64url_encode(secret, sizeof secret, text);
    sodium_memzero(secret, sizeof secret);
    return arena_printf(arena, "%s%s", prefix, text);
}

void token_hash(struct str secret, unsigned char out[TOKEN_HASH_BYTES]) {
    crypto_hash_sha256(out, (const unsigned char *)secret.ptr, secret.len);
}

enum err token_issue(struct tx *tx, int64_t account, enum session_kind kind, int64_t expires_at,
                     struct str *secret, int64_t *session_row) {
    unsigned char hash[TOKEN_HASH_BYTES];
    *secret = token_make_secret(tx->arena, "pl_");
    token_hash(*secret, hash);
    enum err err = session_remove_expired(tx, account);
    return err == ERR_OK ? session_insert(tx, account, hash, kind, expires_at, session_row) : err;
}

static enum err token_actor(enum err err, const struct session_row *row, struct actor *out) {
    *out = (struct actor){0};
    if (err == ERR_OK)
        *out = (struct actor){.account = row->account,
                              .session = row->key,
                              .expires_at = row->expires_at,
                              .author = row->author,
                              .role = row->role};
    return err;
}

enum err token_find_session(struct tx *tx, int64_t session_row, struct actor *out) {
    struct session_row row;
    return token_actor(session_by_key(tx, session_row, &row), &row, out);
}

enum err token_find_actor(struct tx *tx, struct str token, struct actor *out) {
    unsigned char hash[TOKEN_HASH_BYTES];
    struct session_row row;
    token_hash(token, hash);
    return token_actor(session_by_hash(tx, hash, &row), &row, out);
}
