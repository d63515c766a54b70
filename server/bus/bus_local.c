#include "bus/bus_local.h"

#include "base/blob.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <pthread.h>

struct bus_local_message {
    struct list link;
    struct blob *payload;
};

/* One node on it. Everything below `link` is under the lock of all. */
struct bus_local_node {
    struct bus bus;
    pthread_t thread;
    char *address;
    struct list link; /* in bus_local_nodes */
    struct list messages;
    size_t waiting;
    bool closing;
    pthread_cond_t changed; /* a message came, or the end */
};

static pthread_mutex_t bus_local_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list bus_local_nodes = {&bus_local_nodes, &bus_local_nodes};

/* The next message for the node, waiting for one; NULL when it closes. */
static struct bus_local_message *bus_local_next(struct bus_local_node *node) {
    struct list *link = NULL;
    pthread_mutex_lock(&bus_local_lock);
    while (list_is_empty(&node->messages) && !node->closing)
        pthread_cond_wait(&node->changed, &bus_local_lock);
    if (!node->closing) {
        link = list_pop_front(&node->messages);
        node->waiting--;
    }
    pthread_mutex_unlock(&bus_local_lock);
    return link == NULL ? NULL : CONTAINER_OF(link, struct bus_local_message, link);
}

static void bus_local_free_message(struct bus_local_message *take_message) {
    blob_unref(take_message->payload);
    mem_free(take_message);
}

static void *bus_local_main(void *arg) {
    struct bus_local_node *node = arg;
    struct bus_local_message *message;
    pthread_setname_np(pthread_self(), "bus");
    node->bus.ops.up(node->bus.ops.arg);
    while ((message = bus_local_next(node)) != NULL) {
        node->bus.ops.event(node->bus.ops.arg, blob_str(message->payload));
        bus_local_free_message(message);
    }
    return NULL;
}

static enum err bus_local_open(const struct bus_options *options, struct bus **out,
                               struct buf *error) {
    (void)error;
    struct buf address = BUF_INIT;
    struct bus_local_node *node = mem_zalloc(1, sizeof *node);
    node->bus.driver = &bus_local;
    node->bus.ops = options->ops;
    buf_append_str(&address, options->address);
    node->address = mem_strdup(buf_cstr(&address));
    buf_finish(&address);
    list_init(&node->messages);
    CHECK(pthread_cond_init(&node->changed, NULL) == 0);
    pthread_mutex_lock(&bus_local_lock);
    list_push_back(&bus_local_nodes, &node->link);
    pthread_mutex_unlock(&bus_local_lock);
    CHECK(pthread_create(&node->thread, NULL, bus_local_main, node) == 0);
    *out = &node->bus;
    return ERR_OK;
}

/* Under the lock. */
static void bus_local_give(struct bus_local_node *node, struct blob *payload) {
    if (node->waiting == BUS_QUEUE_MAX) {
        metrics_add(METRIC_BUS_DROPPED, 1);
        return;
    }
    struct bus_local_message *message = mem_zalloc(1, sizeof *message);
    message->payload = blob_ref(payload);
    list_push_back(&node->messages, &message->link);
    node->waiting++;
    pthread_cond_signal(&node->changed);
}

static void bus_local_publish(struct bus *bus, struct str payload) {
    struct bus_local_node *from = CONTAINER_OF(bus, struct bus_local_node, bus);
    struct blob *shared = NULL;
    pthread_mutex_lock(&bus_local_lock);
    LIST_EACH(&bus_local_nodes, at) {
        struct bus_local_node *node = CONTAINER_OF(at, struct bus_local_node, link);
        if (node == from || strcmp(node->address, from->address) != 0)
            continue;
        if (shared == NULL)
            shared = blob_from_bytes(payload.ptr, payload.len);
        bus_local_give(node, shared);
    }
    pthread_mutex_unlock(&bus_local_lock);
    blob_unref(shared);
}

static void bus_local_close(struct bus *take_bus) {
    struct bus_local_node *node = CONTAINER_OF(take_bus, struct bus_local_node, bus);
    pthread_mutex_lock(&bus_local_lock);
    list_remove(&node->link);
    node->closing = true;
    pthread_cond_signal(&node->changed);
    pthread_mutex_unlock(&bus_local_lock);
    CHECK(pthread_join(node->thread, NULL) == 0);
    LIST_EACH(&node->messages, at)
    bus_local_free_message(CONTAINER_OF(at, struct bus_local_message, link));
    pthread_cond_destroy(&node->changed);
    mem_free(node->address);
    mem_free(node);
}

const struct bus_driver bus_local = {bus_local_open, bus_local_publish, bus_local_close};
