/* What the kernel says of another process: the figures that the bench is about. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdint.h>

/* Time of all its threads, ended ones included, in microseconds (shown in ticks of 10 ms). */
struct process_cpu {
    uint64_t user_us, system_us;
};
struct process_cpu process_cpu_now(int pid);

/* Resident memory in bytes. */
uint64_t process_resident_bytes(int pid);

/* The most that it ever had resident, in bytes. */
uint64_t process_resident_peak_bytes(int pid);

#endif
