/* What the writer's connection remembers: that it is found again, and never when it is no more so.
 */
#include "store/db_cache.h"
#include "store/db_open.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- a writer and its rows ---- */

static char *folder;
static struct db *db;
static struct arena *arena;

static struct db *open_writer(void) {
    char path[512];
    struct db *opened = NULL;
    struct buf error = BUF_INIT;
    snprintf(path, sizeof path, "%s/parley.db", folder);
    const struct db_options options = {.path = path, .writes = true};
    assert_int_equal(db_open(&options, &opened, &error), ERR_OK);
    return opened;
}

static int set_up(void **state) {
    (void)state;
    folder = fixture_make_folder();
    fixture_close(fixture_open(folder, NULL));
    arena = arena_create();
    db = open_writer();
    return db_exec(db, "INSERT INTO account VALUES (1, randomblob(16), 'a', 'a', 'a', 'Ann', '', "
                       "NULL, 2, '', '', '', 1, 0);"
                       "INSERT INTO room VALUES (7, randomblob(16), 'r', '', 0, 0, 1, 1, 0);"
                       "INSERT INTO membership VALUES (3, 7, 1, 0, 0, 1, 1, 0, 0)") == ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    (void)state;
    db_close(db);
    arena_destroy(arena);
    fixture_remove_folder(folder);
    return 0;
}

/* membership.is_open of account 1 in room 7, as the writer sees it. */
static int64_t is_open(void) {
    struct db_rows rows;
    assert_int_equal(DB_RUN(db, arena, QUERY_membership_of, &rows, DB_I(7), DB_I(1)), ERR_OK);
    assert_int_equal(rows.count, 1);
    return db_at(&rows, 0, 4)->integer;
}

static void leave(void) {
    struct db_rows rows;
    assert_int_equal(DB_RUN(db, arena, QUERY_membership_close, &rows, DB_I(3)), ERR_OK);
}

static void begin(void) {
    assert_int_equal(db_begin(db, true), ERR_OK);
}

static void commit(void) {
    assert_int_equal(db_commit(db), ERR_OK);
}

/* ---- on the connection ---- */

static void a_change_is_seen_in_its_transaction_and_after_it(void **state) {
    (void)state;
    begin();
    assert_int_equal(is_open(), 1);
    leave();
    assert_int_equal(is_open(), 0);
    commit();
    begin();
    assert_int_equal(is_open(), 0);
    commit();
}

static void what_is_rolled_back_was_never_so(void **state) {
    (void)state;
    begin();
    leave();
    assert_int_equal(is_open(), 0);
    db_rollback(db);
    begin();
    assert_int_equal(is_open(), 1);
    commit();
}

static void what_a_savepoint_takes_back_was_never_so(void **state) {
    (void)state;
    begin();
    assert_int_equal(is_open(), 1);
    assert_int_equal(db_savepoint(db), ERR_OK);
    leave();
    assert_int_equal(is_open(), 0);
    db_rollback_to_savepoint(db);
    assert_int_equal(is_open(), 1);
    commit();
    begin();
    assert_int_equal(is_open(), 1);
    commit();
}

static void the_change_of_another_program_is_seen_at_the_next_transaction(void **state) {
    (void)state;
    begin();
    assert_int_equal(is_open(), 1);
    commit();
    struct db *stranger = open_writer();
    assert_int_equal(db_exec(stranger, "UPDATE membership SET is_open = 0"), ERR_OK);
    db_close(stranger);
    begin();
    assert_int_equal(is_open(), 0);
    commit();
}

static void the_generation_counts_what_the_connection_could_not_follow(void **state) {
    (void)state;
    begin();
    leave();
    commit();
    begin();
    uint64_t own = db_generation(db);
    commit();
    begin();
    assert_int_equal(db_generation(db), own);
    assert_int_equal(db_savepoint(db), ERR_OK);
    db_rollback_to_savepoint(db);
    uint64_t taken_back = db_generation(db);
    assert_true(taken_back > own);
    db_rollback(db);
    begin();
    uint64_t rolled_back = db_generation(db);
    commit();
    assert_true(rolled_back > taken_back);
    struct db *stranger = open_writer();
    assert_int_equal(db_exec(stranger, "UPDATE membership SET is_open = 0"), ERR_OK);
    db_close(stranger);
    begin();
    assert_true(db_generation(db) > rolled_back);
    commit();
}

/* ---- the cache ---- */

enum { A = 1, B = 2 }; /* two tables */

static const struct db_value of_seven[] = {{.kind = DB_INT, .integer = 7},
                                           {.kind = DB_TEXT, .bytes = {"x", 1}}};

static void keep(struct db_cache *cache, const char *text, uint8_t tables) {
    struct db_value row[] = {DB_I(1), DB_T(str_from_cstr(text)), DB_N, DB_T(STR_EMPTY)};
    const struct db_rows rows = {.count = 1, .columns = 4, .values = row};
    db_cache_keep(cache, QUERY_room_by_id, of_seven, 2, &rows, tables);
}

static bool finds(struct db_cache *cache, const char *text) {
    struct db_rows rows;
    if (!db_cache_find(cache, arena, QUERY_room_by_id, of_seven, 2, &rows))
        return false;
    assert_int_equal(rows.columns, 4);
    assert_true(str_equal(db_at(&rows, 0, 1)->bytes, str_from_cstr(text)));
    assert_int_equal(db_at(&rows, 0, 2)->kind, DB_NULL);
    assert_int_equal(db_at(&rows, 0, 3)->bytes.len, 0);
    return true;
}

static void what_is_kept_is_found_until_its_table_changes(void **state) {
    struct db_cache cache;
    struct db_rows rows;
    (void)state;
    db_cache_init(&cache);
    assert_false(finds(&cache, "one"));
    keep(&cache, "one", A);
    keep(&cache, "two", A);
    assert_true(finds(&cache, "two"));
    assert_false(db_cache_find(&cache, arena, QUERY_membership_of, of_seven, 2, &rows));
    assert_false(db_cache_find(&cache, arena, QUERY_room_by_id, of_seven, 1, &rows));
    db_cache_note_change(&cache, B);
    assert_true(finds(&cache, "two"));
    db_cache_note_change(&cache, A);
    assert_false(finds(&cache, "two"));
    keep(&cache, "three", A); /* the change may still be taken back */
    assert_false(finds(&cache, "three"));
    db_cache_settle(&cache);
    assert_false(finds(&cache, "three"));
    keep(&cache, "four", A);
    assert_true(finds(&cache, "four"));
    db_cache_finish(&cache);
}

static void long_keys_and_long_rows_are_not_kept_and_too_many_are_forgotten(void **state) {
    struct db_cache cache;
    char text[DB_CACHE_ROW_MAX_BYTES + 2];
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    db_cache_init(&cache);
    keep(&cache, text, A);
    assert_int_equal(cache.entries.count, 0);
    struct db_value row[] = {DB_I(1)};
    const struct db_rows rows = {.count = 1, .columns = 1, .values = row};
    const struct db_value long_key[] = {DB_T(str_make(text, DB_CACHE_KEY_MAX_BYTES))};
    db_cache_keep(&cache, QUERY_room_by_id, long_key, 1, &rows, A);
    assert_int_equal(cache.entries.count, 0);
    for (int64_t i = 0; i <= DB_CACHE_ENTRIES_MAX; i++)
        db_cache_keep(&cache, QUERY_room_by_id, &DB_I(i), 1, &rows, A);
    assert_int_equal(cache.entries.count, 1);
    db_cache_finish(&cache);
}

#define ON_WRITER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_WRITER(a_change_is_seen_in_its_transaction_and_after_it),
        ON_WRITER(what_is_rolled_back_was_never_so),
        ON_WRITER(what_a_savepoint_takes_back_was_never_so),
        ON_WRITER(the_change_of_another_program_is_seen_at_the_next_transaction),
        ON_WRITER(the_generation_counts_what_the_connection_could_not_follow),
        ON_WRITER(what_is_kept_is_found_until_its_table_changes),
        ON_WRITER(long_keys_and_long_rows_are_not_kept_and_too_many_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
