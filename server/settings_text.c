/* Settings in words: what is allowed, --help, the sample file. */
#include "settings_table.h"

#include <inttypes.h>

bool setting_choice_at(const char *choices, int n, struct str *word) {
    struct str rest = str_from_cstr(choices);
    bool more = true;
    for (int i = 0; i <= n; i++) {
        if (!more)
            return false;
        more = str_cut(rest, '|', word, &rest);
    }
    return true;
}

static void append_choices(struct buf *out, const char *choices) {
    struct str word;
    for (int i = 0; setting_choice_at(choices, i, &word); i++)
        buf_appendf(out, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(word));
}

void setting_append_allowed(struct buf *out, const struct setting *row) {
    switch (row->kind) {
    case SETTING_STRING:
        buf_appendf(out, "a text of %" PRId64 " to %" PRId64 " bytes", row->min, row->max);
        break;
    case SETTING_ADDRESS:
        buf_appendf(out, "ADDR:PORT with a numeric address, as 127.0.0.1:8080 or [::1]:8080%s",
                    row->min == 0 ? ", or nothing" : "");
        break;
    case SETTING_URL:
        buf_append_cstr(out, "http:// or https:// with a host and perhaps a port, no path");
        break;
    case SETTING_INT:
        buf_appendf(out, "a whole number from %" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case SETTING_DURATION_MS:
        buf_appendf(out, "%" PRId64 " to %" PRId64 " ms, or with a unit: ms, s, m, h, d", row->min,
                    row->max);
        break;
    case SETTING_BYTES:
        buf_appendf(out, "%" PRId64 " to %" PRId64 " bytes, or with a unit: KiB, MiB, GiB",
                    row->min, row->max);
        break;
    case SETTING_BOOL:
    case SETTING_ENUM:
        buf_append_cstr(out, "one of ");
        append_choices(out, row->unit);
        break;
    }
}

void settings_write_help(struct buf *out) {
    size_t count;
    const struct setting *table = settings_table(&count);
    buf_append_cstr(out, "  --config=FILE\n        A settings file.\n");
    for (size_t i = 0; i < count; i++) {
        const struct setting *row = &table[i];
        buf_appendf(out, "  --%s=%s\n        %s.\n        Default: %s; allowed: ", row->key,
                    row->unit, row->help, row->standard[0] == '\0' ? "none" : row->standard);
        setting_append_allowed(out, row);
        buf_append_char(out, '\n');
    }
}

/* "[net]" when the row begins another section than the one before. */
static void append_section(struct buf *out, const char *key, struct str *section) {
    struct str own, name;
    if (!str_cut(str_from_cstr(key), '.', &own, &name) || str_equal(own, *section))
        return;
    *section = own;
    buf_appendf(out, "\n[%.*s]\n", STR_ARG(own));
}

void settings_write_sample(struct buf *out) {
    size_t count;
    const struct setting *table = settings_table(&count);
    struct str section = STR_EMPTY;
    buf_append_cstr(
        out, "# Parley's settings. Every line here shows a default; take the # away to change it.\n"
             "# Environment (PARLEY_NET_SEND_BATCH) and command line (--net.send_batch=...) go "
             "before this file.\n");
    for (size_t i = 0; i < count; i++) {
        const struct setting *row = &table[i];
        append_section(out, row->key, &section);
        struct str name = str_from_cstr(row->key);
        size_t dot = str_find_char(name, '.');
        if (dot != STR_NOT_FOUND)
            name = str_slice(name, dot + 1, name.len);
        buf_appendf(out, "\n# %s.\n# Allowed: ", row->help);
        setting_append_allowed(out, row);
        buf_appendf(out, " (%s)\n# %.*s = %s\n", row->unit, STR_ARG(name), row->standard);
    }
}
