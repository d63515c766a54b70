#include "settings.h"

#include "base/log.h"
#include "base/mem.h"
#include "settings_table.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>

extern char **environ;

/* ---- the table ---- */

enum { KEY_MAX_BYTES = 64 };

const struct setting *settings_table(size_t *count) {
    static struct setting table[] = {
#define SETTING(field, key, kind, standard, min, max, unit, help)                                  \
    {key, SETTING_##kind, offsetof(struct settings, field), standard, min, max, unit, help},
#include "settings.def"
#undef SETTING
#define LIMIT(id, rate_standard, burst_standard, help)                                             \
    {"limits." #id "_rate",                                                                        \
     SETTING_INT,                                                                                  \
     offsetof(struct settings, limits[SETTINGS_LIMIT_##id].rate_per_minute),                       \
     #rate_standard,                                                                               \
     1,                                                                                            \
     1000000,                                                                                      \
     "per minute",                                                                                 \
     help},                                                                                        \
        {"limits." #id "_burst",                                                                   \
         SETTING_INT,                                                                              \
         offsetof(struct settings, limits[SETTINGS_LIMIT_##id].burst),                             \
         #burst_standard,                                                                          \
         1,                                                                                        \
         1000000,                                                                                  \
         "at once",                                                                                \
         help},
#include "protocol/limits.def"
#undef LIMIT
    };
    enum { ROWS = sizeof table / sizeof *table, LIMIT_ROWS = 2 * SETTINGS_LIMIT_COUNT };
    static char keys[LIMIT_ROWS][KEY_MAX_BYTES];
    *count = ROWS;
    if (keys[0][0] != '\0')
        return table;
    for (int i = 0; i < LIMIT_ROWS; i++) {
        struct setting *row = &table[ROWS - LIMIT_ROWS + i];
        CHECK(strlen(row->key) < KEY_MAX_BYTES);
        for (size_t at = 0; row->key[at] != '\0'; at++)
            keys[i][at] = (char)tolower((unsigned char)row->key[at]);
        row->key = keys[i];
    }
    return table;
}

static const struct setting *find_row(struct str key) {
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++)
        if (str_equal(key, str_from_cstr(table[i].key)))
            return &table[i];
    return NULL;
}

/* ---- one value ---- */

struct unit {
    struct str name;
    int64_t factor;
};

/* A whole number and perhaps one of the units, with or without a space between. */
static bool parse_with_unit(struct str text, const struct unit *units, int64_t *out) {
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.ptr[digits]))
        digits++;
    struct str name = str_trim(str_slice(text, digits, text.len));
    if (!str_to_i64(str_slice(text, 0, digits), out))
        return false;
    if (name.len == 0)
        return true;
    for (; units->factor != 0; units++)
        if (str_equal(name, units->name))
            return !__builtin_mul_overflow(*out, units->factor, out);
    return false;
}

static bool parse_number(const struct setting *row, struct str text, int64_t *out) {
    static const struct unit no_units[] = {{STR_INIT(""), 0}};
    static const struct unit times[] = {{STR_INIT("ms"), 1},       {STR_INIT("s"), 1000},
                                        {STR_INIT("m"), 60000},    {STR_INIT("h"), 3600000},
                                        {STR_INIT("d"), 86400000}, {STR_INIT(""), 0}};
    static const struct unit sizes[] = {{STR_INIT("KiB"), 1 << 10},
                                        {STR_INIT("MiB"), 1 << 20},
                                        {STR_INIT("GiB"), 1 << 30},
                                        {STR_INIT(""), 0}};
    const struct unit *units = row->kind == SETTING_DURATION_MS ? times
                               : row->kind == SETTING_BYTES     ? sizes
                                                                : no_units;
    return parse_with_unit(text, units, out) && *out >= row->min && *out <= row->max;
}

/* "127.0.0.1:8080" or "[::1]:8080". `host` gets the address without brackets. */
static bool parse_address(struct str text, char host[INET6_ADDRSTRLEN], int *family) {
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    int64_t port;
    if (colon == 0 || !str_to_i64(str_slice(text, colon, text.len), &port) || port < 0 ||
        port > 65535)
        return false;
    struct str address = str_slice(text, 0, colon - 1);
    *family = str_starts_with(address, STR("[")) ? AF_INET6 : AF_INET;
    if (*family == AF_INET6) {
        if (!str_ends_with(address, STR("]")))
            return false;
        address = str_slice(address, 1, address.len - 1);
    }
    unsigned char bytes[sizeof(struct in6_addr)];
    if (address.len >= INET6_ADDRSTRLEN)
        return false;
    memcpy(host, address.ptr, address.len);
    host[address.len] = '\0';
    return inet_pton(*family, host, bytes) == 1;
}

/* An origin: scheme, host and perhaps a port; nothing behind. */
static bool is_origin_url(struct str text) {
    struct str rest;
    if (str_starts_with(text, STR("https://")))
        rest = str_slice(text, 8, text.len);
    else if (str_starts_with(text, STR("http://")))
        rest = str_slice(text, 7, text.len);
    else
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if (!isalnum((unsigned char)rest.ptr[i]) && strchr("-.:[]", rest.ptr[i]) == NULL)
            return false;
    return rest.len > 0 && rest.ptr[0] != ':';
}

static bool text_is_allowed(const struct setting *row, struct str text) {
    char host[INET6_ADDRSTRLEN];
    int family;
    if ((int64_t)text.len < row->min || (int64_t)text.len > row->max)
        return false;
    if (text.len == 0 || row->kind == SETTING_STRING)
        return true;
    return row->kind == SETTING_URL ? is_origin_url(text) : parse_address(text, host, &family);
}

/* The place of `text` in the row's choices, or -1. */
static int choice_of(const struct setting *row, struct str text) {
    struct str word;
    for (int i = 0; setting_choice_at(row->unit, i, &word); i++)
        if (str_equal(word, text))
            return i;
    return -1;
}

static void set_text(char **member, struct str text) {
    mem_free(*member);
    *member = mem_alloc(text.len + 1);
    memcpy(*member, text.ptr, text.len);
    (*member)[text.len] = '\0';
}

/* Sets the row's member from text; false when it is not allowed. */
static bool set_value(struct settings *settings, const struct setting *row, struct str text) {
    void *member = (char *)settings + row->offset; /* aligned: an offset of a member */
    int choice;
    switch (row->kind) {
    case SETTING_STRING:
    case SETTING_ADDRESS:
    case SETTING_URL:
        if (!text_is_allowed(row, text))
            return false;
        set_text(member, text);
        return true;
    case SETTING_INT:
    case SETTING_DURATION_MS:
    case SETTING_BYTES:
        return parse_number(row, text, member);
    case SETTING_BOOL:
        choice = choice_of(row, text);
        *(bool *)member = choice == 0;
        return choice >= 0;
    case SETTING_ENUM:
        choice = choice_of(row, text);
        *(int *)member = choice;
        return choice >= 0;
    }
    return false;
}

/* ---- where values come from ---- */

struct loading {
    struct settings *settings;
    struct buf *error;  /* the first thing that was wrong; empty: nothing */
    const char *source; /* "the command line" … */
};

static bool load_failed(const struct loading *loading) {
    return loading->error->len > 0;
}

static void load_unknown(struct loading *loading, const char *what, struct str name) {
    if (!load_failed(loading))
        buf_appendf(loading->error, "%s: there is no %s \"%.*s\"; --help lists them",
                    loading->source, what, STR_ARG(name));
}

static void load_value(struct loading *loading, const struct setting *row, struct str text) {
    if (load_failed(loading) || set_value(loading->settings, row, text))
        return;
    buf_appendf(loading->error, "%s: %s cannot be \"%.*s\"; allowed: ", loading->source, row->key,
                STR_ARG(text));
    setting_append_allowed(loading->error, row);
}

static void load_defaults(struct loading *loading) {
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++)
        CHECK(set_value(loading->settings, &table[i], str_from_cstr(table[i].standard)));
}

/* inih calls this for each "name = value". */
static int load_file_line(void *user, const char *section, const char *name, const char *value) {
    struct loading *loading = user;
    struct buf key = BUF_INIT;
    buf_appendf(&key, "%s%s%s", section, section[0] == '\0' ? "" : ".", name);
    const struct setting *row = find_row(buf_str(&key));
    if (row == NULL)
        load_unknown(loading, "setting", buf_str(&key));
    else
        load_value(loading, row, str_from_cstr(value));
    buf_finish(&key);
    return 1;
}

static void load_file(struct loading *loading, const char *path) {
    set_text(&loading->settings->config, str_from_cstr(path));
    loading->source = path;
    errno = 0;
    int line = ini_parse(path, load_file_line, loading);
    if (load_failed(loading) || line == 0)
        return;
    if (line < 0)
        buf_appendf(loading->error, "%s: cannot read this settings file: %s", path,
                    strerror(errno));
    else
        buf_appendf(loading->error,
                    "%s: line %d is neither a [section], name = value nor a comment", path, line);
}

/* "net.send_batch" has the name PARLEY_NET_SEND_BATCH in the environment. `name` comes without
 * PARLEY_. */
static bool is_environment_name(const struct setting *row, struct str name) {
    if (strlen(row->key) != name.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        int expected = row->key[i] == '.' ? '_' : toupper((unsigned char)row->key[i]);
        if (name.ptr[i] != expected)
            return false;
    }
    return true;
}

static const struct setting *find_environment_row(struct str name) {
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++)
        if (is_environment_name(&table[i], name))
            return &table[i];
    return NULL;
}

static void load_environment(struct loading *loading) {
    loading->source = "the environment";
    for (char **at = environ; *at != NULL; at++) {
        struct str name, value;
        if (!str_cut(str_from_cstr(*at), '=', &name, &value) ||
            !str_starts_with(name, STR("PARLEY_")))
            continue;
        const struct setting *row = find_environment_row(str_slice(name, 7, name.len));
        if (row != NULL)
            load_value(loading, row, value);
        else if (!str_equal(name, STR("PARLEY_CONFIG")))
            load_unknown(loading, "variable", name);
    }
}

/* Reads the flag at *at; `value` may be the argument behind it, then *at moves on. False: no flag
 * of ours (or an error). */
static bool next_flag(struct loading *loading, int argc, char **argv, int *at, struct str *key,
                      struct str *value) {
    struct str arg = str_from_cstr(argv[*at]);
    if (!str_starts_with(arg, STR("--")))
        return false;
    bool has_value = str_cut(str_slice(arg, 2, arg.len), '=', key, value);
    if (find_row(*key) == NULL && !str_equal(*key, STR("config"))) {
        if (str_find_char(*key, '.') != STR_NOT_FOUND)
            load_unknown(loading, "setting", *key);
        return false;
    }
    if (has_value)
        return true;
    if (*at + 1 == argc) {
        if (!load_failed(loading))
            buf_appendf(loading->error, "%s: --%.*s needs a value", loading->source, STR_ARG(*key));
        return false;
    }
    *value = str_from_cstr(argv[++*at]);
    return true;
}

/* Where the settings file is: the command line goes before the environment. */
static const char *config_path(struct loading *loading, int argc, char **argv) {
    const char *path = getenv("PARLEY_CONFIG");
    struct str key, value;
    for (int at = 0; at < argc && strcmp(argv[at], "--") != 0; at++)
        if (next_flag(loading, argc, argv, &at, &key, &value) && str_equal(key, STR("config")))
            path = value.ptr; /* the end of an argument: NUL-terminated */
    return path;
}

static void load_arguments(struct loading *loading, int *argc, char **argv) {
    int kept = 0;
    bool ours = true;
    loading->source = "the command line";
    for (int at = 0; at < *argc; at++) {
        struct str key, value;
        ours = ours && strcmp(argv[at], "--") != 0;
        if (!ours || !next_flag(loading, *argc, argv, &at, &key, &value))
            argv[kept++] = argv[at];
        else if (find_row(key) != NULL)
            load_value(loading, find_row(key), value);
    }
    *argc = kept;
}

static void check_silence(struct loading *loading) {
    const struct settings *settings = loading->settings;
    if (!load_failed(loading) && settings->ws_silence_timeout_ms <= settings->ws_ping_interval_ms)
        buf_appendf(loading->error,
                    "ws.silence_timeout_ms cannot be \"%lld\"; allowed: more than "
                    "ws.ping_interval_ms, which is %lld",
                    (long long)settings->ws_silence_timeout_ms,
                    (long long)settings->ws_ping_interval_ms);
}

bool settings_is_https(const struct settings *settings) {
    return settings->tls_certificate[0] != '\0' ||
           str_starts_with(str_from_cstr(settings->public_url), STR("https://"));
}

static void check_tls(struct loading *loading) {
    const struct settings *settings = loading->settings;
    bool has_certificate = settings->tls_certificate[0] != '\0';
    if (load_failed(loading))
        return;
    if (has_certificate != (settings->tls_key[0] != '\0'))
        buf_appendf(loading->error, "%s is set and %s is not; TLS needs both",
                    has_certificate ? "tls.certificate" : "tls.key",
                    has_certificate ? "tls.key" : "tls.certificate");
    else if (has_certificate && str_starts_with(str_from_cstr(settings->public_url), STR("http:")))
        buf_appendf(loading->error,
                    "public_url cannot be \"%s\" with tls.certificate; allowed: https://…",
                    settings->public_url);
    else if (settings->http_redirect_listen[0] != '\0' && !settings_is_https(settings))
        buf_append_cstr(loading->error, "http.redirect_listen needs somewhere to send people: "
                                        "tls.certificate, or a public_url with https://");
    else if (settings->net_proxy_protocol && settings->net_trusted_proxies[0] == '\0')
        buf_append_cstr(
            loading->error,
            "net.proxy_protocol=on needs the proxies' addresses in net.trusted_proxies");
}

/* ---- the whole ---- */

void settings_init(struct settings *settings) {
    struct buf error = BUF_INIT;
    memset(settings, 0, sizeof *settings);
    struct loading loading = {settings, &error, "the defaults"};
    load_defaults(&loading);
}

void settings_finish(struct settings *settings) {
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].kind <= SETTING_URL)
            mem_free(*(char **)(void *)((char *)settings + table[i].offset));
    mem_free(settings->config);
    memset(settings, 0, sizeof *settings);
}

bool settings_load(struct settings *out, int *argc, char **argv, struct buf *error) {
    settings_init(out);
    buf_clear(error);
    struct loading loading = {out, error, "the command line"};
    const char *path = config_path(&loading, *argc, argv);
    if (path != NULL && !load_failed(&loading))
        load_file(&loading, path);
    if (!load_failed(&loading))
        load_environment(&loading);
    if (!load_failed(&loading))
        load_arguments(&loading, argc, argv);
    check_silence(&loading);
    check_tls(&loading);
    if (load_failed(&loading))
        settings_finish(out);
    return !load_failed(&loading);
}

bool settings_refuse_rest(int argc, char **argv, struct buf *error) {
    if (argc == 0)
        return true;
    struct loading loading = {NULL, error, "the command line"};
    buf_clear(error);
    load_unknown(&loading, argv[0][0] == '-' ? "flag" : "argument", str_from_cstr(argv[0]));
    return false;
}

struct str settings_choice(const char *key, int value) {
    const struct setting *row = find_row(str_from_cstr(key));
    struct str word;
    CHECK(row != NULL && row->kind == SETTING_ENUM && setting_choice_at(row->unit, value, &word));
    return word;
}

static bool is_loopback(const char *address) {
    char host[INET6_ADDRSTRLEN];
    int family;
    CHECK(parse_address(str_from_cstr(address), host, &family));
    return family == AF_INET6 ? strcmp(host, "::1") == 0 : strncmp(host, "127.", 4) == 0;
}

void settings_log_warnings(const struct settings *settings) {
    if (settings->store_synchronous != 0)
        LOG_WARN(
            "a power cut will lose acknowledged messages", log_cstr("setting", "store.synchronous"),
            log_str("value", settings_choice("store.synchronous", settings->store_synchronous)));
    if (!settings->limits_rate)
        LOG_WARN("all rate limits are off", log_cstr("setting", "limits.rate"),
                 log_cstr("value", "off"));
    if (settings->public_url[0] == '\0' && !is_loopback(settings->listen))
        LOG_WARN("listening beyond loopback without the address that people use: only loopback "
                 "names are known hosts",
                 log_cstr("setting", "public_url"), log_cstr("listen", settings->listen));
}
