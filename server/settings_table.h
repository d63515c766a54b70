/* The rows of settings.def as data: shared by settings.c (values) and settings_text.c (help and
 * sample file). */
#pragma once
#include "settings.h"

enum setting_kind {
    SETTING_STRING,
    SETTING_ADDRESS,
    SETTING_URL,
    SETTING_INT,
    SETTING_DURATION_MS,
    SETTING_BYTES,
    SETTING_BOOL,
    SETTING_ENUM
};

struct setting {
    const char *key; /* lower case, "section.name" or "name" */
    enum setting_kind kind;
    size_t offset; /* in struct settings */
    const char *standard;
    int64_t min, max;
    const char *unit; /* ENUM, BOOL: the choices, with | between */
    const char *help;
};

/* All rows, those of protocol/limits.def last. Their keys are put into lower case at the first call
 * (before there are threads). */
const struct setting *settings_table(size_t *count);
/* What may be given, in words: "one of auto, io_uring, writev". */
void setting_append_allowed(struct buf *out, const struct setting *row);
/* The n-th word of a list of choices; false behind the end. */
bool setting_choice_at(const char *choices, int n, struct str *word);
