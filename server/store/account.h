/* Accounts as rows: reads and writes, no rules.
 *
 * Thread: the executor whose transaction it is. Strs point into tx->arena. What is not found is
 * ERR_NOT_FOUND. */
#pragma once
#include "store/log.h"

struct account_row {
    int64_t key;
    struct uuid id;
    struct str name, display_name, email;
    enum role role;
    struct str status, bio;
    struct str password_hash;
    int64_t created_at;
    int64_t disabled_at; /* 0: may sign in */
};

struct account_rows {
    struct account_row *items;
    size_t count;
};

/* What a new account is made of. The folded forms are the keys that make names and addresses
 * unique. */
struct account_new {
    struct str name, name_folded, name_skeleton;
    struct str display_name;
    struct str email, email_folded; /* empty: none */
    enum role role;
    struct str password_hash;
};

enum err account_by_key(struct tx *tx, int64_t key, struct account_row *out) MUST_CHECK;
enum err account_by_id(struct tx *tx, struct uuid id, struct account_row *out) MUST_CHECK;
enum err account_by_name(struct tx *tx, struct str name_folded, struct account_row *out) MUST_CHECK;
enum err account_by_email(struct tx *tx, struct str email_folded,
                          struct account_row *out) MUST_CHECK;
/* A name or look-alike of it is there: ERR_NAME_TAKEN; the address: ERR_EMAIL_TAKEN. */
enum err account_insert(struct tx *tx, const struct account_new *account,
                        struct account_row *out) MUST_CHECK;
/* Display name, address, status and bio as they stand in the row. ERR_EMAIL_TAKEN. */
enum err account_set_profile(struct tx *tx, const struct account_row *account,
                             struct str email_folded) MUST_CHECK;
enum err account_set_password(struct tx *tx, int64_t key, struct str password_hash) MUST_CHECK;
enum err account_set_role(struct tx *tx, int64_t key, enum role role) MUST_CHECK;
enum err account_set_disabled(struct tx *tx, int64_t key, int64_t disabled_at) MUST_CHECK;
/* How many have the role: all, or those who may sign in. */
enum err account_count_role(struct tx *tx, enum role role, bool only_active,
                            int64_t *out) MUST_CHECK;
/* The place of an account in lists by name. */
enum err account_sort_name(struct tx *tx, struct uuid id, struct str *out) MUST_CHECK;
/* Up to `limit` after that place whose name or display name begins with `query` (folded, and in
 * ASCII lower case). */
enum err account_page(struct tx *tx, struct str after, struct str query_folded,
                      struct str query_lower, int64_t limit, struct account_rows *out) MUST_CHECK;
/* Rows with an account's columns, for the aggregates that join it; `err` is what the query gave. */
enum err account_bind_rows(struct tx *tx, enum err err, const struct db_rows *rows,
                           struct account_rows *out) MUST_CHECK;
enum err account_shares_room(struct tx *tx, int64_t one, int64_t other, bool *out) MUST_CHECK;

/* As others see it, and as the person itself does. */
struct user account_user(const struct account_row *account);
struct self account_self(const struct account_row *account);
struct author account_author(const struct account_row *account);
