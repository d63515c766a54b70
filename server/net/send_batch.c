#include "net/send_batch.h"

#include "base/mem.h"
#include "base/metrics.h"
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Up to so many sockets a system call each is cheaper than a submission. */
enum { DIRECT_MAX = 2, SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL };

struct send_batch {
    bool is_io_uring;
    struct io_uring ring;
    struct send_item items[SEND_BATCH_ENTRIES];
    struct msghdr headers[SEND_BATCH_ENTRIES];
};

/* liburing 2.3 does not link the wrappers of these two. */
static int register_ring(struct send_batch *batch, unsigned operation, void *argument,
                         unsigned count) {
    long result = syscall(__NR_io_uring_register, batch->ring.ring_fd, operation, argument, count);
    return result < 0 ? -errno : 0;
}

/* From here on the ring can send and nothing else. */
static int restrict_ring(struct send_batch *batch) {
    struct io_uring_restriction rules[] = {
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_SEND},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_SENDMSG},
        {.opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_ENABLE_RINGS},
    };
    int result =
        register_ring(batch, IORING_REGISTER_RESTRICTIONS, rules, sizeof rules / sizeof rules[0]);
    return result < 0 ? result : register_ring(batch, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

struct send_batch *send_batch_create(bool use_io_uring, struct buf *error) {
    struct send_batch *batch = mem_zalloc(1, sizeof *batch);
    if (!use_io_uring)
        return batch;
    int result = io_uring_queue_init(SEND_BATCH_ENTRIES, &batch->ring, IORING_SETUP_R_DISABLED);
    if (result == 0) {
        batch->is_io_uring = true;
        result = restrict_ring(batch);
    }
    if (result == 0)
        return batch;
    buf_appendf(error, "io_uring: %s", strerror(-result));
    send_batch_destroy(batch);
    return NULL;
}

void send_batch_destroy(struct send_batch *batch) {
    if (batch->is_io_uring)
        io_uring_queue_exit(&batch->ring);
    mem_free(batch);
}

bool send_batch_is_io_uring(const struct send_batch *batch) {
    return batch->is_io_uring;
}

struct send_item *send_batch_items(struct send_batch *batch) {
    return batch->items;
}

static struct msghdr *header_of(struct send_batch *batch, size_t i) {
    batch->headers[i] =
        (struct msghdr){.msg_iov = batch->items[i].iov, .msg_iovlen = batch->items[i].iov_count};
    return &batch->headers[i];
}

static void send_directly(struct send_batch *batch, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct send_item *item = &batch->items[i];
        do {
            item->result = sendmsg(item->fd, header_of(batch, i), SEND_FLAGS);
        } while (item->result < 0 && errno == EINTR);
        if (item->result < 0)
            item->result = -errno;
    }
    metrics_add(METRIC_SEND_CALLS, (int64_t)count);
}

static void prepare(struct send_batch *batch, size_t i) {
    struct send_item *item = &batch->items[i];
    struct io_uring_sqe *sqe = io_uring_get_sqe(&batch->ring);
    CHECK(sqe != NULL);
    if (item->iov_count == 1)
        io_uring_prep_send(sqe, item->fd, item->iov[0].iov_base, item->iov[0].iov_len, SEND_FLAGS);
    else
        io_uring_prep_sendmsg(sqe, item->fd, header_of(batch, i), (unsigned)SEND_FLAGS);
    io_uring_sqe_set_data64(sqe, i);
}

/* Sends that do not wait complete inside the submission; asking for all of them is what makes it
 * certain. */
static void send_by_ring(struct send_batch *batch, size_t count) {
    for (size_t i = 0; i < count; i++)
        prepare(batch, i);
    for (size_t submitted = 0; submitted < count;) {
        int result = io_uring_submit_and_wait(&batch->ring, (unsigned)(count - submitted));
        if (result == -EINTR || result == -EAGAIN || result == -EBUSY)
            continue;
        CHECK(result >= 0);
        submitted += (size_t)result;
    }
    for (size_t reaped = 0; reaped < count; reaped++) {
        struct io_uring_cqe *cqe = NULL;
        int result;
        while ((result = io_uring_wait_cqe(&batch->ring, &cqe)) == -EINTR)
            ;
        CHECK(result == 0);
        batch->items[io_uring_cqe_get_data64(cqe)].result = cqe->res;
        io_uring_cqe_seen(&batch->ring, cqe);
    }
    metrics_add(METRIC_SEND_BATCHES, 1);
    metrics_add(METRIC_SEND_BATCHED, (int64_t)count);
}

void send_batch_run(struct send_batch *batch, size_t count) {
    CHECK(count <= SEND_BATCH_ENTRIES);
    if (!batch->is_io_uring || count <= DIRECT_MAX)
        send_directly(batch, count);
    else
        send_by_ring(batch, count);
}
