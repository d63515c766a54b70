/* Secrets that stand for somebody: session cookies, bearer tokens, and the secrets in links. 256
 * random bits as base64url; only the SHA-256 is stored. Looking a secret up by its hash needs no
 * comparison whose time tells anything.
 *
 * Thread: the executor whose transaction it is. */
#pragma once
#include "auth/call.h"
#include "store/session.h"

enum { TOKEN_SECRET_BYTES = 32, TOKEN_HASH_BYTES = 32, TOKEN_MAX_CHARS = 64 };

/* A fresh secret as text, `prefix` before it, in the arena. */
struct str token_make_secret(struct arena *arena, const char *prefix);
/* SHA-256 of the text. */
void token_hash(struct str secret, unsigned char out[TOKEN_HASH_BYTES]);

/* Makes a session for the account: its secret ("pl_…") in the arena, and its row's key. */
enum err token_issue(struct tx *tx, int64_t account, enum session_kind kind, int64_t expires_at,
                     struct str *secret, int64_t *session_row) MUST_CHECK;
/* Who the session or the secret stands for. ERR_INVALID_TOKEN when it is unknown or expired, or the
 * account is disabled. */
enum err token_find_session(struct tx *tx, int64_t session_row, struct actor *out) MUST_CHECK;
enum err token_find_actor(struct tx *tx, struct str token, struct actor *out) MUST_CHECK;
