/* Packets, the ring that loops read from, and the sequencer before it. */
#include "realtime/ring.h"
#include "realtime/sequencer.h"

#include "base/metrics.h"
#include "net/ws_deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <cmocka.h>

enum { LIMIT_BYTES = 8192, SUBJECT = 5 };

/* Messages are about 1 KiB, so that bytes and not slots bound the ring. */
static struct packet *make(enum event_id type, int64_t pos) {
    static char text[1000];
    static const struct author author;
    memset(text, 'a', sizeof text);
    const struct message message = {.author = &author, .text = str_make(text, sizeof text)};
    const struct message_created_data data = {.message = &message};
    const struct log_event event = {.type = type,
                                    .audience = audience_room(1),
                                    .subject = SUBJECT,
                                    .pos = pos,
                                    .seq = pos,
                                    .check = (uint32_t)pos * 3,
                                    .data = type == EVENT_message_created ? &data : NULL};
    return packet_create(&event);
}

static void append(struct ring *ring, enum event_id type, int64_t pos) {
    struct packet *packet = make(type, pos);
    ring_append(ring, &packet, 1);
}

/* ---- packets ---- */

static void a_packet_goes_over_the_bus_and_back(void **state) {
    (void)state;
    struct buf wire = BUF_INIT;
    struct packet *sent = make(EVENT_message_created, 9);
    packet_serialize(sent, &wire);
    size_t length = wire.len, used = 0;
    packet_serialize(sent, &wire); /* another one behind it */
    struct packet *came = packet_parse(buf_str(&wire), &used);
    assert_non_null(came);
    assert_int_equal(used, length);
    assert_int_equal(came->pos, 9);
    assert_int_equal(came->check, sent->check);
    assert_int_equal(came->audience, sent->audience);
    assert_int_equal(came->flags, sent->flags);
    assert_int_equal(came->frame->len, sent->frame->len);
    assert_memory_equal(came->frame->bytes, sent->frame->bytes, sent->frame->len);
    for (size_t cut = 0; cut < length; cut++)
        assert_null(packet_parse(str_slice(buf_str(&wire), 0, cut), &used));
    wire.data[0] ^= 1;
    assert_null(packet_parse(buf_str(&wire), &used));
    packet_unref(came);
    packet_unref(sent);
    buf_finish(&wire);
}

static void a_stub_keeps_the_place_and_loses_the_bytes(void **state) {
    (void)state;
    struct packet *packet = make(EVENT_message_created, 9);
    struct packet *stub = packet_create_stub(packet);
    assert_true(packet_is_stub(stub));
    assert_false(packet_is_stub(packet));
    assert_int_equal(stub->pos, 9);
    assert_int_equal(stub->audience, packet->audience);
    assert_true(packet_bytes(stub) < packet_bytes(packet));
    packet_unref(packet);
    packet_unref(stub);
    struct packet *internal = make(EVENT_session_ended, 1);
    assert_null(internal->frame);
    assert_false(packet_is_stub(internal));
    packet_unref(internal);
}

static void a_packet_is_compressed_once_for_all(void **state) {
    (void)state;
    unsigned char text[4096];
    struct packet *packet = make(EVENT_message_created, 9);
    struct ws_deflater *deflater = ws_deflater_create(12), *other = ws_deflater_create(12);
    int64_t before = metrics_get(METRIC_DEFLATE_PACKETS);
    struct blob *frame = packet_deflated(packet, deflater);
    assert_ptr_equal(packet_deflated(packet, other), frame);
    assert_int_equal(metrics_get(METRIC_DEFLATE_PACKETS) - before, 1);
    assert_true(frame->len < packet->frame->len / 2);
    assert_int_equal(frame->bytes[0], 0x80 | WS_COMPRESSED | WS_TEXT);
    z_stream client = {.next_in = frame->bytes + 4, .avail_in = frame->len - 4};
    client.next_out = text;
    client.avail_out = sizeof text;
    assert_int_equal(inflateInit2(&client, -12), Z_OK);
    assert_int_equal(inflate(&client, Z_SYNC_FLUSH), Z_OK);
    size_t length = packet->frame->len - packet->json_offset;
    assert_int_equal(sizeof text - client.avail_out, length);
    assert_memory_equal(text, packet->frame->bytes + packet->json_offset, length);
    inflateEnd(&client);
    ws_deflater_destroy(deflater);
    ws_deflater_destroy(other);
    packet_unref(packet);
}

static void a_packet_that_compressing_makes_no_shorter_stays_plain(void **state) {
    (void)state;
    struct log_event event = {.type = EVENT_typing_started, .audience = audience_room(1)};
    struct packet *packet = packet_create(&event);
    struct ws_deflater *deflater = ws_deflater_create(12);
    int64_t before = metrics_get(METRIC_DEFLATE_PACKETS);
    for (int i = 0; i < 3; i++) /* tried once */
        assert_ptr_equal(packet_deflated(packet, deflater), packet->frame);
    assert_int_equal(metrics_get(METRIC_DEFLATE_PACKETS) - before, 1);
    ws_deflater_destroy(deflater);
    packet_unref(packet);
}

/* Security: text that was deleted is in no form of the packet any more. */
static void erasing_a_message_erases_its_compressed_form(void **state) {
    (void)state;
    struct ring *ring = ring_create(LIMIT_BYTES, 0, 0);
    struct ws_deflater *deflater = ws_deflater_create(12);
    struct packet *packet = make(EVENT_message_created, 1), *erased;
    struct blob *frame = blob_ref(packet_deflated(packet, deflater));
    struct blob *event = blob_ref(packet_sse(packet));
    uint64_t index = 0;
    ring_append(ring, &packet, 1);
    assert_int_equal(atomic_load(&frame->refs), 2);
    ring_erase(ring, SUBJECT, 2);
    assert_int_equal(atomic_load(&frame->refs), 1);
    assert_int_equal(atomic_load(&event->refs), 1);
    assert_int_equal(ring_read(ring, &index, &erased, 1), 1);
    assert_null(atomic_load(&erased->deflated));
    packet_unref(erased);
    blob_unref(frame);
    blob_unref(event);
    ws_deflater_destroy(deflater);
    ring_destroy(ring);
}

/* ---- the ring ---- */

static void a_reader_gets_what_comes_in_order(void **state) {
    (void)state;
    int64_t pos;
    uint32_t check;
    struct packet *read[4];
    struct ring *ring = ring_create(LIMIT_BYTES, 10, 1);
    uint64_t index = ring_head(ring, &pos, &check);
    assert_int_equal(pos, 10);
    assert_int_equal(ring_read(ring, &index, read, 4), 0);
    append(ring, EVENT_message_created, 11);
    append(ring, EVENT_typing_started, 0); /* not logged: stands at the pos before it */
    append(ring, EVENT_message_created, 12);
    assert_int_equal(ring_read(ring, &index, read, 2), 2);
    assert_int_equal(read[0]->pos, 11);
    assert_int_equal(read[1]->stream_pos, 11);
    packet_unref(read[0]);
    packet_unref(read[1]);
    assert_int_equal(ring_read(ring, &index, read, 2), 1);
    assert_int_equal(read[0]->pos, 12);
    packet_unref(read[0]);
    ring_head(ring, &pos, &check);
    assert_int_equal(pos, 12);
    assert_int_equal(check, 36);
    ring_destroy(ring);
}

static void the_oldest_go_first_when_bytes_are_full(void **state) {
    (void)state;
    int64_t pos;
    uint32_t check;
    struct packet *read[1];
    struct ring *ring = ring_create(LIMIT_BYTES, 0, 0);
    uint64_t begin = ring_head(ring, &pos, &check), index;
    size_t bytes = 0, one = 0;
    for (int64_t i = 1; i <= 1000; i++)
        append(ring, EVENT_message_created, i);
    assert_int_equal(ring_read(ring, &begin, read, 1), RING_FELL_OFF);
    for (pos = 0; !ring_index_after(ring, pos, &index); pos++)
        assert_true(pos < 1000);
    while (ring_read(ring, &index, read, 1) == 1) {
        assert_int_equal(read[0]->pos, ++pos);
        one = packet_bytes(read[0]);
        bytes += one;
        packet_unref(read[0]);
    }
    assert_int_equal(pos, 1000);
    assert_true(bytes <= LIMIT_BYTES && bytes + 2 * one > LIMIT_BYTES);
    ring_destroy(ring);
}

static void a_packet_larger_than_the_ring_is_kept_alone(void **state) {
    (void)state;
    struct packet *read[2];
    uint64_t index;
    struct ring *ring = ring_create(1, 0, 0);
    append(ring, EVENT_message_created, 1);
    append(ring, EVENT_message_created, 2);
    assert_true(ring_index_after(ring, 1, &index));
    assert_int_equal(ring_read(ring, &index, read, 2), 1);
    assert_int_equal(read[0]->pos, 2);
    packet_unref(read[0]);
    ring_destroy(ring);
}

static void erased_text_leaves_the_ring_and_what_stays_is_what_erased_it(void **state) {
    (void)state;
    struct packet *read[3];
    uint64_t index;
    struct ring *ring = ring_create(LIMIT_BYTES, 0, 0);
    append(ring, EVENT_message_created, 1);
    append(ring, EVENT_member_joined, 2); /* the same key, of another table */
    append(ring, EVENT_message_edited, 3);
    ring_erase(ring, SUBJECT + 1, 3);
    assert_true(ring_index_after(ring, 0, &index));
    assert_int_equal(ring_read(ring, &index, read, 3), 3);
    assert_false(packet_is_stub(read[0]));
    ring_erase(ring, SUBJECT, 3);
    for (int i = 0; i < 3; i++)
        packet_unref(read[i]); /* held meanwhile: still whole */
    assert_true(ring_index_after(ring, 0, &index));
    assert_int_equal(ring_read(ring, &index, read, 3), 3);
    assert_true(packet_is_stub(read[0]));
    assert_false(packet_is_stub(read[1]));
    assert_false(packet_is_stub(read[2]));
    for (int i = 0; i < 3; i++)
        packet_unref(read[i]);
    ring_destroy(ring);
}

/* ---- the sequencer ---- */

static void assert_next(struct sequencer *sequencer, int64_t pos) {
    struct packet *packet = sequencer_take(sequencer);
    assert_non_null(packet);
    assert_int_equal(packet->pos, pos);
    packet_unref(packet);
}

static void whatever_the_order_each_comes_out_once_in_its_place(void **state) {
    (void)state;
    static const int64_t came[] = {13, 12, 12, 9, 11, 13, 11, 10};
    struct sequencer sequencer;
    sequencer_init(&sequencer, 10);
    assert_false(sequencer_has_gap(&sequencer));
    for (size_t i = 0; i < sizeof came / sizeof *came; i++) {
        sequencer_offer(&sequencer, make(EVENT_message_created, came[i]));
        if (i < 4) {
            assert_null(sequencer_take(&sequencer));
            assert_true(sequencer_has_gap(&sequencer));
        }
    }
    for (int64_t pos = 11; pos <= 13; pos++)
        assert_next(&sequencer, pos);
    assert_null(sequencer_take(&sequencer));
    assert_false(sequencer_has_gap(&sequencer));
    assert_int_equal(sequencer.waiting.count, 0); /* nothing old is kept */
    sequencer_finish(&sequencer);
}

static void a_head_that_is_known_and_did_not_come_is_a_gap(void **state) {
    (void)state;
    struct sequencer sequencer;
    sequencer_init(&sequencer, 10);
    sequencer_note_head(&sequencer, 9);
    assert_false(sequencer_has_gap(&sequencer));
    sequencer_note_head(&sequencer, 11);
    assert_true(sequencer_has_gap(&sequencer));
    sequencer_offer(&sequencer, make(EVENT_message_created, 11));
    assert_next(&sequencer, 11);
    assert_false(sequencer_has_gap(&sequencer));
    sequencer_finish(&sequencer);
}

static void what_is_too_far_ahead_is_dropped_and_known_to_be_missing(void **state) {
    (void)state;
    struct sequencer sequencer;
    sequencer_init(&sequencer, 0);
    sequencer_offer(&sequencer, make(EVENT_message_created, SEQUENCER_WINDOW));
    sequencer_offer(&sequencer, make(EVENT_message_created, SEQUENCER_WINDOW + 1));
    assert_int_equal(sequencer.waiting.count, 1);
    assert_int_equal(sequencer.head, SEQUENCER_WINDOW + 1);
    assert_true(sequencer_has_gap(&sequencer));
    sequencer_finish(&sequencer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_goes_over_the_bus_and_back),
        cmocka_unit_test(a_stub_keeps_the_place_and_loses_the_bytes),
        cmocka_unit_test(a_packet_is_compressed_once_for_all),
        cmocka_unit_test(a_packet_that_compressing_makes_no_shorter_stays_plain),
        cmocka_unit_test(erasing_a_message_erases_its_compressed_form),
        cmocka_unit_test(a_reader_gets_what_comes_in_order),
        cmocka_unit_test(the_oldest_go_first_when_bytes_are_full),
        cmocka_unit_test(a_packet_larger_than_the_ring_is_kept_alone),
        cmocka_unit_test(erased_text_leaves_the_ring_and_what_stays_is_what_erased_it),
        cmocka_unit_test(whatever_the_order_each_comes_out_once_in_its_place),
        cmocka_unit_test(a_head_that_is_known_and_did_not_come_is_a_gap),
        cmocka_unit_test(what_is_too_far_ahead_is_dropped_and_known_to_be_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
