/* Operations on rooms that are there: room.get, list, update, archive. */
#include "chat/access.h"
#include "chat/chat.h"
#include "chat/notify.h"
#include "chat/text.h"

enum err room_get(struct call *call, const struct room_get_params *in,
                  struct room_get_result *out) {
    struct room_access access;
    struct my_room *mine = arena_zalloc(call->arena, sizeof *mine);
    out->room = mine;
    enum err err = access_room(call, in->room, ROOM_ACT_SEE, &access);
    return err == ERR_OK ? room_mine(call->tx, call->actor.account, access.room.key, mine) : err;
}

/* ---- room.list ---- */

static enum err list_begin(struct call *call, const struct room_filter *filter, struct str after,
                           struct room_place *place) {
    struct uuid id;
    *place = (struct room_place){0};
    if (after.len == 0)
        return ERR_OK;
    enum err err =
        uuid_parse(after, &id) ? room_find_place(call->tx, filter, id, place) : ERR_NOT_FOUND;
    return err == ERR_NOT_FOUND ? ERR_INVALID_CURSOR : err;
}

/* Takes the one too many away, which says that there is more. */
static struct str list_end(struct arena *arena, struct my_room_list *rooms, int64_t limit) {
    char id[UUID_TEXT_BYTES];
    if (rooms->count <= (size_t)limit)
        return STR_EMPTY;
    rooms->count = (size_t)limit;
    uuid_format(rooms->items[limit - 1].id, id);
    return arena_strdup(arena, str_from_cstr(id));
}

enum err room_list(struct call *call, const struct room_list_params *in,
                   struct room_list_result *out) {
    struct room_place after;
    const struct room_filter filter = {
        .reader = call->actor.account,
        .with_public = call->actor.role >= ROLE_MEMBER,
        .archived = in->archived,
    };
    int64_t limit = PRESENT(in, room_list, limit) ? in->limit : CHAT_PAGE_MAX;
    enum err err = list_begin(call, &filter, in->after, &after);
    if (err == ERR_OK)
        err = room_page(call->tx, &filter, &after, limit + 1, &out->rooms);
    if (err == ERR_OK)
        out->next_cursor = list_end(call->arena, &out->rooms, limit);
    return err;
}

/* ---- room.update, room.archive ---- */

static enum err tell_changed(struct call *call, int64_t key, const struct room **out) {
    struct room *view = arena_alloc(call->arena, sizeof *view);
    struct room_row row;
    enum err err = room_by_key(call->tx, key, &row);
    if (err == ERR_OK)
        err = notify_room_updated(call->tx, call->actor.account, &row);
    if (err == ERR_OK)
        err = log_room_seq(call->tx, key, &row.seq);
    if (err == ERR_OK)
        *view = room_public_view(&row);
    *out = view;
    return err;
}

static const struct room *unchanged(struct call *call, const struct room_row *row) {
    struct room *view = arena_alloc(call->arena, sizeof *view);
    *view = room_public_view(row);
    return view;
}

enum err room_update(struct call *call, const struct room_update_params *in,
                     struct room_update_result *out) {
    struct room_access access;
    enum err err = access_room(call, in->room, ROOM_ACT_MANAGE, &access);
    if (err != ERR_OK)
        return err;
    const struct room_row *room = &access.room;
    struct str name = PRESENT(in, room_update, name) ? str_trim(in->name) : room->name;
    struct str topic = PRESENT(in, room_update, topic) ? in->topic : room->topic;
    if (text_is_blank(name))
        return call_refuse(call, "name", "at least one character that is not a space");
    if (str_equal(name, room->name) && str_equal(topic, room->topic)) {
        out->room = unchanged(call, room);
        return ERR_OK;
    }
    err = room_set_profile(call->tx, room->key, name, topic);
    return err == ERR_OK ? tell_changed(call, room->key, &out->room) : err;
}

enum err room_archive(struct call *call, const struct room_archive_params *in,
                      struct room_archive_result *out) {
    struct room_access access;
    bool archived = !PRESENT(in, room_archive, archived) || in->archived;
    enum err err = access_room(call, in->room, ROOM_ACT_ARCHIVE, &access);
    if (err != ERR_OK)
        return err;
    if (archived == access.facts.is_archived) {
        out->room = unchanged(call, &access.room);
        return ERR_OK;
    }
    err = room_set_archived(call->tx, access.room.key, archived ? call->tx->now_ms : 0);
    return err == ERR_OK ? tell_changed(call, access.room.key, &out->room) : err;
}
