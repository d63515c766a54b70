/* The log: one line an event to stderr, `key=value` or JSON. Any thread; a line is one write(), so
 * lines never mix.
 *
 * An event is a short fixed phrase, what varies goes into fields: LOG_INFO("listening",
 * log_str("addr", addr), log_int("port", port)). Values are quoted and escaped, so no input can
 * forge a line. No message text and no secret is ever logged. A line is cut at LOG_LINE_MAX_BYTES,
 * each value at LOG_VALUE_MAX_BYTES. */
#pragma once
#include "base/str.h"

enum { LOG_LINE_MAX_BYTES = 4096, LOG_VALUE_MAX_BYTES = 1024 };

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum log_kind { LOG_KIND_END, LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_BOOL };

struct log_field {
    const char *key;
    struct str text;
    int64_t number;
    enum log_kind kind;
};

static inline struct log_field log_str(const char *key, struct str value) {
    return (struct log_field){.key = key, .text = value, .kind = LOG_KIND_STR};
}

static inline struct log_field log_cstr(const char *key, const char *value) {
    return log_str(key, str_from_cstr(value));
}

static inline struct log_field log_int(const char *key, int64_t value) {
    return (struct log_field){.key = key, .number = value, .kind = LOG_KIND_INT};
}

static inline struct log_field log_bool(const char *key, bool value) {
    return (struct log_field){.key = key, .number = value, .kind = LOG_KIND_BOOL};
}

static inline struct log_field log_end(void) {
    return (struct log_field){.kind = LOG_KIND_END};
}

#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__, log_end())
#define LOG_INFO(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__, log_end())
#define LOG_WARN(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__, log_end())
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__, log_end())
#define LOG_AT(level, event, ...)                                                                  \
    (log_is_enabled(level) ? log_write(level, event, (const struct log_field[]){__VA_ARGS__})      \
                           : (void)0)

/* Lines below `level` are dropped. Before the other threads start; without it: INFO, text. */
void log_init(enum log_level level, bool json);
bool log_is_enabled(enum log_level level);
/* Writes one line; `fields` ends with log_end(). Call it through the macros. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

struct buf;
/* The line itself, newline included: what log_write sends. */
void log_format(struct buf *out, int64_t now_ms, enum log_level level, bool json, const char *event,
                const struct log_field *fields);
