#include "base/clock.h"

#include "base/check.h"

#include <time.h>

static uint64_t clock_read_ns(clockid_t id) {
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int64_t clock_now_ms(void) {
    return (int64_t)(clock_read_ns(CLOCK_REALTIME) / 1000000);
}

uint64_t clock_monotonic_ns(void) {
    return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

uint64_t clock_thread_cpu_ns(void) {
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_process_cpu_ns(void) {
    return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void put_digits(char *out, int width, int64_t value) {
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* gmtime_r for the second that this thread asked for last, mostly: it takes a lock of the whole
 * process. */
static struct tm calendar_of(time_t seconds) {
    static _Thread_local time_t last;
    static _Thread_local struct tm tm;
    if (seconds != last || tm.tm_mday == 0) {
        CHECK(gmtime_r(&seconds, &tm) != NULL && tm.tm_year >= -1900 && tm.tm_year <= 9999 - 1900);
        last = seconds;
    }
    return tm;
}

void time_format_rfc3339(int64_t unix_ms, char out[TIME_RFC3339_BYTES]) {
    int64_t ms = (unix_ms % 1000 + 1000) % 1000;
    struct tm tm = calendar_of((time_t)((unix_ms - ms) / 1000));
    memcpy(out, "0000-00-00T00:00:00.000Z", TIME_RFC3339_BYTES);
    put_digits(out, 4, tm.tm_year + 1900);
    put_digits(out + 5, 2, tm.tm_mon + 1);
    put_digits(out + 8, 2, tm.tm_mday);
    put_digits(out + 11, 2, tm.tm_hour);
    put_digits(out + 14, 2, tm.tm_min);
    put_digits(out + 17, 2, tm.tm_sec);
    put_digits(out + 20, 3, ms);
}

/* Takes `width` digits off the front of *s, then the character `after` (0: none). */
static bool take_number(struct str *s, size_t width, char after, int low, int high, int *out) {
    if (s->len < width + (after != 0))
        return false;
    int value = 0;
    for (size_t i = 0; i < width; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    char found = after == 0 ? '\0' : s->ptr[width];
    if (found == 't')
        found = 'T'; /* RFC 3339 section 5.6: T and Z may be lower case */
    *out = value;
    *s = str_slice(*s, width + (after != 0), s->len);
    return found == after && value >= low && value <= high;
}

/* ".123": any number of digits, at least one; the rest of a millisecond is cut. No dot: 0. */
static bool take_fraction(struct str *s, int *ms) {
    *ms = 0;
    if (s->len == 0 || s->ptr[0] != '.')
        return true;
    size_t at = 1;
    for (int unit = 100; at < s->len && s->ptr[at] >= '0' && s->ptr[at] <= '9'; at++, unit /= 10)
        *ms += (s->ptr[at] - '0') * unit;
    *s = str_slice(*s, at, s->len);
    return at > 1;
}

/* "Z" or "+01:30", to the end of the text. */
static bool take_offset(struct str s, int *minutes) {
    *minutes = 0;
    if (str_equal_nocase(s, STR("Z")))
        return true;
    if (s.len == 0 || (s.ptr[0] != '+' && s.ptr[0] != '-'))
        return false;
    int sign = s.ptr[0] == '-' ? -1 : 1;
    int hour, minute;
    s = str_slice(s, 1, s.len);
    if (!take_number(&s, 2, ':', 0, 23, &hour) || !take_number(&s, 2, 0, 0, 59, &minute))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return s.len == 0;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool time_parse_rfc3339(struct str text, int64_t *unix_ms) {
    int year, month, day, hour, minute, second, ms, offset;
    if (!take_number(&text, 4, '-', 0, 9999, &year) || !take_number(&text, 2, '-', 1, 12, &month) ||
        !take_number(&text, 2, 'T', 1, days_in_month(year, month), &day) ||
        !take_number(&text, 2, ':', 0, 23, &hour) || !take_number(&text, 2, ':', 0, 59, &minute) ||
        !take_number(&text, 2, 0, 0, 59, &second) || !take_fraction(&text, &ms) ||
        !take_offset(text, &offset))
        return false;
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    *unix_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + ms;
    return true;
}
