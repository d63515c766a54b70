/* The end-of-turn flush: every socket with something waiting is written once, all of them in one
 * go.
 *
 * One io_uring a loop: sends with MSG_DONTWAIT in chunks of SEND_BATCH_ENTRIES, completions reaped
 * right after the submit, so nothing is in flight between turns and a socket may be closed at any
 * time. For one or two sockets, or where io_uring is forbidden: sendmsg. The ring is restricted to
 * what this needs before it is enabled. Thread: the loop's. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { SEND_BATCH_ENTRIES = 256, SEND_IOV_MAX = 32 };

struct send_batch;

/* One socket's turn: what to send, and afterwards what became of it. */
struct send_item {
    int fd;
    struct iovec iov[SEND_IOV_MAX];
    unsigned iov_count;
    ssize_t result; /* bytes sent, or -errno */
    void *owner;
};

/* `use_io_uring`: false makes a plain one. NULL (and why in `error`) when the kernel refuses
 * io_uring or its restrictions. */
struct send_batch *send_batch_create(bool use_io_uring, struct buf *error);
void send_batch_destroy(struct send_batch *batch);
bool send_batch_is_io_uring(const struct send_batch *batch);
/* The items to fill, SEND_BATCH_ENTRIES of them; lent for ever. */
struct send_item *send_batch_items(struct send_batch *batch);
/* Sends the first `count` items; every result is there when it returns. */
void send_batch_run(struct send_batch *batch, size_t count);
