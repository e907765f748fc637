/* Point of control and value area of overlapping windows of price levels, in whole numbers.
 *
 * Belongs here: what `value_area.py` says, which binds it, and which does the same without it. A window's sums
 * follow the rows that enter and leave, which is exact in integers; each answer is then found anew.
 */
#include <stdint.h>

typedef __int128 wide;

enum { PARTS = 7, OF = 10 }; /* the area holds at least 7/10 of the volume */

typedef struct {
    const int64_t *first;  /* of each row its first level; one more */
    const int64_t *rank;   /* of each level the rank of its price */
    const int64_t *volume; /* of each level, above 0 */
    const int64_t *ticks;  /* of each rank the price */
    int64_t ranks;
    int64_t *held;         /* of each rank the volume in the window */
    int64_t best, top;     /* the rank with the largest volume, and that */
    int is_only;           /* whether it surely is the only such rank */
} levels;

typedef struct {
    int64_t near, far, volume; /* the next one or two traded ranks away from the point; near < 0: none */
} pair;

/* The next traded rank from `at` on in a direction; -1 if there is none. */
static int64_t traded(const levels *l, int64_t at, int step) {
    while (at >= 0 && at < l->ranks && l->held[at] == 0) at += step;
    return at >= 0 && at < l->ranks ? at : -1;
}

static pair next_pair(const levels *l, int64_t at, int step) {
    pair p = {traded(l, at + step, step), -1, 0};
    if (p.near < 0) return p;
    p.far = traded(l, p.near + step, step);
    p.volume = l->held[p.near] + (p.far < 0 ? 0 : l->held[p.far]);
    if (p.far < 0) p.far = p.near;
    return p;
}

static wide distance(wide a) { return a < 0 ? -a : a; }

/* Looks at all ranks for the largest volume, the lowest of equals. */
static void look_for_top(levels *l) {
    l->best = l->top = 0;
    for (int64_t at = 0; at < l->ranks; at++) {
        if (l->held[at] == l->top) l->is_only = 0;
        if (l->held[at] > l->top) l->best = at, l->top = l->held[at], l->is_only = 1;
    }
}

/* Of the ranks with the largest volume the one nearest to the VWAP, of equals the lower. */
static int64_t point_of_control(levels *l, int64_t total) {
    if (!l->is_only) look_for_top(l);
    if (l->is_only) return l->best;
    int64_t best = l->best, lowest = traded(l, 0, 1);
    wide value = 0, nearest = -1;
    for (int64_t at = lowest; at < l->ranks; at++)
        value += (wide)(l->ticks[at] - l->ticks[lowest]) * l->held[at];
    for (int64_t at = l->best; at < l->ranks; at++) {
        wide away = distance((wide)(l->ticks[at] - l->ticks[lowest]) * total - value);
        if (l->held[at] == l->top && (nearest < 0 || away < nearest)) best = at, nearest = away;
    }
    return best;
}

/* From the point of control it takes the larger of the next two traded ranks above and the next two below (one
 * where only one is left), of equals those above, until it holds its share. */
static void area(levels *l, int64_t total, int64_t *point) {
    int64_t poc = point_of_control(l, total);
    wide wanted = ((wide)PARTS * total + OF - 1) / OF - l->held[poc];
    point[0] = point[1] = point[2] = poc;
    pair up = next_pair(l, poc, 1), down = next_pair(l, poc, -1);
    while (wanted > 0 && (up.near >= 0 || down.near >= 0)) {
        if (up.volume >= down.volume) {
            wanted -= up.volume;
            point[1] = up.far;
            up = next_pair(l, up.far, 1);
        } else {
            wanted -= down.volume;
            point[2] = down.far;
            down = next_pair(l, down.far, -1);
        }
    }
}

/* Adds or takes off the levels of the rows `[begin, end)`; returns their volume. */
static int64_t shift(levels *l, int64_t begin, int64_t end, int sign) {
    int64_t moved = 0;
    for (int64_t at = l->first[begin]; at < l->first[end]; at++) {
        int64_t rank = l->rank[at], held = l->held[rank] += sign * l->volume[at];
        moved += sign * l->volume[at];
        if (held > l->top)
            l->best = rank, l->top = held, l->is_only = 1;
        else if (held == l->top || rank == l->best)
            l->is_only = held == l->top && rank == l->best && l->is_only;
    }
    return moved;
}

/* Fills `points` with three ranks a window `[begins, ends)`: point of control, upper edge, lower edge; -1 where
 * nothing traded. No edge of a window goes back from one to the next. `held` is all 0. */
int64_t areas(const int64_t *first, const int64_t *rank, const int64_t *volume, const int64_t *ticks,
              int64_t ranks, int64_t *held, const int64_t *begins, const int64_t *ends, int64_t windows,
              int64_t *points) {
    levels l = {first, rank, volume, ticks, ranks, held, 0, 0, 0};
    int64_t total = 0, begin = windows ? begins[0] : 0, end = begin;
    for (int64_t window = 0; window < windows; window++, points += 3) {
        total += shift(&l, end, ends[window], 1);
        total += shift(&l, begin, begins[window], -1);
        begin = begins[window];
        end = ends[window];
        points[0] = points[1] = points[2] = -1;
        if (total) area(&l, total, points);
    }
    return windows;
}
