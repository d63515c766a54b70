#include "realtime/sequencer.h"

void sequencer_init(struct sequencer *sequencer, int64_t head) {
    sequencer->next_pos = head + 1;
    sequencer->head = head;
    map_init(&sequencer->waiting);
}

void sequencer_finish(struct sequencer *sequencer) {
    size_t at = 0;
    void *value;
    while (map_next(&sequencer->waiting, &at, NULL, &value))
        packet_unref(value);
    map_finish(&sequencer->waiting);
}

void sequencer_offer(struct sequencer *sequencer, struct packet *take_packet) {
    int64_t pos = take_packet->pos;
    CHECK(pos > 0);
    sequencer_note_head(sequencer, pos);
    bool is_known =
        pos < sequencer->next_pos || map_get(&sequencer->waiting, (uint64_t)pos) != NULL;
    if (is_known || pos - sequencer->next_pos >= SEQUENCER_WINDOW)
        packet_unref(take_packet);
    else
        map_put(&sequencer->waiting, (uint64_t)pos, take_packet);
}

struct packet *sequencer_take(struct sequencer *sequencer) {
    struct packet *packet = map_remove(&sequencer->waiting, (uint64_t)sequencer->next_pos);
    if (packet != NULL)
        sequencer->next_pos++;
    return packet;
}

void sequencer_note_head(struct sequencer *sequencer, int64_t head) {
    if (head > sequencer->head)
        sequencer->head = head;
}

bool sequencer_has_gap(const struct sequencer *sequencer) {
    return sequencer->head >= sequencer->next_pos;
}
