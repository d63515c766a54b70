/* A page of the log for one session, read on a read executor and encoded there.
 *
 * Thread: asked for and received on the session's loop; in between it belongs to the executor. */
#pragma once
#include "base/check.h"
#include "loop/loop.h"
#include "realtime/packet.h"
#include "store/executor.h"

struct session;

struct page {
    struct work work;
    struct mail mail;
    struct session *session; /* held */
    struct session_snapshot {
        int64_t account, row;
        enum role role;
    } reader;
    int64_t pos; /* read from here on */
    enum err outcome;
    struct packet **packets; /* owned until session_on_page has returned */
    size_t count;
    int64_t next_pos;
    bool at_head;
    const struct log_open_room *rooms; /* in the arena */
    size_t room_count;
};

/* Asks for the page after session->pos; session_on_page gets it. False when the store's queue is
 * full. */
bool page_request(struct session *session) MUST_CHECK;
/* session.c: borrowed for the call. ERR_INVALID_TOKEN: the session is over. */
void session_on_page(struct session *session, struct page *page);
