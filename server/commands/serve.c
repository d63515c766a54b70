/* parley serve: starts a node, waits for SIGINT or SIGTERM, stops it; SIGHUP makes it read its
 * certificate again. */
#include "base/log.h"
#include "commands/commands.h"
#include "commands/node.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* As many descriptors as the kernel lets us have: a connection is one. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        LOG_WARN("descriptor limit not raised", log_int("limit", (int64_t)limit.rlim_cur));
}

/* Blocked before any thread starts, so that sigwait() in this one gets them. */
static void block_signals(sigset_t *awaited) {
    sigset_t ignored;
    sigemptyset(awaited);
    sigaddset(awaited, SIGINT);
    sigaddset(awaited, SIGTERM);
    sigaddset(awaited, SIGHUP);
    pthread_sigmask(SIG_BLOCK, awaited, NULL);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    sigaddset(&ignored, SIGXFSZ); /* a limit on file sizes is a full disk: an error of the write */
    pthread_sigmask(SIG_BLOCK, &ignored, NULL);
}

/* Where stdout is no terminal the link goes to a file that only the operator can read, never to a
 * log. */
static bool write_owner_link(const char *data_folder, struct str link, struct buf *path) {
    buf_appendf(path, "%s/owner-link", data_folder);
    const char *name = buf_cstr(path);
    unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool is_written = write(fd, link.ptr, link.len) == (ssize_t)link.len && write(fd, "\n", 1) == 1;
    return close(fd) == 0 && is_written;
}

static void announce(struct node *node, const struct settings *settings) {
    struct buf link = BUF_INIT, path = BUF_INIT;
    struct str url = node_url(node);
    printf("Parley listens on %.*s\n", STR_ARG(url));
    node_owner_link(node, &link);
    if (link.len == 0)
        ;
    else if (isatty(STDOUT_FILENO))
        printf("There is no owner yet. Whoever opens this link first becomes the owner:\n  %.*s\n",
               STR_ARG(buf_str(&link)));
    else if (write_owner_link(settings->data, buf_str(&link), &path))
        printf("There is no owner yet. The link for the owner is in %s\n", buf_cstr(&path));
    else
        printf("There is no owner yet, and %s cannot be written. Use: parley user add NAME --role "
               "owner\n",
               buf_cstr(&path));
    fflush(stdout);
    buf_finish(&link);
    buf_finish(&path);
}

static int await_signal(const sigset_t *awaited) {
    int received = 0;
    while (sigwait(awaited, &received) != 0)
        continue;
    return received;
}

static int run(const struct settings *settings) {
    struct buf error = BUF_INIT;
    sigset_t awaited;
    int received;
    raise_descriptor_limit();
    block_signals(&awaited);
    struct node *node = node_start(settings, &error);
    if (node == NULL) {
        fprintf(stderr, "parley: %s\n", buf_cstr(&error));
        buf_finish(&error);
        return 1;
    }
    announce(node, settings);
    while ((received = await_signal(&awaited)) == SIGHUP)
        node_reload(node);
    LOG_INFO("stopping", log_cstr("signal", strsignal(received)));
    node_stop(node);
    LOG_INFO("stopped");
    return 0;
}

int command_serve(int argc, char **argv) {
    struct settings settings;
    struct buf error = BUF_INIT;
    if (!settings_load(&settings, &argc, argv, &error) ||
        !settings_refuse_rest(argc, argv, &error)) {
        fprintf(stderr, "parley: %s\n", buf_cstr(&error));
        buf_finish(&error);
        return 2;
    }
    log_init((enum log_level)settings.log_level, settings.log_format == 1);
    settings_log_warnings(&settings);
    int result = run(&settings);
    settings_finish(&settings);
    return result;
}
