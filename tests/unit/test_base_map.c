/* map and strmap against a plain array that does the same. */
#include "base/buf.h"
#include "base/map.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KEYS = 500, STEPS = 20000 };

static char values[KEYS]; /* only their addresses count */

static void a_map_does_what_an_array_does(void **state) {
    (void)state;
    struct map map;
    void *model[KEYS] = {NULL};
    size_t count = 0;
    map_init(&map);
    assert_null(map_get(&map, 7));
    assert_null(map_remove(&map, 7));
    for (int step = 0; step < STEPS; step++) {
        uint32_t key = random_below(KEYS);
        void *value = &values[random_below(KEYS)];
        if (random_below(2) == 0) {
            count += model[key] == NULL;
            assert_ptr_equal(map_put(&map, key, value), model[key]);
            model[key] = value;
        } else {
            count -= model[key] != NULL;
            assert_ptr_equal(map_remove(&map, key), model[key]);
            model[key] = NULL;
        }
        assert_int_equal(map.count, count);
    }
    for (uint64_t key = 0; key < KEYS; key++)
        assert_ptr_equal(map_get(&map, key), model[key]);
    map_finish(&map);
}

static void a_map_is_walked_once_over_each_entry(void **state) {
    (void)state;
    struct map map;
    bool seen[KEYS] = {false};
    map_init(&map);
    for (uint64_t key = 0; key < KEYS; key++)
        map_put(&map, key << 32, &values[key]);
    uint64_t key;
    void *value;
    size_t count = 0;
    for (size_t at = 0; map_next(&map, &at, &key, &value); count++) {
        assert_ptr_equal(value, &values[key >> 32]);
        assert_false(seen[key >> 32]);
        seen[key >> 32] = true;
    }
    assert_int_equal(count, KEYS);
    map_finish(&map);
}

static struct str key_text(struct buf *buf, uint32_t key) {
    buf_clear(buf);
    buf_appendf(buf, "room-%u", key);
    return buf_str(buf);
}

static void a_strmap_does_what_an_array_does_and_owns_its_keys(void **state) {
    (void)state;
    struct strmap map;
    struct buf buf = BUF_INIT; /* one buffer for all keys: the map must have copied them */
    void *model[KEYS] = {NULL};
    strmap_init(&map);
    assert_null(strmap_get(&map, STR("x")));
    for (int step = 0; step < STEPS; step++) {
        uint32_t key = random_below(KEYS);
        void *value = random_below(2) == 0 ? &values[random_below(KEYS)] : NULL;
        if (value != NULL)
            assert_ptr_equal(strmap_put(&map, key_text(&buf, key), value), model[key]);
        else
            assert_ptr_equal(strmap_remove(&map, key_text(&buf, key)), model[key]);
        model[key] = value;
    }
    size_t count = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        assert_ptr_equal(strmap_get(&map, key_text(&buf, key)), model[key]);
        count += model[key] != NULL;
    }
    struct str key;
    for (size_t at = 0; strmap_next(&map, &at, &key, NULL); count--)
        assert_true(str_starts_with(key, STR("room-")));
    assert_int_equal(count, 0);
    strmap_finish(&map);
    buf_finish(&buf);
}

static void the_empty_key_is_a_key(void **state) {
    (void)state;
    struct strmap map;
    strmap_init(&map);
    strmap_put(&map, STR_EMPTY, &values[1]);
    assert_ptr_equal(strmap_get(&map, STR_EMPTY), &values[1]);
    assert_null(strmap_get(&map, STR("a")));
    assert_ptr_equal(strmap_remove(&map, STR_EMPTY), &values[1]);
    strmap_finish(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_does_what_an_array_does),
        cmocka_unit_test(a_map_is_walked_once_over_each_entry),
        cmocka_unit_test(a_strmap_does_what_an_array_does_and_owns_its_keys),
        cmocka_unit_test(the_empty_key_is_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
