/* Timers for many thousands of connections: a hashed wheel of TIMER_SLOTS slots of TIMER_TICK_MS
 * each, so that arming, arming again and disarming cost a few pointers. A timer fires never early,
 * and up to one tick late. Thread: the loop's. Owner: the timer lies in its owner's struct and must
 * be disarmed before that dies. */
#pragma once
#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { TIMER_TICK_MS = 100, TIMER_SLOTS = 1024 };

struct loop;

struct timer {
    struct list link;
    struct loop *loop; /* set by timer_arm; fire may use it */
    void (*fire)(struct timer *timer);
    uint32_t due_tick;
};
_Static_assert(sizeof(struct timer) <= 40, "every idle connection owns a timer");

/* In struct loop; only timer.c looks inside. */
struct timer_wheel {
    struct list slots[TIMER_SLOTS];
    uint64_t start_ms;
    uint32_t tick; /* the last one done */
    uint32_t armed;
    uv_timer_t clock; /* runs while timers are armed */
};

/* A disarmed timer. */
void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
/* Arms it to fire once, after delay_ms from now (loop_now_ms); an armed one is moved. It is
 * disarmed before `fire` is called, which may arm it again or free it. */
void timer_arm(struct loop *loop, struct timer *timer, uint64_t delay_ms);
/* Stops it; a disarmed one may be disarmed. */
void timer_disarm(struct timer *timer);
bool timer_is_armed(const struct timer *timer);

/* For loop.c. */
void timer_wheel_init(struct loop *loop);
void timer_wheel_finish(struct loop *loop);
