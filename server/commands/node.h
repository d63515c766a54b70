/* A node: everything that one server process runs, put together and taken apart in order. Thread:
 * the main thread, for every call. */
#pragma once
#include "base/buf.h"
#include "base/check.h"
#include "settings.h"

struct node;

/* Opens the store and every part, listens, starts the threads. NULL with a message, and nothing
 * left behind, when something is wrong. */
struct node *node_start(const struct settings *settings, struct buf *error);
/* The port that the first listener got. */
uint16_t node_port(const struct node *node);
/* "http://127.0.0.1:8080" or the public URL. */
struct str node_url(const struct node *node);
/* The one-time link for the first owner, in `out`; empty when there is an owner. */
void node_owner_link(struct node *node, struct buf *out);
/* Reads the certificate and key again, for connections to come; when they cannot be used that is
 * logged, and the old ones stay. */
void node_reload(struct node *node);
/* Drains (up to drain_ms), stops the threads, closes the store, frees all. */
void node_stop(struct node *take_node);
