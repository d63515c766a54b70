#include "api/control_api.h"

#include "api/dispatch.h"
#include "base/log.h"
#include "base/mem.h"
#include "protocol/encode.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONTROL_CLIENTS_MAX = 32, CONTROL_BACKLOG = 16 };

struct client {
    uv_pipe_t pipe;
    struct list link;
    struct control *control;
    struct buf line;
    unsigned holds; /* requests away, and libuv */
    bool closed;
};

struct control {
    uv_pipe_t listener;
    struct loop *loop;
    struct api *api;
    struct list clients;
    unsigned client_count;
    bool is_closed; /* the listener is */
    char *data_folder;
};

static void on_connection(uv_stream_t *server, int status);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static void on_client_closed(uv_handle_t *handle);
static void on_listener_closed(uv_handle_t *handle);

int control_path(const char *data_folder, char out[CONTROL_PATH_BYTES]) {
    int folder = open(data_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        snprintf(out, CONTROL_PATH_BYTES, "/proc/self/fd/%d/control.sock", folder);
    return folder;
}

/* ---- listening ---- */

static int open_socket(const char *data_folder) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Static_assert(sizeof address.sun_path >= CONTROL_PATH_BYTES,
                   "a path through /proc/self/fd fits");
    int folder = control_path(data_folder, address.sun_path);
    if (folder < 0)
        return -errno;
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    bool is_bound = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    umask(before);
    close(folder);
    if (is_bound)
        return fd;
    if (fd >= 0)
        close(fd);
    return -error;
}

struct control *control_listen(struct loop *loop, struct api *api, const char *data_folder,
                               struct buf *error) {
    int fd = open_socket(data_folder);
    if (fd < 0) {
        buf_appendf(error, "cannot bind %s/control.sock: %s", data_folder, strerror(-fd));
        return NULL;
    }
    struct control *control = mem_zalloc(1, sizeof *control);
    control->loop = loop;
    control->api = api;
    control->data_folder = mem_strdup(data_folder);
    list_init(&control->clients);
    CHECK(uv_pipe_init(&loop->uv, &control->listener, 0) == 0);
    CHECK(uv_pipe_open(&control->listener, fd) == 0);
    CHECK(uv_listen((uv_stream_t *)&control->listener, CONTROL_BACKLOG, on_connection) == 0);
    return control;
}

static void close_client(struct client *client) {
    if (client->closed)
        return;
    client->closed = true;
    uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

void control_close(struct control *control) {
    char path[CONTROL_PATH_BYTES];
    int folder = control_path(control->data_folder, path);
    if (folder >= 0) {
        unlink(path);
        close(folder);
    }
    LIST_EACH(&control->clients, link) {
        close_client(CONTAINER_OF(link, struct client, link));
    }
    uv_close((uv_handle_t *)&control->listener, on_listener_closed);
}

/* libuv calls back for the handles of one turn in no promised order: whichever is the last,
 * listener or client, ends it. */
static void free_if_unused(struct control *control) {
    if (!control->is_closed || control->client_count > 0)
        return;
    mem_free(control->data_folder);
    mem_free(control);
}

static void on_listener_closed(uv_handle_t *handle) {
    struct control *control = CONTAINER_OF(handle, struct control, listener);
    control->is_closed = true;
    free_if_unused(control);
}

/* ---- clients ---- */

static bool is_operator(const struct client *client) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&client->pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

static void release_client(struct client *client) {
    if (--client->holds > 0)
        return;
    buf_finish(&client->line);
    mem_free(client);
}

static void on_client_closed(uv_handle_t *handle) {
    struct client *client = CONTAINER_OF(handle, struct client, pipe);
    list_remove(&client->link);
    client->control->client_count--;
    free_if_unused(client->control);
    release_client(client);
}

static void on_connection(uv_stream_t *server, int status) {
    struct control *control = CONTAINER_OF(server, struct control, listener);
    if (status != 0)
        return;
    struct client *client = mem_zalloc(1, sizeof *client);
    client->control = control;
    client->holds = 1;
    CHECK(uv_pipe_init(&control->loop->uv, &client->pipe, 0) == 0);
    list_push_back(&control->clients, &client->link);
    control->client_count++;
    bool is_taken = uv_accept(server, (uv_stream_t *)&client->pipe) == 0 &&
                    control->client_count <= CONTROL_CLIENTS_MAX && is_operator(client);
    if (!is_taken || uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0)
        close_client(client);
}

struct reply_write {
    uv_write_t request;
    struct client *client;
    struct buf text;
};

static void on_written(uv_write_t *request, int status) {
    struct reply_write *write = CONTAINER_OF(request, struct reply_write, request);
    if (status != 0)
        close_client(write->client);
    release_client(write->client);
    buf_finish(&write->text);
    mem_free(write);
}

static void encode_answer(const struct request *request, struct buf *out) {
    if (request->outcome == ERR_OK)
        request_encode_reply(out, request);
    else
        encode_error_reply(out, request->way_id, request->outcome, &request->error);
}

static void reply_to_client(struct request *take_request) {
    struct client *client = take_request->way;
    struct reply_write *write = mem_zalloc(1, sizeof *write);
    write->client = client;
    encode_answer(take_request, &write->text);
    buf_append_char(&write->text, '\n');
    request_destroy(take_request);
    uv_buf_t buffer = uv_buf_init(write->text.data, (unsigned)write->text.len);
    if (client->closed ||
        uv_write(&write->request, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) != 0)
        on_written(&write->request, UV_ECANCELED);
}

static void take_line(struct client *client, struct str line) {
    struct request *request =
        request_create(client->control->api, client->control->loop, reply_to_client);
    request->way = client;
    client->holds++;
    request->credential.is_operator = true;
    if (request_decode_frame(request, line) == ERR_OK)
        dispatch_request(request, WAY_CONTROL);
    else
        reply_to_client(request);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct client *client = CONTAINER_OF(handle, struct client, pipe);
    (void)suggested;
    *buffer = uv_buf_init(buf_reserve(&client->line, 4096), 4096);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    struct client *client = CONTAINER_OF(stream, struct client, pipe);
    (void)buffer;
    if (count < 0 || client->line.len + (size_t)count > CONTROL_LINE_MAX_BYTES) {
        close_client(client);
        return;
    }
    client->line.len += (size_t)count;
    size_t end;
    while ((end = str_find_char(buf_str(&client->line), '\n')) != STR_NOT_FOUND) {
        take_line(client, str_make(client->line.data, end));
        client->line.len -= end + 1;
        memmove(client->line.data, client->line.data + end + 1, client->line.len);
    }
}

/* ---- without a server ---- */

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_done;
    void (*reply)(void *arg, struct str json);
    void *arg;
};

static void reply_to_waiting(struct request *take_request) {
    struct waiting *waiting = take_request->way;
    struct buf text = BUF_INIT;
    encode_answer(take_request, &text);
    waiting->reply(waiting->arg, buf_str(&text));
    buf_finish(&text);
    request_destroy(take_request);
    pthread_mutex_lock(&waiting->lock);
    waiting->is_done = true;
    pthread_cond_signal(&waiting->changed);
    pthread_mutex_unlock(&waiting->lock);
}

void control_run(struct api *api, struct str line, void (*reply)(void *arg, struct str json),
                 void *arg) {
    struct waiting waiting = {.reply = reply, .arg = arg};
    pthread_mutex_init(&waiting.lock, NULL);
    pthread_cond_init(&waiting.changed, NULL);
    struct request *request = request_create(api, NULL, reply_to_waiting);
    request->way = &waiting;
    request->credential.is_operator = true;
    if (request_decode_frame(request, line) == ERR_OK)
        dispatch_request(request, WAY_CONTROL);
    else
        reply_to_waiting(request);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.is_done)
        pthread_cond_wait(&waiting.changed, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
    pthread_cond_destroy(&waiting.changed);
    pthread_mutex_destroy(&waiting.lock);
}
