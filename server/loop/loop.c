#include "loop/loop.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum loop_state { LOOP_IDLE, LOOP_RUNNING, LOOP_ENDED, LOOP_JOINED };

static _Thread_local struct loop *current;

enum { HELD_WAKES_MAX = 64 }; /* further loops are woken at once */

/* Loops that are to be woken by this thread, and are not yet. */
static _Thread_local struct {
    bool holding;
    size_t count;
    struct loop *loops[HELD_WAKES_MAX];
} held_wakes;

/* Runs what was posted up to now; what is posted meanwhile waits for its own wake-up, so that mail
 * cannot starve sockets. */
static size_t run_mail(struct loop *loop) {
    struct list batch, *link;
    list_init(&batch);
    uv_mutex_lock(&loop->mailbox_lock);
    loop->woken = false;
    list_splice_back(&batch, &loop->mailbox);
    uv_mutex_unlock(&loop->mailbox_lock);
    size_t count = 0;
    for (; (link = list_pop_front(&batch)) != NULL; count++) {
        struct mail *mail = CONTAINER_OF(link, struct mail, link);
        mail->run(loop, mail);
    }
    metrics_add(METRIC_LOOP_MAIL, (int64_t)count);
    return count;
}

static void on_wake(uv_async_t *wake) {
    struct loop *loop = wake->data;
    metrics_add(METRIC_LOOP_WAKEUPS, 1);
    run_mail(loop);
    if (atomic_load(&loop->stopping))
        uv_stop(&loop->uv);
}

static void run_turn_ends(struct loop *loop) {
    LIST_EACH(&loop->turn_ends, at) {
        struct turn_end *hook = CONTAINER_OF(at, struct turn_end, link);
        hook->run(loop, hook);
    }
}

static void on_prepare(uv_prepare_t *prepare) {
    run_turn_ends(prepare->data);
}

static void name_loop(struct loop *loop, const struct loop_options *options) {
    if (options != NULL && options->name != NULL)
        snprintf(loop->name, sizeof loop->name, "%s", options->name);
    else
        snprintf(loop->name, sizeof loop->name, "loop-%u", loop->index);
}

struct loop *loop_create(unsigned index, const struct loop_options *options) {
    struct loop *loop = mem_zalloc(1, sizeof *loop);
    loop->index = index;
    name_loop(loop, options);
    CHECK(uv_loop_init(&loop->uv) == 0);
    loop->uv.data = loop;
    list_init(&loop->turn_ends);
    list_init(&loop->mailbox);
    CHECK(uv_mutex_init(&loop->mailbox_lock) == 0);
    CHECK(uv_async_init(&loop->uv, &loop->wake, on_wake) == 0);
    CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
    CHECK(uv_prepare_start(&loop->prepare, on_prepare) == 0);
    loop->wake.data = loop;
    loop->prepare.data = loop;
    timer_wheel_init(loop);
    atomic_init(&loop->stopping, false);
    atomic_init(&loop->state, LOOP_IDLE);
    return loop;
}

static void loop_main(void *arg) {
    struct loop *loop = arg;
    current = loop;
    pthread_setname_np(pthread_self(), loop->name);
    uv_update_time(&loop->uv);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    run_turn_ends(loop); /* uv_stop() ended the last turn before its end */
    current = NULL;
    atomic_store(&loop->state, LOOP_ENDED);
}

void loop_start(struct loop *loop) {
    CHECK(atomic_load(&loop->state) == LOOP_IDLE);
    atomic_store(&loop->state, LOOP_RUNNING);
    CHECK(uv_thread_create(&loop->thread, loop_main, loop) == 0);
}

void loop_stop(struct loop *loop) {
    atomic_store(&loop->stopping, true);
    CHECK(uv_async_send(&loop->wake) == 0);
}

void loop_join(struct loop *loop) {
    if (atomic_load(&loop->state) == LOOP_IDLE || atomic_load(&loop->state) == LOOP_JOINED)
        return;
    CHECK(uv_thread_join(&loop->thread) == 0);
    atomic_store(&loop->state, LOOP_JOINED);
}

/* Lets the callbacks of uv_close() run. What stays open was forgotten by its module: a leak, and
 * its owner may be freed already. */
static void run_closings(struct loop *loop) {
    enum { TURNS_MAX = 100 };
    for (int turn = 0; turn < TURNS_MAX && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0; turn++)
        continue;
    int result = uv_loop_close(&loop->uv);
    if (result != 0)
        uv_print_all_handles(&loop->uv, stderr);
    CHECK(result == 0);
}

void loop_destroy(struct loop *take_loop) {
    if (take_loop == NULL)
        return;
    CHECK(loop_is_current(take_loop) && current == NULL);
    current = take_loop;
    while (run_mail(take_loop) > 0)
        continue;
    uv_close((uv_handle_t *)&take_loop->wake, NULL);
    uv_close((uv_handle_t *)&take_loop->prepare, NULL);
    timer_wheel_finish(take_loop);
    run_closings(take_loop);
    current = NULL;
    CHECK(list_is_empty(&take_loop->mailbox));
    uv_mutex_destroy(&take_loop->mailbox_lock);
    mem_free(take_loop);
}

void loop_post(struct loop *loop, struct mail *take_mail) {
    uv_mutex_lock(&loop->mailbox_lock);
    list_push_back(&loop->mailbox, &take_mail->link);
    bool wake = !loop->woken;
    loop->woken = true;
    uv_mutex_unlock(&loop->mailbox_lock);
    if (!wake)
        return;
    if (held_wakes.holding && held_wakes.count < HELD_WAKES_MAX)
        held_wakes.loops[held_wakes.count++] = loop;
    else
        CHECK(uv_async_send(&loop->wake) == 0);
}

void loop_hold_wakes(void) {
    CHECK(!held_wakes.holding);
    held_wakes.holding = true;
}

void loop_release_wakes(void) {
    held_wakes.holding = false;
    while (held_wakes.count > 0)
        CHECK(uv_async_send(&held_wakes.loops[--held_wakes.count]->wake) == 0);
}

void loop_add_turn_end(struct loop *loop, struct turn_end *hook) {
    CHECK(loop_is_current(loop));
    list_push_back(&loop->turn_ends, &hook->link);
}

uint64_t loop_now_ms(const struct loop *loop) {
    return uv_now(&loop->uv);
}

bool loop_is_current(const struct loop *loop) {
    return current == loop || atomic_load(&loop->state) != LOOP_RUNNING;
}

struct loop *loop_current(void) {
    return current;
}
