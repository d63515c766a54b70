#include "auth/sign_in.h"

#include "auth/auth.h"
#include "auth/token.h"

enum err sign_in_grant(struct call *call, const struct account_row *account, bool as_token) {
    struct call_effect *effect = &call->effect;
    if (call->is_foreign && !as_token)
        return ERR_OK;
    effect->expires_at = call->tx->now_ms + auth_session_life_ms();
    effect->account = account->key;
    effect->role = account->role;
    effect->sign_in = true;
    effect->set_cookie = !as_token;
    return token_issue(call->tx, account->key, as_token ? SESSION_BEARER : SESSION_COOKIE,
                       effect->expires_at, &effect->token, &effect->session);
}

enum err sign_out_tell(struct call *call, int64_t account, int64_t session, enum session_end how) {
    const struct log_event event = {
        .type = EVENT_session_ended,
        .audience = audience_person(account),
        .actor = call->actor.account,
        .subject = session,
        .fact = how,
    };
    return emit(call->tx, &event, NULL);
}

enum err sign_out_everywhere(struct call *call, int64_t account) {
    enum err err = session_remove_all(call->tx, account, 0);
    return err == ERR_OK ? sign_out_tell(call, account, 0, SESSION_END_GONE) : err;
}
