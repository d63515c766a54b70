/* What the kernel says of another process: the figures that the bench is about. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdint.h>

/* User and system time of all its threads, ended ones included, in microseconds (the kernel counts
 * in ticks of 10 ms). */
uint64_t process_cpu_us(int pid);

/* Resident memory in bytes. */
uint64_t process_resident_bytes(int pid);

/* The most that it ever had resident, in bytes. */
uint64_t process_resident_peak_bytes(int pid);

#endif
