/* Pages of history as the JSON that they are answered with, for whoever asks for the same page
 * again: a room that a thousand people open, a client that scrolls back and forth.
 *
 * Permission is not in here. Whoever looks for a page has asked it from rows, in the transaction in
 * hand, and says in the key what the reader may see.
 *
 * When a page holds: it shows rows of messages and the names of their authors. Each change of a
 * message is an event of its room, in the same commit, and takes the room's next seq; each change
 * of a name is an event of the workspace (user.updated). So a page is stamped with the newest
 * events of both as its own snapshot has them, and is given only to a snapshot that has the same
 * two: within one database they name one state of these rows. No clock, counter or message between
 * threads is relied on, and with several writers or nodes it would hold as well. Whoever trims the
 * log one day keeps each audience's newest event. What somebody changes by hand, with no event, is
 * seen when the page is made anew.
 *
 * What is erased goes at once: after a commit, and before any of its replies, the writer drops the
 * pages of all rooms that it has events of. A reader with an older snapshot may still be at such a
 * page; so it takes the count of erasing commits before its snapshot begins, and a page that comes
 * with an old count is not kept.
 *
 * Thread: any; one lock, held for a look-up or a change of lists. */
#pragma once
#include "base/blob.h"
#include "store/log.h"

/* Which part of a room a page is. */
enum history_side { HISTORY_BEFORE, HISTORY_AFTER, HISTORY_AROUND };
#define HISTORY_NEWEST INT64_MAX /* HISTORY_BEFORE it: the newest page */

/* All that shapes a page beside the rows; no gaps between the members: its bytes are looked for. */
struct history_key {
    int64_t room;
    int64_t from; /* the first seq that the reader may see */
    int64_t side; /* enum history_side */
    int64_t seq;
    int64_t limit;
};

/* The state of the rows that a page was made from; see above. */
struct history_stamp {
    int64_t room_seq;
    int64_t people_pos; /* of the workspace's newest event */
};

enum {
    HISTORY_PAGE_OVERHEAD_BYTES = 192, /* counted for each page beside its JSON and structs */
    HISTORY_PAGE_SHARE = 16,           /* a page may take up to this part of the whole */
};

struct history_cache;
/* NULL for 0 bytes: all calls but _find and _keep take it, and do nothing. */
struct history_cache *history_cache_create(size_t max_bytes);
void history_cache_destroy(struct history_cache *take_cache);
/* The count of erasing commits, for _keep: taken before the transaction begins. */
uint64_t history_cache_mark(struct history_cache *cache);
/* The page with a reference for the caller; NULL: not there, or of another state. */
struct blob *history_cache_find(struct history_cache *cache, const struct history_key *key,
                                const struct history_stamp *stamp) MUST_CHECK;
/* Keeps the page, with a reference of its own, and drops what was unused for longest. Not one that
 * is too large, or older than what is there, or whose mark is past. */
void history_cache_keep(struct history_cache *cache, uint64_t mark, const struct history_key *key,
                        const struct history_stamp *stamp, struct blob *json);
/* The writer, after a commit and before its replies: drops the pages of the rooms that `events`
 * are of. `erased`: text is gone with it (log_note_erased); its work has an event of the room. */
void history_cache_after_commit(struct history_cache *cache, const struct log_event *events,
                                size_t count, bool erased);
/* All pages go: the writer does not know what it has committed. */
void history_cache_clear(struct history_cache *cache);
