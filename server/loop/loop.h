/* A loop: one thread with its libuv loop, its mailbox, its timers and its part of the server.
 *
 * Thread: everything that a loop owns is touched by its own thread only, but for loop_post and
 * loop_stop, which any thread may call. Before loop_start and after loop_join the thread that made
 * the loop may act for it (loop_is_current is true there). Life: loop_create, modules add handles
 * and hooks, loop_start, …, loop_stop, loop_join, modules close their handles, loop_destroy. */
#pragma once
#include "base/list.h"
#include "loop/timer.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct loop;

/* Something handed to a loop by another thread; it lies in the sender's struct, so posting cannot
 * fail. */
struct mail {
    struct list link;
    void (*run)(struct loop *loop, struct mail *take_mail);
};

/* A hook that runs at the end of each turn, right before the loop waits. */
struct turn_end {
    struct list link;
    void (*run)(struct loop *loop, struct turn_end *hook);
};

struct loop_options {
    const char *name; /* of the thread, up to 15 bytes; NULL: "loop-<index>" */
};

struct loop {
    uv_loop_t uv;
    unsigned index;
    /* The parts that the modules own, on this loop; each module sets its own. */
    void *net;
    void *hub;
    void *api;
    struct timer_wheel timers;

    /* the loop's own */
    char name[16];
    uv_thread_t thread;
    uv_async_t wake;
    uv_prepare_t prepare;
    struct list turn_ends;
    uv_mutex_t mailbox_lock;
    struct list mailbox; /* under the lock, as `woken` */
    bool woken;          /* a wake-up is on its way */
    atomic_bool stopping;
    atomic_int state;
};

/* Makes a loop; `options` may be NULL. Never fails but for want of descriptors, which is a CHECK.
 */
struct loop *loop_create(unsigned index, const struct loop_options *options);
/* Starts its thread. */
void loop_start(struct loop *loop);
/* Makes the loop end its thread after the turn in hand and the mail posted before. Any thread, more
 * than once. */
void loop_stop(struct loop *loop);
/* Waits until the thread has ended. */
void loop_join(struct loop *loop);
/* Runs what mail is left, closes the loop's own handles and frees it. After loop_join, or without
 * loop_start. All other handles on it must have been closed with uv_close() (their callbacks may
 * still be due); CHECKed. NULL is allowed. */
void loop_destroy(struct loop *take_loop);

/* Hands `take_mail` to the loop's thread, which runs it soon, in the order of posting. One wake-up
 * serves a whole batch. Any thread. Mail posted after the thread has ended runs in loop_destroy. */
void loop_post(struct loop *loop, struct mail *take_mail);
/* Until loop_release_wakes, what this thread posts wakes nobody: a batch of mail is then run in one
 * turn, and what it sends goes out together. Any thread; not nested. */
void loop_hold_wakes(void);
/* Wakes each loop that was posted to. */
void loop_release_wakes(void);
/* Adds a hook to the end of every turn, in order of adding. The hook may remove itself (list_remove
 * its link), not others. */
void loop_add_turn_end(struct loop *loop, struct turn_end *hook);
/* Monotonic milliseconds, taken once a turn. */
uint64_t loop_now_ms(const struct loop *loop);
/* True on the loop's thread; and anywhere while it has none. For CHECK. */
bool loop_is_current(const struct loop *loop);
/* The loop whose thread this is, or NULL. */
struct loop *loop_current(void);
