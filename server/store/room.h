/* Rooms and memberships: rows. Thread: executors. Strs live in tx->arena. */
#pragma once
#include "protocol/model.h"
#include "store/log.h"

struct room_row {
    int64_t key;
    struct room room; /* seq as this transaction sees it */
    int64_t maker;    /* account, 0: the operator */
    bool is_general;
};

/* ERR_NOT_FOUND when there is no such row. */
enum err room_by_key(struct tx *tx, int64_t key, struct room_row *out) MUST_CHECK;
enum err room_by_id(struct tx *tx, struct uuid id, struct room_row *out) MUST_CHECK;
enum err room_find_general(struct tx *tx, struct room_row *out) MUST_CHECK;
struct room_new {
    struct str name, topic;
    bool is_private, is_general;
    int64_t maker;
};
enum err room_insert(struct tx *tx, const struct room_new *room, int64_t *key) MUST_CHECK;
enum err room_save(struct tx *tx, int64_t key, struct str name, struct str topic) MUST_CHECK;
/* at: 0 brings it back. */
enum err room_set_archived(struct tx *tx, int64_t key, int64_t at) MUST_CHECK;

/* The room with what is the reader's own. */
enum err room_mine(struct tx *tx, int64_t key, int64_t account, struct my_room *out) MUST_CHECK;
struct room_page {
    struct str after_name; /* where the page before ended */
    int64_t after_key;
    bool archived, with_public;
    int64_t limit;
};
/* By name; `last_key` is that of the last row. */
enum err room_read_page(struct tx *tx, int64_t account, const struct room_page *page, struct my_room_list *out,
                        int64_t *last_key) MUST_CHECK;
/* All joined rooms that are not archived, by name. */
enum err room_all_joined(struct tx *tx, int64_t account, struct my_room_list *out) MUST_CHECK;

struct membership {
    int64_t key;
    bool is_open;
    int64_t joined_seq, read_seq;
};
/* ERR_NOT_FOUND: never was a member. */
enum err membership_get(struct tx *tx, int64_t room, int64_t account, struct membership *out) MUST_CHECK;
/* Opens it, new or again; joined_pos follows from the event that names the row. */
enum err membership_open(struct tx *tx, int64_t room, int64_t account, int64_t joined_seq, int64_t *key) MUST_CHECK;
enum err membership_close(struct tx *tx, int64_t key) MUST_CHECK;
enum err membership_set_read(struct tx *tx, int64_t key, int64_t seq, int64_t pos) MUST_CHECK;
/* Live messages of others after seq, at most 100. */
enum err membership_count_unread(struct tx *tx, int64_t room, int64_t account, int64_t seq, int64_t *out) MUST_CHECK;
/* Markers that moved after `pos`. */
enum err membership_markers_since(struct tx *tx, int64_t account, int64_t pos, struct marker_list *out) MUST_CHECK;
