#include "auth/permission.h"
#include "protocol/permissions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- rooms: every cell ---- */

enum { ACTS = ROOM_ACT_DELETE_ANY + 1, ROLES = ROLE_OWNER + 1 };

/* What one who stands so to a room gets, a word a role (guest, member, admin, owner), a letter an
 * act in the order of enum room_act: see, join, take part, write, manage, archive, delete any. o:
 * allowed, F: forbidden, A: archived, -: no such room. */
struct permission_row {
    const char *who;
    bool is_member, is_maker, is_private, is_archived;
    const char *roles[ROLES];
};

#define NOBODY "-------"
#define ALL_OF_IT "ooooooo"
static const struct permission_row rows[] = {
    {"public, stranger", false, false, false, false, {NOBODY, "ooFFFFF", "ooFFooF", "ooFFooF"}},
    {"public, maker who left",
     false,
     true,
     false,
     false,
     {NOBODY, "ooFFooF", "ooFFooF", "ooFFooF"}},
    {"public, member", true, false, false, false, {"ooooFFF", "ooooFFF", ALL_OF_IT, ALL_OF_IT}},
    {"public, maker", true, true, false, false, {ALL_OF_IT, ALL_OF_IT, ALL_OF_IT, ALL_OF_IT}},
    {"private, stranger", false, false, true, false, {NOBODY, NOBODY, NOBODY, NOBODY}},
    {"private, maker who left", false, true, true, false, {NOBODY, NOBODY, NOBODY, NOBODY}},
    {"private, member", true, false, true, false, {"ooooFFF", "ooooFFF", ALL_OF_IT, ALL_OF_IT}},
    {"private, maker", true, true, true, false, {ALL_OF_IT, ALL_OF_IT, ALL_OF_IT, ALL_OF_IT}},
    {"archived, stranger", false, false, false, true, {NOBODY, "oAFFFFF", "oAFFAoF", "oAFFAoF"}},
    {"archived, maker who left",
     false,
     true,
     false,
     true,
     {NOBODY, "oAFFAoF", "oAFFAoF", "oAFFAoF"}},
    {"archived, member", true, false, false, true, {"oooAFFF", "oooAFFF", "oooAAoo", "oooAAoo"}},
    {"archived, maker", true, true, false, true, {"oooAAoo", "oooAAoo", "oooAAoo", "oooAAoo"}},
    {"private archived, stranger", false, false, true, true, {NOBODY, NOBODY, NOBODY, NOBODY}},
    {"private archived, maker who left", false, true, true, true, {NOBODY, NOBODY, NOBODY, NOBODY}},
    {"private archived, member",
     true,
     false,
     true,
     true,
     {"oooAFFF", "oooAFFF", "oooAAoo", "oooAAoo"}},
    {"private archived, maker",
     true,
     true,
     true,
     true,
     {"oooAAoo", "oooAAoo", "oooAAoo", "oooAAoo"}},
};

static enum err err_of_letter(char letter) {
    switch (letter) {
    case 'o':
        return ERR_OK;
    case 'F':
        return ERR_FORBIDDEN;
    case 'A':
        return ERR_ROOM_ARCHIVED;
    default:
        return ERR_NOT_FOUND;
    }
}

static void every_standing_in_a_room_allows_what_the_table_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int role = 0; role < ROLES; role++) {
            const struct room_facts facts = {.role = (enum role)role,
                                             .is_member = rows[i].is_member,
                                             .is_maker = rows[i].is_maker,
                                             .is_private = rows[i].is_private,
                                             .is_archived = rows[i].is_archived};
            assert_int_equal(strlen(rows[i].roles[role]), ACTS);
            for (int act = 0; act < ACTS; act++) {
                enum err expected = err_of_letter(rows[i].roles[role][act]);
                enum err got = permission_in_room(&facts, (enum room_act)act);
                if (got != expected)
                    fail_msg("%s, role %d, act %d: %s", rows[i].who, role, act,
                             got == ERR_OK ? "ok" : err_code(got));
            }
        }
    }
}

static void all_sixteen_standings_are_in_the_table(void **state) {
    unsigned seen = 0;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        seen |= 1u << (rows[i].is_member * 1 + rows[i].is_maker * 2 + rows[i].is_private * 4 +
                       rows[i].is_archived * 8);
    assert_int_equal(seen, 0xffff);
}

/* ---- rank ---- */

static void nobody_reaches_above_the_own_rank(void **state) {
    (void)state;
    for (int actor = 0; actor < ROLES; actor++)
        for (int target = 0; target < ROLES; target++)
            assert_int_equal(permission_reaches((enum role)actor, (enum role)target),
                             target <= actor);
}

/* ---- the workspace ---- */

static void roles_allow_in_the_workspace_what_the_table_says(void **state) {
    static const struct {
        enum permission permission;
        enum role lowest;
    } cells[] = {
        {PERMISSION_ROOM_CREATE, ROLE_MEMBER},
        {PERMISSION_ROOM_JOIN, ROLE_MEMBER},
        {PERMISSION_ROOM_MANAGE, ROLE_ADMIN},
        {PERMISSION_MESSAGE_SEND, ROLE_GUEST},
        {PERMISSION_MESSAGE_DELETE_ANY, ROLE_ADMIN},
        {PERMISSION_INVITE_MANAGE, ROLE_ADMIN},
        {PERMISSION_USER_LIST, ROLE_MEMBER},
        {PERMISSION_METRICS_READ, ROLE_ADMIN},
        {PERMISSION_PUBLIC, ROLE_GUEST},
        {PERMISSION_SIGNED_IN, ROLE_GUEST},
    };
    (void)state;
    assert_int_equal(sizeof cells / sizeof *cells,
                     PERMISSION_COUNT - 1); /* all but OPERATOR, which follows */
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        for (int role = 0; role < ROLES; role++)
            assert_int_equal(permission_allows(cells[i].permission, (enum role)role),
                             role >= (int)cells[i].lowest);
    for (int role = 0; role < ROLES; role++)
        assert_false(permission_allows(PERMISSION_OPERATOR, (enum role)role));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_standing_in_a_room_allows_what_the_table_says),
        cmocka_unit_test(all_sixteen_standings_are_in_the_table),
        cmocka_unit_test(nobody_reaches_above_the_own_rank),
        cmocka_unit_test(roles_allow_in_the_workspace_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
