#include "chat/account_make.h"

#include "auth/identity.h"
#include "auth/password.h"
#include "auth/token.h"
#include "chat/member.h"
#include "chat/notify.h"
#include "chat/text.h"

#include <sodium.h>

static const char meta_owner_claim[] = "owner_claim";

enum err account_make_prepare(struct call *call, const struct account_wish *wish) {
    struct account_new *account = arena_zalloc(call->arena, sizeof *account);
    struct identity_name name;
    if (!identity_parse_name(call->arena, wish->name, &name))
        return call_refuse(
            call, "name", "1 to 40 letters, digits, '.', '_' or '-', at least one letter or digit");
    if (wish->email.len > 0 &&
        !identity_parse_email(call->arena, wish->email, &account->email_folded))
        return call_refuse(call, "email", "an address: name@host");
    if (wish->display_name.len > 0 && text_is_blank(wish->display_name))
        return call_refuse(call, "display_name", "at least one character that is not a space");
    account->name = name.name;
    account->name_folded = name.folded;
    account->name_skeleton = name.skeleton;
    account->display_name = wish->display_name.len > 0 ? wish->display_name : name.name;
    account->email = wish->email;
    account->password_hash = password_hash(call->arena, wish->password);
    call->prepared = account;
    return ERR_OK;
}

/* ---- general ---- */

static enum err make_general(struct tx *tx, int64_t actor, int64_t maker, struct room_row *out) {
    const struct room_new room = {STR("general"), STR_EMPTY, false, true, maker};
    enum err err = room_insert(tx, &room, out);
    return err == ERR_OK ? notify_room_created(tx, actor, out) : err;
}

/* Made together with the first person who joins it, which is the owner unless the operator makes
 * others before. */
static enum err join_general(struct tx *tx, int64_t actor, const struct account_row *account) {
    struct room_row general;
    enum err err = room_find_general(tx, &general);
    if (err == ERR_NOT_FOUND)
        err = make_general(tx, actor, account->role == ROLE_OWNER ? account->key : 0, &general);
    return err == ERR_OK ? member_join(tx, actor, &general, account) : err;
}

enum err account_make(struct call *call, enum role role, struct account_row *out) {
    struct account_new *account = call->prepared;
    account->role = role;
    enum err err = account_insert(call->tx, account, out);
    if (err != ERR_OK)
        return err;
    int64_t actor = call->actor.is_operator ? 0 : out->key;
    err = notify_user_updated(call->tx, actor, out);
    if (err == ERR_OK && role != ROLE_GUEST)
        err = join_general(call->tx, actor, out);
    return err == ERR_OK && role == ROLE_OWNER ? owner_claim_clear(call->tx) : err;
}

/* ---- the first owner ---- */

enum err account_owner_exists(struct tx *tx, bool *out) {
    int64_t count = 0;
    enum err err = account_count_role(tx, ROLE_OWNER, false, &count);
    *out = count > 0;
    return err;
}

enum err owner_claim_set(struct tx *tx, struct str secret) {
    struct db_rows rows;
    unsigned char hash[TOKEN_HASH_BYTES];
    token_hash(secret, hash);
    return DB_RUN(tx->db, tx->arena, QUERY_meta_set, &rows, DB_T(str_from_cstr(meta_owner_claim)),
                  DB_B(hash, sizeof hash));
}

enum err owner_claim_clear(struct tx *tx) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_meta_delete, &rows,
                  DB_T(str_from_cstr(meta_owner_claim)));
}

enum err owner_claim_check(struct tx *tx, struct str secret) {
    struct db_rows rows;
    unsigned char hash[TOKEN_HASH_BYTES];
    token_hash(secret, hash);
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_meta_get, &rows, DB_T(str_from_cstr(meta_owner_claim)));
    if (err != ERR_OK)
        return err;
    bool matches = rows.count > 0 && db_at(&rows, 0, 0)->bytes.len == sizeof hash &&
                   sodium_memcmp(db_at(&rows, 0, 0)->bytes.ptr, hash, sizeof hash) == 0;
    return matches ? ERR_OK : ERR_INVITE_INVALID;
}
