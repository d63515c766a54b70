/* Operations on sessions: signing in and out, the own password, bearer tokens. */
#include "auth/auth.h"
#include "auth/identity.h"
#include "auth/sign_in.h"
#include "auth/token.h"
#include "store/audit.h"

/* What load and prepare find out about a password; the handler checks that the row still says the
 * same. */
struct password_check {
    int64_t account; /* 0: nobody */
    struct str hash; /* as it was read */
    bool matches;
    struct str new_hash; /* to be stored; empty: none */
};

static struct password_check *check_begin(struct call *call) {
    struct password_check *check = arena_zalloc(call->arena, sizeof *check);
    call->prepared = check;
    return check;
}

/* The account, if the password was right and is still the account's. */
static enum err check_confirm(struct call *call, struct account_row *account, enum err refusal) {
    const struct password_check *check = call->prepared;
    if (!check->matches)
        return refusal;
    enum err err = account_by_key(call->tx, check->account, account);
    if (err == ERR_NOT_FOUND ||
        (err == ERR_OK &&
         (account->disabled_at != 0 || !str_equal(account->password_hash, check->hash))))
        err = refusal;
    return err;
}

static const struct self *self_in(struct arena *arena, const struct account_row *account) {
    struct self *self = arena_alloc(arena, sizeof *self);
    *self = account_self(account);
    return self;
}

/* ---- session.create ---- */

enum err session_create_load(struct call *call, const struct session_create_params *in) {
    struct password_check *check = check_begin(call);
    struct account_row account;
    enum err err = identity_find(call->tx, in->login, &account);
    if (err == ERR_OK && account.disabled_at == 0) {
        check->account = account.key;
        check->hash = account.password_hash;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Nobody's password costs as much as somebody's: the time tells nothing. */
enum err session_create_prepare(struct call *call, const struct session_create_params *in) {
    struct password_check *check = call->prepared;
    check->matches = password_verify(check->hash, in->password) && check->account != 0;
    if (check->matches && password_needs_rehash(check->hash))
        check->new_hash = password_hash(call->arena, in->password);
    return ERR_OK;
}

enum err session_create(struct call *call, const struct session_create_params *in,
                        struct session_create_result *out) {
    const struct password_check *check = call->prepared;
    const bool as_token = in->token || call->is_foreign;
    struct account_row account;
    enum err err = check_confirm(call, &account, ERR_INVALID_CREDENTIALS);
    if (err == ERR_OK && check->new_hash.len > 0)
        err = account_set_password(call->tx, account.key, check->new_hash);
    if (err == ERR_OK)
        err = sign_in_grant(call, &account, as_token);
    if (err != ERR_OK)
        return err;
    call->wants_created = true;
    out->user = self_in(call->arena, &account);
    out->token = as_token ? call->effect.token : STR_EMPTY;
    out->expires_at = call->effect.expires_at;
    return ERR_OK;
}

/* ---- session.delete, session.authenticate ---- */

enum err session_delete(struct call *call, const struct session_delete_params *in,
                        struct session_delete_result *out) {
    (void)in;
    (void)out;
    call->effect.clear_cookie = true;
    enum err err = session_remove(call->tx, call->actor.session);
    return err == ERR_OK
               ? sign_out_tell(call, call->actor.account, call->actor.session, SESSION_END_GONE)
               : err;
}

enum err session_authenticate(struct call *call, const struct session_authenticate_params *in,
                              struct session_authenticate_result *out) {
    struct session_row session;
    struct account_row account;
    unsigned char hash[TOKEN_HASH_BYTES];
    if (call->actor.account != 0)
        return ERR_ALREADY_SIGNED_IN;
    token_hash(in->token, hash);
    enum err err = session_by_hash(call->tx, hash, &session);
    if (err == ERR_OK)
        err = account_by_key(call->tx, session.account, &account);
    if (err != ERR_OK)
        return err;
    call->effect = (struct call_effect){
        .sign_in = true,
        .account = session.account,
        .session = session.key,
        .role = session.role,
        .expires_at = session.expires_at,
    };
    out->user = self_in(call->arena, &account);
    return ERR_OK;
}

/* ---- user.password ---- */

enum err user_password_load(struct call *call, const struct user_password_params *in) {
    struct password_check *check = check_begin(call);
    struct account_row account;
    (void)in;
    enum err err = account_by_key(call->tx, call->actor.account, &account);
    if (err == ERR_OK) {
        check->account = account.key;
        check->hash = account.password_hash;
    }
    return err;
}

enum err user_password_prepare(struct call *call, const struct user_password_params *in) {
    struct password_check *check = call->prepared;
    check->matches = password_verify(check->hash, in->old_password);
    if (check->matches)
        check->new_hash = password_hash(call->arena, in->new_password);
    return ERR_OK;
}

enum err user_password(struct call *call, const struct user_password_params *in,
                       struct user_password_result *out) {
    const struct password_check *check = call->prepared;
    struct account_row account;
    (void)in;
    (void)out;
    enum err err = check_confirm(call, &account, ERR_WRONG_PASSWORD);
    if (err == ERR_OK)
        err = account_set_password(call->tx, account.key, check->new_hash);
    if (err == ERR_OK)
        err = session_remove_all(call->tx, account.key, call->actor.session);
    return err == ERR_OK ? sign_out_tell(call, account.key, call->actor.session, SESSION_END_OTHERS)
                         : err;
}

/* ---- the operator's: user.passwd, token.create ---- */

enum err user_passwd_prepare(struct call *call, const struct user_passwd_params *in) {
    check_begin(call)->new_hash = password_hash(call->arena, in->password);
    return ERR_OK;
}

enum err user_passwd(struct call *call, const struct user_passwd_params *in,
                     struct user_passwd_result *out) {
    const struct password_check *check = call->prepared;
    struct account_row account;
    (void)out;
    enum err err = identity_find(call->tx, in->name, &account);
    if (err == ERR_OK)
        err = account_set_password(call->tx, account.key, check->new_hash);
    if (err == ERR_OK)
        err = sign_out_everywhere(call, account.key);
    return err == ERR_OK
               ? audit_append(call->tx, call->actor.account, STR("user.passwd"), account.name)
               : err;
}

enum err token_create(struct call *call, const struct token_create_params *in,
                      struct token_create_result *out) {
    struct account_row account;
    int64_t session = 0;
    int64_t life_s =
        PRESENT(in, token_create, expires_in) ? in->expires_in : AUTH_TOKEN_LIFE_DEFAULT_S;
    enum err err = identity_find(call->tx, in->user, &account);
    if (err == ERR_OK && account.disabled_at != 0)
        err = ERR_NOT_FOUND;
    out->expires_at = call->tx->now_ms + life_s * 1000;
    if (err == ERR_OK)
        err = token_issue(call->tx, account.key, SESSION_BEARER, out->expires_at, &out->token,
                          &session);
    call->wants_created = true;
    return err == ERR_OK
               ? audit_append(call->tx, call->actor.account, STR("token.create"), account.name)
               : err;
}
