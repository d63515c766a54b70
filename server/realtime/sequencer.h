/* The sequencer: puts packets of the log into pos order, whatever order, however late or often they
 * come (the bus is a hint). Thread: whoever holds its owner's lock (fanout). Bounded: packets more
 * than SEQUENCER_WINDOW ahead are dropped; the gap before them is fetched from the store anyway. */
#pragma once
#include "base/map.h"
#include "realtime/packet.h"

enum { SEQUENCER_WINDOW = 4096 };

struct sequencer {
    int64_t next_pos;   /* of the packet that goes out next */
    int64_t head;       /* the newest pos that anybody spoke of */
    struct map waiting; /* pos → struct packet */
};

void sequencer_init(struct sequencer *sequencer, int64_t head);
void sequencer_finish(struct sequencer *sequencer);
/* Takes a logged packet: an old or doubled one is dropped. */
void sequencer_offer(struct sequencer *sequencer, struct packet *take_packet);
/* The next packet in order, or NULL; the caller owns it. */
struct packet *sequencer_take(struct sequencer *sequencer);
/* The log is known to reach `head`. */
void sequencer_note_head(struct sequencer *sequencer, int64_t head);
/* True when something is missing that is known to exist: next_pos and on. */
bool sequencer_has_gap(const struct sequencer *sequencer);
