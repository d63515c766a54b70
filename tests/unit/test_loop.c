/* Loops, their mailbox, turn ends and timers, and the worker pool. Nothing here sleeps for luck:
 * tests wait for conditions. */
#include "base/clock.h"
#include "base/metrics.h"
#include "loop/loop.h"
#include "loop/worker.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- mail ---- */

struct counted_mail {
    struct mail mail;
    int sender, number;
};

enum { SENDERS = 3, LETTERS = 5000 };

static int last_seen[SENDERS];
static int received;
static sem_t done;

static void receive(struct loop *loop, struct mail *take_mail) {
    struct counted_mail *letter = CONTAINER_OF(take_mail, struct counted_mail, mail);
    assert_true(loop_is_current(loop) && loop_current() == loop);
    assert_int_equal(letter->number, last_seen[letter->sender] + 1);
    last_seen[letter->sender] = letter->number;
    if (++received == SENDERS * LETTERS)
        sem_post(&done);
    free(letter);
}

struct sender {
    struct loop *loop;
    int id;
};

static void *send_letters(void *arg) {
    const struct sender *sender = arg;
    assert_false(loop_is_current(sender->loop));
    for (int i = 1; i <= LETTERS; i++) {
        struct counted_mail *letter = malloc(sizeof *letter);
        *letter = (struct counted_mail){{.run = receive}, sender->id, i};
        loop_post(sender->loop, &letter->mail);
    }
    return NULL;
}

static void mail_of_many_threads_arrives_once_in_each_ones_order(void **state) {
    (void)state;
    struct loop *loop = loop_create(0, NULL);
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    sem_init(&done, 0, 0);
    int64_t mail_before = metrics_get(METRIC_LOOP_MAIL);
    int64_t wakeups_before = metrics_get(METRIC_LOOP_WAKEUPS);
    loop_start(loop);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){loop, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    sem_wait(&done);
    loop_stop(loop);
    loop_join(loop);
    assert_int_equal(received, SENDERS * LETTERS);
    assert_int_equal(metrics_get(METRIC_LOOP_MAIL) - mail_before, SENDERS * LETTERS);
    assert_true(metrics_get(METRIC_LOOP_WAKEUPS) - wakeups_before <= SENDERS * LETTERS + 1);
    loop_destroy(loop);
    sem_destroy(&done);
}

static int ran;

static void count_run(struct loop *loop, struct mail *take_mail) {
    (void)loop;
    (void)take_mail;
    ran++;
}

static void a_batch_posted_before_the_loop_runs_needs_one_wake_up(void **state) {
    (void)state;
    struct loop *loop = loop_create(1, NULL);
    struct mail letters[100];
    int64_t wakeups_before = metrics_get(METRIC_LOOP_WAKEUPS);
    ran = 0;
    for (int i = 0; i < 100; i++) {
        letters[i] = (struct mail){.run = count_run};
        loop_post(loop, &letters[i]);
    }
    loop_stop(loop); /* joins the same wake-up */
    loop_start(loop);
    loop_join(loop);
    assert_int_equal(ran, 100);
    assert_int_equal(metrics_get(METRIC_LOOP_WAKEUPS) - wakeups_before, 1);
    loop_destroy(loop);
}

static sem_t all_ran;

static void count_the_third(struct loop *loop, struct mail *take_mail) {
    count_run(loop, take_mail);
    if (ran == 3)
        sem_post(&all_ran);
}

static void what_is_posted_while_wakes_are_held_wakes_once_when_they_are_released(void **state) {
    (void)state;
    struct loop *loop = loop_create(1, NULL);
    struct mail letters[3];
    ran = 0;
    sem_init(&all_ran, 0, 0);
    loop_start(loop);
    loop_hold_wakes();
    int64_t wakeups_before = metrics_get(METRIC_LOOP_WAKEUPS);
    for (int i = 0; i < 3; i++) {
        letters[i] = (struct mail){.run = count_the_third};
        loop_post(loop, &letters[i]);
    }
    assert_int_equal(metrics_get(METRIC_LOOP_WAKEUPS), wakeups_before);
    loop_release_wakes();
    sem_wait(&all_ran);
    assert_int_equal(metrics_get(METRIC_LOOP_WAKEUPS) - wakeups_before, 1);
    loop_stop(loop);
    loop_join(loop);
    loop_destroy(loop);
    sem_destroy(&all_ran);
}

static void mail_posted_after_the_end_is_run_by_destroy(void **state) {
    (void)state;
    struct loop *loop = loop_create(2, NULL);
    struct mail letter = {.run = count_run};
    loop_start(loop);
    loop_stop(loop);
    loop_join(loop);
    ran = 0;
    loop_post(loop, &letter);
    loop_destroy(loop);
    assert_int_equal(ran, 1);
}

static void a_loop_that_never_started_can_be_destroyed(void **state) {
    (void)state;
    struct loop *loop =
        loop_create(3, &(struct loop_options){.name = "a name longer than a thread's"});
    assert_true(loop_is_current(loop));
    loop_destroy(loop);
    loop_destroy(NULL);
}

/* ---- turn ends ---- */

struct recorder {
    struct turn_end hook;
    struct mail mail;
    int mails, flushes, mails_at_flush;
};

static void flush_recorder(struct loop *loop, struct turn_end *hook) {
    struct recorder *recorder = CONTAINER_OF(hook, struct recorder, hook);
    assert_true(loop_is_current(loop));
    recorder->flushes++;
    recorder->mails_at_flush = recorder->mails;
}

static void stop_in_mail(struct loop *loop, struct mail *take_mail) {
    struct recorder *recorder = CONTAINER_OF(take_mail, struct recorder, mail);
    recorder->mails++;
    loop_stop(loop);
}

static void what_the_last_turn_did_is_flushed(void **state) {
    (void)state;
    struct loop *loop = loop_create(4, NULL);
    struct recorder recorder = {.hook = {.run = flush_recorder}, .mail = {.run = stop_in_mail}};
    loop_add_turn_end(loop, &recorder.hook);
    loop_post(loop, &recorder.mail);
    loop_start(loop);
    loop_join(loop);
    assert_true(recorder.flushes >= 2); /* before the first wait, and at the end */
    assert_int_equal(recorder.mails_at_flush, 1);
    loop_destroy(loop);
}

/* ---- timers: driven on this thread, by the loop's own time ---- */

struct alarm {
    struct timer timer;
    uint64_t armed_ms, fired_ms;
    int fired, again;
    uint64_t delay_ms;
};

static int alarms_left;

static void on_alarm(struct timer *timer) {
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
    assert_false(timer_is_armed(timer));
    alarm->fired++;
    alarm->fired_ms = loop_now_ms(timer->loop);
    if (alarm->again-- > 0)
        timer_arm(timer->loop, timer, alarm->delay_ms);
    else if (--alarms_left == 0)
        uv_stop(&timer->loop->uv);
}

static void arm_alarm(struct loop *loop, struct alarm *alarm, uint64_t delay_ms) {
    *alarm = (struct alarm){.delay_ms = delay_ms, .armed_ms = loop_now_ms(loop)};
    timer_init(&alarm->timer, on_alarm);
    timer_arm(loop, &alarm->timer, delay_ms);
}

/* How late a timer may be: one tick by promise, the rest for a machine that is busy with other
 * things. */
enum { LATE_MAX_MS = TIMER_TICK_MS + 2000 };

static void timers_fire_once_never_early(void **state) {
    (void)state;
    enum { ALARMS = 2000 };
    struct loop *loop = loop_create(5, NULL);
    struct alarm *alarms = calloc(ALARMS, sizeof *alarms);
    uv_update_time(&loop->uv);
    for (int i = 0; i < ALARMS; i++)
        arm_alarm(loop, &alarms[i], (uint64_t)i % 700);
    alarms_left = ALARMS;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    for (int i = 0; i < ALARMS; i++) {
        assert_int_equal(alarms[i].fired, 1);
        uint64_t took_ms = alarms[i].fired_ms - alarms[i].armed_ms;
        assert_true(took_ms >= alarms[i].delay_ms && took_ms <= alarms[i].delay_ms + LATE_MAX_MS);
    }
    assert_int_equal(loop->timers.armed, 0);
    free(alarms);
    loop_destroy(loop);
}

static void a_moved_timer_fires_at_its_new_time_and_a_disarmed_one_never(void **state) {
    (void)state;
    struct loop *loop = loop_create(6, NULL);
    struct alarm moved, disarmed, last;
    arm_alarm(loop, &moved, 100);
    arm_alarm(loop, &disarmed, 200);
    arm_alarm(loop, &last, 500);
    timer_arm(loop, &moved.timer, 400);
    timer_disarm(&disarmed.timer);
    timer_disarm(&disarmed.timer);
    assert_false(timer_is_armed(&disarmed.timer));
    alarms_left = 2;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert_int_equal(moved.fired, 1);
    assert_true(moved.fired_ms - moved.armed_ms >= 400);
    assert_int_equal(disarmed.fired, 0);
    assert_int_equal(last.fired, 1);
    loop_destroy(loop);
}

static void a_timer_may_arm_itself_again(void **state) {
    (void)state;
    struct loop *loop = loop_create(7, NULL);
    struct alarm alarm;
    arm_alarm(loop, &alarm, 0);
    alarm.again = 3;
    alarms_left = 1;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert_int_equal(alarm.fired, 4);
    loop_destroy(loop);
}

static struct alarm *victim;

static void on_killer(struct timer *timer) {
    timer_disarm(&victim->timer);
    free(victim);
    uv_stop(&timer->loop->uv);
}

static void a_timer_may_free_another_that_is_due_in_the_same_tick(void **state) {
    (void)state;
    struct loop *loop = loop_create(8, NULL);
    struct timer killer;
    victim = malloc(sizeof *victim);
    timer_init(&killer, on_killer);
    timer_arm(loop, &killer, 50);
    arm_alarm(loop, victim, 50);
    assert_int_equal(killer.due_tick, victim->timer.due_tick);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert_int_equal(loop->timers.armed, 0);
    loop_destroy(loop);
}

static void a_delay_beyond_one_round_of_the_wheel_waits_for_its_round(void **state) {
    (void)state;
    struct loop *loop = loop_create(9, NULL);
    struct alarm far, near;
    /* the same slot, one round apart */
    arm_alarm(loop, &near, 200);
    arm_alarm(loop, &far, 200 + (uint64_t)TIMER_SLOTS * TIMER_TICK_MS);
    assert_int_equal(far.timer.due_tick - near.timer.due_tick, TIMER_SLOTS);
    alarms_left = 1;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert_int_equal(near.fired, 1);
    assert_int_equal(far.fired, 0);
    assert_true(timer_is_armed(&far.timer));
    /* pretend that the loop began a round earlier: its tick is due now */
    loop->timers.start_ms -= (uint64_t)TIMER_SLOTS * TIMER_TICK_MS;
    alarms_left = 1;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert_int_equal(far.fired, 1);
    loop_destroy(loop);
}

static void the_clock_stands_while_no_timer_is_armed(void **state) {
    (void)state;
    struct loop *loop = loop_create(10, NULL);
    struct alarm alarm;
    assert_false(uv_is_active((uv_handle_t *)&loop->timers.clock));
    arm_alarm(loop, &alarm, 10);
    assert_true(uv_is_active((uv_handle_t *)&loop->timers.clock));
    alarms_left = 1;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert_false(uv_is_active((uv_handle_t *)&loop->timers.clock));
    loop_destroy(loop);
}

/* ---- workers ---- */

struct test_job {
    struct job job;
    int number;
};

enum { JOBS = 50 };

static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;
static int order[JOBS], order_count;
static sem_t gate, entered;

static void note_order(struct job *take_job) {
    const struct test_job *job = CONTAINER_OF(take_job, struct test_job, job);
    pthread_mutex_lock(&order_lock);
    order[order_count++] = job->number;
    pthread_mutex_unlock(&order_lock);
}

static void wait_at_gate(struct job *take_job) {
    sem_post(&entered);
    sem_wait(&gate);
    note_order(take_job);
}

static void jobs_run_in_order_and_destroy_waits_for_all(void **state) {
    (void)state;
    struct worker_pool *pool = worker_pool_create(1, JOBS);
    struct test_job jobs[JOBS];
    order_count = 0;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct test_job){{.run = note_order}, i};
        assert_true(worker_submit(pool, &jobs[i].job));
    }
    worker_pool_destroy(pool);
    assert_int_equal(order_count, JOBS);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(order[i], i);
}

static void a_full_queue_refuses_and_has_room_again_later(void **state) {
    (void)state;
    struct worker_pool *pool = worker_pool_create(2, 2);
    struct test_job jobs[5];
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    order_count = 0;
    for (int i = 0; i < 5; i++)
        jobs[i] = (struct test_job){{.run = wait_at_gate}, i};
    for (int i = 0; i < 2; i++) { /* both threads are busy */
        assert_true(worker_submit(pool, &jobs[i].job));
        sem_wait(&entered);
    }
    assert_true(worker_submit(pool, &jobs[2].job));
    assert_true(worker_submit(pool, &jobs[3].job));
    assert_false(worker_submit(pool, &jobs[4].job));
    sem_post(&gate);
    sem_wait(&entered); /* a thread took the third job */
    assert_true(worker_submit(pool, &jobs[4].job));
    for (int i = 0; i < 4; i++)
        sem_post(&gate);
    worker_pool_destroy(pool);
    assert_int_equal(order_count, 5);
    sem_destroy(&gate);
    sem_destroy(&entered);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_of_many_threads_arrives_once_in_each_ones_order),
        cmocka_unit_test(a_batch_posted_before_the_loop_runs_needs_one_wake_up),
        cmocka_unit_test(what_is_posted_while_wakes_are_held_wakes_once_when_they_are_released),
        cmocka_unit_test(mail_posted_after_the_end_is_run_by_destroy),
        cmocka_unit_test(a_loop_that_never_started_can_be_destroyed),
        cmocka_unit_test(what_the_last_turn_did_is_flushed),
        cmocka_unit_test(timers_fire_once_never_early),
        cmocka_unit_test(a_moved_timer_fires_at_its_new_time_and_a_disarmed_one_never),
        cmocka_unit_test(a_timer_may_arm_itself_again),
        cmocka_unit_test(a_timer_may_free_another_that_is_due_in_the_same_tick),
        cmocka_unit_test(a_delay_beyond_one_round_of_the_wheel_waits_for_its_round),
        cmocka_unit_test(the_clock_stands_while_no_timer_is_armed),
        cmocka_unit_test(jobs_run_in_order_and_destroy_waits_for_all),
        cmocka_unit_test(a_full_queue_refuses_and_has_room_again_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
