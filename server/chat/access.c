#include "chat/access.h"

enum err access_room(struct call *call, struct uuid id, enum room_act act,
                     struct room_access *out) {
    const struct actor *actor = &call->actor;
    enum err err = room_by_id(call->tx, id, &out->room);
    if (err == ERR_OK)
        err = membership_of(call->tx, out->room.key, actor->account, &out->membership);
    if (err != ERR_OK)
        return err;
    out->facts = (struct room_facts){
        .role = actor->role,
        .is_member = out->membership.is_open,
        .is_maker = actor->account != 0 && out->room.maker == actor->account,
        .is_private = out->room.is_private,
        .is_archived = out->room.archived_at != 0,
    };
    return permission_in_room(&out->facts, act);
}
