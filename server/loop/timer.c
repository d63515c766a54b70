#include "loop/timer.h"

#include "base/check.h"
#include "loop/loop.h"

static uint32_t wheel_tick_at(const struct timer_wheel *wheel, uint64_t ms) {
    return (uint32_t)((ms - wheel->start_ms) / TIMER_TICK_MS);
}

static struct list *wheel_slot(struct timer_wheel *wheel, uint32_t tick) {
    return &wheel->slots[tick % TIMER_SLOTS];
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer)) {
    *timer = (struct timer){.fire = fire};
    list_init(&timer->link);
}

/* Fires what is due in one slot. The list is taken off first: `fire` may arm, disarm or free any
 * timer, those of this list too. */
static void wheel_run_slot(struct timer_wheel *wheel, uint32_t tick) {
    struct list due, *link;
    list_init(&due);
    list_splice_back(&due, wheel_slot(wheel, tick));
    while ((link = list_pop_front(&due)) != NULL) {
        struct timer *timer = CONTAINER_OF(link, struct timer, link);
        if (timer->due_tick > tick) { /* a later round of the wheel */
            list_push_back(wheel_slot(wheel, tick), link);
            continue;
        }
        wheel->armed--;
        timer->fire(timer);
    }
}

static void wheel_run(uv_timer_t *clock) {
    struct loop *loop = clock->data;
    struct timer_wheel *wheel = &loop->timers;
    uint32_t now = wheel_tick_at(wheel, uv_now(&loop->uv));
    while (wheel->tick < now && wheel->armed > 0)
        wheel_run_slot(wheel, ++wheel->tick);
    if (wheel->armed == 0)
        uv_timer_stop(clock);
}

void timer_arm(struct loop *loop, struct timer *timer, uint64_t delay_ms) {
    CHECK(loop_is_current(loop) && timer->fire != NULL);
    struct timer_wheel *wheel = &loop->timers;
    timer_disarm(timer);
    if (wheel->armed == 0 && !uv_is_active((uv_handle_t *)&wheel->clock)) {
        wheel->tick = wheel_tick_at(wheel, uv_now(&loop->uv));
        CHECK(uv_timer_start(&wheel->clock, wheel_run, TIMER_TICK_MS, TIMER_TICK_MS) == 0);
    }
    uint64_t due_ms = uv_now(&loop->uv) - wheel->start_ms + delay_ms;
    uint64_t due_tick = due_ms / TIMER_TICK_MS + (due_ms % TIMER_TICK_MS != 0);
    /* Never in a slot that the wheel has passed (or is in) already. */
    if (due_tick <= wheel->tick)
        due_tick = (uint64_t)wheel->tick + 1;
    CHECK(due_tick <= UINT32_MAX);
    timer->loop = loop;
    timer->due_tick = (uint32_t)due_tick;
    wheel->armed++;
    list_push_back(wheel_slot(wheel, timer->due_tick), &timer->link);
}

void timer_disarm(struct timer *timer) {
    if (!timer_is_armed(timer))
        return;
    CHECK(loop_is_current(timer->loop));
    list_remove(&timer->link);
    timer->loop->timers.armed--;
}

bool timer_is_armed(const struct timer *timer) {
    return !list_is_empty(&timer->link);
}

void timer_wheel_init(struct loop *loop) {
    struct timer_wheel *wheel = &loop->timers;
    for (size_t i = 0; i < TIMER_SLOTS; i++)
        list_init(&wheel->slots[i]);
    wheel->start_ms = uv_now(&loop->uv);
    wheel->tick = 0;
    wheel->armed = 0;
    CHECK(uv_timer_init(&loop->uv, &wheel->clock) == 0);
    wheel->clock.data = loop;
}

void timer_wheel_finish(struct loop *loop) {
    uv_close((uv_handle_t *)&loop->timers.clock, NULL);
}
