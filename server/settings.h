/* The settings: a struct with a member a row of settings.def, and how it is filled.
 *
 * Read once at the start, before there are threads; after that everybody may read it. What is wrong
 * stops the start: an error names the setting, the value, where it came from and what is allowed;
 * unknown names are errors too. */
#pragma once
#include "base/buf.h"

#define SETTINGS_TYPE_STRING char *
#define SETTINGS_TYPE_ADDRESS char *
#define SETTINGS_TYPE_URL char *
#define SETTINGS_TYPE_INT int64_t
#define SETTINGS_TYPE_DURATION_MS int64_t
#define SETTINGS_TYPE_BYTES int64_t
#define SETTINGS_TYPE_BOOL bool
#define SETTINGS_TYPE_ENUM int

/* The rows of protocol/limits.def, in their order. */
enum settings_limit {
#define LIMIT(id, rate, burst, help) SETTINGS_LIMIT_##id,
#include "protocol/limits.def"
#undef LIMIT
    SETTINGS_LIMIT_COUNT
};

/* A bucket: limits.<id>_rate and limits.<id>_burst. */
struct settings_bucket {
    int64_t rate_per_minute;
    int64_t burst;
};

struct settings {
    char *config; /* the file that was read, or NULL */
#define SETTING(field, key, kind, standard, min, max, unit, help) SETTINGS_TYPE_##kind field;
#include "settings.def"
#undef SETTING
    struct settings_bucket limits[SETTINGS_LIMIT_COUNT];
};

/* The defaults alone. */
void settings_init(struct settings *settings);
void settings_finish(struct settings *settings);

/* Fills `out`: default < file < environment < command line. `argv` holds what follows the
 * subcommand; the settings in it (--key=value or --key value, up to a "--") are taken out and *argc
 * and argv shrink to the rest, which is the subcommand's own: flags without a dot and plain
 * arguments. False: `error` says why, in one line without its end; `out` must not be used or
 * finished. */
bool settings_load(struct settings *out, int *argc, char **argv, struct buf *error) MUST_CHECK;
/* For subcommands that take nothing more: false, with a message, when something is left. */
bool settings_refuse_rest(int argc, char **argv, struct buf *error) MUST_CHECK;

/* People come by https: we speak TLS, or a proxy before us does. */
bool settings_is_https(const struct settings *settings);
/* The word for an ENUM's value: settings_choice("store.synchronous", settings.store_synchronous).
 */
struct str settings_choice(const char *key, int value);
/* Logs a warning for each value that is allowed but unsafe. */
void settings_log_warnings(const struct settings *settings);

/* Every setting with its text, default and bounds, for --help. */
void settings_write_help(struct buf *out);
/* A whole settings file in which everything is commented out. */
void settings_write_sample(struct buf *out);
