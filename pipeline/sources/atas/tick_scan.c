/* Lines of a tape that have exactly one exporter's form -> columns; the places of all other lines.
 *
 * Belongs here: the bytes between a line's known texts, one pass, no judgement of what they mean. A value
 * is taken only in the spelling that both JSON and the strict reader (`tick_line.py`) accept, and then with
 * the very bits that reader would give; any doubt makes the line odd, and the strict reader decides.
 * Bound by `tick_scan.py`, which says what the arguments are. Knows neither Python nor threads.
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum kind { INSTANT, NUMBER, WORD, MEMBER, ID, WHOLE, TRUTH };

enum { MOST_WORDS = 32, SECOND_BYTES = 20, INSTANT_BYTES = 30 };

typedef struct {
    int32_t kind;
    int32_t before_bytes, between_bytes;
    int32_t word_count;
    const char *before;   /* the text from the value before to this one */
    const char *between;  /* MEMBER: from a key to its value */
    void *values;         /* a row each: int64 us or whole | double | uint8 place among the words, or 0, 1 | int32 end of the id */
    int64_t *words;       /* WORD, MEMBER: where each distinct text begins and ends in the body */
    char *ids;            /* ID: the texts, one behind the other */
    const char *last;     /* INSTANT, WORD, MEMBER: what was read last, which often comes again; NULL: nothing */
    int64_t last_bytes;
    int64_t last_value;   /* INSTANT: its second; else the place of its word */
} field;

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int same(const char *one, const char *other, int64_t bytes) {
    if (bytes < 8) {
        for (int64_t i = 0; i < bytes; i++)
            if (one[i] != other[i]) return 0;
        return 1;
    }
    uint64_t a, b;
    for (int64_t i = 0;; i = i + 16 > bytes ? bytes - 8 : i + 8) {
        memcpy(&a, one + i, 8);
        memcpy(&b, other + i, 8);
        if (a != b) return 0;
        if (i == bytes - 8) return 1;
    }
}

static const char *digits(const char *at, const char *end) {
    while (at < end && is_digit(*at)) at++;
    return at;
}

/* The end of a number as JSON spells it, its exponent in 3 digits at most; NULL if there is none. */
static const char *number(const char *at, const char *end) {
    if (at < end && *at == '-') at++;
    const char *whole = at;
    at = digits(at, end);
    if (at == whole || (*whole == '0' && at - whole > 1)) return NULL;
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = digits(at, end);
        if (at == fraction) return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        const char *exponent = at;
        at = digits(at, end);
        if (at == exponent || at - exponent > 3) return NULL;
    }
    return at;
}

/* The end of a string of printable ASCII without escapes; NULL if there is none. */
static const char *plain_string(const char *at, const char *end) {
    if (at == end || *at++ != '"') return NULL;
    while (at < end && *at != '"') {
        if (*at < ' ' || *at > '~' || *at == '\\') return NULL;
        at++;
    }
    return at < end ? at + 1 : NULL;
}

static const char *literal(const char *at, const char *end, const char *text, int64_t bytes) {
    return end - at >= bytes && same(at, text, bytes) ? at + bytes : NULL;
}

/* The end of a value that is neither object nor array; NULL if there is none. */
static const char *scalar(const char *at, const char *end) {
    if (at == end) return NULL;
    switch (*at) {
    case '"': return plain_string(at, end);
    case 'n': return literal(at, end, "null", 4);
    case 't': return literal(at, end, "true", 4);
    case 'f': return literal(at, end, "false", 5);
    default: return number(at, end);
    }
}

static int pair(const char *at) { return (at[0] - '0') * 10 + at[1] - '0'; }

/* Days from 1970-01-01 of a proleptic Gregorian date.
 * Source: Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. */
static int64_t days_since_1970(int year, int month, int day) {
    year -= month <= 2;
    int era = year / 400, year_of_era = year - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + day_of_era - 719468;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + leap;
}

/* "YYYY-MM-DDTHH:MM:SS of an instant from 1970 on, quote included, as seconds; -1 if it is none. */
static int64_t second_of(const char *at) {
    static const char form[] = "\"0000-00-00T00:00:00";
    for (int i = 0; i < SECOND_BYTES; i++)
        if (form[i] == '0' ? !is_digit(at[i]) : at[i] != form[i]) return -1;
    const char *text = at + 1;
    int year = pair(text) * 100 + pair(text + 2), month = pair(text + 5), day = pair(text + 8);
    int hour = pair(text + 11), minute = pair(text + 14), second = pair(text + 17);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return -1;
    if (hour > 23 || minute > 59 || second > 59) return -1;
    return days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

/* "YYYY-MM-DDTHH:MM:SS.fffffffZ", quotes included, from 1970 on, cut to microseconds. */
static const char *instant(field *f, const char *at, const char *end, int64_t *us) {
    if (end - at < INSTANT_BYTES) return NULL;
    if (!f->last || !same(f->last, at, SECOND_BYTES)) {
        int64_t second = second_of(at);
        if (second < 0) return NULL;
        f->last = at;
        f->last_value = second;
    }
    const char *fraction = at + SECOND_BYTES + 1;
    if (fraction[-1] != '.' || digits(fraction, fraction + 7) != fraction + 7) return NULL;
    if (fraction[7] != 'Z' || fraction[8] != '"') return NULL;
    *us = f->last_value * 1000000 + (pair(fraction) * 100 + pair(fraction + 2)) * 100 + pair(fraction + 4);
    return at + INSTANT_BYTES;
}

/* A number as most are: digits, perhaps a point and digits, few enough for one rounding; else NULL. */
static const char *read_plain_number(const char *at, const char *end, double *value) {
    uint64_t mantissa = 0;
    const char *p = at, *point = NULL;
    for (; p < end; p++) {
        if (is_digit(*p))
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        else if (*p == '.' && !point)
            point = p;
        else
            break;
    }
    int64_t whole = (point ? point : p) - at, fraction = point ? p - point - 1 : 0;
    if (whole == 0 || (*at == '0' && whole > 1) || (point && fraction == 0)) return NULL;
    if (whole + fraction > 18 || mantissa >= 1ull << 53) return NULL;
    if (p < end && (*p == 'e' || *p == 'E')) return NULL;
    *value = (double)mantissa / POWERS[fraction];
    return p;
}

/* A number as the nearest double, or null as NaN.
 *
 * A whole number below 2^53 times or by a power of ten up to 10^22 is exact up to one rounding.
 * Source: Clinger, "How to read floating point numbers accurately", 1990. Others are the C library's, whose
 * decimal point may be the user's: it must stop where the number does. */
static const char *read_number(const char *at, const char *end, double *value) {
    const char *stop = read_plain_number(at, end, value);
    if (stop) return stop;
    stop = literal(at, end, "null", 4);
    if (stop) {
        *value = NAN;
        return stop;
    }
    stop = number(at, end);
    if (!stop) return NULL;
    int negative = *at == '-';
    const char *p = at + negative;
    uint64_t mantissa = 0;
    int exponent = 0, read = 0;
    for (int after_dot = 0; p < stop && *p != 'e' && *p != 'E' && read < 18; p++) {
        if (*p == '.') {
            after_dot = 1;
            continue;
        }
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        exponent -= after_dot;
        read++;
    }
    if (p < stop && stop - p <= 5 && (*p == 'e' || *p == 'E')) {
        exponent += atoi(p + 1);
        p = stop;
    }
    char *read_to = (char *)stop;
    errno = 0;
    if (p == stop && mantissa < (1ull << 53) && exponent >= -22 && exponent <= 22) {
        *value = exponent < 0 ? (double)mantissa / POWERS[-exponent] : (double)mantissa * POWERS[exponent];
        if (negative) *value = -*value;
    } else {
        *value = strtod(at, &read_to);
    }
    int is_minus_zero = negative && *value == 0; /* of which readers think differently */
    return read_to == stop && errno == 0 && isfinite(*value) && !is_minus_zero ? stop : NULL;
}

/* The place of a text among the field's distinct ones; -1 if there are too many. */
static int place_of(field *f, const char *body, const char *at, const char *stop) {
    for (int place = 0; place < f->word_count; place++) {
        const int64_t *word = f->words + 2 * place;
        if (word[1] - word[0] == stop - at && same(body + word[0], at, stop - at)) return place;
    }
    if (f->word_count == MOST_WORDS) return -1;
    f->words[2 * f->word_count] = at - body;
    f->words[2 * f->word_count + 1] = stop - body;
    return f->word_count++;
}

/* Whether a number that ends here does not: its text is the beginning of a longer one. */
static int goes_on(const char *at, const char *end) {
    return at < end && (is_digit(*at) || *at == '.' || *at == 'e' || *at == 'E');
}

/* A word, or a key with its value; mostly the same as in the row before. */
static const char *read_word(field *f, const char *body, const char *at, const char *end, int64_t row) {
    uint8_t *places = f->values;
    const char *stop = f->last ? literal(at, end, f->last, f->last_bytes) : NULL;
    if (stop && !goes_on(stop, end)) {
        places[row] = (uint8_t)f->last_value;
        return stop;
    }
    stop = f->kind == MEMBER ? plain_string(at, end) : scalar(at, end);
    int place = stop ? place_of(f, body, at, stop) : -1;
    if (place < 0) return NULL;
    places[row] = (uint8_t)place;
    if (f->kind == MEMBER) {
        stop = literal(stop, end, f->between, f->between_bytes);
        if (stop) stop = scalar(stop, end);
    }
    f->last = stop ? at : NULL;
    f->last_bytes = stop - at;
    f->last_value = place;
    return stop;
}

/* A plain string or a whole number as text; null is none, as the empty text is. */
static const char *read_id(field *f, const char *at, const char *end, int64_t row) {
    int32_t *ends = f->values;
    const char *from = at, *to = at, *stop = literal(at, end, "null", 4);
    if (!stop && at < end && *at == '"') {
        stop = plain_string(at, end);
        if (!stop) return NULL;
        from = at + 1;
        to = stop - 1;
    } else if (!stop) {
        to = stop = digits(at, end);
        if (to == from || to - from > 18 || (*from == '0' && to - from > 1)) return NULL;
    }
    memcpy(f->ids + ends[row], from, to - from);
    ends[row + 1] = ends[row] + (int32_t)(to - from);
    return stop;
}

/* Eight digits as a number; -1 if they are not all digits, or the machine keeps the highest byte first.
 * Source: Lemire, "Quickly parsing eight digits", 2018. */
static int64_t eight_digits(const char *at) {
    uint64_t text = 1;
    if (!*(const char *)&text) return -1;
    memcpy(&text, at, 8);
    if ((text & 0xF0F0F0F0F0F0F0F0) != 0x3030303030303030) return -1;
    if (((text + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) != 0x3030303030303030) return -1;
    text = (text & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8;
    text = (text & 0x00FF00FF00FF00FF) * 6553601 >> 16;
    return (int64_t)((text & 0x0000FFFF0000FFFF) * 42949672960001 >> 32);
}

/* A whole number below 10^18 without a sign. */
static const char *read_whole(const char *at, const char *end, int64_t *value) {
    const char *p = at;
    int64_t found = end - at >= 8 ? eight_digits(at) : -1;
    if (found < 0)
        found = 0;
    else
        p += 8;
    for (; p < end && is_digit(*p) && p - at <= 18; p++) found = found * 10 + (*p - '0');
    if (p == at || p - at > 18 || (*at == '0' && p - at > 1)) return NULL;
    *value = found;
    return p;
}

/* true or false, in lower case, capitals, or with one; 1 or 0. */
static const char *read_truth(const char *at, const char *end, uint8_t *value) {
    static const char *const words[] = {"false", "true", "False", "True", "FALSE", "TRUE"};
    for (int i = 0; i < 6; i++) {
        const char *stop = literal(at, end, words[i], i & 1 ? 4 : 5);
        *value = i & 1;
        if (stop) return stop;
    }
    return NULL;
}

static const char *read_value(field *f, const char *body, const char *at, const char *end, int64_t row) {
    switch (f->kind) {
    case INSTANT: return instant(f, at, end, (int64_t *)f->values + row);
    case NUMBER: return read_number(at, end, (double *)f->values + row);
    case ID: return read_id(f, at, end, row);
    case WHOLE: return read_whole(at, end, (int64_t *)f->values + row);
    case TRUTH: return read_truth(at, end, (uint8_t *)f->values + row);
    default: return read_word(f, body, at, end, row);
    }
}

/* The end of a line that has the form, its line feed or the body's end; NULL if it has not. No value and no
 * text of a form holds a line feed, so that a line ends where it is found, and need not be looked for. */
static const char *read_line(field *fields, int32_t count, const char *tail, int32_t tail_bytes,
                             const char *body, const char *at, const char *end, int64_t row) {
    for (field *f = fields; at && f < fields + count; f++) {
        at = literal(at, end, f->before, f->before_bytes);
        if (at) at = read_value(f, body, at, end, row);
    }
    if (at) at = literal(at, end, tail, tail_bytes);
    if (at && at < end && *at == '\r') at++;
    return at && (at == end || *at == '\n') ? at : NULL;
}

/* Reads all lines of a body; returns how many had the form, and puts the places of the others into `odd`. */
int64_t scan(const char *body, int64_t bytes, field *fields, int32_t count, const char *tail,
             int32_t tail_bytes, int64_t *odd) {
    const char *end = body + bytes;
    int64_t rows = 0, place = 0;
    for (const char *at = body;; place++) {
        const char *line_end = read_line(fields, count, tail, tail_bytes, body, at, end, rows);
        if (line_end) {
            rows++;
        } else {
            *odd++ = place;
            line_end = memchr(at, '\n', end - at);
        }
        if (!line_end || line_end == end) return rows;
        at = line_end + 1;
    }
}
