/* user, room, token, owner-link, doctor, backup: the command line makes one operation of the words
 * and prints its result. */
#include "api/control_api.h"
#include "base/log.h"
#include "commands/commands.h"
#include "commands/parts.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PASSWORD_MAX_BYTES = 1024, EXIT_USAGE = 2 };

/* ---- the words ---- */

struct words {
    int count;
    char **items;
    const char *problem; /* the first thing that is wrong with them */
};

/* Takes `--name VALUE` or `--name=VALUE` out of the words; NULL when it is not there. */
static const char *take_option(struct words *words, const char *name) {
    size_t length = strlen(name);
    for (int i = 0; i < words->count; i++) {
        if (strncmp(words->items[i], name, length) != 0)
            continue;
        int used = words->items[i][length] == '='                            ? 1
                   : words->items[i][length] == '\0' && i + 1 < words->count ? 2
                                                                             : 0;
        if (used == 0)
            continue;
        const char *value = used == 1 ? words->items[i] + length + 1 : words->items[i + 1];
        memmove(words->items + i, words->items + i + used,
                (size_t)(words->count - i - used) * sizeof(char *));
        words->count -= used;
        return value;
    }
    return NULL;
}

static bool take_flag(struct words *words, const char *name) {
    for (int i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], name) == 0) {
            memmove(words->items + i, words->items + i + 1,
                    (size_t)(words->count - i - 1) * sizeof(char *));
            words->count--;
            return true;
        }
    }
    return false;
}

static const char *take_word(struct words *words, const char *what) {
    if (words->count == 0) {
        words->problem = words->problem != NULL ? words->problem : what;
        return "";
    }
    const char *word = words->items[0];
    words->items++;
    words->count--;
    return word;
}

static void set_text(json_t *params, const char *name, const char *value) {
    if (value != NULL)
        json_object_set_new(params, name, json_string(value));
}

/* The whole of stdin but for a final line end. */
static void take_password(struct words *words, json_t *params) {
    char text[PASSWORD_MAX_BYTES + 2];
    if (!take_flag(words, "--password-stdin")) {
        words->problem = "--password-stdin is missing: the password is read from standard input";
        return;
    }
    size_t length = fread(text, 1, sizeof text - 1, stdin);
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    json_t *password = json_stringn(text, length);
    if (password == NULL)
        words->problem = "the password is not valid UTF-8";
    else
        json_object_set_new(params, "password", password);
    sodium_memzero(text, sizeof text);
}

/* "30d", "12h", "45m", "90s" or "90" in seconds; 0 when it is none of them. */
static json_int_t parse_duration(const char *text) {
    char *end;
    long long count = strtoll(text, &end, 10);
    long long unit = *end == 'd'                   ? 86400
                     : *end == 'h'                 ? 3600
                     : *end == 'm'                 ? 60
                     : *end == 's' || *end == '\0' ? 1
                                                   : 0;
    bool is_one =
        end != text && (*end == '\0' || end[1] == '\0') && count > 0 && count < LLONG_MAX / 86400;
    return is_one ? count * unit : 0;
}

/* ---- the commands ---- */

static void make_user_add(struct words *words, json_t *params) {
    const char *role = take_option(words, "--role");
    set_text(params, "email", take_option(words, "--email"));
    set_text(params, "role", role != NULL ? role : "member");
    take_password(words, params);
    set_text(params, "name", take_word(words, "the name is missing"));
}

static void make_user_passwd(struct words *words, json_t *params) {
    take_password(words, params);
    set_text(params, "name", take_word(words, "the name is missing"));
}

static void make_user_role(struct words *words, json_t *params) {
    set_text(params, "name", take_word(words, "the name is missing"));
    set_text(params, "role", take_word(words, "the role is missing"));
}

static void make_user_disable(struct words *words, json_t *params) {
    json_object_set_new(params, "enable", json_boolean(take_flag(words, "--enable")));
    set_text(params, "name", take_word(words, "the name is missing"));
}

static void make_room_add(struct words *words, json_t *params) {
    json_object_set_new(params, "private", json_boolean(take_flag(words, "--private")));
    set_text(params, "maker", take_option(words, "--user"));
    set_text(params, "name", take_word(words, "the name is missing"));
}

static void make_token_create(struct words *words, json_t *params) {
    const char *user = take_option(words, "--user"), *expires = take_option(words, "--expires");
    json_int_t seconds = expires != NULL ? parse_duration(expires) : 0;
    if (user == NULL)
        words->problem = "--user NAME is missing";
    if (expires != NULL && seconds == 0)
        words->problem = "--expires takes a time like 30d, 12h or 45m";
    set_text(params, "user", user);
    if (seconds > 0)
        json_object_set_new(params, "expires_in", json_integer(seconds));
}

static void make_backup(struct words *words, json_t *params) {
    const char *file = take_word(words, "the file is missing");
    char path[PATH_MAX * 2], folder[PATH_MAX];
    if (file[0] != '/' && file[0] != '\0' && getcwd(folder, sizeof folder) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, file);
        file = path;
    }
    set_text(params, "file", file);
}

static void make_nothing(struct words *words, json_t *params) {
    (void)words;
    (void)params;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static int print_users(const json_t *result) {
    size_t i;
    json_t *user;
    json_array_foreach(json_object_get(result, "users"), i, user) {
        printf("%-24s %-8s %-9s %s\n", text_of(user, "name"), text_of(user, "role"),
               json_is_true(json_object_get(user, "disabled")) ? "disabled" : "",
               text_of(user, "display_name"));
    }
    return 0;
}

static int print_user(const json_t *result) {
    const json_t *user = json_object_get(result, "user");
    printf("%s %s%s\n", text_of(user, "name"), text_of(user, "role"),
           json_is_true(json_object_get(user, "disabled")) ? " disabled" : "");
    return 0;
}

static int print_room(const json_t *result) {
    const json_t *room = json_object_get(result, "room");
    printf("%s %s\n", text_of(room, "name"), text_of(room, "id"));
    return 0;
}

static int print_token(const json_t *result) {
    printf("expires %s token %s\n", text_of(result, "expires_at"), text_of(result, "token"));
    return 0;
}

static int print_link(const json_t *result) {
    const char *url = text_of(result, "url");
    puts(url[0] != '\0' ? url : "There is an owner already.");
    return url[0] != '\0' ? 0 : 1;
}

static int print_problems(const json_t *result) {
    const json_t *problems = json_object_get(result, "problems");
    size_t i;
    json_t *problem;
    json_array_foreach(problems, i, problem) {
        printf("%s: %s\n", text_of(problem, "check"), text_of(problem, "detail"));
    }
    printf("%lld rows checked, %zu problems\n",
           (long long)json_integer_value(json_object_get(result, "checked")),
           json_array_size(problems));
    return json_array_size(problems) == 0 ? 0 : 1;
}

static int print_bytes(const json_t *result) {
    printf("%lld bytes\n", (long long)json_integer_value(json_object_get(result, "bytes")));
    return 0;
}

static int print_nothing(const json_t *result) {
    (void)result;
    puts("done");
    return 0;
}

static const struct command {
    const char *name, *verb; /* verb NULL: there is none */
    const char *operation;
    void (*make)(struct words *words, json_t *params);
    int (*print)(const json_t *result); /* returns the exit code */
} commands[] = {
    {"user", "add", "user.add", make_user_add, print_user},
    {"user", "list", "user.list", make_nothing, print_users},
    {"user", "passwd", "user.passwd", make_user_passwd, print_nothing},
    {"user", "role", "user.role", make_user_role, print_user},
    {"user", "disable", "user.disable", make_user_disable, print_user},
    {"room", "add", "room.create", make_room_add, print_room},
    {"token", "create", "token.create", make_token_create, print_token},
    {"owner-link", NULL, "owner.link", make_nothing, print_link},
    {"doctor", NULL, "doctor.run", make_nothing, print_problems},
    {"backup", NULL, "backup.create", make_backup, print_bytes},
};

/* ---- carrying out ---- */

/* Sends the line to a running server and reads one line back. 1: done; 0: no server there; -1: it
 * broke off. */
static int ask_server(const char *data_folder, struct str line, struct buf *reply) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char bytes[4096];
    ssize_t count = -1;
    int folder = control_path(data_folder, address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected =
        folder >= 0 && fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (is_connected && send(fd, line.ptr, line.len, MSG_NOSIGNAL) == (ssize_t)line.len) {
        while ((count = read(fd, bytes, sizeof bytes)) > 0) {
            buf_append(reply, bytes, (size_t)count);
            if (bytes[count - 1] == '\n')
                break;
        }
    }
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return !is_connected ? 0 : count > 0 ? 1 : -1;
}

static void keep_reply(void *arg, struct str json) {
    buf_append_str(arg, json);
}

/* Where links point without a server: the public URL, or the address that it would listen on. */
static bool make_site(struct api *api, const struct settings *settings, struct buf *error) {
    const char *colon = strrchr(settings->listen, ':');
    uint16_t port = colon != NULL ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
    return site_init(&api->site, str_from_cstr(settings->public_url), port,
                     settings->tls_certificate[0] != '\0', error);
}

/* Nobody is connected; the events are in the log. */
static void tell_nobody(void *arg, const struct log_event *events, size_t count) {
    (void)arg;
    (void)events;
    (void)count;
}

/* Without a server: under the folder's lock, with the store's own threads and one worker. */
static bool run_alone(const struct settings *settings, struct str line, struct buf *reply,
                      struct buf *error) {
    static const struct executor_ops nobody_listens = {.committed = tell_nobody};
    static struct api api;
    if (!make_site(&api, settings, error) || !parts_open_store(settings, &api.store, error))
        return false;
    parts_init_rules(settings, api.site.public_url);
    api.workers = worker_pool_create(1, 1);
    store_start(api.store, &nobody_listens);
    control_run(&api, line, keep_reply, reply);
    worker_pool_destroy(api.workers);
    store_stop(api.store);
    store_close(api.store);
    return true;
}

/* A result that goes on makes `params` ask for its next page; another one for nothing more. */
static void turn_page(json_t *params, const json_t *result) {
    json_t *next = json_object_get(result, "next_cursor");
    if (json_is_string(next))
        json_object_set(params, "after", next);
    else
        json_object_del(params, "after");
}

static int print_reply(const struct command *command, struct str text, json_t *params) {
    json_t *reply = json_loadb(text.ptr, text.len, 0, NULL);
    const json_t *result = json_object_get(reply, "result"),
                 *failure = json_object_get(reply, "error");
    int code = 1;
    if (result != NULL) {
        code = command->print(result);
        turn_page(params, result);
    } else {
        const char *field = text_of(failure, "field"), *detail = text_of(failure, "detail");
        fprintf(stderr, "parley: %s%s%s%s%s\n", text_of(failure, "message"),
                field[0] != '\0' ? ": " : "", field, detail[0] != '\0' ? ": " : "", detail);
    }
    json_decref(reply);
    return code;
}

static int carry_out(const struct command *command, const struct settings *settings,
                     json_t *params) {
    struct buf reply = BUF_INIT, error = BUF_INIT, line = BUF_INIT;
    json_t *request =
        json_pack("{s:i, s:s, s:O}", "id", 1, "method", command->operation, "params", params);
    char *text = json_dumps(request, JSON_COMPACT);
    buf_append_cstr(&line, text);
    buf_append_char(&line, '\n');
    int asked = ask_server(settings->data, buf_str(&line), &reply);
    int code = 1;
    if (asked < 0)
        fputs("parley: the server broke off\n", stderr);
    else if (asked == 0 && !run_alone(settings, buf_str(&line), &reply, &error))
        fprintf(stderr, "parley: %s\n", buf_cstr(&error));
    else
        code = print_reply(command, buf_str(&reply), params);
    sodium_memzero(text, strlen(text));
    free(text);
    json_decref(request);
    buf_finish(&reply);
    buf_finish(&error);
    buf_finish(&line);
    return code;
}

static const struct command *find(const char *name, const char *verb) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, name) == 0 &&
            (command->verb == NULL || strcmp(command->verb, verb) == 0))
            return command;
    }
    return NULL;
}

int command_control(const char *name, int argc, char **argv) {
    struct settings settings;
    struct buf error = BUF_INIT;
    const struct command *command = find(name, argc > 0 ? argv[0] : "");
    if (command == NULL) {
        fprintf(stderr, "parley: there is no command \"%s%s%s\"; see parley help\n", name,
                argc > 0 ? " " : "", argc > 0 ? argv[0] : "");
        return EXIT_USAGE;
    }
    if (command->verb != NULL) {
        argc--;
        argv++;
    }
    if (!settings_load(&settings, &argc, argv, &error)) {
        fprintf(stderr, "parley: %s\n", buf_cstr(&error));
        return EXIT_USAGE;
    }
    log_init(LOG_LEVEL_WARN, false);
    json_t *params = json_object();
    struct words words = {argc, argv, NULL};
    command->make(&words, params);
    if (words.problem == NULL && words.count > 0)
        words.problem = "there are words too many";
    int code = EXIT_USAGE;
    if (words.problem != NULL)
        fprintf(stderr, "parley %s: %s\n", name, words.problem);
    else
        do
            code = carry_out(command, &settings, params);
        while (code == 0 && json_object_get(params, "after") != NULL);
    json_decref(params);
    settings_finish(&settings);
    return code;
}
