/* The bus between the nodes: whole messages, one a committed batch, to every other node. It is a
 * hint and no more: a message may be late, come twice, out of order or never; the store's log is
 * the truth, and sending goes on while the bus is down.
 *
 * A kind of bus is one file with a `struct bus_driver` and a row in bus.c. Thread: bus_publish is
 * called on any thread and never blocks; ops are called on the bus's own thread, never two at once,
 * and not after bus_close has returned. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "protocol/err.h"

enum {
    BUS_QUEUE_MAX = 1024,                    /* messages that wait for a node; more are dropped */
    BUS_MESSAGE_MAX_BYTES = 8 * 1024 * 1024, /* larger ones are not sent: the nodes read the log */
};

struct bus_ops {
    /* A message of another node; `payload` is borrowed for the call. Own messages may come back. */
    void (*event)(void *arg, struct str payload);
    /* It works (again): messages may have been lost before. */
    void (*up)(void *arg);
    /* It does not: until `up`, the log is to be read more often. */
    void (*down)(void *arg);
    void *arg;
};

struct bus_options {
    struct str kind;    /* "local" */
    struct str address; /* the kind's own; nodes with the same one hear each other */
    struct bus_ops ops;
};

struct bus;

/* Connects, in the background where that takes time; `up` says when it is done. ERR_INVALID_FIELD,
 * with words for the operator: unknown kind or address. */
enum err bus_open(const struct bus_options *options, struct bus **out,
                  struct buf *error) MUST_CHECK;
/* Sends to the other nodes; dropped (and counted) when it cannot. */
void bus_publish(struct bus *bus, struct str payload);
/* NULL is allowed. */
void bus_close(struct bus *take_bus);

/* ---- what a kind of bus implements; its struct begins with a struct bus ---- */
struct bus_driver {
    enum err (*open)(const struct bus_options *options, struct bus **out, struct buf *error);
    void (*publish)(struct bus *bus, struct str payload);
    void (*close)(struct bus *take_bus);
};
struct bus {
    const struct bus_driver *driver;
    struct bus_ops ops;
};
