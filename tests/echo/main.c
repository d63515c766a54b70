#include "echo.h"

#include "base/metrics.h"
#include "net/static_file.h"
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    BODY_MAX_BYTES = 4 * 1024 * 1024,
    QUEUE_BYTES = 128 * 1024,
    CONNECTIONS_MAX = 100000,
    /* Fixed, so that the memory of large messages goes back to the system when they are gone. */
    MMAP_THRESHOLD_BYTES = 256 * 1024,
    STOP_LIMIT_MS = 2000,
    STOP_POLL_MS = 10,
    STOP_TURNS_MAX = 100,
};

struct echo *echo_of(const struct conn *conn) {
    return conn_loop(conn)->api;
}

/* As many descriptors as the kernel lets us have, and no death by a closed pipe. */
static void prepare_process(sigset_t *ending) {
    struct rlimit limit;
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    sigset_t blocked;
    sigemptyset(ending);
    sigaddset(ending, SIGINT);
    sigaddset(ending, SIGTERM);
    blocked = *ending;
    sigaddset(&blocked, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

static struct net_options net_options_of(const struct echo_options *options) {
    return (struct net_options){
        .max_connections = CONNECTIONS_MAX,
        .max_header_bytes = 16384,
        .max_body_bytes = BODY_MAX_BYTES,
        .max_message_bytes = options->max_message_bytes,
        .own_message_bytes = options->max_payload_bytes,
        .queue_bytes = QUEUE_BYTES,
        .header_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .idle_timeout_ms = 75000,
        .close_timeout_ms = 5000,
        .send_batch = SEND_BATCH_AUTO,
        .deflate = {.is_on = true,
                    .server_takeover = options->server_takeover != 0,
                    .client_takeover = true,
                    .window_bits = WS_WINDOW_BITS_MAX},
    };
}

static bool start(struct echo *echo, struct buf *error) {
    struct net_options options = net_options_of(&echo->options);
    uint16_t port = 0;
    echo->files = echo_file_load(error);
    if (echo->files == NULL)
        return false;
    echo->loop = loop_create(0, NULL);
    echo->loop->api = echo;
    echo->events = echo_events_create(echo->loop);
    if (!net_create(echo->loop, &options, &echo_http_ops, &echo->net, error) ||
        !net_listen(echo->net, echo->options.listen, &port, true, error))
        return false;
    echo->sockets = echo_sockets_create(echo);
    loop_start(echo->loop);
    printf("parley-echo listens on port %u\n", (unsigned)port);
    fflush(stdout);
    return true;
}

struct stop {
    struct mail mail;
    struct echo *echo;
};

static void close_all(struct loop *loop, struct mail *mail) {
    struct echo *echo = CONTAINER_OF(mail, struct stop, mail)->echo;
    (void)loop;
    net_drain(echo->net);
    net_abort_all(echo->net);
}

static void stop(struct echo *echo) {
    struct stop order = {.mail.run = close_all, .echo = echo};
    loop_post(echo->loop, &order.mail);
    for (int waited = 0; waited < STOP_LIMIT_MS && metrics_get(METRIC_CONNECTIONS) > 0;
         waited += STOP_POLL_MS)
        usleep(STOP_POLL_MS * 1000);
    loop_stop(echo->loop);
    loop_join(echo->loop);
    echo_events_destroy(echo->events);
    echo_sockets_destroy(echo->sockets);
    for (int turn = 0; turn < STOP_TURNS_MAX && uv_run(&echo->loop->uv, UV_RUN_NOWAIT) != 0; turn++)
        continue;
    net_destroy(echo->net);
    loop_destroy(echo->loop);
    static_files_destroy(echo->files);
}

static int complain(struct buf *take_error, int status) {
    fprintf(stderr, "parley-echo: %s\n", buf_cstr(take_error));
    buf_finish(take_error);
    return status;
}

int main(int argc, char **argv) {
    static struct echo echo; /* what a failed start leaves lies in it to the end */
    struct buf error = BUF_INIT;
    sigset_t ending;
    int received = 0;
    if (!echo_options_parse(argc, argv, &echo.options, &error))
        return complain(&error, 2);
    prepare_process(&ending);
    if (!start(&echo, &error))
        return complain(&error, 1);
    while (sigwait(&ending, &received) != 0)
        continue;
    stop(&echo);
    buf_finish(&error);
    return 0;
}
