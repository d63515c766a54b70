#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int min_level = LOG_LEVEL_INFO;
static atomic_bool as_json = false;

void log_init(enum log_level level, bool json) {
    atomic_store(&min_level, (int)level);
    atomic_store(&as_json, json);
}

bool log_is_enabled(enum log_level level) {
    return (int)level >= atomic_load_explicit(&min_level, memory_order_relaxed);
}

static const char *level_name(enum log_level level) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

/* At most LOG_VALUE_MAX_BYTES, not cut within a character. */
static struct str cut_value(struct str value) {
    if (value.len <= LOG_VALUE_MAX_BYTES)
        return value;
    size_t len = LOG_VALUE_MAX_BYTES;
    while (len > 0 && ((unsigned char)value.ptr[len] & 0xC0) == 0x80)
        len--;
    return str_slice(value, 0, len);
}

/* The bytes at `at` are U+0080 … U+009F, which terminals take for control characters, or
 * U+2028/U+2029 (line ends to some). */
static size_t hidden_control(struct str value, size_t at, unsigned *code) {
    const unsigned char *bytes = (const unsigned char *)value.ptr + at;
    size_t left = value.len - at;
    if (left >= 2 && bytes[0] == 0xC2 && bytes[1] < 0xA0) {
        *code = bytes[1];
        return 2;
    }
    if (left >= 3 && bytes[0] == 0xE2 && bytes[1] == 0x80 &&
        (bytes[2] == 0xA8 || bytes[2] == 0xA9)) {
        *code = 0x2000U | (bytes[2] & 0x3F);
        return 3;
    }
    return 0;
}

/* In quotes, with JSON's escapes: both formats read them. What is no valid UTF-8 shows as U+FFFD.
 */
static void append_quoted(struct buf *out, struct str value) {
    value = cut_value(value);
    bool valid = utf8_is_valid(value);
    buf_append_char(out, '"');
    for (size_t i = 0; i < value.len;) {
        unsigned code = (unsigned char)value.ptr[i];
        size_t hidden = valid ? hidden_control(value, i, &code) : 0;
        if (hidden > 0 || code < 0x20 || code == 0x7F)
            buf_appendf(out, "\\u%04x", code);
        else if (code >= 0x80 && !valid)
            buf_append_cstr(out, "\\ufffd");
        else if (code == '"' || code == '\\')
            buf_appendf(out, "\\%c", (char)code);
        else
            buf_append_char(out, value.ptr[i]);
        i += hidden > 0 ? hidden : 1;
    }
    buf_append_char(out, '"');
}

static void append_key(struct buf *out, bool json, const char *key) {
    if (json)
        buf_appendf(out, ",\"%s\":", key);
    else
        buf_appendf(out, " %s=", key);
}

static void append_field(struct buf *out, bool json, const struct log_field *field) {
    append_key(out, json, field->key);
    switch (field->kind) {
    case LOG_KIND_STR:
        append_quoted(out, field->text);
        break;
    case LOG_KIND_INT:
        buf_append_i64(out, field->number);
        break;
    case LOG_KIND_BOOL:
        buf_append_cstr(out, field->number != 0 ? "true" : "false");
        break;
    case LOG_KIND_END:
        break;
    }
}

void log_format(struct buf *out, int64_t now_ms, enum log_level level, bool json, const char *event,
                const struct log_field *fields) {
    static const char cut[] = ",\"cut\":true}\n"; /* the longer of the two ends */
    char time[TIME_RFC3339_BYTES];
    time_format_rfc3339(now_ms, time);
    size_t start = out->len;
    buf_appendf(out, json ? "{\"time\":\"%s\",\"level\":\"%s\"" : "time=%s level=%s", time,
                level_name(level));
    append_key(out, json, "event");
    append_quoted(out, str_from_cstr(event));
    for (; fields->kind != LOG_KIND_END; fields++) {
        size_t before = out->len;
        append_field(out, json, fields);
        if (out->len - start + sizeof cut > LOG_LINE_MAX_BYTES) {
            out->len = before;
            buf_append_cstr(out, json ? ",\"cut\":true" : " cut=true");
            break;
        }
    }
    buf_append_cstr(out, json ? "}\n" : "\n");
}

void log_write(enum log_level level, const char *event, const struct log_field *fields) {
    int saved_errno =
        errno; /* a log line between a failed call and the look at errno changes nothing */
    struct buf line;
    buf_init(&line);
    log_format(&line, clock_now_ms(), level, atomic_load(&as_json), event, fields);
    ssize_t written = write(STDERR_FILENO, line.data, line.len);
    (void)written; /* there is nobody left to tell */
    buf_finish(&line);
    errno = saved_errno;
}
