/* What is true for a moment only: read.update, typing.start, presence.list. */
#include "chat/access.h"
#include "chat/online.h"
#include "realtime/presence.h"

struct uuid_list online_for(struct call *call) {
    const struct uuid_list nobody = {0};
    return call->actor.role == ROLE_GUEST ? nobody : presence_who(call->arena);
}

static enum err tell_marker(struct call *call, const struct room_access *access,
                            const struct marker *marker) {
    struct read_updated_data *data = arena_zalloc(call->arena, sizeof *data);
    const struct log_event event = {
        .type = EVENT_read_updated,
        .audience = audience_person(call->actor.account),
        .actor = call->actor.account,
        .room_id = access->room.id,
        .data = data,
    };
    data->marker = marker;
    return emit(call->tx, &event, NULL);
}

/* Forward only, and never beyond what is there. */
enum err read_update(struct call *call, const struct read_update_params *in,
                     struct read_update_result *out) {
    struct room_access access;
    struct marker *marker = arena_zalloc(call->arena, sizeof *marker);
    out->marker = marker;
    enum err err = access_room(call, in->room, ROOM_ACT_TAKE_PART, &access);
    if (err != ERR_OK)
        return err;
    int64_t seq = in->seq < access.room.seq ? in->seq : access.room.seq;
    bool moves = seq > access.membership.read_seq;
    *marker =
        (struct marker){.room = access.room.id, .seq = moves ? seq : access.membership.read_seq};
    if (moves)
        err = membership_set_read(call->tx, access.membership.key, seq);
    if (err == ERR_OK)
        err = membership_unread(call->tx, access.room.key, call->actor.account, marker->seq,
                                &marker->unread);
    return err == ERR_OK && moves ? tell_marker(call, &access, marker) : err;
}

enum err typing_start(struct call *call, const struct typing_start_params *in,
                      struct typing_start_result *out) {
    struct room_access access;
    struct account_row account;
    struct typing_started_data *data = arena_zalloc(call->arena, sizeof *data);
    struct author *author = arena_alloc(call->arena, sizeof *author);
    (void)out;
    enum err err = access_room(call, in->room, ROOM_ACT_WRITE, &access);
    if (err == ERR_OK)
        err = account_by_key(call->tx, call->actor.account, &account);
    if (err != ERR_OK)
        return err;
    *author = account_author(&account);
    data->user = author;
    const struct log_event event = {
        .type = EVENT_typing_started,
        .audience = audience_room(access.room.key),
        .actor = account.key,
        .room_id = access.room.id,
        .data = data,
    };
    return emit(call->tx, &event, NULL);
}

enum err presence_list(struct call *call, const struct presence_list_params *in,
                       struct presence_list_result *out) {
    (void)in;
    out->online = online_for(call);
    return ERR_OK;
}
