#include "base/mem.h"
#include "store/audit.h"
#include "store/backup.h"
#include "store/db_open.h"
#include "store/doctor.h"
#include "store/migrate.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROOM = 2, AUTHOR = 1 };

static const char *path_in(const char *folder, const char *file) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static void overwrite(const char *path, off_t offset, size_t len) {
    char junk[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && len <= sizeof junk);
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(pwrite(fd, junk, len, offset), len);
    close(fd);
}

/* ---- opening ---- */

static void every_query_can_be_prepared(void **state) {
    char *folder = fixture_make_folder();
    struct db *db = NULL;
    struct buf error = BUF_INIT;
    (void)state;
    fixture_close(fixture_open(folder, NULL));
    const struct db_options options = {.path = path_in(folder, "parley.db")};
    assert_int_equal(db_open(&options, &db, &error), ERR_OK);
    if (db_prepare_all(db, &error) != ERR_OK)
        fail_msg("%s", buf_cstr(&error));
    db_close(db);
    fixture_remove_folder(folder);
}

static void the_folder_is_made_with_its_parents_for_its_owner_alone(void **state) {
    char *parent = fixture_make_folder(), *folder = mem_strdup(path_in(parent, "a/b/data"));
    struct stat about;
    (void)state;
    fixture_close(fixture_open(folder, NULL));
    assert_int_equal(stat(folder, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(stat(path_in(folder, "parley.db"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    mem_free(folder);
    fixture_remove_folder(parent);
}

static void a_second_store_on_one_folder_is_refused_until_the_first_is_closed(void **state) {
    char *folder = fixture_make_folder();
    (void)state;
    struct store *first = fixture_open(folder, NULL);
    assert_non_null(strstr(fixture_refusal(folder), "in use by another parley"));
    fixture_close(first);
    fixture_close(fixture_open(folder, NULL));
    fixture_remove_folder(folder);
}

static void epoch_and_secret_stay_from_start_to_start(void **state) {
    char *folder = fixture_make_folder();
    char first[CURSOR_MAX_BYTES], again[CURSOR_MAX_BYTES];
    uint32_t check = 0;
    (void)state;
    struct store *store = fixture_open(folder, NULL);
    assert_int_equal(store_head_at_open(store, &check), 0);
    cursor_format(0, check, first);
    fixture_close(store);
    store = fixture_open(folder, NULL);
    assert_int_equal(store_head_at_open(store, &check), 0);
    cursor_format(0, check, again);
    fixture_close(store);
    assert_string_equal(first, again);
    fixture_remove_folder(folder);
}

/* Root may write anywhere, so a child that is nobody tries. */
static void a_folder_that_cannot_be_written_is_refused_with_advice(void **state) {
    char *folder = fixture_make_folder();
    int status = 0;
    (void)state;
    fixture_close(fixture_open(folder, NULL));
    assert_int_equal(chmod(path_in(folder, "parley.db"), 0444), 0);
    assert_int_equal(chmod(path_in(folder, "lock"), 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(2);
        _exit(strstr(fixture_refusal(folder), "cannot be written") != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    fixture_remove_folder(folder);
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state) {
    char *folder = fixture_make_folder();
    struct stat about;
    (void)state;
    overwrite(path_in(folder, "parley.db"), 0, 4096);
    assert_non_null(strstr(fixture_refusal(folder), "not a database"));
    assert_int_equal(stat(path_in(folder, "parley.db"), &about), 0);
    assert_int_equal(about.st_size, 4096);
    fixture_remove_folder(folder);
}

static void a_damaged_database_is_refused_with_advice(void **state) {
    char *folder = fixture_make_folder();
    (void)state;
    fixture_close(fixture_open(folder, NULL));
    overwrite(path_in(folder, "parley.db"), 100,
              3000); /* the root of the schema, behind an intact header */
    assert_non_null(strstr(fixture_refusal(folder), "damaged"));
    fixture_remove_folder(folder);
}

static void a_database_of_another_program_is_refused(void **state) {
    char *folder = fixture_make_folder();
    (void)state;
    fixture_change(folder, "CREATE TABLE songs (title TEXT)");
    assert_non_null(strstr(fixture_refusal(folder), "not Parley's"));
    fixture_remove_folder(folder);
}

static void a_schema_two_releases_newer_is_refused_and_one_release_newer_is_run(void **state) {
    char *folder = fixture_make_folder(), sql[200];
    (void)state;
    fixture_close(fixture_open(folder, NULL));
    snprintf(
        sql, sizeof sql,
        "PRAGMA user_version = %lld; UPDATE meta SET value = '%lld' WHERE key = 'schema_floor'",
        (long long)migrate_newest() + 1, (long long)migrate_newest());
    fixture_change(folder, sql); /* a release that still lets ours run */
    fixture_close(fixture_open(folder, NULL));
    assert_int_equal(fixture_query(folder, "PRAGMA user_version"), migrate_newest() + 1);
    snprintf(sql, sizeof sql, "UPDATE meta SET value = '%lld' WHERE key = 'schema_floor'",
             (long long)migrate_newest() + 1);
    fixture_change(folder, sql);
    assert_non_null(strstr(fixture_refusal(folder), "newer release"));
    fixture_change(folder, "DELETE FROM meta WHERE key = 'schema_floor'");
    assert_non_null(strstr(fixture_refusal(folder), "newer release"));
    fixture_remove_folder(folder);
}

/* ---- doctor ---- */

static enum err make_small_world(struct tx *tx, struct fixture_work *self) {
    int64_t seq;
    (void)self;
    enum err err = fixture_make_account(tx, AUTHOR);
    if (err == ERR_OK)
        err = fixture_make_room(tx, ROOM);
    if (err == ERR_OK)
        err = fixture_join(tx, ROOM, AUTHOR);
    for (int64_t i = 1; err == ERR_OK && i <= 5; i++)
        err = fixture_send(tx, ROOM, AUTHOR, i, &seq);
    for (int i = 0; err == ERR_OK && i < 3; i++)
        err = audit_append(tx, AUTHOR, STR("user.role"), STR("somebody"));
    return err;
}

static char first_problem[256]; /* "check: detail" */

static enum err examine(struct tx *tx, struct fixture_work *self) {
    struct problem_list problems;
    int64_t checked = 0;
    (void)self;
    enum err err = doctor_run(tx, &problems, &checked);
    assert_true(err != ERR_OK || checked > 10);
    first_problem[0] = '\0';
    if (err == ERR_OK && problems.count > 0)
        snprintf(first_problem, sizeof first_problem, "%.*s: %.*s",
                 STR_ARG(problems.items[0].check), STR_ARG(problems.items[0].detail));
    return err;
}

static const char *examine_folder(const char *folder) {
    struct store *store = fixture_open(folder, NULL);
    store_start(store, NULL);
    assert_int_equal(fixture_read(store, 0, examine), ERR_OK);
    fixture_close(store);
    return first_problem;
}

static char *make_world(void) {
    char *folder = fixture_make_folder();
    struct store *store = fixture_open(folder, NULL);
    store_start(store, NULL);
    assert_int_equal(fixture_write(store, 0, make_small_world), ERR_OK);
    fixture_close(store);
    return folder;
}

static void doctor_finds_nothing_in_a_sound_database(void **state) {
    char *folder = make_world();
    (void)state;
    assert_string_equal(examine_folder(folder), "");
    fixture_remove_folder(folder);
}

static void doctor_names_each_thing_that_is_broken(void **state) {
    static const struct {
        const char *sql, *check;
    } cases[] = {
        {"DELETE FROM log WHERE pos = 4", "log_gap"},
        {"UPDATE log_head SET pos = pos + 1", "log_head"},
        {"DELETE FROM log_head", "log_head"},
        {"UPDATE log SET seq = seq + 1 WHERE audience % 4 = 0 AND pos > 4", "seq_gap"},
        {"UPDATE log SET seq = seq + 1 WHERE audience % 4 = 0", "seq_gap"},
        {"UPDATE log SET seq = 9 WHERE audience % 4 = 1", "seq_gap"},
        {"UPDATE message SET seq = 99 WHERE key = 5", "message_without_event"},
        {"DELETE FROM nonce WHERE message = 3; DELETE FROM message WHERE key = 3",
         "event_without_message"},
        {"UPDATE log SET subject = 77 WHERE pos = 1", "orphan_event"},
        {"UPDATE log SET audience = 77 * 4 + 1 WHERE audience % 4 = 1", "orphan_event"},
        {"UPDATE membership SET joined_pos = 0", "joined_pos"},
        {"UPDATE membership SET joined_pos = joined_pos + 1", "joined_pos"},
        {"UPDATE membership SET account = 55, is_open = 0", "orphan_membership"},
        {"UPDATE membership SET read_seq = 100", "read_marker"},
        {"INSERT INTO session (account, token_hash, kind, created_at, expires_at) VALUES (44, 'x', "
         "0, 0, 0)",
         "orphan_session"},
        {"UPDATE message SET author = 33 WHERE key = 1", "orphan_message"},
        {"UPDATE message SET deleted_at = 1 WHERE key = 1", "deleted_text"},
        {"UPDATE nonce SET message = 99 WHERE message = 1", "orphan_nonce"},
        {"DELETE FROM nonce WHERE message = 1", "message_without_nonce"},
        {"UPDATE audit SET actor = 0 WHERE key = 2", "audit_chain"},
        {"DELETE FROM audit WHERE key = 2", "audit_chain"},
        {"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'log_audience'",
         "integrity"},
    };
    char sql[300];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = make_world();
        snprintf(sql, sizeof sql, "PRAGMA foreign_keys = OFF; %s", cases[i].sql);
        fixture_change(folder, sql);
        const char *found = examine_folder(folder);
        if (strncmp(found, cases[i].check, strlen(cases[i].check)) != 0)
            fail_msg("%s: \"%s\" was found", cases[i].sql, found);
        fixture_remove_folder(folder);
    }
}

/* ---- migration ---- */

static enum err send_one(struct tx *tx, struct fixture_work *self) {
    return fixture_send(tx, ROOM, AUTHOR, self->number, &self->seq);
}

/* Schema 3 took the room's seq out of its row: what the row said no more counts. */
static void a_database_of_schema_2_goes_on_where_its_log_ends(void **state) {
    char *folder = make_world();
    (void)state;
    fixture_change(folder, "ALTER TABLE room ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;"
                           "UPDATE room SET seq = 77; PRAGMA user_version = 2");
    int64_t newest = fixture_query(folder, "SELECT max(seq) FROM log");
    struct store *store = fixture_open(folder, NULL);
    store_start(store, NULL);
    assert_int_equal(fixture_write(store, 100, send_one), ERR_OK);
    fixture_close(store);
    assert_int_equal(fixture_query(folder, "SELECT seq FROM message WHERE key = 100"), newest + 1);
    assert_int_equal(fixture_query(folder, "PRAGMA user_version"), migrate_newest());
    assert_string_equal(examine_folder(folder), "");
    fixture_remove_folder(folder);
}

/* Schema 4 keeps nonces in another order: what was stored under one is still found. */
static void nonces_of_schema_3_are_kept(void **state) {
    char *folder = make_world();
    (void)state;
    int64_t nonces = fixture_query(folder, "SELECT count(*) FROM nonce");
    assert_true(nonces > 0);
    fixture_change(folder,
                   "CREATE TABLE old (author INTEGER NOT NULL, nonce TEXT NOT NULL, message "
                   "INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (author, nonce)) "
                   "WITHOUT ROWID; INSERT INTO old SELECT author, nonce, message, digest FROM "
                   "nonce; DROP TABLE nonce; ALTER TABLE old RENAME TO nonce; "
                   "PRAGMA user_version = 3");
    fixture_close(fixture_open(folder, NULL));
    assert_int_equal(fixture_query(folder, "PRAGMA user_version"), migrate_newest());
    assert_int_equal(fixture_query(folder, "SELECT count(*) FROM nonce"), nonces);
    assert_string_equal(examine_folder(folder), ""); /* each message's is there */
    fixture_remove_folder(folder);
}

/* ---- backup ---- */

static char backup_file[512];
static int64_t backup_bytes;

static enum err back_up(struct tx *tx, struct fixture_work *self) {
    struct str detail;
    (void)self;
    return backup_write(tx, str_from_cstr(backup_file), &backup_bytes, &detail);
}

static char old_cursor[CURSOR_MAX_BYTES];
static enum cursor_state old_cursor_state;

static enum err note_cursor(struct tx *tx, struct fixture_work *self) {
    struct str cursor;
    enum err err = cursor_at(tx, self->number, &cursor);
    if (err == ERR_OK)
        snprintf(old_cursor, sizeof old_cursor, "%.*s", STR_ARG(cursor));
    return err;
}

static enum err try_cursor(struct tx *tx, struct fixture_work *self) {
    int64_t pos;
    (void)self;
    return cursor_parse(tx, str_from_cstr(old_cursor), &old_cursor_state, &pos);
}

static void a_backup_made_while_messages_flow_is_sound_and_begins_a_new_epoch(void **state) {
    char *folder = make_world(), *restored = fixture_make_folder();
    struct stat about;
    enum { SENDS = 400 };
    struct fixture_work *works = mem_zalloc(SENDS, sizeof *works), copy;
    (void)state;
    struct store *store = fixture_open(folder, NULL);
    store_start(store, NULL);
    assert_int_equal(fixture_read(store, 3, note_cursor), ERR_OK);
    snprintf(backup_file, sizeof backup_file, "%s/parley.db", restored);
    fixture_work_init(&copy, false, 0, back_up);
    for (int i = 0; i < SENDS; i++) {
        fixture_work_init(&works[i], true, 100 + i, send_one);
        fixture_submit(store, &works[i]);
        if (i == SENDS / 2)
            fixture_submit(store, &copy);
    }
    for (int i = 0; i < SENDS; i++) {
        assert_int_equal(fixture_wait(&works[i]), ERR_OK);
        fixture_work_finish(&works[i]);
    }
    assert_int_equal(fixture_wait(&copy), ERR_OK);
    fixture_work_finish(&copy);
    mem_free(works);
    assert_int_equal(fixture_read(store, 0, try_cursor), ERR_OK);
    assert_int_equal(old_cursor_state, CURSOR_VALID);
    fixture_close(store);

    assert_int_equal(stat(backup_file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(about.st_size, backup_bytes);
    assert_int_equal(access(path_in(restored, "parley.db-wal"), F_OK), -1);
    assert_string_equal(examine_folder(restored), "");
    store = fixture_open(restored, NULL);
    store_start(store, NULL);
    assert_int_equal(fixture_read(store, 0, try_cursor), ERR_OK);
    assert_int_equal(old_cursor_state, CURSOR_INVALID);
    assert_int_equal(fixture_read(store, 3, note_cursor), ERR_OK);
    fixture_close(store);
    store = fixture_open(restored, NULL); /* the new epoch stays */
    store_start(store, NULL);
    assert_int_equal(fixture_read(store, 0, try_cursor), ERR_OK);
    assert_int_equal(old_cursor_state, CURSOR_VALID);
    fixture_close(store);
    fixture_remove_folder(folder);
    fixture_remove_folder(restored);
}

static void a_backup_never_writes_over_a_file_and_leaves_none_behind(void **state) {
    char *folder = make_world();
    (void)state;
    struct store *store = fixture_open(folder, NULL);
    store_start(store, NULL);
    snprintf(backup_file, sizeof backup_file, "%s/lock", folder);
    assert_int_equal(fixture_read(store, 0, back_up), ERR_FILE_EXISTS);
    snprintf(backup_file, sizeof backup_file, "relative.db");
    assert_int_equal(fixture_read(store, 0, back_up), ERR_INVALID_FIELD);
    snprintf(backup_file, sizeof backup_file, "%s/missing/copy.db", folder);
    assert_int_equal(fixture_read(store, 0, back_up), ERR_STORAGE_UNAVAILABLE);
    fixture_close(store);
    fixture_remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_query_can_be_prepared),
        cmocka_unit_test(the_folder_is_made_with_its_parents_for_its_owner_alone),
        cmocka_unit_test(a_second_store_on_one_folder_is_refused_until_the_first_is_closed),
        cmocka_unit_test(epoch_and_secret_stay_from_start_to_start),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_refused_with_advice),
        cmocka_unit_test(a_file_that_is_no_database_is_refused_and_left_alone),
        cmocka_unit_test(a_damaged_database_is_refused_with_advice),
        cmocka_unit_test(a_database_of_another_program_is_refused),
        cmocka_unit_test(a_schema_two_releases_newer_is_refused_and_one_release_newer_is_run),
        cmocka_unit_test(doctor_finds_nothing_in_a_sound_database),
        cmocka_unit_test(doctor_names_each_thing_that_is_broken),
        cmocka_unit_test(a_database_of_schema_2_goes_on_where_its_log_ends),
        cmocka_unit_test(nonces_of_schema_3_are_kept),
        cmocka_unit_test(a_backup_made_while_messages_flow_is_sound_and_begins_a_new_epoch),
        cmocka_unit_test(a_backup_never_writes_over_a_file_and_leaves_none_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
