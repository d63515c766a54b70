/* Operations on people: user.me, update, list, get. */
#include "chat/people.h"

#include "auth/call.h"
#include "auth/identity.h"
#include "chat/chat.h"
#include "chat/notify.h"
#include "chat/text.h"

enum err people_page_begin(struct tx *tx, struct str cursor, struct str *after) {
    struct uuid id;
    *after = STR_EMPTY;
    if (cursor.len == 0)
        return ERR_OK;
    enum err err = uuid_parse(cursor, &id) ? account_sort_name(tx, id, after) : ERR_NOT_FOUND;
    return err == ERR_NOT_FOUND ? ERR_INVALID_CURSOR : err;
}

void people_page_end(struct arena *arena, struct account_rows *page, int64_t limit,
                     struct user_list *out, struct str *next_cursor) {
    char id[UUID_TEXT_BYTES];
    *next_cursor = STR_EMPTY;
    if (page->count > (size_t)limit) {
        page->count = (size_t)limit;
        uuid_format(page->items[limit - 1].id, id);
        *next_cursor = arena_strdup(arena, str_from_cstr(id));
    }
    out->count = page->count;
    out->items = arena_zalloc_array(arena, page->count, sizeof *out->items);
    for (size_t i = 0; i < page->count; i++)
        out->items[i] = account_user(&page->items[i]);
}

/* ---- user.list, user.get ---- */

static struct str ascii_lower(struct arena *arena, struct str text) {
    char *lower = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        lower[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] - 'A' + 'a')
                                                            : text.ptr[i];
    return str_make(lower, text.len);
}

enum err user_list(struct call *call, const struct user_list_params *in,
                   struct user_list_result *out) {
    struct account_rows page;
    struct str after, folded = STR_EMPTY;
    int64_t limit = PRESENT(in, user_list, limit) ? in->limit : CHAT_PAGE_MAX;
    if (!identity_fold(call->arena, in->query, &folded))
        return call_refuse(call, "query", "Unicode text");
    enum err err = people_page_begin(call->tx, in->after, &after);
    if (err == ERR_OK)
        err = account_page(call->tx, after, folded, ascii_lower(call->arena, in->query), limit + 1,
                           &page);
    if (err == ERR_OK)
        people_page_end(call->arena, &page, limit, &out->users, &out->next_cursor);
    return err;
}

enum err user_get(struct call *call, const struct user_get_params *in,
                  struct user_get_result *out) {
    struct account_row account;
    struct user *user = arena_alloc(call->arena, sizeof *user);
    bool is_known = true;
    enum err err = account_by_id(call->tx, in->user, &account);
    if (err == ERR_OK && call->actor.role == ROLE_GUEST && account.key != call->actor.account)
        err = account_shares_room(call->tx, call->actor.account, account.key, &is_known);
    if (err == ERR_OK && !is_known)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        *user = account_user(&account);
    out->user = user;
    return err;
}

/* ---- the own account ---- */

static const struct self *self_view(struct call *call, const struct account_row *account) {
    struct self *self = arena_alloc(call->arena, sizeof *self);
    *self = account_self(account);
    return self;
}

enum err user_me(struct call *call, const struct user_me_params *in, struct user_me_result *out) {
    struct account_row account;
    (void)in;
    enum err err = account_by_key(call->tx, call->actor.account, &account);
    if (err == ERR_OK)
        out->user = self_view(call, &account);
    return err;
}

/* Puts what was given into the row; `email_folded` becomes the new key of the address. */
static enum err change_profile(struct call *call, const struct user_update_params *in,
                               struct account_row *account, struct str *email_folded) {
    *email_folded = STR_EMPTY;
    if (PRESENT(in, user_update, display_name))
        account->display_name = in->display_name;
    if (PRESENT(in, user_update, email))
        account->email = in->email;
    if (PRESENT(in, user_update, status))
        account->status = in->status;
    if (PRESENT(in, user_update, bio))
        account->bio = in->bio;
    if (text_is_blank(account->display_name))
        return call_refuse(call, "display_name", "at least one character that is not a space");
    if (account->email.len > 0 && !identity_parse_email(call->arena, account->email, email_folded))
        return call_refuse(call, "email", "an address: name@host");
    return ERR_OK;
}

enum err user_update(struct call *call, const struct user_update_params *in,
                     struct user_update_result *out) {
    struct account_row before, account;
    struct str email_folded;
    enum err err = account_by_key(call->tx, call->actor.account, &before);
    account = before;
    if (err == ERR_OK)
        err = change_profile(call, in, &account, &email_folded);
    if (err != ERR_OK)
        return err;
    out->user = self_view(call, &account);
    bool is_seen_by_others = !str_equal(account.display_name, before.display_name) ||
                             !str_equal(account.status, before.status) ||
                             !str_equal(account.bio, before.bio);
    if (!is_seen_by_others && str_equal(account.email, before.email))
        return ERR_OK;
    err = account_set_profile(call->tx, &account, email_folded);
    return err == ERR_OK && is_seen_by_others ? notify_user_updated(call->tx, account.key, &account)
                                              : err;
}
