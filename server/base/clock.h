/* Time. Wall time is Unix milliseconds, for what people see and what is stored; monotonic time is
 * for durations. RFC 3339 text is always UTC with milliseconds. Any thread. */
#pragma once
#include "base/str.h"

enum { TIME_RFC3339_BYTES = 25 }; /* "2026-11-24T13:00:00.000Z" and a NUL */

/* Wall clock, milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_now_ms(void);
uint64_t clock_monotonic_ns(void);
uint64_t clock_monotonic_ms(void);
/* CPU time of the calling thread, and of the whole process, in nanoseconds. */
uint64_t clock_thread_cpu_ns(void);
uint64_t clock_process_cpu_ns(void);

/* Years 0000 to 9999; CHECKed. */
void time_format_rfc3339(int64_t unix_ms, char out[TIME_RFC3339_BYTES]);
/* RFC 3339 section 5.6: any number of fraction digits (cut to milliseconds), Z or an offset. False
 * when it is not one: a leap second and 29 February of a common year among them. */
bool time_parse_rfc3339(struct str text, int64_t *unix_ms);
