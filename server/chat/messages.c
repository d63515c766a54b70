/* Operations that write messages. */
#include "chat/access.h"
#include "chat/digest.h"
#include "chat/text.h"
#include "store/message.h"

#include <sodium.h>

static enum err tell_message(struct call *call, const struct room_access *access,
                             enum event_id type, int64_t key, const struct message *message,
                             int64_t *seq) {
    struct message_created_data *data =
        arena_zalloc(call->arena, sizeof *data); /* all three events have this one */
    const struct log_event event = {
        .type = type,
        .audience = audience_room(access->room.key),
        .actor = call->actor.account,
        .subject = key,
        .fact = type == EVENT_message_created ? 0 : message->seq,
        .room_id = access->room.id,
        .data = data,
    };
    data->message = message;
    return emit(call->tx, &event, seq);
}

/* ---- message.send ---- */

/* Stores the message and its event, if its nonce is new; else nothing. The nonce is looked for by
 * storing it: nearly every message is new. The event takes the seq that the row has been given. */
static enum err send_new(struct call *call, const struct message_send_params *in,
                         const struct room_access *access, struct nonce_row *nonce,
                         struct message *message, bool *is_new) {
    int64_t seq = 0;
    const struct message_new row = {access->room.key, call->actor.account, access->room.seq + 1,
                                    in->text, in->nonce};
    struct author *author = arena_alloc(call->arena, sizeof *author);
    *author = call->actor.author;
    *message = (struct message){.room = access->room.id,
                                .seq = row.seq,
                                .text = in->text,
                                .nonce = in->nonce,
                                .author = author,
                                .created_at = call->tx->now_ms};
    enum err err = message_insert(call->tx, &row, &message->id, &nonce->subject);
    if (err == ERR_OK)
        err = nonce_insert(call->tx, call->actor.account, in->nonce, nonce, is_new);
    if (err == ERR_OK && !*is_new)
        return message_take_back(call->tx, nonce->subject);
    if (err == ERR_OK)
        err = tell_message(call, access, EVENT_message_created, nonce->subject, message, &seq);
    CHECK(err != ERR_OK || seq == row.seq);
    return err;
}

static enum err check_text(struct call *call, struct str text) {
    return text_is_blank(text)
               ? call_refuse(call, "text", "at least one character that is not a space")
               : ERR_OK;
}

/* A message that its sender may read: of a private room nothing from before the newest joining. */
static enum err message_readable(struct call *call, const struct room_access *access, int64_t key,
                                 struct message_row *row) {
    enum err err = message_by_key(call->tx, key, access->room.id, row);
    if (err == ERR_OK && access->room.is_private &&
        row->message.seq < access->membership.joined_seq)
        err = ERR_NOT_FOUND;
    return err;
}

/* The answer to a request that stores nothing: its nonce was used before, or it may not. */
static enum err send_again(struct call *call, const struct message_send_params *in,
                           const struct room_access *access, const struct nonce_row *nonce,
                           struct message_row *row) {
    struct nonce_row first;
    enum err err = nonce_of(call->tx, call->actor.account, in->nonce, &first);
    if (err != ERR_OK)
        return err;
    if (first.subject == 0) {
        err = permission_in_room(&access->facts, ROOM_ACT_WRITE);
        return err == ERR_OK ? check_text(call, in->text) : err;
    }
    if (sodium_memcmp(first.digest, nonce->digest, sizeof first.digest) != 0)
        return ERR_NONCE_REUSED;
    return message_readable(call, access, first.subject, row);
}

enum err message_send(struct call *call, const struct message_send_params *in,
                      struct message_send_result *out) {
    struct room_access access;
    struct nonce_row nonce = {0};
    struct message_row *row = arena_zalloc(call->arena, sizeof *row);
    const struct str parts[] = {STR("message.send"),
                                str_make((const char *)in->room.bytes, sizeof in->room.bytes),
                                in->text};
    bool is_new = false;
    out->message = &row->message;
    enum err err = access_room(call, in->room, ROOM_ACT_SEE, &access);
    if (err != ERR_OK)
        return err;
    digest_request(parts, sizeof parts / sizeof *parts, nonce.digest);
    /* A retry is answered to whoever may still read the message: in an archived room too, and after
     * leaving one that is open to all. */
    if (permission_in_room(&access.facts, ROOM_ACT_WRITE) == ERR_OK && !text_is_blank(in->text))
        err = send_new(call, in, &access, &nonce, &row->message, &is_new);
    call->wants_created = is_new;
    if (err != ERR_OK || is_new)
        return err;
    out->duplicate = true;
    return send_again(call, in, &access, &nonce, row);
}

/* ---- message.edit, message.delete ---- */

enum err message_edit(struct call *call, const struct message_edit_params *in,
                      struct message_edit_result *out) {
    struct room_access access;
    struct message_row *row = arena_zalloc(call->arena, sizeof *row);
    struct message *message = &row->message;
    out->message = message;
    enum err err = access_room(call, in->room, ROOM_ACT_WRITE, &access);
    if (err == ERR_OK)
        err = message_by_id(call->tx, in->message, access.room.key, access.room.id, row);
    if (err == ERR_OK && access.room.is_private && message->seq < access.membership.joined_seq)
        err = ERR_NOT_FOUND;
    if (err != ERR_OK)
        return err;
    if (row->author != call->actor.account)
        return ERR_FORBIDDEN;
    if (message->deleted_at != 0)
        return ERR_MESSAGE_IS_DELETED;
    err = check_text(call, in->text);
    if (err != ERR_OK || str_equal(message->text, in->text))
        return err;
    message->text = in->text;
    message->edited_at = call->tx->now_ms;
    log_note_erased(call->tx); /* the old text is to be gone too */
    err = message_set_text(call->tx, row->key, in->text);
    return err == ERR_OK
               ? tell_message(call, &access, EVENT_message_edited, row->key, message, NULL)
               : err;
}

enum err message_delete(struct call *call, const struct message_delete_params *in,
                        struct message_delete_result *out) {
    struct room_access access;
    struct message_row *row = arena_zalloc(call->arena, sizeof *row);
    struct message *message = &row->message;
    out->message = message;
    enum err err = access_room(call, in->room, ROOM_ACT_SEE, &access);
    if (err == ERR_OK)
        err = message_by_id(call->tx, in->message, access.room.key, access.room.id, row);
    if (err == ERR_OK && access.room.is_private && message->seq < access.membership.joined_seq)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK && row->author != call->actor.account)
        err = permission_in_room(&access.facts, ROOM_ACT_DELETE_ANY);
    if (err != ERR_OK || message->deleted_at != 0)
        return err;
    message->text = STR_EMPTY;
    message->deleted_at = call->tx->now_ms;
    log_note_erased(call->tx);
    err = message_set_deleted(call->tx, row->key);
    return err == ERR_OK
               ? tell_message(call, &access, EVENT_message_deleted, row->key, message, NULL)
               : err;
}
