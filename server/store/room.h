/* Rooms as rows, and as one reader sees them: reads and writes, no rules.
 *
 * Thread: the executor whose transaction it is. Strs point into tx->arena. What is not found is
 * ERR_NOT_FOUND. A seq is the one that this transaction sees: on the writer, the batch's events are
 * in it. */
#pragma once
#include "store/log.h"

struct room_row {
    int64_t key;
    struct uuid id;
    struct str name, topic;
    bool is_private, is_general;
    int64_t maker; /* account, 0: the operator */
    struct uuid maker_id;
    int64_t seq;
    int64_t created_at;
    int64_t archived_at; /* 0: open */
};

struct room_new {
    struct str name, topic;
    bool is_private, is_general;
    int64_t maker;
};

/* The place of a room in lists by name. */
struct room_place {
    struct str name;
    int64_t key;
};

/* Which rooms a list holds: the reader's, with or without the public ones; archived ones or the
 * others. */
struct room_filter {
    int64_t reader;
    bool with_public, archived;
};

enum err room_by_key(struct tx *tx, int64_t key, struct room_row *out) MUST_CHECK;
enum err room_by_id(struct tx *tx, struct uuid id, struct room_row *out) MUST_CHECK;
/* The room that everybody joins at sign-up. */
enum err room_find_general(struct tx *tx, struct room_row *out) MUST_CHECK;
enum err room_insert(struct tx *tx, const struct room_new *room, struct room_row *out) MUST_CHECK;
enum err room_set_profile(struct tx *tx, int64_t key, struct str name, struct str topic) MUST_CHECK;
enum err room_set_archived(struct tx *tx, int64_t key, int64_t archived_at) MUST_CHECK;
enum err room_find_place(struct tx *tx, const struct room_filter *filter, struct uuid id,
                         struct room_place *out) MUST_CHECK;

/* As the reader sees it, members and unread messages counted. */
enum err room_mine(struct tx *tx, int64_t reader, int64_t key, struct my_room *out) MUST_CHECK;
/* All that the reader is a member of and that are not archived, by name. */
enum err room_all_mine(struct tx *tx, int64_t reader, struct my_room_list *out) MUST_CHECK;
enum err room_page(struct tx *tx, const struct room_filter *filter, const struct room_place *after,
                   int64_t limit, struct my_room_list *out) MUST_CHECK;

/* As everybody sees it. */
struct room room_public_view(const struct room_row *row);
