/* Operations on invites. */
#include "auth/token.h"
#include "chat/access.h"
#include "chat/chat.h"
#include "chat/retry.h"
#include "store/audit.h"
#include "store/invite.h"

_Static_assert((int)INVITE_HASH_BYTES == (int)TOKEN_HASH_BYTES, "both are SHA-256");

/* The room must be one that the maker may bring people into. */
static enum err invite_room(struct call *call, struct uuid id, enum role role, int64_t *room) {
    struct room_access access;
    *room = 0;
    if (uuid_is_zero(id))
        return role == ROLE_GUEST ? call_refuse(call, "room", "a guest's invite names the room")
                                  : ERR_OK;
    enum err err = access_room(call, id, ROOM_ACT_MANAGE, &access);
    if (err == ERR_OK)
        *room = access.room.key;
    return err;
}

/* Open ones are as many as a list shows: none is out of sight. */
static enum err room_for_one_more(struct tx *tx) {
    int64_t open = 0;
    enum err err = invite_count(tx, &open);
    return err == ERR_OK && open >= CHAT_INVITES_MAX ? ERR_TOO_MANY_INVITES : err;
}

static struct invite_create_params with_defaults(const struct invite_create_params *in) {
    struct invite_create_params full = *in;
    if (!PRESENT(in, invite_create, role))
        full.role = ROLE_MEMBER;
    if (!PRESENT(in, invite_create, uses))
        full.uses = 1;
    if (!PRESENT(in, invite_create, expires_in))
        full.expires_in = CHAT_INVITE_LIFE_DEFAULT_S;
    return full;
}

/* Its link is shown this once: `secret` is stored as a hash only. */
static enum err make_invite(struct call *call, const struct invite_create_params *in,
                            struct str secret, struct invite_row *row) {
    struct invite_new invite = {.role = in->role,
                                .uses = in->uses,
                                .created_by = call->actor.account,
                                .expires_at = call->tx->now_ms + in->expires_in * 1000};
    if (invite.role >= call->actor.role)
        return ERR_FORBIDDEN; /* a link is for whoever holds it: below the own rank */
    enum err err = invite_room(call, in->room, invite.role, &invite.room);
    token_hash(secret, invite.hash);
    if (err == ERR_OK)
        err = room_for_one_more(call->tx);
    if (err == ERR_OK)
        err = invite_insert(call->tx, &invite, row);
    return err == ERR_OK
               ? audit_append(call->tx, call->actor.account, STR("invite.create"), STR_EMPTY)
               : err;
}

static enum err invite_result(struct call *call, const struct invite_row *row,
                              const struct invite **out) {
    struct invite *view = arena_alloc(call->arena, sizeof *view);
    *view = invite_view(row);
    *out = view;
    return ERR_OK;
}

enum err invite_create(struct call *call, const struct invite_create_params *in,
                       struct invite_create_result *out) {
    struct retry retry;
    struct invite_row row;
    const struct invite_create_params full = with_defaults(in);
    struct str secret = token_make_secret(call->arena, "");
    enum err err = retry_find(call, &full, in->nonce, &retry);
    if (err == ERR_OK && retry.row.subject != 0) {
        err = invite_by_key(call->tx, retry.row.subject, &row);
        return err == ERR_OK ? invite_result(call, &row, &out->invite) : err;
    }
    if (err == ERR_OK)
        err = make_invite(call, &full, secret, &row);
    if (err == ERR_OK)
        err = retry_keep(call, &retry, row.key);
    if (err != ERR_OK)
        return err;
    call->wants_created = true;
    out->url = arena_printf(call->arena, "%.*s/invite#%.*s", STR_ARG(chat_options()->public_url),
                            STR_ARG(secret));
    return invite_result(call, &row, &out->invite);
}

enum err invite_list(struct call *call, const struct invite_list_params *in,
                     struct invite_list_result *out) {
    (void)in;
    return invite_all(call->tx, CHAT_INVITES_MAX, &out->invites);
}

enum err invite_revoke(struct call *call, const struct invite_revoke_params *in,
                       struct invite_revoke_result *out) {
    struct invite_row row;
    (void)out;
    enum err err = invite_by_id(call->tx, in->invite, &row);
    if (err == ERR_OK && !permission_reaches(call->actor.role, row.role))
        err = ERR_FORBIDDEN;
    if (err == ERR_OK)
        err = invite_end(call->tx, row.key);
    return err == ERR_OK
               ? audit_append(call->tx, call->actor.account, STR("invite.revoke"), STR_EMPTY)
               : err;
}

enum err invite_show(struct call *call, const struct invite_show_params *in,
                     struct invite_show_result *out) {
    unsigned char hash[TOKEN_HASH_BYTES];
    struct invite_row row;
    token_hash(in->secret, hash);
    enum err err = invite_by_hash(call->tx, hash, &row);
    if (err != ERR_OK)
        return err;
    out->invited_by = row.created_by_name;
    out->role = row.role;
    out->expires_at = row.expires_at;
    return ERR_OK;
}
