/* room.create. */
#include "auth/call.h"
#include "chat/digest.h"
#include "chat/member.h"
#include "chat/notify.h"
#include "chat/text.h"
#include "store/audit.h"

#include <sodium.h>

static enum err room_result(struct call *call, int64_t room, const struct my_room **out) {
    struct my_room *mine = arena_zalloc(call->arena, sizeof *mine);
    *out = mine;
    return room_mine(call->tx, call->actor.account, room, mine);
}

/* The room that a request with this nonce made within the last 24 hours; 0: none. */
static enum err find_retry(struct call *call, const struct room_create_params *in,
                           struct nonce_row *nonce, int64_t *room) {
    struct nonce_row first;
    const struct str parts[] = {STR("room.create"), in->name, in->topic,
                                in->private ? STR("1") : STR("0")};
    *room = 0;
    enum err err = digest_request(call->tx, parts, sizeof parts / sizeof *parts, nonce->digest);
    if (err == ERR_OK)
        err =
            request_nonce_of(call->tx, call->actor.account, in->nonce, STR("room.create"), &first);
    if (err == ERR_OK && first.subject != 0 &&
        sodium_memcmp(first.digest, nonce->digest, sizeof first.digest) != 0)
        err = ERR_NONCE_REUSED;
    if (err == ERR_OK)
        *room = first.subject;
    return err;
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
    struct nonce_row nonce = {0};
    struct room_row room;
    int64_t first = 0;
    enum err err = in->nonce.len > 0 ? find_retry(call, in, &nonce, &first) : ERR_OK;
    if (err != ERR_OK)
        return err;
    if (first != 0)
        return room_result(call, first, &out->room);
    if (text_is_blank(in->name))
        return call_refuse(call, "name", "at least one character that is not a space");
    call->wants_created = true;
    err = make_room(call, in, &room);
    nonce.subject = room.key;
    if (err == ERR_OK && in->nonce.len > 0)
        err =
            request_nonce_put(call->tx, call->actor.account, in->nonce, STR("room.create"), &nonce);
    return err == ERR_OK ? room_result(call, room.key, &out->room) : err;
}
