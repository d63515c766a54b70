#include "loop/worker.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <pthread.h>

struct worker_pool {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a job came, or the end */
    struct list queue;
    size_t queued, queue_limit;
    bool stopping;
    unsigned thread_count;
    pthread_t threads[];
};

/* The next job, waiting for one; NULL when the pool is stopping and nothing is left. */
static struct job *worker_next_job(struct worker_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    while (list_is_empty(&pool->queue) && !pool->stopping)
        pthread_cond_wait(&pool->changed, &pool->lock);
    struct list *link = list_pop_front(&pool->queue);
    if (link != NULL)
        pool->queued--;
    pthread_mutex_unlock(&pool->lock);
    return link == NULL ? NULL : CONTAINER_OF(link, struct job, link);
}

static void *worker_main(void *arg) {
    struct job *job;
    pthread_setname_np(pthread_self(), "worker");
    while ((job = worker_next_job(arg)) != NULL) {
        metrics_add(METRIC_WORKER_QUEUED, -1);
        uint64_t start_ns = clock_monotonic_ns();
        job->run(job);
        metrics_observe_us(METRIC_WORKER_RUN, (clock_monotonic_ns() - start_ns) / 1000);
        metrics_add(METRIC_WORKER_JOBS, 1);
    }
    return NULL;
}

struct worker_pool *worker_pool_create(unsigned threads, size_t queue_limit) {
    CHECK(threads > 0);
    struct worker_pool *pool = mem_zalloc(1, sizeof *pool + threads * sizeof *pool->threads);
    CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
    CHECK(pthread_cond_init(&pool->changed, NULL) == 0);
    list_init(&pool->queue);
    pool->queue_limit = queue_limit;
    pool->thread_count = threads;
    for (unsigned i = 0; i < threads; i++)
        CHECK(pthread_create(&pool->threads[i], NULL, worker_main, pool) == 0);
    return pool;
}

void worker_pool_destroy(struct worker_pool *take_pool) {
    if (take_pool == NULL)
        return;
    pthread_mutex_lock(&take_pool->lock);
    take_pool->stopping = true;
    pthread_cond_broadcast(&take_pool->changed);
    pthread_mutex_unlock(&take_pool->lock);
    for (unsigned i = 0; i < take_pool->thread_count; i++)
        CHECK(pthread_join(take_pool->threads[i], NULL) == 0);
    pthread_cond_destroy(&take_pool->changed);
    pthread_mutex_destroy(&take_pool->lock);
    mem_free(take_pool);
}

bool worker_submit(struct worker_pool *pool, struct job *take_job) {
    pthread_mutex_lock(&pool->lock);
    CHECK(!pool->stopping);
    bool fits = pool->queued < pool->queue_limit;
    if (fits) {
        list_push_back(&pool->queue, &take_job->link);
        pool->queued++;
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    if (fits)
        metrics_add(METRIC_WORKER_QUEUED, 1);
    else
        metrics_add(METRIC_WORKER_REFUSED, 1);
    return fits;
}
