#include "chat/replay.h"

#include "store/account.h"
#include "store/membership.h"
#include "store/message.h"
#include "store/room.h"

/* message.created, .edited and .deleted have one and the same data. */
static enum err load_message(struct tx *tx, struct log_event *event) {
    struct message_created_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct message_row *row = arena_alloc(tx->arena, sizeof *row);
    _Static_assert(sizeof(struct message_created_data) == sizeof(struct message_edited_data),
                   "one data for both");
    _Static_assert(sizeof(struct message_created_data) == sizeof(struct message_deleted_data),
                   "one data for both");
    enum err err = message_by_key(tx, event->subject, event->room_id, row);
    data->message = &row->message;
    event->data = data;
    return err;
}

/* member.joined, member.left and user.updated too. */
static enum err load_user(struct tx *tx, struct log_event *event) {
    struct member_joined_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct user *user = arena_alloc(tx->arena, sizeof *user);
    struct account_row account;
    _Static_assert(sizeof(struct member_joined_data) == sizeof(struct member_left_data),
                   "one data for both");
    _Static_assert(sizeof(struct member_joined_data) == sizeof(struct user_updated_data),
                   "one data for both");
    enum err err = account_by_key(tx, event->subject, &account);
    if (err == ERR_OK)
        *user = account_user(&account);
    data->user = user;
    event->data = data;
    return err;
}

/* room.updated and room.created. */
static enum err load_room(struct tx *tx, struct log_event *event, const struct room_row *row) {
    struct room_updated_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct room *room = arena_alloc(tx->arena, sizeof *room);
    _Static_assert(sizeof(struct room_updated_data) == sizeof(struct room_created_data),
                   "one data for both");
    *room = room_public_view(row);
    data->room = room;
    event->data = data;
    return ERR_OK;
}

/* The room as its reader sees it. Who has left it since gets the id alone: what the room is called,
 * and how far it has come, is from after leaving. */
static enum err load_room_joined(struct tx *tx, int64_t reader, struct log_event *event,
                                 const struct room_row *row) {
    struct room_joined_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct my_room *room = arena_zalloc(tx->arena, sizeof *room);
    struct membership_row membership;
    data->room = room;
    event->data = data;
    enum err err = membership_of(tx, event->subject, reader, &membership);
    if (err != ERR_OK)
        return err;
    if (membership.is_open)
        return room_mine(tx, reader, event->subject, room);
    room->id = row->id;
    room->private = row->is_private;
    room->created_at = row->created_at;
    return ERR_OK;
}

static enum err load_room_left(struct tx *tx, struct log_event *event, const struct room_row *row) {
    struct room_left_data *data = arena_zalloc(tx->arena, sizeof *data);
    data->room = row->id;
    event->data = data;
    return ERR_OK;
}

static enum err load_about_room(struct tx *tx, int64_t reader, struct log_event *event) {
    struct room_row row;
    enum err err = room_by_key(tx, event->subject, &row);
    if (err != ERR_OK)
        return err;
    if (event->type == EVENT_room_updated || event->type == EVENT_room_created)
        return load_room(tx, event, &row);
    event->room_id = row.id;
    return event->type == EVENT_room_joined ? load_room_joined(tx, reader, event, &row)
                                            : load_room_left(tx, event, &row);
}

static enum err replay_load(struct tx *tx, int64_t reader, struct log_event *event) {
    enum err err = ERR_OK;
    switch (event_type(event->type)->subject) {
    case SUBJECT_MESSAGE:
        err = load_message(tx, event);
        break;
    case SUBJECT_USER:
        err = load_user(tx, event);
        break;
    case SUBJECT_ROOM:
        err = load_about_room(tx, reader, event);
        break;
    case SUBJECT_SESSION:
    case SUBJECT_NONE:
        break;
    }
    return err == ERR_NOT_FOUND ? ERR_INTERNAL
                                : err; /* the log names rows that are there: doctor tells */
}

void replay_init(void) {
    static const struct log_loader loader = {.load = replay_load};
    log_set_loader(&loader);
}
