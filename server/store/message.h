/* Messages as rows, each with its author: reads and writes, no rules.
 *
 * Thread: the executor whose transaction it is. Strs point into tx->arena. What is not found is
 * ERR_NOT_FOUND. */
#pragma once
#include "store/log.h"

/* A message as it goes out, and the keys behind it. */
struct message_row {
    int64_t key, room, author;
    struct message message;
};

struct message_new {
    int64_t room, author;
    int64_t seq;
    struct str text, nonce;
};

/* A part of a room's history, in order of seq. */
struct message_range {
    int64_t room;
    struct uuid room_id;
    int64_t from, to; /* seqs, both in it */
};

enum err message_insert(struct tx *tx, const struct message_new *message, struct uuid *id,
                        int64_t *key) MUST_CHECK;
/* Undoes message_insert of the same work. */
enum err message_take_back(struct tx *tx, int64_t key) MUST_CHECK;
/* `room_id` goes into the result. */
enum err message_by_key(struct tx *tx, int64_t key, struct uuid room_id,
                        struct message_row *out) MUST_CHECK;
/* Of that room only. */
enum err message_by_id(struct tx *tx, struct uuid id, int64_t room, struct uuid room_id,
                       struct message_row *out) MUST_CHECK;
enum err message_set_text(struct tx *tx, int64_t key, struct str text) MUST_CHECK;
/* Blanks the text; tell the log with log_note_erased. */
enum err message_set_deleted(struct tx *tx, int64_t key) MUST_CHECK;
/* Up to `limit` of the range, oldest first in the result: the newest ones of it, or the oldest. */
enum err message_newest(struct tx *tx, const struct message_range *range, int64_t limit,
                        struct message_list *out) MUST_CHECK;
enum err message_oldest(struct tx *tx, const struct message_range *range, int64_t limit,
                        struct message_list *out) MUST_CHECK;
/* Whether the room has one with from <= seq < before. */
enum err message_any_between(struct tx *tx, int64_t room, int64_t from, int64_t before,
                             bool *out) MUST_CHECK;
