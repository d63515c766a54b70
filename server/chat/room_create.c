/* room.create. */
#include "auth/call.h"
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

/* Its maker joins it; the operator is nobody's member, but is audited. */
static enum err enter_room(struct call *call, const struct room_row *room) {
    struct account_row maker;
    if (call->actor.is_operator)
        return audit_append(call->tx, 0, STR("room.create"), room->name);
    enum err err = account_by_key(call->tx, call->actor.account, &maker);
    return err == ERR_OK ? member_join(call->tx, call->actor.account, room, &maker) : err;
}

static enum err make_room(struct call *call, const struct room_create_params *in,
                          struct room_row *room) {
    const struct room_new row = {str_trim(in->name), in->topic, in->private, false,
                                 call->actor.account};
    enum err err = room_insert(call->tx, &row, room);
    if (err == ERR_OK)
        err = enter_room(call, room);
    if (err == ERR_OK)
        err = room_by_key(call->tx, room->key, room);
    return err == ERR_OK && !in->private ? notify_room_created(call->tx, call->actor.account, room)
                                         : err;
}

enum err room_create(struct call *call, const struct room_create_params *in,
                     struct room_create_result *out) {
    struct retry retry;
    struct room_row room;
    enum err err = retry_find(call, in, in->nonce, &retry);
    if (err != ERR_OK)
        return err;
    if (retry.row.subject != 0)
        return room_result(call, retry.row.subject, &out->room);
    if (text_is_blank(in->name))
        return call_refuse(call, "name", "at least one character that is not a space");
    call->wants_created = true;
    err = make_room(call, in, &room);
    if (err == ERR_OK)
        err = retry_keep(call, &retry, room.key);
    return err == ERR_OK ? room_result(call, room.key, &out->room) : err;
}
