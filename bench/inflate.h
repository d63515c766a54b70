/* Compressed frames (RFC 7692) for the load generator, which asks for ones that each stand alone.
 * One thread. */
#ifndef BENCH_INFLATE_H
#define BENCH_INFLATE_H

#include "ws.h"

/* The header that offers it, with its end of line. */
extern const char inflate_offer[];

/* The frame with its payload inflated, valid until the next call; ends the program when it is no
 * deflated data. */
struct ws_frame inflate_frame(const struct ws_frame *frame);

#endif
