#include "base/clock.h"
#include "store/store_state.h"

#include <errno.h>
#include <time.h>

void work_queue_init(struct work_queue *queue, size_t max) {
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&queue->changed, &attributes) == 0);
    CHECK(pthread_mutex_init(&queue->lock, NULL) == 0);
    pthread_condattr_destroy(&attributes);
    list_init(&queue->works);
    queue->count = 0;
    queue->max = max;
    queue->stopping = false;
    atomic_init(&queue->slept_over, false);
}

void work_queue_finish(struct work_queue *queue) {
    CHECK(list_is_empty(&queue->works));
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
}

bool work_queue_push(struct work_queue *queue, struct work *take_work, bool wakes) {
    pthread_mutex_lock(&queue->lock);
    bool fits = !queue->stopping && queue->count < queue->max;
    if (fits) {
        list_push_back(&queue->works, &take_work->link);
        queue->count++;
        if (wakes)
            pthread_cond_signal(&queue->changed);
        else
            atomic_store(&queue->slept_over, true);
    }
    pthread_mutex_unlock(&queue->lock);
    return fits;
}

void work_queue_wake(struct work_queue *queue) {
    if (!atomic_load_explicit(&queue->slept_over, memory_order_relaxed) ||
        !atomic_exchange(&queue->slept_over, false))
        return;
    pthread_mutex_lock(&queue->lock);
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

/* False: the deadline has come. */
static bool work_queue_wait(struct work_queue *queue, uint64_t deadline_ms) {
    if (deadline_ms == 0) {
        pthread_cond_wait(&queue->changed, &queue->lock);
        return true;
    }
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&queue->changed, &queue->lock, &until) != ETIMEDOUT;
}

size_t work_queue_take(struct work_queue *queue, struct work **out, size_t max,
                       uint64_t deadline_ms, bool *ended) {
    size_t taken = 0;
    struct list *link;
    pthread_mutex_lock(&queue->lock);
    while (list_is_empty(&queue->works) && !queue->stopping)
        if (!work_queue_wait(queue, deadline_ms))
            break;
    while (taken < max && (link = list_pop_front(&queue->works)) != NULL)
        out[taken++] = CONTAINER_OF(link, struct work, link);
    queue->count -= taken;
    *ended = taken == 0 && queue->stopping;
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void work_queue_stop(struct work_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
