/* The load generator: holds WebSocket members in rooms of Parley or of a peer, sends, checks that
 * every member got every message once and in one order, and prints one line of JSON with what it
 * cost the server. See usage(). */
#include "dialect.h"

#include "process.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUIET_MS = 500, QUIET_TIMEOUT_S = 60, DRAIN_TIMEOUT_S = 30, IDLE_S = 3 };
enum { HOLD_TURN_MS = 50, IDLE_FIRST = 1000 };

struct plan plan = {.name = "",
                    .rooms = 1,
                    .members = 1000,
                    .senders = 1,
                    .window = 1,
                    .text_bytes = TEXT_BYTES,
                    .warmup_s = 1,
                    .measure_s = 5};
struct tally tally;
struct room *rooms;
struct member *members;
size_t member_count, members_ready;

static uint64_t seconds_ns(double seconds) {
    return (uint64_t)(seconds * 1e9);
}

__attribute__((noreturn)) static void usage(void) {
    fputs("usage: load --port PORT --pid SERVER_PID --speaks DIALECT [--name NAME]\n"
          "  --speaks        parley, history, history-again, raw (raw_epoll), ws or socketio\n"
          "  --plan FILE     Parley needs it: a line a room: ROOM_ID TOKEN [TOKEN ...]\n"
          "  --rooms N --members N --senders N     of each room, so many members send in turn\n"
          "  --window N      closed loop: N messages of each room in flight\n"
          "  --rate N        open loop: N messages a second over all rooms\n"
          "  --warmup S --seconds S\n"
          "  --text-bytes N  of a message; more than 100 are words\n"
          "  --deflate       members read compressed frames (permessage-deflate)\n"
          "  --stalled N     so many more members of each room, who read nothing\n"
          "  --idle          only connect and weigh the server\n"
          "  --hold          with --idle: stay connected until standard input ends\n",
          stderr);
    exit(2);
}

static void plan_set(char option, const char *value) {
    char *end = NULL;
    double number = strtod(value == NULL ? "0" : value, &end);
    bool numeric = option != 'f' && option != 'n' && option != 'd';
    if (numeric && (*end != '\0' || number < 0)) {
        usage();
    }
    switch (option) {
    case 'p':
        plan.port = (uint16_t)number;
        break;
    case 'P':
        plan.pid = (int)number;
        break;
    case 'f':
        plan.file = value;
        break;
    case 'n':
        plan.name = value;
        break;
    case 'd':
        plan.dialect = dialect_find(value);
        break;
    case 't':
        plan.stalled = (size_t)number;
        break;
    case 'b':
        plan.text_bytes = (size_t)number;
        break;
    case 'c':
        plan.deflate = true;
        break;
    case 'h':
        plan.hold = true;
        break;
    case 'r':
        plan.rooms = (size_t)number;
        break;
    case 'm':
        plan.members = (size_t)number;
        break;
    case 's':
        plan.senders = (size_t)number;
        break;
    case 'w':
        plan.window = (size_t)number;
        break;
    case 'R':
        plan.rate = number;
        plan.window = 0;
        break;
    case 'W':
        plan.warmup_s = number;
        break;
    case 'S':
        plan.measure_s = number;
        break;
    case 'i':
        plan.idle = true;
        break;
    default:
        usage();
    }
}

static void plan_read(int argc, char **argv) {
    static const struct option options[] = {
        {"port", 1, NULL, 'p'},    {"pid", 1, NULL, 'P'},        {"plan", 1, NULL, 'f'},
        {"name", 1, NULL, 'n'},    {"rooms", 1, NULL, 'r'},      {"members", 1, NULL, 'm'},
        {"senders", 1, NULL, 's'}, {"window", 1, NULL, 'w'},     {"rate", 1, NULL, 'R'},
        {"warmup", 1, NULL, 'W'},  {"seconds", 1, NULL, 'S'},    {"idle", 0, NULL, 'i'},
        {"speaks", 1, NULL, 'd'},  {"stalled", 1, NULL, 't'},    {"hold", 0, NULL, 'h'},
        {"deflate", 0, NULL, 'c'}, {"text-bytes", 1, NULL, 'b'}, {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        plan_set((char)option, optarg);
    }
    bool loop_known = plan.window > 0 || plan.rate > 0;
    bool dialect_known = plan.dialect != NULL && plan.dialect->acknowledges == (plan.file != NULL);
    bool text_fits = plan.text_bytes >= TEXT_BYTES_MIN && plan.text_bytes <= TEXT_BYTES_MAX;
    if (plan.port == 0 || plan.pid == 0 || plan.rooms == 0 || plan.senders == 0 ||
        plan.senders > plan.members || !loop_known || !dialect_known || !text_fits ||
        optind != argc) {
        usage();
    }
}

/* Until the server says no more of who came online. */
static void wait_for_quiet(void) {
    uint64_t start_ns = bench_now_ns();
    uint64_t quiet_since_ns = start_ns;
    uint64_t seen = tally.events;
    while (bench_now_ns() - quiet_since_ns < QUIET_MS * 1000000ULL) {
        members_turn(50000000);
        if (tally.events != seen) {
            seen = tally.events;
            quiet_since_ns = bench_now_ns();
        }
        if (quiet_since_ns - start_ns > QUIET_TIMEOUT_S * 1000000000ULL) {
            bench_fail("the server does not get quiet");
        }
    }
}

static void run_closed(uint64_t until_ns) {
    while (bench_now_ns() < until_ns) {
        members_turn(until_ns - bench_now_ns() < 10000000 ? 1000000 : 10000000);
    }
}

/* Each message is due at its time, whatever the server does; what is late counts from when it was
 * due. */
static void run_open(uint64_t until_ns, uint64_t *due_ns, size_t *turn) {
    uint64_t step_ns = (uint64_t)(1e9 / plan.rate);
    for (uint64_t now_ns = bench_now_ns(); now_ns < until_ns; now_ns = bench_now_ns()) {
        while (*due_ns <= now_ns) {
            room_owe(&rooms[(*turn)++ % plan.rooms], 1);
            traffic_send(*due_ns);
            *due_ns += step_ns;
        }
        now_ns = bench_now_ns();
        uint64_t next_ns = *due_ns < until_ns ? *due_ns : until_ns;
        members_turn(next_ns > now_ns ? next_ns - now_ns : 0);
    }
}

static void drain(void) {
    uint64_t limit_ns = bench_now_ns() + DRAIN_TIMEOUT_S * 1000000000ULL;
    while (!traffic_all_done()) {
        members_turn(10000000);
        if (bench_now_ns() > limit_ns) {
            bench_fail("messages were lost: not all arrived everywhere within %d s",
                       DRAIN_TIMEOUT_S);
        }
    }
}

static void print_result(const struct process_cpu *cpu, double seconds) {
    double deliveries = (double)tally.deliveries;
    uint64_t cpu_us = cpu->user_us + cpu->system_us;
    printf(
        "{\"load\":\"%s\",\"deliveries\":%.0f,\"seconds\":%.3f,\"deliveries_per_s\":%.0f,"
        "\"cpu_us\":%llu,\"cpu_us_per_delivery\":%.4f,\"kernel_us_per_delivery\":%.4f,\"acked_per_"
        "s\":%.0f,"
        "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,"
        "\"messages\":%zu,\"members\":%zu,\"compressed\":%llu,\"resident_peak_bytes\":%llu}\n",
        plan.name, deliveries, seconds, deliveries / seconds, (unsigned long long)cpu_us,
        deliveries > 0 ? (double)cpu_us / deliveries : 0,
        deliveries > 0 ? (double)cpu->system_us / deliveries : 0, (double)tally.acked / seconds,
        (double)histogram_percentile(&tally.delivery_ns, 0.5) / 1e6,
        (double)histogram_percentile(&tally.delivery_ns, 0.99) / 1e6,
        (double)histogram_percentile(&tally.delivery_ns, 0.999) / 1e6,
        (double)histogram_percentile(&tally.ack_ns, 0.5) / 1e6,
        (double)histogram_percentile(&tally.ack_ns, 0.99) / 1e6, traffic_sent(), member_count,
        (unsigned long long)tally.compressed,
        (unsigned long long)process_resident_peak_bytes(plan.pid));
}

static void measure_traffic(void) {
    tally.sending = true;
    for (size_t i = 0; plan.window > 0 && i < plan.rooms; i++) {
        room_owe(&rooms[i], plan.window);
    }
    uint64_t due_ns = bench_now_ns();
    size_t turn = 0;
    uint64_t begin_ns = due_ns + seconds_ns(plan.warmup_s);
    uint64_t end_ns = begin_ns + seconds_ns(plan.measure_s);
    if (plan.window > 0) {
        run_closed(begin_ns);
    } else {
        run_open(begin_ns, &due_ns, &turn);
    }

    struct process_cpu before = process_cpu_now(plan.pid);
    uint64_t started_ns = bench_now_ns();
    tally.counting = true;
    if (plan.window > 0) {
        run_closed(end_ns);
    } else {
        run_open(end_ns, &due_ns, &turn);
    }
    tally.counting = false;
    tally.sending = false;
    double seconds = (double)(bench_now_ns() - started_ns) / 1e9;
    struct process_cpu cpu = process_cpu_now(plan.pid);
    cpu.user_us -= before.user_us;
    cpu.system_us -= before.system_us;

    drain();
    wait_for_quiet(); /* nothing comes twice afterwards either */
    if (!traffic_all_done()) {
        bench_fail("something came after all had arrived");
    }
    print_result(&cpu, seconds);
}

static size_t idle_first(void) {
    return member_count / 2 > IDLE_FIRST ? IDLE_FIRST : member_count / 2;
}

static bool input_ended(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) != 0;
}

/* A connection's cost is the growth after the first IDLE_FIRST came in: what the server takes once
 * (caches, code, the queues of a burst) is there by then. */
static void measure_idle(uint64_t before_bytes, uint64_t first_bytes) {
    uint64_t until_ns = bench_now_ns() + IDLE_S * 1000000000ULL;
    while (bench_now_ns() < until_ns) {
        members_turn(100000000);
    }
    double after = (double)process_resident_bytes(plan.pid);
    printf("{\"load\":\"%s\",\"members\":%zu,\"resident_start_bytes\":%llu,\"resident_bytes\":%.0f,"
           "\"bytes_per_connection\":%.0f,\"bytes_per_connection_all\":%.0f}\n",
           plan.name, member_count, (unsigned long long)before_bytes, after,
           (after - (double)first_bytes) / (double)(member_count - idle_first()),
           (after - (double)before_bytes) / (double)member_count);
    fflush(stdout);
    while (plan.hold && !input_ended()) {
        members_turn(HOLD_TURN_MS * 1000000ULL);
    }
}

static void run_idle(uint64_t before_bytes) {
    members_connect(idle_first());
    wait_for_quiet();
    uint64_t first_bytes = process_resident_bytes(plan.pid);
    members_connect(member_count);
    wait_for_quiet();
    measure_idle(before_bytes, first_bytes);
}

int main(int argc, char **argv) {
    plan_read(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    bench_lift_file_limit();
    uint64_t before_bytes = process_resident_bytes(plan.pid);
    traffic_init();
    members_make();
    if (plan.idle) {
        run_idle(before_bytes);
        return 0;
    }
    members_connect(member_count);
    wait_for_quiet();
    measure_traffic();
    return 0;
}
