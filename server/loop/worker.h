/* A pool of threads for slow work that must run on no loop and no executor: argon2, pictures, mail.
 * Jobs run in the order of submission, as many at once as there are threads. Owner: a job lies in
 * its owner's struct; the pool has it until its `run` begins, which hands it back (and posts its
 * result to a loop, as a rule). */
#pragma once
#include "base/check.h"
#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>

struct job {
    struct list link;
    void (*run)(struct job *take_job); /* on a worker's thread */
};

struct worker_pool;

/* Starts `threads` threads (at least 1); at most `queue_limit` jobs wait beside those that run. */
struct worker_pool *worker_pool_create(unsigned threads, size_t queue_limit);
/* Runs the jobs that wait, then ends the threads. No submit may come after or meanwhile. NULL is
 * allowed. */
void worker_pool_destroy(struct worker_pool *take_pool);
/* Hands a job over. False, and the job stays the caller's, when the queue is full. Any thread. */
bool worker_submit(struct worker_pool *pool, struct job *take_job) MUST_CHECK;
