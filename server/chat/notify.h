/* Events that several operations give. Thread: the writer, inside a transaction. `actor`: account,
 * 0: the operator. */
#pragma once
#include "store/account.h"
#include "store/room.h"

/* An account was made or changed. */
enum err notify_user_updated(struct tx *tx, int64_t actor,
                             const struct account_row *account) MUST_CHECK;
/* room.updated, for its members, with the row as it is now. */
enum err notify_room_updated(struct tx *tx, int64_t actor, const struct room_row *row) MUST_CHECK;
/* room.created, for the workspace; of public rooms only. */
enum err notify_room_created(struct tx *tx, int64_t actor, const struct room_row *row) MUST_CHECK;
