#include "base/mem.h"
#include "base/metrics.h"
#include "store/db_open.h"
#include "store_fixture.h"
#include "vfs_powercut.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROOM = 7, AUTHOR = 3, MANY = 64 };

static const struct fixture_options on_test_vfs = {.vfs = POWERCUT_VFS_NAME};

static enum err make_room_and_author(struct tx *tx, struct fixture_work *self) {
    (void)self;
    enum err err = fixture_make_account(tx, AUTHOR);
    if (err == ERR_OK)
        err = fixture_make_room(tx, ROOM);
    return err == ERR_OK ? fixture_join(tx, ROOM, AUTHOR) : err;
}

static enum err send_message(struct tx *tx, struct fixture_work *self) {
    return fixture_send(tx, ROOM, AUTHOR, self->number, &self->seq);
}

/* Writes and emits like the others, and then has second thoughts. */
static enum err send_and_refuse(struct tx *tx, struct fixture_work *self) {
    enum err err = fixture_send(tx, ROOM, AUTHOR, self->number, &self->seq);
    if (err == ERR_OK)
        err = fixture_send(tx, ROOM, AUTHOR, self->number + 1000, &self->seq);
    return err == ERR_OK ? ERR_FORBIDDEN : err;
}

/* What executor_ops.committed was given. */
struct heard {
    pthread_mutex_t lock;
    struct log_event events[1024];
    size_t count, calls;
};

static void heard_committed(void *arg, const struct log_event *events, size_t count) {
    struct heard *heard = arg;
    pthread_mutex_lock(&heard->lock);
    assert_true(heard->count + count <= 1024);
    memcpy(heard->events + heard->count, events, count * sizeof *events);
    heard->count += count;
    heard->calls++;
    pthread_mutex_unlock(&heard->lock);
}

/* A store with a room, and ears. */
struct bench {
    char *folder;
    struct store *store;
    struct heard heard;
    struct executor_ops ops;
};

static void bench_open(struct bench *bench, const struct fixture_options *options) {
    *bench = (struct bench){.folder = fixture_make_folder()};
    pthread_mutex_init(&bench->heard.lock, NULL);
    bench->ops = (struct executor_ops){.committed = heard_committed, .arg = &bench->heard};
    bench->store = fixture_open(bench->folder, options);
    store_start(bench->store, &bench->ops);
    assert_int_equal(fixture_write(bench->store, 0, make_room_and_author), ERR_OK);
}

static int64_t bench_query(struct bench *bench, const char *sql) {
    return fixture_query(bench->folder, sql);
}

static void bench_close(struct bench *bench) {
    fixture_close(bench->store);
    fixture_remove_folder(bench->folder);
}

/* `count` works that all run in one batch; numbers from `first`. */
static void run_as_one_batch(struct bench *bench, struct fixture_work *works, size_t count) {
    struct fixture_gate gate;
    fixture_gate_close(&gate, bench->store);
    for (size_t i = 0; i < count; i++)
        fixture_submit(bench->store, &works[i]);
    fixture_gate_open(&gate);
    for (size_t i = 0; i < count; i++)
        fixture_wait(&works[i]);
}

static void sixty_four_requests_at_once_take_fewer_than_16_syncs(void **state) {
    struct bench bench;
    struct fixture_work works[MANY];
    (void)state;
    bench_open(&bench, &on_test_vfs);
    for (int i = 0; i < MANY; i++)
        fixture_work_init(&works[i], true, i + 1, send_message);
    uint64_t before = powercut_sync_count(), writes_before = powercut_write_count();
    run_as_one_batch(&bench, works, MANY);
    uint64_t syncs = powercut_sync_count() - before;
    assert_in_range(syncs, 1, 2);
    /* The frames of the commit go out together (wal_vfs.h): SQLite alone writes two for each. */
    assert_in_range(powercut_write_count() - writes_before, 1, 6);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(works[i].outcome, ERR_OK);
        assert_int_equal(works[i].seq, i + 2); /* 1: the author joined */
        fixture_work_finish(&works[i]);
    }
    assert_int_equal(bench_query(&bench, "SELECT count(*) FROM message"), MANY);
    assert_int_equal(bench_query(&bench, "SELECT max(seq) FROM log"), MANY + 1);
    bench_close(&bench);
}

static void one_refused_request_leaves_the_others_of_its_batch_stored(void **state) {
    struct bench bench;
    struct fixture_work works[9];
    (void)state;
    bench_open(&bench, NULL);
    size_t heard_before = bench.heard.count;
    for (int i = 0; i < 9; i++)
        fixture_work_init(&works[i], true, i + 1, i % 3 == 1 ? send_and_refuse : send_message);
    run_as_one_batch(&bench, works, 9);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(works[i].outcome, i % 3 == 1 ? ERR_FORBIDDEN : ERR_OK);
        fixture_work_finish(&works[i]);
    }
    assert_int_equal(bench_query(&bench, "SELECT count(*) FROM message"), 6);
    assert_int_equal(
        bench_query(&bench, "SELECT count(*) FROM message WHERE key IN (2, 5, 8) OR key > 1000"),
        0);
    /* The seqs that were taken went back: 2 to 7, as the events say too. */
    assert_int_equal(bench_query(&bench, "SELECT sum(seq) FROM message"), 2 + 3 + 4 + 5 + 6 + 7);
    assert_int_equal(bench.heard.count - heard_before, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(bench.heard.events[heard_before + i].seq, 2 + i);
    bench_close(&bench);
}

static enum err refuse_at_once(struct tx *tx, struct fixture_work *self) {
    (void)tx, (void)self;
    return ERR_FORBIDDEN;
}

/* Works that refuse before they write cost the others of their batch nothing; one that has written
 * makes it run once more, no more often, and each in a savepoint. */
static void only_a_refused_request_that_has_written_makes_its_batch_run_again(void **state) {
    struct bench bench;
    struct fixture_work works[9];
    (void)state;
    bench_open(&bench, NULL);
    for (int round = 0; round < 2; round++) {
        int64_t spoiled = metrics_get(METRIC_STORE_SPOILED);
        for (int i = 0; i < 9; i++)
            fixture_work_init(&works[i], true, 100 * round + i + 1,
                              i % 3 != 1   ? send_message
                              : round == 0 ? refuse_at_once
                                           : send_and_refuse);
        run_as_one_batch(&bench, works, 9);
        assert_int_equal(metrics_get(METRIC_STORE_SPOILED) - spoiled, round);
        for (int i = 0; i < 9; i++) {
            assert_int_equal(works[i].outcome, i % 3 == 1 ? ERR_FORBIDDEN : ERR_OK);
            assert_true(works[i].runs <= round + 1);
            fixture_work_finish(&works[i]);
        }
    }
    assert_int_equal(bench_query(&bench, "SELECT count(*) FROM message"), 12);
    bench_close(&bench);
}

static enum err send_between_typing(struct tx *tx, struct fixture_work *self) {
    const struct log_event typing = {
        .type = EVENT_typing_started, .audience = audience_room(ROOM), .fact = self->number};
    enum err err = emit(tx, &typing, NULL);
    if (err == ERR_OK)
        err = send_message(tx, self);
    return err == ERR_OK ? emit(tx, &typing, NULL) : err;
}

static void unlogged_events_keep_their_place_between_logged_ones(void **state) {
    struct bench bench;
    struct fixture_work works[2];
    (void)state;
    bench_open(&bench, NULL);
    const struct log_event *events = bench.heard.events + bench.heard.count;
    int64_t head = bench_query(&bench, "SELECT pos FROM log_head");
    for (int i = 0; i < 2; i++)
        fixture_work_init(&works[i], true, i + 1, send_between_typing);
    run_as_one_batch(&bench, works, 2);
    const enum event_id expected[] = {EVENT_typing_started,  EVENT_message_created,
                                      EVENT_typing_started,  EVENT_typing_started,
                                      EVENT_message_created, EVENT_typing_started};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(events[i].type, expected[i]);
        assert_int_equal(events[i].pos, i == 1 ? head + 1 : i == 4 ? head + 2 : 0);
    }
    assert_int_equal(bench_query(&bench, "SELECT count(*) FROM log"), head + 2);
    fixture_work_finish(&works[0]);
    fixture_work_finish(&works[1]);
    bench_close(&bench);
}

static enum err see_room_seq(struct tx *tx, struct fixture_work *self) {
    return log_room_seq(tx, ROOM, &self->seq);
}

static enum err see_no_room(struct tx *tx, struct fixture_work *self) {
    return log_room_seq(tx, 999, &self->seq);
}

static void a_request_sees_the_seq_of_the_requests_before_it_in_its_batch(void **state) {
    struct bench bench;
    struct fixture_work works[4];
    (void)state;
    bench_open(&bench, NULL);
    fixture_work_init(&works[0], true, 1, send_message);
    fixture_work_init(&works[1], true, 2, send_and_refuse);
    fixture_work_init(&works[2], true, 0, see_room_seq);
    fixture_work_init(&works[3], true, 0, see_no_room);
    run_as_one_batch(&bench, works, 4);
    assert_int_equal(works[0].seq, 2);
    assert_int_equal(works[2].seq, 2);
    assert_int_equal(works[3].outcome, ERR_NOT_FOUND);
    for (int i = 0; i < 4; i++)
        fixture_work_finish(&works[i]);
    bench_close(&bench);
}

/* Nothing else, so that the connection's own statements do not make it forget (db_exec does). */
static enum err emit_only(struct tx *tx, struct fixture_work *self) {
    const struct log_event created = {
        .type = EVENT_message_created, .audience = audience_room(ROOM), .subject = self->number};
    return emit(tx, &created, &self->seq);
}

/* The writer remembers a room's seq from batch to batch. */
static void a_seq_is_read_again_when_another_program_has_written(void **state) {
    struct bench bench;
    struct fixture_work works[3];
    (void)state;
    bench_open(&bench, NULL);
    for (int i = 0; i < 3; i++)
        fixture_work_init(&works[i], true, i + 1, emit_only);
    run_as_one_batch(&bench, &works[0], 1);
    run_as_one_batch(&bench, &works[1], 1);
    fixture_change(bench.folder,
                   "UPDATE log SET seq = seq + 10 WHERE pos = (SELECT pos FROM log_head)");
    run_as_one_batch(&bench, &works[2], 1);
    assert_int_equal(works[1].seq, works[0].seq + 1);
    assert_int_equal(works[2].seq, works[1].seq + 11);
    for (int i = 0; i < 3; i++)
        fixture_work_finish(&works[i]);
    bench_close(&bench);
}

/* As message.send does when the nonce was used. */
static enum err store_and_take_back(struct tx *tx, struct fixture_work *self) {
    (void)self;
    tx->undone += 2;
    return fixture_sql(tx, "INSERT INTO meta VALUES ('x', 'x'); DELETE FROM meta WHERE key = 'x'");
}

static void a_batch_that_has_taken_all_back_writes_nothing(void **state) {
    struct bench bench;
    struct fixture_work works[2];
    (void)state;
    bench_open(&bench, &on_test_vfs);
    for (int i = 0; i < 2; i++)
        fixture_work_init(&works[i], true, i + 1, store_and_take_back);
    uint64_t writes_before = powercut_write_count();
    run_as_one_batch(&bench, works, 2);
    assert_int_equal(powercut_write_count(), writes_before);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(works[i].outcome, ERR_OK);
        assert_int_equal(works[i].runs, 1);
        fixture_work_finish(&works[i]);
    }
    bench_close(&bench);
}

/* ---- trouble ---- */

static void a_batch_lost_to_a_full_disk_runs_again_one_by_one(void **state) {
    struct bench bench;
    struct fixture_work works[8];
    (void)state;
    bench_open(&bench, &on_test_vfs);
    struct fixture_gate gate;
    fixture_gate_close(&gate, bench.store);
    for (int i = 0; i < 8; i++) {
        fixture_work_init(&works[i], true, i + 1, send_message);
        fixture_submit(bench.store, &works[i]);
    }
    powercut_fail_writes(SQLITE_FULL, 1); /* the gate itself writes nothing */
    fixture_gate_open(&gate);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(fixture_wait(&works[i]), ERR_OK);
        assert_int_equal(works[i].runs, 2);
        assert_int_equal(works[i].seq, i + 2);
        fixture_work_finish(&works[i]);
    }
    assert_int_equal(bench_query(&bench, "SELECT count(*) FROM message"), 8);
    assert_int_equal(bench_query(&bench, "SELECT max(pos) - count(*) FROM log"), 0);
    bench_close(&bench);
}

static void while_the_disk_is_full_requests_are_refused_and_later_taken_again(void **state) {
    struct bench bench;
    (void)state;
    bench_open(&bench, &on_test_vfs);
    int64_t head = bench_query(&bench, "SELECT pos FROM log_head");
    size_t heard = bench.heard.count;
    powercut_fail_writes(SQLITE_FULL, UINT64_MAX);
    assert_int_equal(fixture_write(bench.store, 1, send_message), ERR_STORAGE_UNAVAILABLE);
    assert_int_equal(fixture_write(bench.store, 2, send_message), ERR_STORAGE_UNAVAILABLE);
    powercut_fail_writes(SQLITE_OK, 0);
    assert_int_equal(bench.heard.count, heard);
    assert_int_equal(bench_query(&bench, "SELECT pos FROM log_head"), head);
    assert_int_equal(fixture_write(bench.store, 1, send_message), ERR_OK);
    assert_int_equal(bench_query(&bench, "SELECT pos FROM log_head"), head + 1);
    bench_close(&bench);
}

static void after_a_commit_of_unknown_outcome_only_works_with_a_nonce_run_again(void **state) {
    struct bench bench;
    struct fixture_work works[2];
    (void)state;
    bench_open(&bench, &on_test_vfs);
    struct fixture_gate gate;
    fixture_gate_close(&gate, bench.store);
    for (int i = 0; i < 2; i++) {
        fixture_work_init(&works[i], true, i + 1, send_message);
        works[i].work.has_nonce = i == 0;
        fixture_submit(bench.store, &works[i]);
    }
    powercut_fail_writes(SQLITE_IOERR_WRITE, 1);
    fixture_gate_open(&gate);
    assert_int_equal(fixture_wait(&works[0]), ERR_OK);
    assert_int_equal(works[0].runs, 2);
    assert_int_equal(fixture_wait(&works[1]), ERR_OUTCOME_UNKNOWN);
    assert_int_equal(works[1].runs, 1);
    fixture_work_finish(&works[0]);
    fixture_work_finish(&works[1]);
    bench_close(&bench);
}

static void a_failed_sync_ends_the_process_before_anything_is_acknowledged(void **state) {
    struct bench bench;
    int status = 0;
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bench_open(&bench, &on_test_vfs);
        powercut_fail_syncs(SQLITE_IOERR_FSYNC);
        (void)!fixture_write(bench.store, 1, send_message);
        _exit(0); /* it came back: wrong */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DB_EXIT_FSYNC);
}

/* ---- limits, stopping ---- */

static void a_full_queue_refuses_and_a_stop_finishes_what_waits(void **state) {
    struct bench bench;
    struct fixture_work works[3];
    struct fixture_gate gate;
    const struct fixture_options options = {.queue_max = 2};
    (void)state;
    bench_open(&bench, &options);
    fixture_gate_close(&gate, bench.store);
    for (int i = 0; i < 3; i++)
        fixture_work_init(&works[i], true, i + 1, send_message);
    fixture_submit(bench.store, &works[0]);
    fixture_submit(bench.store, &works[1]);
    assert_false(store_submit(bench.store, &works[2].work));
    fixture_gate_open(&gate);
    store_stop(bench.store);
    assert_false(store_submit(bench.store, &works[2].work));
    assert_true(works[0].is_done && works[1].is_done);
    assert_int_equal(works[0].outcome, ERR_OK);
    for (int i = 0; i < 3; i++)
        fixture_work_finish(&works[i]);
    bench_close(&bench);
}

static enum err write_on_reader(struct tx *tx, struct fixture_work *self) {
    (void)self;
    return fixture_sql(tx, "UPDATE room SET name = 'x'");
}

static enum err emit_typing(struct tx *tx, struct fixture_work *self) {
    const struct log_event typing = {
        .type = EVENT_typing_started, .audience = audience_room(ROOM), .fact = self->number};
    return emit(tx, &typing, NULL);
}

static void a_reader_cannot_write_but_may_emit_what_is_not_logged(void **state) {
    struct bench bench;
    (void)state;
    bench_open(&bench, NULL);
    size_t heard = bench.heard.count;
    assert_int_not_equal(fixture_read(bench.store, 0, write_on_reader), ERR_OK);
    assert_int_equal(fixture_read(bench.store, 42, emit_typing), ERR_OK);
    assert_int_equal(bench.heard.count, heard + 1);
    assert_int_equal(bench.heard.events[heard].fact, 42);
    bench_close(&bench);
}

/* ---- the write-ahead log ---- */

static enum err fill_pages(struct tx *tx, struct fixture_work *self) {
    (void)self;
    return fixture_sql(tx, "UPDATE account SET bio = hex(randomblob(600 * 4096 / 2))");
}

static void wait_until_wal_is_home(void) {
    for (int i = 0; i < 1000 && metrics_get(METRIC_STORE_WAL_PAGES) != 0; i++)
        usleep(10000);
    assert_int_equal(metrics_get(METRIC_STORE_WAL_PAGES), 0);
}

static void an_idle_writer_brings_a_long_wal_home(void **state) {
    struct bench bench;
    const struct fixture_options options = {.idle_checkpoint_ms = 20};
    (void)state;
    bench_open(&bench, &options);
    assert_int_equal(fixture_write(bench.store, 0, fill_pages), ERR_OK);
    wait_until_wal_is_home();
    bench_close(&bench);
}

#define CANARY "canary-5f1c-text"

static enum err write_canary(struct tx *tx, struct fixture_work *self) {
    enum err err = send_message(tx, self);
    return err == ERR_OK ? fixture_sql(tx, "UPDATE message SET text = '" CANARY "'") : err;
}

static enum err erase_canary(struct tx *tx, struct fixture_work *self) {
    (void)self;
    log_note_erased(tx);
    return fixture_sql(tx, "UPDATE message SET text = '', deleted_at = 1");
}

static void erased_text_leaves_the_wal_as_soon_as_no_reader_stops_it(void **state) {
    struct bench bench;
    struct buf path = BUF_INIT, error = BUF_INIT;
    struct db *reader = NULL;
    int64_t count = 0;
    const struct fixture_options options = {.erase_after_ms = 1};
    (void)state;
    bench_open(&bench, &options);
    assert_int_equal(fixture_write(bench.store, 1, write_canary), ERR_OK);
    buf_appendf(&path, "%s/parley.db", bench.folder);
    const struct db_options reader_options = {.path = buf_cstr(&path)};
    assert_int_equal(db_open(&reader_options, &reader, &error), ERR_OK);
    assert_int_equal(db_begin(reader, false), ERR_OK);
    assert_int_equal(db_exec_integer(reader, "SELECT count(*) FROM message", &count), ERR_OK);
    assert_int_equal(fixture_write(bench.store, 0, erase_canary), ERR_OK);
    assert_true(fixture_file_contains(bench.folder, "parley.db-wal",
                                      CANARY)); /* the reader still may see it */
    usleep(1200 * 1000);                        /* a try and the next: both in vain */
    assert_true(fixture_file_contains(bench.folder, "parley.db-wal", CANARY));
    db_rollback(reader);
    for (int i = 0; i < 1000 && fixture_file_contains(bench.folder, "parley.db-wal", CANARY); i++)
        usleep(10000);
    assert_false(fixture_file_contains(bench.folder, "parley.db-wal", CANARY));
    assert_false(fixture_file_contains(bench.folder, "parley.db", CANARY));
    db_close(reader);
    buf_finish(&path);
    bench_close(&bench);
}

int main(void) {
    powercut_install(1, 0, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixty_four_requests_at_once_take_fewer_than_16_syncs),
        cmocka_unit_test(one_refused_request_leaves_the_others_of_its_batch_stored),
        cmocka_unit_test(only_a_refused_request_that_has_written_makes_its_batch_run_again),
        cmocka_unit_test(unlogged_events_keep_their_place_between_logged_ones),
        cmocka_unit_test(a_request_sees_the_seq_of_the_requests_before_it_in_its_batch),
        cmocka_unit_test(a_seq_is_read_again_when_another_program_has_written),
        cmocka_unit_test(a_batch_that_has_taken_all_back_writes_nothing),
        cmocka_unit_test(a_batch_lost_to_a_full_disk_runs_again_one_by_one),
        cmocka_unit_test(while_the_disk_is_full_requests_are_refused_and_later_taken_again),
        cmocka_unit_test(after_a_commit_of_unknown_outcome_only_works_with_a_nonce_run_again),
        cmocka_unit_test(a_failed_sync_ends_the_process_before_anything_is_acknowledged),
        cmocka_unit_test(a_full_queue_refuses_and_a_stop_finishes_what_waits),
        cmocka_unit_test(a_reader_cannot_write_but_may_emit_what_is_not_logged),
        cmocka_unit_test(an_idle_writer_brings_a_long_wal_home),
        cmocka_unit_test(erased_text_leaves_the_wal_as_soon_as_no_reader_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
