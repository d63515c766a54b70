/* Operations on the members of a room: join, leave, members, add, remove. */
#include "chat/access.h"
#include "chat/chat.h"
#include "chat/member.h"
#include "chat/people.h"

enum err room_join(struct call *call, const struct room_join_params *in,
                   struct room_join_result *out) {
    struct room_access access;
    struct account_row account;
    struct my_room *mine = arena_zalloc(call->arena, sizeof *mine);
    out->room = mine;
    enum err err = access_room(call, in->room, ROOM_ACT_JOIN, &access);
    if (err == ERR_OK)
        err = account_by_key(call->tx, call->actor.account, &account);
    if (err == ERR_OK)
        err = member_join(call->tx, account.key, &access.room, &account);
    return err == ERR_OK ? room_mine(call->tx, call->actor.account, access.room.key, mine) : err;
}

enum err room_leave(struct call *call, const struct room_leave_params *in,
                    struct room_leave_result *out) {
    struct room_access access;
    struct account_row account;
    (void)out;
    enum err err = access_room(call, in->room, ROOM_ACT_TAKE_PART, &access);
    if (err == ERR_OK)
        err = account_by_key(call->tx, call->actor.account, &account);
    return err == ERR_OK
               ? member_leave(call->tx, account.key, &access.room, &account, &access.membership)
               : err;
}

enum err room_members(struct call *call, const struct room_members_params *in,
                      struct room_members_result *out) {
    struct room_access access;
    struct account_rows page;
    struct str after = STR_EMPTY;
    int64_t limit = PRESENT(in, room_members, limit) ? in->limit : CHAT_PAGE_MAX;
    enum err err = access_room(call, in->room, ROOM_ACT_SEE, &access);
    if (err == ERR_OK)
        err = people_page_begin(call->tx, in->after, &after);
    if (err == ERR_OK)
        err = membership_page(call->tx, access.room.key, after, limit + 1, &page);
    if (err != ERR_OK)
        return err;
    out->seq = access.room.seq;
    people_page_end(call->arena, &page, limit, &out->members, &out->next_cursor);
    return ERR_OK;
}

enum err room_add(struct call *call, const struct room_add_params *in,
                  struct room_add_result *out) {
    struct room_access access;
    struct account_row person;
    struct membership_row membership;
    struct user *user = arena_alloc(call->arena, sizeof *user);
    enum err err = access_room(call, in->room, ROOM_ACT_MANAGE, &access);
    if (err == ERR_OK)
        err = account_by_id(call->tx, in->user, &person);
    if (err == ERR_OK && person.disabled_at != 0)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        err = membership_of(call->tx, access.room.key, person.key, &membership);
    if (err != ERR_OK)
        return err;
    *user = account_user(&person);
    out->user = user;
    call->wants_created = !membership.is_open;
    return member_join(call->tx, call->actor.account, &access.room, &person);
}

enum err room_remove(struct call *call, const struct room_remove_params *in,
                     struct room_remove_result *out) {
    struct room_access access;
    struct account_row person;
    struct membership_row membership;
    (void)out;
    enum err err = access_room(call, in->room, ROOM_ACT_MANAGE, &access);
    if (err == ERR_OK)
        err = account_by_id(call->tx, in->user, &person);
    if (err == ERR_OK)
        err = membership_of(call->tx, access.room.key, person.key, &membership);
    if (err != ERR_OK)
        return err;
    if (!membership.is_open)
        return ERR_NOT_FOUND;
    if (!permission_reaches(call->actor.role, person.role))
        return ERR_FORBIDDEN;
    return member_leave(call->tx, call->actor.account, &access.room, &person, &membership);
}
