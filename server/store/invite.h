/* Invites as rows; of the secret only the SHA-256 is kept.
 *
 * Thread: the executor whose transaction it is. Strs point into tx->arena. What is not found is
 * ERR_NOT_FOUND. */
#pragma once
#include "store/log.h"

enum { INVITE_HASH_BYTES = 32 };

struct invite_row {
    int64_t key;
    struct uuid id;
    enum role role;
    int64_t room; /* 0: none */
    struct uuid room_id;
    int64_t uses_left;
    int64_t created_by;
    struct str created_by_name;
    int64_t created_at, expires_at;
};

struct invite_new {
    unsigned char hash[INVITE_HASH_BYTES];
    enum role role;
    int64_t room;
    int64_t uses;
    int64_t created_by;
    int64_t expires_at;
};

enum err invite_insert(struct tx *tx, const struct invite_new *invite,
                       struct invite_row *out) MUST_CHECK;
enum err invite_by_key(struct tx *tx, int64_t key, struct invite_row *out) MUST_CHECK;
enum err invite_by_id(struct tx *tx, struct uuid id, struct invite_row *out) MUST_CHECK;
/* One that still works: ERR_INVITE_INVALID otherwise. */
enum err invite_by_hash(struct tx *tx, const unsigned char hash[INVITE_HASH_BYTES],
                        struct invite_row *out) MUST_CHECK;
/* Those that still work, newest first. */
enum err invite_all(struct tx *tx, int64_t limit, struct invite_list *out) MUST_CHECK;
/* How many still work. */
enum err invite_count(struct tx *tx, int64_t *out) MUST_CHECK;
/* One use less. */
enum err invite_use(struct tx *tx, int64_t key) MUST_CHECK;
enum err invite_end(struct tx *tx, int64_t key) MUST_CHECK;

struct invite invite_view(const struct invite_row *row);
