/* Results that a connection remembers: the few queries that nearly every request begins with (who
 * calls, which room, whether a member) give the same row thousands of times between two changes.
 * Only for the one connection that writes the database: it sees every change itself, and a
 * stranger's at the next transaction. A result is forgotten as soon as a statement changes a table
 * that it was read from, and nothing is taken from or kept of such a table until that transaction
 * has ended, so a rollback leaves nothing false.
 *
 * Thread: the connection's. */
#pragma once
#include "base/map.h"
#include "store/db.h"

enum {
    DB_CACHE_ENTRIES_MAX = 16384, /* all are forgotten when there are more */
    DB_CACHE_KEY_MAX_BYTES = 64,  /* of a query's values; longer ones are not kept */
    DB_CACHE_ROW_MAX_BYTES = 2048,
    DB_CACHE_ALL_TABLES = 0xff,
};

struct db_cache {
    struct strmap entries;  /* query and values → struct db_cached, in the heap */
    uint64_t clock;         /* counts changes and results */
    uint64_t changed_at[8]; /* a table; by the clock */
    uint8_t unsettled;      /* tables that the transaction in hand has changed */
};

void db_cache_init(struct db_cache *cache);
void db_cache_finish(struct db_cache *cache);
/* The bit of a table that results are kept of, else 0. */
uint8_t db_cache_table(const char *name);
/* Whether results of the query are kept. */
bool db_cache_holds(enum query_id query);
/* Copies the result into the arena; false: not there, or not fresh. */
bool db_cache_find(struct db_cache *cache, struct arena *arena, enum query_id query,
                   const struct db_value *values, size_t count, struct db_rows *out);
/* Keeps a copy of a result of one row that was read from `tables`. */
void db_cache_keep(struct db_cache *cache, enum query_id query, const struct db_value *values,
                   size_t count, const struct db_rows *rows, uint8_t tables);
/* A statement has changed rows of `tables`, or has tried. */
void db_cache_note_change(struct db_cache *cache, uint8_t tables);
/* The transaction has ended, one way or the other. */
void db_cache_settle(struct db_cache *cache);
