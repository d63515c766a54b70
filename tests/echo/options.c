#include "echo.h"

#include <stddef.h>

static const struct option {
    const char *name;
    int64_t least, most;
    size_t at; /* offset in struct echo_options of a 64-bit number */
} numbers[] = {
    {"--max-message", 1, INT64_C(1) << 30, offsetof(struct echo_options, max_message_bytes)},
    {"--ping-interval", 1, 3600000, offsetof(struct echo_options, ping_interval_ms)},
    {"--ping-timeout", 1, 3600000, offsetof(struct echo_options, ping_timeout_ms)},
    {"--connect-timeout", 1, 3600000, offsetof(struct echo_options, connect_timeout_ms)},
    {"--server-takeover", 0, 1, offsetof(struct echo_options, server_takeover)},
    {"--max-payload", 1, INT64_C(1) << 30, offsetof(struct echo_options, max_payload_bytes)},
};
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "the members of `numbers` are alike");

static bool usage(struct buf *error, const char *word) {
    buf_appendf(error,
                "%s is not understood\nusage: parley-echo --listen ADDR:PORT [--max-message BYTES] "
                "[--ping-interval MS] [--ping-timeout MS] [--connect-timeout MS] "
                "[--max-payload BYTES] [--server-takeover 0|1]",
                word);
    return false;
}

static bool take_number(struct echo_options *out, const char *name, const char *value) {
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct option *option = &numbers[i];
        int64_t number;
        if (!str_equal(str_from_cstr(name), str_from_cstr(option->name)))
            continue;
        if (!str_to_i64(str_from_cstr(value), &number) || number < option->least ||
            number > option->most)
            return false;
        uint64_t bits = (uint64_t)number;
        memcpy((char *)out + option->at, &bits, sizeof bits);
        return true;
    }
    return false;
}

bool echo_options_parse(int argc, char **argv, struct echo_options *out, struct buf *error) {
    *out = (struct echo_options){
        .max_message_bytes = (size_t)64 << 20,
        .ping_interval_ms = 25000,
        .ping_timeout_ms = 20000,
        .connect_timeout_ms = 45000,
        .max_payload_bytes = 1000000,
    };
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return usage(error, argv[i]);
        if (str_equal(str_from_cstr(argv[i]), STR("--listen")))
            out->listen = str_from_cstr(argv[i + 1]);
        else if (!take_number(out, argv[i], argv[i + 1]))
            return usage(error, argv[i]);
    }
    return out->listen.len > 0 || usage(error, "no --listen");
}
