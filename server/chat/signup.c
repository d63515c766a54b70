/* Operations that make accounts: owner.create, owner.link, user.create, user.add. */
#include "auth/sign_in.h"
#include "auth/token.h"
#include "chat/account_make.h"
#include "chat/chat.h"
#include "chat/member.h"
#include "store/audit.h"
#include "store/invite.h"

static const struct self *self_view(struct call *call, const struct account_row *account) {
    struct self *self = arena_alloc(call->arena, sizeof *self);
    *self = account_self(account);
    call->wants_created = true;
    return self;
}

/* ---- the first owner ---- */

enum err owner_create_prepare(struct call *call, const struct owner_create_params *in) {
    const struct account_wish wish = {in->name, in->display_name, in->email, in->password};
    return account_make_prepare(call, &wish);
}

enum err owner_create(struct call *call, const struct owner_create_params *in,
                      struct owner_create_result *out) {
    struct account_row owner;
    bool exists = false;
    enum err err = account_owner_exists(call->tx, &exists);
    if (err == ERR_OK && exists)
        err = ERR_OWNER_EXISTS;
    if (err == ERR_OK)
        err = owner_claim_check(call->tx, in->secret);
    if (err == ERR_OK)
        err = account_make(call, ROLE_OWNER, &owner);
    if (err == ERR_OK)
        err = sign_in_grant(call, &owner, false);
    if (err != ERR_OK)
        return err;
    out->user = self_view(call, &owner);
    return audit_append(call->tx, owner.key, STR("owner.create"), owner.name);
}

enum err owner_link(struct call *call, const struct owner_link_params *in,
                    struct owner_link_result *out) {
    bool exists = false;
    (void)in;
    enum err err = account_owner_exists(call->tx, &exists);
    if (err != ERR_OK || exists)
        return err;
    struct str secret = token_make_secret(call->arena, "");
    out->url = arena_printf(call->arena, "%.*s/owner#%.*s", STR_ARG(chat_options()->public_url),
                            STR_ARG(secret));
    err = owner_claim_set(call->tx, secret);
    return err == ERR_OK ? audit_append(call->tx, call->actor.account, STR("owner.link"), STR_EMPTY)
                         : err;
}

/* ---- by an invite ---- */

enum err user_create_prepare(struct call *call, const struct user_create_params *in) {
    const struct account_wish wish = {in->name, in->display_name, in->email, in->password};
    return account_make_prepare(call, &wish);
}

/* One use of the invite is taken here; without an owner none works. */
static enum err use_invite(struct call *call, struct str secret, struct invite_row *invite) {
    unsigned char hash[TOKEN_HASH_BYTES];
    bool exists = false;
    token_hash(secret, hash);
    enum err err = account_owner_exists(call->tx, &exists);
    if (err == ERR_OK && !exists)
        err = ERR_INVITE_INVALID;
    if (err == ERR_OK)
        err = invite_by_hash(call->tx, hash, invite);
    return err == ERR_OK ? invite_use(call->tx, invite->key) : err;
}

static enum err join_invited(struct call *call, const struct invite_row *invite,
                             const struct account_row *account) {
    struct room_row room;
    if (invite->room == 0)
        return ERR_OK;
    enum err err = room_by_key(call->tx, invite->room, &room);
    if (err == ERR_OK && room.archived_at != 0) /* a guest would have nothing */
        return invite->role == ROLE_GUEST ? ERR_INVITE_INVALID : ERR_OK;
    return err == ERR_OK ? member_join(call->tx, account->key, &room, account) : err;
}

enum err user_create(struct call *call, const struct user_create_params *in,
                     struct user_create_result *out) {
    struct invite_row invite;
    struct account_row account;
    enum err err = use_invite(call, in->invite, &invite);
    if (err == ERR_OK)
        err = account_make(call, invite.role, &account);
    if (err == ERR_OK)
        err = join_invited(call, &invite, &account);
    if (err == ERR_OK)
        err = sign_in_grant(call, &account, false);
    if (err == ERR_OK)
        out->user = self_view(call, &account);
    return err;
}

/* ---- by the operator ---- */

enum err user_add_prepare(struct call *call, const struct user_add_params *in) {
    const struct account_wish wish = {in->name, STR_EMPTY, in->email, in->password};
    return account_make_prepare(call, &wish);
}

enum err user_add(struct call *call, const struct user_add_params *in,
                  struct user_add_result *out) {
    struct account_row account;
    enum err err = account_make(call, in->role, &account);
    if (err != ERR_OK)
        return err;
    out->user = self_view(call, &account);
    return audit_append(call->tx, call->actor.account, STR("user.add"), account.name);
}
