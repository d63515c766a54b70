/* Memberships as rows: who is in which room, from which event on, and how far they have read.
 *
 * Thread: the executor whose transaction it is. joined_pos is filled in by the log, from the
 * room.joined event that names the row. */
#pragma once
#include "store/account.h"
#include "store/log.h"

struct membership_row {
    int64_t key; /* 0: there is none */
    int64_t room, account;
    int64_t joined_seq; /* private history begins here */
    bool is_open;       /* false: left or removed */
    int64_t read_seq;
    int64_t read_pos;
};

/* Without a row: *out is all zero, which is a closed membership. */
enum err membership_of(struct tx *tx, int64_t room, int64_t account,
                       struct membership_row *out) MUST_CHECK;
/* Opens the membership: a new row, or the one that was left (`old` as membership_of gave it). All
 * up to joined_seq counts as read. */
enum err membership_open(struct tx *tx, const struct membership_row *old, int64_t room,
                         int64_t account, int64_t joined_seq, int64_t *key) MUST_CHECK;
enum err membership_close(struct tx *tx, int64_t key) MUST_CHECK;
/* Moves the read marker, and notes when: a session that resumes from there or before is told of it.
 */
enum err membership_set_read(struct tx *tx, int64_t key, int64_t seq) MUST_CHECK;
/* Up to `limit` members whose place (account_sort_name) comes after `after`, by name. */
enum err membership_page(struct tx *tx, int64_t room, struct str after, int64_t limit,
                         struct account_rows *out) MUST_CHECK;
/* Live messages of others after `seq`, up to 100. */
enum err membership_unread(struct tx *tx, int64_t room, int64_t reader, int64_t seq,
                           int64_t *out) MUST_CHECK;
/* The markers that have moved since `pos`; one that moved just before it may be among them. */
enum err membership_markers_since(struct tx *tx, int64_t account, int64_t pos,
                                  struct marker_list *out) MUST_CHECK;
