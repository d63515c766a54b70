/* The ring of recent events: written by fanout in stream order, tailed by every loop with an index
 * of its own.
 *
 * Thread: any; one small lock, held for copying pointers only. Bounded by bytes and by slots: the
 * oldest packets go first, and a reader whose index is behind the tail has fallen off and reads
 * from the store. */
#pragma once
#include "realtime/packet.h"

struct ring;

struct ring *ring_create(size_t limit_bytes, int64_t head_pos, uint32_t head_check);
void ring_destroy(struct ring *ring);
/* Appends packets in order; takes the references. Sets stream_pos. */
void ring_append(struct ring *ring, struct packet **take_packets, size_t count);
/* Where the next packet will stand: a reader that begins here gets all that comes; and the stream's
 * position there. */
uint64_t ring_head(struct ring *ring, int64_t *pos, uint32_t *check);
/* Copies up to `limit` packets from *index on, with a reference each, and moves *index. Returns how
 * many; RING_FELL_OFF when *index is behind the tail. */
#define RING_FELL_OFF ((size_t)-1)
size_t ring_read(struct ring *ring, uint64_t *index, struct packet **out, size_t limit);
/* The index of the first packet after `pos`. False when the ring no longer holds everything after
 * it. */
bool ring_index_after(struct ring *ring, int64_t pos, uint64_t *index);
/* Exchanges message_created and message_edited packets of message `subject` before stream position
 * `pos` for stubs. */
void ring_erase(struct ring *ring, int64_t subject, int64_t pos);
