#include "chat/member.h"

/* The person's own event comes before the room's: their stream begins the room with it. */
static enum err tell_room_joined(struct tx *tx, int64_t actor, const struct room_row *room,
                                 int64_t account, int64_t membership, int64_t joined_seq) {
    struct room_joined_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct my_room *mine = arena_zalloc(tx->arena, sizeof *mine);
    const struct log_event event = {
        .type = EVENT_room_joined,
        .audience = audience_person(account),
        .actor = actor,
        .subject = room->key,
        .fact = room->is_private ? joined_seq : 0,
        .room_id = room->id,
        .membership = membership,
        .data = data,
    };
    data->room = mine;
    enum err err = room_mine(tx, account, room->key, mine);
    return err == ERR_OK ? emit(tx, &event, NULL) : err;
}

static enum err tell_room_left(struct tx *tx, int64_t actor, const struct room_row *room,
                               int64_t account) {
    struct room_left_data *data = arena_zalloc(tx->arena, sizeof *data);
    const struct log_event event = {
        .type = EVENT_room_left,
        .audience = audience_person(account),
        .actor = actor,
        .subject = room->key,
        .room_id = room->id,
        .data = data,
    };
    data->room = room->id;
    return emit(tx, &event, NULL);
}

/* member.joined or member.left: their data are alike. */
static enum err tell_members(struct tx *tx, int64_t actor, const struct room_row *room,
                             const struct account_row *person, enum event_id type, int64_t *seq) {
    struct member_joined_data *data = arena_zalloc(tx->arena, sizeof *data);
    struct user *user = arena_alloc(tx->arena, sizeof *user);
    const struct log_event event = {
        .type = type,
        .audience = audience_room(room->key),
        .actor = actor,
        .subject = person->key,
        .room_id = room->id,
        .data = data,
    };
    _Static_assert(sizeof(struct member_joined_data) == sizeof(struct member_left_data),
                   "one data for both");
    *user = account_user(person);
    data->user = user;
    return emit(tx, &event, seq);
}

enum err member_join(struct tx *tx, int64_t actor, const struct room_row *room,
                     const struct account_row *person) {
    struct membership_row membership;
    int64_t seq = 0, joined_seq = 0, key = 0;
    enum err err = membership_of(tx, room->key, person->key, &membership);
    if (err != ERR_OK || membership.is_open)
        return err;
    err = log_room_seq(tx, room->key, &seq);
    if (err == ERR_OK)
        err = membership_open(tx, &membership, room->key, person->key, seq + 1, &key);
    if (err == ERR_OK)
        err = tell_room_joined(tx, actor, room, person->key, key, seq + 1);
    if (err == ERR_OK)
        err = tell_members(tx, actor, room, person, EVENT_member_joined, &joined_seq);
    CHECK(err != ERR_OK || joined_seq == seq + 1);
    return err;
}

enum err member_leave(struct tx *tx, int64_t actor, const struct room_row *room,
                      const struct account_row *person, const struct membership_row *membership) {
    enum err err = membership_close(tx, membership->key);
    if (err == ERR_OK)
        err = tell_room_left(tx, actor, room, person->key);
    return err == ERR_OK ? tell_members(tx, actor, room, person, EVENT_member_left, NULL) : err;
}
