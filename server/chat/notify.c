#include "chat/notify.h"

enum err notify_user_updated(struct tx *tx, int64_t actor, const struct account_row *account) {
    struct user_updated_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct user *user = arena_alloc(tx->arena, sizeof *user);
    const struct log_event event = {
        .type = EVENT_user_updated,
        .audience = audience_workspace(),
        .actor = actor,
        .subject = account->key,
        .data = data,
    };
    *user = account_user(account);
    data->user = user;
    return emit(tx, &event, NULL);
}

enum err notify_room_updated(struct tx *tx, int64_t actor, const struct room_row *row) {
    struct room_updated_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct room *room = arena_alloc(tx->arena, sizeof *room);
    const struct log_event event = {
        .type = EVENT_room_updated,
        .audience = audience_room(row->key),
        .actor = actor,
        .subject = row->key,
        .room_id = row->id,
        .data = data,
    };
    data->room = room;
    enum err err = emit(tx, &event, NULL);
    *room = room_public_view(row);
    return err == ERR_OK ? log_room_seq(tx, row->key, &room->seq)
                         : err; /* the event's own seq is in it */
}

enum err notify_room_created(struct tx *tx, int64_t actor, const struct room_row *row) {
    struct room_created_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct room *room = arena_alloc(tx->arena, sizeof *room);
    const struct log_event event = {
        .type = EVENT_room_created,
        .audience = audience_workspace(),
        .actor = actor,
        .subject = row->key,
        .data = data,
    };
    data->room = room;
    *room = room_public_view(row);
    return emit(tx, &event, NULL);
}
