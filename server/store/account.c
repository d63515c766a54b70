#include "store/account.h"

#include "store/rows.h"

static void account_bind(const struct db_value *row, struct account_row *out) {
    *out = (struct account_row){
        .key = row[0].integer,
        .id = row_uuid(&row[1]),
        .name = row[2].bytes,
        .display_name = row[3].bytes,
        .email = row[4].bytes,
        .role = (enum role)row[5].integer,
        .status = row[6].bytes,
        .bio = row[7].bytes,
        .password_hash = row[8].bytes,
        .created_at = row[9].integer,
        .disabled_at = row[10].integer,
    };
}

static enum err account_one(struct tx *tx, enum query_id query, struct db_value value,
                            struct account_row *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, query, &rows, value);
    if (err == ERR_OK && rows.count == 0)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        account_bind(rows.values, out);
    return err;
}

enum err account_by_key(struct tx *tx, int64_t key, struct account_row *out) {
    return account_one(tx, QUERY_account_by_key, DB_I(key), out);
}

enum err account_by_id(struct tx *tx, struct uuid id, struct account_row *out) {
    return account_one(tx, QUERY_account_by_id, DB_ID(id), out);
}

enum err account_by_name(struct tx *tx, struct str name_folded, struct account_row *out) {
    return account_one(tx, QUERY_account_by_name, DB_T(name_folded), out);
}

enum err account_by_email(struct tx *tx, struct str email_folded, struct account_row *out) {
    return account_one(tx, QUERY_account_by_email, DB_T(email_folded), out);
}

static struct db_value account_email_value(struct str email_folded) {
    return str_is_empty(email_folded) ? DB_N : DB_T(email_folded);
}

enum err account_insert(struct tx *tx, const struct account_new *account, struct account_row *out) {
    struct db_rows rows;
    struct uuid id = uuid_v7();
    int64_t key = 0;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_account_name_taken, &rows,
                          DB_T(account->name_folded), DB_T(account->name_skeleton));
    if (err == ERR_OK && rows.count > 0)
        return ERR_NAME_TAKEN;
    if (err == ERR_OK)
        err = DB_RUN(tx->db, tx->arena, QUERY_account_insert, &rows, DB_ID(id), DB_T(account->name),
                     DB_T(account->name_folded), DB_T(account->name_skeleton),
                     DB_T(account->display_name), DB_T(account->email),
                     account_email_value(account->email_folded), DB_I(account->role),
                     DB_T(account->password_hash), DB_I(tx->now_ms));
    if (err == ERR_OK && rows.conflict)
        return ERR_EMAIL_TAKEN; /* the names were looked for above */
    err = row_key(err, &rows, &key);
    return err == ERR_OK ? account_by_key(tx, key, out) : err;
}

enum err account_set_profile(struct tx *tx, const struct account_row *account,
                             struct str email_folded) {
    struct db_rows rows;
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_account_profile_set, &rows, DB_I(account->key),
               DB_T(account->display_name), DB_T(account->email), account_email_value(email_folded),
               DB_T(account->status), DB_T(account->bio));
    return err == ERR_OK && rows.conflict ? ERR_EMAIL_TAKEN : err;
}

enum err account_set_password(struct tx *tx, int64_t key, struct str password_hash) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_account_password_set, &rows, DB_I(key),
                  DB_T(password_hash));
}

enum err account_set_role(struct tx *tx, int64_t key, enum role role) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_account_role_set, &rows, DB_I(key), DB_I(role));
}

enum err account_set_disabled(struct tx *tx, int64_t key, int64_t disabled_at) {
    struct db_rows rows;
    return DB_RUN(tx->db, tx->arena, QUERY_account_disabled_set, &rows, DB_I(key),
                  DB_I(disabled_at));
}

enum err account_count_role(struct tx *tx, enum role role, bool only_active, int64_t *out) {
    struct db_rows rows;
    enum err err =
        DB_RUN(tx->db, tx->arena, only_active ? QUERY_account_count_active : QUERY_account_count,
               &rows, DB_I(role));
    return row_key(err, &rows, out);
}

enum err account_sort_name(struct tx *tx, struct uuid id, struct str *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_account_sort_name, &rows, DB_ID(id));
    if (err == ERR_OK && rows.count == 0)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        *out = db_at(&rows, 0, 0)->bytes;
    return err;
}

enum err account_bind_rows(struct tx *tx, enum err err, const struct db_rows *rows,
                           struct account_rows *out) {
    if (err != ERR_OK)
        return err;
    out->count = rows->count;
    out->items = arena_zalloc_array(tx->arena, rows->count, sizeof *out->items);
    for (size_t i = 0; i < rows->count; i++)
        account_bind(db_at(rows, i, 0), &out->items[i]);
    return ERR_OK;
}

enum err account_page(struct tx *tx, struct str after, struct str query_folded,
                      struct str query_lower, int64_t limit, struct account_rows *out) {
    struct db_rows rows;
    enum err err = DB_RUN(tx->db, tx->arena, QUERY_account_page, &rows, DB_T(after),
                          DB_T(query_folded), DB_T(query_lower), DB_I(limit));
    return account_bind_rows(tx, err, &rows, out);
}

enum err account_shares_room(struct tx *tx, int64_t one, int64_t other, bool *out) {
    struct db_rows rows;
    enum err err =
        DB_RUN(tx->db, tx->arena, QUERY_account_shares_room, &rows, DB_I(one), DB_I(other));
    *out = err == ERR_OK && rows.count > 0;
    return err;
}

struct user account_user(const struct account_row *account) {
    return (struct user){
        .id = account->id,
        .name = account->name,
        .display_name = account->display_name,
        .role = account->role,
        .status = account->status,
        .bio = account->bio,
        .created_at = account->created_at,
        .disabled = account->disabled_at != 0,
    };
}

struct self account_self(const struct account_row *account) {
    return (struct self){
        .id = account->id,
        .name = account->name,
        .display_name = account->display_name,
        .role = account->role,
        .email = account->email,
        .status = account->status,
        .bio = account->bio,
        .created_at = account->created_at,
    };
}

struct author account_author(const struct account_row *account) {
    return (struct author){
        .id = account->id, .name = account->name, .display_name = account->display_name};
}
