#include "process.h"

#include "ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void proc_read(int pid, const char *name, char *out, size_t size) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        bench_fail("%s", path);
    }
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
}

struct process_cpu process_cpu_now(int pid) {
    char text[2048];
    proc_read(pid, "stat", text, sizeof(text));
    const char *field = strrchr(text, ')'); /* the name before it may hold anything */
    for (int skip = 0; field != NULL && skip < 12; skip++) {
        field = strchr(field + 1, ' ');
    }
    if (field == NULL) {
        bench_fail("/proc/%d/stat has too few fields", pid);
    }
    char *end;
    uint64_t user = strtoull(field, &end, 10);
    uint64_t system = strtoull(end, NULL, 10);
    uint64_t tick_us = 1000000U / (uint64_t)sysconf(_SC_CLK_TCK);
    return (struct process_cpu){user * tick_us, system * tick_us};
}

uint64_t process_resident_bytes(int pid) {
    char text[256];
    proc_read(pid, "statm", text, sizeof(text));
    char *resident = strchr(text, ' ');
    return resident == NULL ? 0 : strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_resident_peak_bytes(int pid) {
    static const char field[] = "VmHWM:";
    char text[4096];
    proc_read(pid, "status", text, sizeof(text));
    const char *peak = strstr(text, field);
    return peak == NULL ? 0 : strtoull(peak + sizeof(field) - 1, NULL, 10) * 1024U;
}
