/* Where a client begins: state.get and session.start. */
#include "auth/call.h"
#include "chat/chat.h"
#include "chat/online.h"
#include "store/account.h"
#include "store/membership.h"
#include "store/room.h"

static enum err read_state(struct call *call, const struct state **out) {
    struct state *state = arena_zalloc(call->arena, sizeof *state);
    struct self *self = arena_alloc(call->arena, sizeof *self);
    struct account_row account;
    *out = state;
    enum err err = account_by_key(call->tx, call->actor.account, &account);
    if (err == ERR_OK)
        err = room_all_mine(call->tx, call->actor.account, &state->rooms);
    if (err != ERR_OK)
        return err;
    *self = account_self(&account);
    state->user = self;
    state->online = online_for(call);
    return ERR_OK;
}

enum err state_get(struct call *call, const struct state_get_params *in,
                   struct state_get_result *out) {
    int64_t head = 0;
    (void)in;
    enum err err = log_head(call->tx, &head);
    if (err == ERR_OK)
        err = read_state(call, &out->state);
    return err == ERR_OK ? cursor_at(call->tx, head, &out->cursor) : err;
}

/* ---- session.start ---- */

/* Whether the stream can go on from the cursor: *reason says why not. */
static enum err try_resume(struct call *call, struct str cursor, int64_t *pos, int64_t *missed,
                           struct str *reason) {
    enum cursor_state state = CURSOR_INVALID;
    const int64_t limit = chat_options()->resume_max_events;
    enum err err = cursor_parse(call->tx, cursor, &state, pos);
    if (err != ERR_OK)
        return err;
    switch (state) {
    case CURSOR_INVALID:
        *reason = STR("cursor_invalid");
        return ERR_OK;
    case CURSOR_TOO_OLD:
        *reason = STR("cursor_too_old");
        return ERR_OK;
    case CURSOR_VALID:
        break;
    }
    err = log_count_missed(call->tx, call->actor.account, call->actor.role, *pos, limit, missed);
    if (err == ERR_OK && *missed > limit)
        *reason = STR("too_many");
    return err;
}

static enum err start_afresh(struct call *call, struct session_start_result *out) {
    out->missed = -1; /* left out */
    enum err err = log_head(call->tx, &call->effect.start_pos);
    if (err == ERR_OK)
        err = read_state(call, &out->state);
    return err == ERR_OK ? cursor_at(call->tx, call->effect.start_pos, &out->cursor) : err;
}

/* The rooms that the stream is cut down to; the caller is a member of each. */
static enum err choose_rooms(struct call *call, const struct uuid_list *rooms) {
    int64_t *keys = arena_zalloc_array(call->arena, rooms->count, sizeof *keys);
    for (size_t i = 0; i < rooms->count; i++) {
        struct room_row room;
        struct membership_row membership = {0};
        enum err err = room_by_id(call->tx, rooms->items[i], &room);
        if (err == ERR_OK)
            err = membership_of(call->tx, room.key, call->actor.account, &membership);
        if (err == ERR_OK && !membership.is_open)
            err = ERR_NOT_FOUND;
        if (err != ERR_OK)
            return err;
        keys[i] = room.key;
    }
    call->effect.only_rooms = rooms->count > 0 ? keys : NULL;
    call->effect.only_count = rooms->count;
    return ERR_OK;
}

enum err session_start(struct call *call, const struct session_start_params *in,
                       struct session_start_result *out) {
    int64_t pos = 0, missed = 0;
    call->effect.start_stream = true;
    enum err err = choose_rooms(call, &in->rooms);
    if (err != ERR_OK)
        return err;
    if (in->cursor.len == 0)
        return start_afresh(call, out);
    err = try_resume(call, in->cursor, &pos, &missed, &out->reason);
    if (err != ERR_OK)
        return err;
    if (out->reason.len > 0)
        return start_afresh(call, out);
    out->resumed = true;
    out->missed = in->rooms.count == 0 ? missed : -1;
    out->cursor = in->cursor;
    out->online = online_for(call);
    call->effect.start_pos = pos;
    return membership_markers_since(call->tx, call->actor.account, pos, &out->markers);
}
