/* Pages of history in memory: given out for the state that they were made from alone, bounded, and
 * gone with the commit that erases. */
#include "store/history_cache.h"

#include "base/metrics.h"
#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_BYTES = 65536, ROOM = 7, OTHER_ROOM = 8, AUTHOR = 1 };

static const struct history_key newest = {
    .room = ROOM, .side = HISTORY_BEFORE, .seq = HISTORY_NEWEST, .limit = 50};
static const struct history_stamp now = {.room_seq = 10, .people_pos = 20};

static void keep(struct history_cache *cache, const struct history_key *key,
                 const struct history_stamp *stamp, const char *text) {
    struct blob *json = blob_from_bytes(text, strlen(text));
    history_cache_keep(cache, history_cache_mark(cache), key, stamp, json);
    blob_unref(json);
}

static bool finds(struct history_cache *cache, const struct history_key *key,
                  const struct history_stamp *stamp, const char *text) {
    struct blob *json = history_cache_find(cache, key, stamp);
    if (json == NULL)
        return false;
    assert_true(str_equal(blob_str(json), str_from_cstr(text)));
    blob_unref(json);
    return true;
}

static struct history_cache *cache_with(const char *text) {
    struct history_cache *cache = history_cache_create(MAX_BYTES);
    keep(cache, &newest, &now, text);
    return cache;
}

/* ---- what is given out ---- */

static void a_page_is_found_by_its_whole_key(void **state) {
    struct history_cache *cache = cache_with("page");
    (void)state;
    assert_true(finds(cache, &newest, &now, "page"));
    for (size_t i = 0; i < sizeof newest / sizeof(int64_t); i++) {
        struct history_key other = newest;
        int64_t *member = (int64_t *)(void *)&other + i;
        *member -= 1;
        assert_false(finds(cache, &other, &now, ""));
    }
    history_cache_destroy(cache);
}

static void a_page_is_of_one_state_of_its_rows(void **state) {
    struct history_cache *cache = cache_with("page");
    const struct history_stamp next = {11, 20}, renamed = {10, 21}, older = {9, 20};
    (void)state;
    assert_false(finds(cache, &newest, &next, ""));
    assert_false(finds(cache, &newest, &renamed, ""));
    assert_false(finds(cache, &newest, &older, ""));
    keep(cache, &newest, &older, "older"); /* a reader that was slow */
    assert_true(finds(cache, &newest, &now, "page"));
    keep(cache, &newest, &renamed, "renamed");
    assert_true(finds(cache, &newest, &renamed, "renamed"));
    assert_false(finds(cache, &newest, &now, ""));
    history_cache_destroy(cache);
}

static void what_was_unused_for_longest_goes_first_and_large_pages_are_not_kept(void **state) {
    enum { PAGES = 64, PAGE_BYTES = 3000 };
    char text[MAX_BYTES / HISTORY_PAGE_SHARE + 1];
    struct history_cache *cache = cache_with("used");
    struct history_key key = newest;
    size_t found = 0;
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    keep(cache, &newest, &(struct history_stamp){11, 20}, text);
    assert_true(finds(cache, &newest, &now, "used"));
    text[PAGE_BYTES] = '\0';
    for (key.seq = 1; key.seq <= PAGES; key.seq++) {
        keep(cache, &key, &now, text);
        assert_true(finds(cache, &newest, &now, "used"));
        assert_true(metrics_get(METRIC_HISTORY_BYTES) <= MAX_BYTES);
    }
    for (key.seq = 1; key.seq <= PAGES; key.seq++)
        found += finds(cache, &key, &now, text) ? 1 : 0;
    assert_true(found >= MAX_BYTES / PAGE_BYTES / 2 && found <= MAX_BYTES / PAGE_BYTES);
    key.seq = PAGES;
    assert_true(finds(cache, &key, &now, text));
    history_cache_destroy(cache);
}

static void without_bytes_there_is_no_cache(void **state) {
    (void)state;
    assert_null(history_cache_create(0));
    assert_int_equal(history_cache_mark(NULL), 0);
    history_cache_after_commit(NULL, NULL, 0, true);
    history_cache_clear(NULL);
    history_cache_destroy(NULL);
}

/* ---- what a commit takes ---- */

static void a_commit_drops_the_pages_of_its_rooms(void **state) {
    struct history_cache *cache = cache_with("page");
    struct history_key other = newest, second = newest;
    const struct log_event events[] = {
        {.audience = audience_workspace(), .pos = 21},
        {.audience = audience_person(ROOM), .pos = 22},
        {.audience = audience_room(ROOM), .pos = 23},
        {.audience = audience_room(OTHER_ROOM), .pos = 0}, /* typing: not logged */
    };
    (void)state;
    other.room = OTHER_ROOM;
    second.seq = 5;
    keep(cache, &other, &now, "other");
    keep(cache, &second, &now, "second");
    history_cache_after_commit(cache, events, 2, false);
    assert_true(finds(cache, &newest, &now, "page"));
    history_cache_after_commit(cache, events, 4, false);
    assert_false(finds(cache, &newest, &now, ""));
    assert_false(finds(cache, &second, &now, ""));
    assert_true(finds(cache, &other, &now, "other"));
    history_cache_clear(cache);
    assert_false(finds(cache, &other, &now, ""));
    assert_int_equal(metrics_get(METRIC_HISTORY_BYTES), 0);
    history_cache_destroy(cache);
}

/* ---- in a store ---- */

struct race {
    struct store *store;
    struct blob *json;
    bool commits_before_keeping;
};
static struct race race;

static enum err make_rows(struct tx *tx, struct fixture_work *self) {
    int64_t seq;
    assert_null(tx->history); /* readers' alone */
    enum err err = fixture_make_account(tx, AUTHOR);
    if (err == ERR_OK)
        err = fixture_make_room(tx, ROOM);
    return err == ERR_OK ? fixture_send(tx, ROOM, AUTHOR, self->number, &seq) : err;
}

static enum err erase_message(struct tx *tx, struct fixture_work *self) {
    const struct log_event deleted = {.type = EVENT_message_deleted,
                                      .audience = audience_room(ROOM),
                                      .actor = AUTHOR,
                                      .subject = self->number,
                                      .fact = 1};
    log_note_erased(tx);
    return emit(tx, &deleted, NULL);
}

static enum err read_and_keep(struct tx *tx, struct fixture_work *self) {
    struct history_stamp stamp;
    enum err err = log_newest_of(tx, audience_room(ROOM), &stamp.room_seq);
    if (err == ERR_OK)
        err = log_newest_of(tx, audience_workspace(), &stamp.people_pos);
    assert_int_equal(stamp.people_pos, 0);
    assert_true(stamp.room_seq > 0);
    if (race.commits_before_keeping)
        assert_int_equal(fixture_write(race.store, self->number, erase_message), ERR_OK);
    history_cache_keep(tx->history, tx->history_mark, &newest, &stamp, race.json);
    return err;
}

static unsigned references(struct blob *blob) {
    return atomic_load(&blob->refs);
}

static void what_is_erased_leaves_the_cache_with_its_commit(void **state) {
    char *folder = fixture_make_folder();
    const struct fixture_options options = {.history_cache_bytes = MAX_BYTES};
    (void)state;
    race = (struct race){.store = fixture_open(folder, &options),
                         .json = blob_from_bytes("deleted text", 12)};
    store_start(race.store, NULL);
    assert_int_equal(fixture_write(race.store, 1, make_rows), ERR_OK);
    assert_int_equal(fixture_read(race.store, 1, read_and_keep), ERR_OK);
    assert_int_equal(references(race.json), 2);
    assert_int_equal(fixture_write(race.store, 1, erase_message), ERR_OK);
    assert_int_equal(references(race.json), 1);
    race.commits_before_keeping = true; /* a reader whose snapshot still has the text */
    assert_int_equal(fixture_read(race.store, 1, read_and_keep), ERR_OK);
    assert_int_equal(references(race.json), 1);
    fixture_close(race.store);
    blob_unref(race.json);
    fixture_remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_found_by_its_whole_key),
        cmocka_unit_test(a_page_is_of_one_state_of_its_rows),
        cmocka_unit_test(what_was_unused_for_longest_goes_first_and_large_pages_are_not_kept),
        cmocka_unit_test(without_bytes_there_is_no_cache),
        cmocka_unit_test(a_commit_drops_the_pages_of_its_rooms),
        cmocka_unit_test(what_is_erased_leaves_the_cache_with_its_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
