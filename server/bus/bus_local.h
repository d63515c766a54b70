/* The bus inside one process: what a single node has, and what tests with several nodes in a
 * process use. Nodes that opened the same address hear each other, not themselves; with nobody else
 * there, publishing costs a lock. */
#pragma once
#include "bus/bus.h"

extern const struct bus_driver bus_local;
