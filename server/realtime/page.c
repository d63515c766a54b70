#include "realtime/page.h"

#include "realtime/hub_state.h"
#include "store/session.h"

static void page_done(struct work *work, enum err outcome);
static void page_arrived(struct loop *loop, struct mail *mail);

static void page_destroy(struct page *page) {
    for (size_t i = 0; i < page->count; i++)
        packet_unref(page->packets[i]);
    arena_destroy(page->work.arena);
}

/* On a read executor: is the session still good, what was missed, encoded. */
static enum err page_run(struct tx *tx, struct work *work) {
    struct page *page = CONTAINER_OF(work, struct page, work);
    struct log_page log;
    enum err err = session_is_valid(tx, page->reader.row);
    if (err != ERR_OK)
        return err;
    err = log_page(tx, page->reader.account, page->reader.role, page->pos, &log);
    if (err != ERR_OK)
        return err;
    page->packets = arena_alloc(work->arena, (log.count + 1) * sizeof(struct packet *));
    for (page->count = 0; page->count < log.count; page->count++) {
        struct packet *packet = packet_create(&log.events[page->count]);
        packet->stream_pos = packet->pos;
        page->packets[page->count] = packet;
    }
    page->next_pos = log.next_pos;
    page->at_head = log.at_head;
    page->rooms = log.rooms;
    page->room_count = log.room_count;
    return ERR_OK;
}

bool page_request(struct session *session) {
    struct arena *arena = arena_create();
    struct page *page = arena_zalloc(arena, sizeof *page);
    page->work.arena = arena;
    page->work.run = page_run;
    page->work.done = page_done;
    page->mail.run = page_arrived;
    page->session = session;
    page->reader.account = session->identity.account;
    page->reader.row = session->identity.row;
    page->reader.role = session->identity.role;
    page->pos = session->pos;
    session->holds++;
    if (store_submit(session->hub->options.store, &page->work))
        return true;
    session->holds--;
    arena_destroy(arena);
    return false;
}

static void page_done(struct work *work, enum err outcome) {
    struct page *page = CONTAINER_OF(work, struct page, work);
    page->outcome = outcome;
    loop_post(page->session->hub->loop, &page->mail);
}

static void page_arrived(struct loop *loop, struct mail *mail) {
    struct page *page = CONTAINER_OF(mail, struct page, mail);
    struct session *session = page->session;
    (void)loop;
    session_on_page(session, page);
    page_destroy(page);
    session_release(session);
}
