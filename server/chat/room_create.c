/* room.create. */
#include "auth/call.h"
#include "auth/identity.h"
#include "chat/access.h"
#include "chat/member.h"
#include "chat/notify.h"
#include "chat/retry.h"
#include "chat/text.h"
#include "store/audit.h"

static enum err room_result(struct call *call, int64_t room, const struct my_room **out) {
    struct my_room *mine = arena_zalloc(call->arena, sizeof *mine);
    *out = mine;
    return room_mine(call->tx, call->actor.account, room, mine);
}

/* Whose room it is: the caller's, or whose the operator says; 0: nobody's. */
static enum err find_maker(struct call *call, struct str name, int64_t *maker) {
    struct account_row account;
    *maker = call->actor.account;
    if (name.len == 0)
        return ERR_OK;
    if (!call->actor.is_operator)
        return call_refuse(call, "maker", "left out: it is the operator's");
    enum err err = identity_find(call->tx, name, &account);
    if (err == ERR_OK && account.disabled_at != 0)
        err = ERR_NOT_FOUND;
    *maker = err == ERR_OK ? account.key : 0;
    return err;
}

/* Its maker joins it; what the operator does is audited. */
static enum err enter_room(struct call *call, const struct room_row *room, int64_t maker) {
    struct account_row account;
    enum err err = ERR_OK;
    if (call->actor.is_operator)
        err = audit_append(call->tx, 0, STR("room.create"), room->name);
    if (err != ERR_OK || maker == 0)
        return err;
    err = account_by_key(call->tx, maker, &account);
    return err == ERR_OK ? member_join(call->tx, call->actor.account, room, &account) : err;
}

static enum err make_room(struct call *call, const struct room_create_params *in,
                          struct room_row *room) {
    int64_t maker = 0;
    enum err err = find_maker(call, in->maker, &maker);
    const struct room_new row = {str_trim(in->name), in->topic, in->private, false, maker};
    if (err == ERR_OK)
        err = room_insert(call->tx, &row, room);
    if (err == ERR_OK)
        err = enter_room(call, room, maker);
    if (err == ERR_OK)
        err = room_by_key(call->tx, room->key, room);
    return err == ERR_OK && !in->private ? notify_room_created(call->tx, call->actor.account, room)
                                         : err;
}

/* A retry is answered to whoever may still see the room. */
static enum err find_again(struct call *call, int64_t room, const struct my_room **out) {
    struct room_access access;
    enum err err = room_result(call, room, out);
    return err == ERR_OK ? access_room(call, (*out)->id, ROOM_ACT_SEE, &access) : err;
}

enum err room_create(struct call *call, const struct room_create_params *in,
                     struct room_create_result *out) {
    struct retry retry;
    struct room_row room;
    enum err err = retry_find(call, in, in->nonce, &retry);
    if (err != ERR_OK)
        return err;
    if (retry.row.subject != 0)
        return find_again(call, retry.row.subject, &out->room);
    if (text_is_blank(in->name))
        return call_refuse(call, "name", "at least one character that is not a space");
    call->wants_created = true;
    err = make_room(call, in, &room);
    if (err == ERR_OK)
        err = retry_keep(call, &retry, room.key);
    return err == ERR_OK ? room_result(call, room.key, &out->room) : err;
}
