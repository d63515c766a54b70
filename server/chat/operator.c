/* What only the operator does: roles, disabling, doctor, backup. */
#include "auth/identity.h"
#include "auth/sign_in.h"
#include "chat/account_make.h"
#include "chat/notify.h"
#include "store/audit.h"
#include "store/backup.h"
#include "store/doctor.h"

/* Somebody who is an owner now may only stop being one while another is left. */
static enum err keep_an_owner(struct call *call, const struct account_row *account) {
    int64_t owners = 0;
    if (account->role != ROLE_OWNER || account->disabled_at != 0)
        return ERR_OK;
    enum err err = account_count_role(call->tx, ROLE_OWNER, true, &owners);
    return err == ERR_OK && owners <= 1 ? ERR_LAST_OWNER : err;
}

static enum err tell_and_audit(struct call *call, struct str action,
                               const struct account_row *account, const struct user **out) {
    struct user *user = arena_alloc(call->arena, sizeof *user);
    *user = account_user(account);
    *out = user;
    enum err err = notify_user_updated(call->tx, call->actor.account, account);
    return err == ERR_OK ? audit_append(call->tx, call->actor.account, action, account->name) : err;
}

enum err user_role(struct call *call, const struct user_role_params *in,
                   struct user_role_result *out) {
    const struct str actions[] = {STR("user.role guest"), STR("user.role member"),
                                  STR("user.role admin"), STR("user.role owner")};
    struct account_row account;
    enum err err = identity_find(call->tx, in->name, &account);
    if (err == ERR_OK && in->role != ROLE_OWNER)
        err = keep_an_owner(call, &account);
    if (err == ERR_OK)
        err = account_set_role(call->tx, account.key, in->role);
    if (err == ERR_OK && in->role == ROLE_OWNER)
        err = owner_claim_clear(call->tx);
    if (err == ERR_OK)
        err = sign_out_tell(call, account.key, 0, SESSION_END_RECONNECT);
    account.role = in->role;
    return err == ERR_OK ? tell_and_audit(call, actions[in->role], &account, &out->user) : err;
}

enum err user_disable(struct call *call, const struct user_disable_params *in,
                      struct user_disable_result *out) {
    struct account_row account;
    enum err err = identity_find(call->tx, in->name, &account);
    if (err == ERR_OK && !in->enable)
        err = keep_an_owner(call, &account);
    if (err != ERR_OK)
        return err;
    account.disabled_at = in->enable ? 0 : call->tx->now_ms;
    err = account_set_disabled(call->tx, account.key, account.disabled_at);
    if (err == ERR_OK && !in->enable)
        err = sign_out_everywhere(call, account.key);
    return err == ERR_OK
               ? tell_and_audit(call, in->enable ? STR("user.enable") : STR("user.disable"),
                                &account, &out->user)
               : err;
}

enum err doctor_check(struct call *call, const struct doctor_check_params *in,
                      struct doctor_check_result *out) {
    (void)in;
    return doctor_run(call->tx, &out->problems, &out->checked);
}

enum err backup_create(struct call *call, const struct backup_create_params *in,
                       struct backup_create_result *out) {
    return backup_write(call->tx, in->file, &out->bytes, &call->error->detail);
}
