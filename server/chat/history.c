/* message.list: pages of a room's history. Cursors are seqs as text. */
#include "chat/access.h"
#include "chat/chat.h"
#include "protocol/encode.h"
#include "store/history_cache.h"
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

static enum err page_of(struct tx *tx, const struct history_key *key, struct message_range range,
                        struct message_list *out) {
    switch ((enum history_side)key->side) {
    case HISTORY_AROUND:
        return page_around(tx, &range, key->seq, key->limit, out);
    case HISTORY_AFTER:
        if (key->seq >= range.from)
            range.from = key->seq + 1;
        return message_oldest(tx, &range, key->limit, out);
    case HISTORY_BEFORE:
        if (key->seq != HISTORY_NEWEST)
            range.to = key->seq - 1;
        return message_newest(tx, &range, key->limit, out);
    }
    return ERR_INTERNAL;
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

/* ---- the page that is asked for ---- */

static enum err parse_place(const struct message_list_params *in, struct history_key *key) {
    key->side = HISTORY_BEFORE;
    key->seq = HISTORY_NEWEST;
    if (in->before.len > 0)
        return parse_seq(in->before, &key->seq);
    if (in->around.len == 0 && in->after.len == 0)
        return ERR_OK;
    bool is_around = in->around.len > 0;
    key->side = is_around ? HISTORY_AROUND : HISTORY_AFTER;
    return parse_seq(is_around ? in->around : in->after, &key->seq);
}

static enum err read_page(struct call *call, const struct history_key *key,
                          const struct room_access *access, struct message_list_result *out) {
    const struct message_range visible = {
        .room = key->room, .room_id = access->room.id, .from = key->from, .to = INT64_MAX};
    out->seq = access->room.seq;
    enum err err = page_of(call->tx, key, visible, &out->messages);
    return err == ERR_OK ? next_cursor(call->tx, &visible, &out->messages, &out->next_cursor) : err;
}

static struct blob *encode_page(const struct message_list_result *page) {
    struct buf json = BUF_INIT;
    encode_object(&json, operation_table()[OPERATION_message_list].out, page);
    struct blob *blob = blob_from_bytes(json.data, json.len);
    buf_finish(&json);
    return blob;
}

/* The page out of the cache, or made anew and put there. */
static enum err find_page(struct call *call, const struct history_key *key,
                          const struct room_access *access, struct message_list_result *out) {
    struct tx *tx = call->tx;
    struct history_stamp stamp = {.room_seq = access->room.seq};
    enum err err = log_newest_of(tx, audience_workspace(), &stamp.people_pos);
    if (err != ERR_OK)
        return err;
    call->encoded = history_cache_find(tx->history, key, &stamp);
    if (call->encoded != NULL)
        return ERR_OK;
    err = read_page(call, key, access, out);
    if (err != ERR_OK)
        return err;
    call->encoded = encode_page(out);
    history_cache_keep(tx->history, tx->history_mark, key, &stamp, call->encoded);
    return ERR_OK;
}

/* Who may see the room is asked each time; only what comes after it is ever remembered. */
enum err message_list(struct call *call, const struct message_list_params *in,
                      struct message_list_result *out) {
    struct room_access access;
    struct history_key key = {.limit = PRESENT(in, message_list, limit) ? in->limit
                                                                        : CHAT_HISTORY_DEFAULT};
    if ((in->before.len > 0) + (in->after.len > 0) + (in->around.len > 0) > 1)
        return call_refuse(call, "before", "only one of before, after and around");
    enum err err = access_room(call, in->room, ROOM_ACT_SEE, &access);
    if (err == ERR_OK)
        err = parse_place(in, &key);
    if (err != ERR_OK)
        return err;
    key.room = access.room.key;
    key.from = access.room.is_private ? access.membership.joined_seq : 0;
    return call->tx->history == NULL ? read_page(call, &key, &access, out)
                                     : find_page(call, &key, &access, out);
}
