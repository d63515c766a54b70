/* Migrations: the numbered files of migrations/, embedded at build time. Forward only; the caller
 * holds the folder's lock, and each runs in a transaction of its own together with its number.
 *
 * The database says which schema it has (the number of its last migration) and its floor: the
 * oldest schema whose release may run on it (SCHEMA_FLOOR). Once there is a release, migrations
 * only add, so a release runs on a schema one release newer: a migrating release writes as floor
 * the last schema of the release before it. A release refuses a schema whose floor is above its
 * own. */
#pragma once
#include "base/buf.h"
#include "store/db_open.h"

/* The last migration of the release before this one, or the last one that took something away: what
 * knows less cannot run. There is no release yet; 3 took a column. */
enum { SCHEMA_FLOOR = 3 };

/* Brings the database up to this release's schema. Refused, with words for the operator: a schema
 * that is too new, a database that is not Parley's. */
enum err migrate_run(struct db *db, struct buf *error) MUST_CHECK;
/* The number of this release's last migration. */
int64_t migrate_newest(void);
