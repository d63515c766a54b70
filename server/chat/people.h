/* Pages of people, by name: the cursor is the id of the last one. Thread: an executor. */
#pragma once
#include "store/account.h"

/* Where the page after `cursor` begins; empty: at the beginning. ERR_INVALID_CURSOR. */
enum err people_page_begin(struct tx *tx, struct str cursor, struct str *after) MUST_CHECK;
/* Of a page read with one row more than `limit`: the people, and the cursor of the page after it,
 * empty at the end. */
void people_page_end(struct arena *arena, struct account_rows *page, int64_t limit,
                     struct user_list *out, struct str *next_cursor);
