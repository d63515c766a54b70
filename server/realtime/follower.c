#include "realtime/follower.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "loop/loop.h"

struct follower {
    struct follower_options options;
    struct loop *loop;
    struct timer timer;
    uint64_t looked_at_ms; /* when the head was read last */
    int64_t gap;           /* as the last tick saw it, 0: none */
    bool away;             /* a fetch is on its way */
    bool ended;            /* destroyed meanwhile: freed when the fetch is back */
};

/* One read of the log, on its way to an executor and back. Lies in its own arena. */
struct fetch {
    struct work work;
    struct mail mail;
    struct follower *follower;
    int64_t from; /* the first pos that is missing; 0: only the head is asked for */
    enum err outcome;
    int64_t head;
    struct packet **packets;
    size_t count;
};

static void follower_tick(struct timer *timer);

static enum err fetch_run(struct tx *tx, struct work *work) {
    struct fetch *fetch = CONTAINER_OF(work, struct fetch, work);
    struct log_event *events = NULL;
    size_t count = 0;
    enum err err = log_head(tx, &fetch->head);
    if (err == ERR_OK && fetch->from > 0)
        err = log_after(tx, fetch->from - 1, &events, &count);
    if (err != ERR_OK)
        return err;
    fetch->packets = arena_alloc(work->arena, (count + 1) * sizeof(struct packet *));
    for (fetch->count = 0; fetch->count < count; fetch->count++)
        fetch->packets[fetch->count] = packet_create(&events[fetch->count]);
    return ERR_OK;
}

static void fetch_done(struct work *work, enum err outcome) {
    struct fetch *fetch = CONTAINER_OF(work, struct fetch, work);
    fetch->outcome = outcome;
    loop_post(fetch->follower->loop, &fetch->mail);
}

static void fetch_arrived(struct loop *loop, struct mail *mail);

static void fetch_send(struct follower *follower, int64_t from) {
    struct arena *arena = arena_create();
    struct fetch *fetch = arena_zalloc(arena, sizeof *fetch);
    fetch->work = (struct work){.arena = arena, .run = fetch_run, .done = fetch_done};
    fetch->mail.run = fetch_arrived;
    fetch->follower = follower;
    fetch->from = from;
    follower->away = store_submit(follower->options.store, &fetch->work);
    if (!follower->away)
        arena_destroy(arena); /* the next tick asks again */
}

static void fetch_destroy(struct fetch *fetch) {
    for (size_t i = 0; i < fetch->count; i++)
        packet_unref(fetch->packets[i]);
    arena_destroy(fetch->work.arena);
}

/* A full page is followed by the next one at once: the node is far behind. */
static void fetch_arrived(struct loop *loop, struct mail *mail) {
    struct fetch *fetch = CONTAINER_OF(mail, struct fetch, mail);
    struct follower *follower = fetch->follower;
    follower->away = false;
    if (follower->ended) {
        mem_free(follower);
    } else if (fetch->outcome == ERR_OK) {
        follower->looked_at_ms = loop_now_ms(loop);
        fanout_note_head(follower->options.fanout, fetch->head);
        fanout_fill(follower->options.fanout, fetch->packets, fetch->count);
        metrics_add(METRIC_BUS_GAP_EVENTS, (int64_t)fetch->count);
        int64_t gap = fanout_gap(follower->options.fanout);
        if (gap != 0 && fetch->count == LOG_PAGE_EVENTS)
            fetch_send(follower, gap);
        fetch->count = 0; /* the fan-out has them */
    }
    fetch_destroy(fetch);
}

static void follower_tick(struct timer *timer) {
    struct follower *follower = CONTAINER_OF(timer, struct follower, timer);
    int64_t gap = fanout_gap(follower->options.fanout);
    bool is_due = loop_now_ms(timer->loop) - follower->looked_at_ms >= follower->options.poll_ms;
    if (!follower->away && gap != 0 && gap == follower->gap)
        fetch_send(follower, gap);
    else if (!follower->away && is_due)
        fetch_send(follower, 0);
    follower->gap = gap;
    timer_arm(timer->loop, timer, TIMER_TICK_MS);
}

struct follower *follower_create(struct loop *loop, const struct follower_options *options) {
    struct follower *follower = mem_zalloc(1, sizeof *follower);
    follower->options = *options;
    follower->loop = loop;
    timer_init(&follower->timer, follower_tick);
    timer_arm(loop, &follower->timer, TIMER_TICK_MS);
    return follower;
}

void follower_destroy(struct follower *take_follower) {
    if (take_follower == NULL)
        return;
    timer_disarm(&take_follower->timer);
    take_follower->ended = true;
    if (!take_follower->away)
        mem_free(take_follower);
}
