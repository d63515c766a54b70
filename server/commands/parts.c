#include "commands/parts.h"

#include "auth/auth.h"
#include "auth/limit.h"
#include "base/log.h"
#include "chat/chat.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool parts_open_store(const struct settings *settings, struct store **out, struct buf *error) {
    static const char *const synchronous[] = {"FULL", "NORMAL", "OFF"};
    struct store_options options = {
        .data_dir = str_from_cstr(settings->data),
        .read_threads = (unsigned)settings->store_read_threads,
        .batch_max = (size_t)settings->store_batch_max,
        .queue_max = (size_t)settings->store_queue_max,
        .history_cache_bytes = (size_t)settings->store_history_cache_bytes,
        .synchronous = synchronous[settings->store_synchronous],
        .idle_checkpoint_ms = (uint64_t)settings->store_idle_checkpoint_ms,
    };
    return store_open(&options, out, error) == ERR_OK;
}

static void init_limits(const struct settings *settings) {
    enum { SECONDS_PER_MINUTE = 60 };
    struct limit_options options = {
        .on = settings->limits_rate,
        .person = {settings->limits_person_rate * SECONDS_PER_MINUTE,
                   settings->limits_person_burst},
        .address = {settings->limits_address_rate * SECONDS_PER_MINUTE,
                    settings->limits_address_burst},
    };
#define LIMIT(id, per_minute, most, doc)                                                           \
    options.rates[LIMIT_##id] =                                                                    \
        (struct limit_rate){settings->limits[SETTINGS_LIMIT_##id].rate_per_minute,                 \
                            settings->limits[SETTINGS_LIMIT_##id].burst};
#include "protocol/limits.def"
#undef LIMIT
    limit_init(&options);
}

void parts_init_rules(const struct settings *settings, struct str public_url) {
    init_limits(settings);
    auth_init(
        &(struct auth_options){.password = {.memory_bytes = settings->auth_argon2_memory_bytes,
                                            .passes = settings->auth_argon2_passes},
                               .session_days = settings->auth_session_days});
    chat_init(&(struct chat_options){.public_url = public_url,
                                     .resume_max_events = settings->realtime_resume_max_events});
}

/* The folder of the binary, without a slash at the end; empty when it cannot be told. */
static void binary_folder(char out[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL)
        *slash = '\0';
}

struct static_files *parts_load_web(const struct settings *settings) {
    static const char *const beside[] = {"%s/../web/dist", "%s/../share/parley/web"};
    char folder[PATH_MAX], path[PATH_MAX + 64];
    struct static_files *files = NULL;
    struct buf error = BUF_INIT;
    if (settings->web[0] != '\0') {
        files = static_files_load(settings->web, &error);
    } else {
        binary_folder(folder);
        for (size_t i = 0; i < sizeof beside / sizeof beside[0] && files == NULL; i++) {
            buf_clear(&error);
            snprintf(path, sizeof path, beside[i], folder);
            files = static_files_load(path, &error);
        }
    }
    if (files == NULL)
        LOG_WARN("no web client", log_str("why", buf_str(&error)));
    buf_finish(&error);
    return files;
}
