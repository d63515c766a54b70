/* message.list: pages of a room's history. Cursors are seqs as text. */
#include "chat/access.h"
#include "chat/chat.h"
#include "store/message.h"

static enum err parse_seq(struct str text, int64_t *seq) {
    return str_to_i64(text, seq) && *seq >= 0 && *seq < INT64_MAX ? ERR_OK : ERR_INVALID_CURSOR;
}

/* Half of the page up to the seq, the rest after it; what one side does not fill the other does not
 * take. */
static enum err page_around(struct tx *tx, const struct message_range *all, int64_t seq,
                            int64_t limit, struct message_list *out) {
    struct message_range before = *all, after = *all;
    struct message_list older = {0}, newer = {0};
    before.to = seq;
    after.from = seq + 1 > all->from ? seq + 1 : all->from;
    enum err err = message_newest(tx, &before, (limit + 1) / 2, &older);
    if (err == ERR_OK && limit / 2 > 0)
        err = message_oldest(tx, &after, limit / 2, &newer);
    if (err != ERR_OK)
        return err;
    out->count = older.count + newer.count;
    out->items = arena_zalloc_array(tx->arena, out->count, sizeof *out->items);
    for (size_t i = 0; i < out->count; i++)
        out->items[i] = i < older.count ? older.items[i] : newer.items[i - older.count];
    return ERR_OK;
}

static enum err page_of(struct tx *tx, const struct message_list_params *in,
                        struct message_range range, int64_t limit, struct message_list *out) {
    int64_t seq = 0;
    enum err err = ERR_OK;
    if (in->around.len > 0) {
        err = parse_seq(in->around, &seq);
        return err == ERR_OK ? page_around(tx, &range, seq, limit, out) : err;
    }
    if (in->after.len > 0) {
        err = parse_seq(in->after, &seq);
        if (seq >= range.from)
            range.from = seq + 1;
        return err == ERR_OK ? message_oldest(tx, &range, limit, out) : err;
    }
    if (in->before.len > 0) {
        err = parse_seq(in->before, &seq);
        range.to = seq - 1;
    }
    return err == ERR_OK ? message_newest(tx, &range, limit, out) : err;
}

/* The oldest message's seq leads on, if anything that the reader may see comes before it. */
static enum err next_cursor(struct tx *tx, const struct message_range *visible,
                            const struct message_list *page, struct str *out) {
    bool more = false;
    enum err err = ERR_OK;
    if (page->count > 0)
        err = message_any_between(tx, visible->room, visible->from, page->items[0].seq, &more);
    *out = more ? arena_printf(tx->arena, "%lld", (long long)page->items[0].seq) : STR_EMPTY;
    return err;
}

enum err message_list(struct call *call, const struct message_list_params *in,
                      struct message_list_result *out) {
    struct room_access access;
    int64_t limit = PRESENT(in, message_list, limit) ? in->limit : CHAT_HISTORY_DEFAULT;
    if ((in->before.len > 0) + (in->after.len > 0) + (in->around.len > 0) > 1)
        return call_refuse(call, "before", "only one of before, after and around");
    enum err err = access_room(call, in->room, ROOM_ACT_SEE, &access);
    if (err != ERR_OK)
        return err;
    const struct message_range visible = {
        .room = access.room.key,
        .room_id = access.room.id,
        .from = access.room.is_private ? access.membership.joined_seq : 0,
        .to = INT64_MAX,
    };
    out->seq = access.room.seq;
    err = page_of(call->tx, in, visible, limit, &out->messages);
    return err == ERR_OK ? next_cursor(call->tx, &visible, &out->messages, &out->next_cursor) : err;
}
