#include "store/doctor.h"

#include "store/audit.h"
#include "store/db_open.h"

/* A check: a query that gives one line of text a problem. */
struct doctor_check {
    const char *name;
    enum query_id query;
    int64_t value; /* its $1, -1: it has none */
};

/* A bit for every type whose subject is of that kind. */
static int64_t doctor_types_about(enum event_subject subject) {
    int64_t types = 0;
    for (int i = EVENT_NOTHING + 1; i < EVENT_COUNT; i++)
        if (event_type((enum event_id)i)->subject == subject)
            types |= (int64_t)1 << i;
    return types;
}

static void doctor_add(struct tx *tx, struct problem_list *problems, const char *check,
                       struct str detail) {
    if (problems->count == DOCTOR_PROBLEMS_MAX)
        return;
    problems->items[problems->count++] =
        (struct problem){.check = str_from_cstr(check), .detail = arena_strdup(tx->arena, detail)};
}

static enum err doctor_run_check(struct tx *tx, const struct doctor_check *check,
                                 struct problem_list *problems) {
    struct db_rows rows;
    const struct db_value value = DB_I(check->value);
    enum err err = db_run(tx->db, tx->arena, check->query, &value, check->value < 0 ? 0 : 1, &rows);
    for (size_t i = 0; err == ERR_OK && i < rows.count; i++)
        doctor_add(tx, problems, check->name, db_at(&rows, i, 0)->bytes);
    return err;
}

static enum err doctor_check_rows(struct tx *tx, struct problem_list *problems) {
    const struct doctor_check checks[] = {
        {"log_gap", QUERY_doctor_log_gap, -1},
        {"log_head", QUERY_doctor_log_head, -1},
        {"log_head", QUERY_doctor_log_no_head, -1},
        {"seq_gap", QUERY_doctor_seq_gap, -1},
        {"seq_gap", QUERY_doctor_seq_begin, -1},
        {"seq_gap", QUERY_doctor_seq_stray, -1},
        {"message_without_event", QUERY_doctor_message_without_event, EVENT_message_created},
        {"event_without_message", QUERY_doctor_event_without_message, EVENT_message_created},
        {"orphan_event", QUERY_doctor_subject_message, doctor_types_about(SUBJECT_MESSAGE)},
        {"orphan_event", QUERY_doctor_subject_room, doctor_types_about(SUBJECT_ROOM)},
        {"orphan_event", QUERY_doctor_subject_user, doctor_types_about(SUBJECT_USER)},
        {"orphan_event", QUERY_doctor_audience, -1},
        {"joined_pos", QUERY_doctor_joined_pos, EVENT_room_joined},
        {"orphan_membership", QUERY_doctor_membership, -1},
        {"read_marker", QUERY_doctor_read_seq, -1},
        {"orphan_session", QUERY_doctor_session, -1},
        {"orphan_message", QUERY_doctor_message, -1},
        {"deleted_text", QUERY_doctor_deleted_text, -1},
        {"orphan_nonce", QUERY_doctor_nonce, -1},
        {"message_without_nonce", QUERY_doctor_message_nonce, -1},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < sizeof checks / sizeof *checks; i++)
        err = doctor_run_check(tx, &checks[i], problems);
    return err;
}

static enum err doctor_check_audit(struct tx *tx, struct problem_list *problems) {
    int64_t key = 0;
    enum err err = audit_find_break(tx, &key);
    if (err == ERR_OK && key != 0)
        doctor_add(tx, problems, "audit_chain",
                   arena_printf(tx->arena, "row %lld does not follow from the one before it",
                                (long long)key));
    return err;
}

enum err doctor_run(struct tx *tx, struct problem_list *problems, int64_t *checked) {
    struct db_rows rows;
    struct str damage = STR_EMPTY;
    problems->items = arena_zalloc_array(tx->arena, DOCTOR_PROBLEMS_MAX, sizeof *problems->items);
    problems->count = 0;
    *checked = 0;
    /* First of all: the other checks read through what this one proves. */
    enum err err = db_check_file(tx->db, tx->arena, &damage);
    if (err != ERR_OK)
        return err;
    if (!str_is_empty(damage))
        doctor_add(tx, problems, "integrity", damage);
    err = doctor_check_rows(tx, problems);
    if (err == ERR_OK)
        err = doctor_check_audit(tx, problems);
    if (err == ERR_OK)
        err = DB_RUN0(tx->db, tx->arena, QUERY_doctor_rows, &rows);
    if (err == ERR_OK)
        *checked = db_at(&rows, 0, 0)->integer;
    return err;
}
