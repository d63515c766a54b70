/* Proves what the store must hold true: no gap from the first kept pos to the head, none in a
 * room's seq, every message with its event and its nonce, no row that names one that is not there,
 * the audit's chain, the database file itself.
 *
 * Thread: an executor, in a read transaction; it reads everything and takes long on a large
 * database. */
#pragma once
#include "protocol/model.h"
#include "store/log.h"

enum { DOCTOR_PROBLEMS_MAX = 100 };

/* Fills `problems` (in tx->arena; empty: all is well) and how many rows were looked at. */
enum err doctor_run(struct tx *tx, struct problem_list *problems, int64_t *checked) MUST_CHECK;
