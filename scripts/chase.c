/* Latency of dependent loads as the literature describes it: a random cycle over the whole set (Sattolo), one node
 * per line, the mean over whole passes. Nothing is checked. Prints nanoseconds per load.
 *
 * usage: chase BYTES base|huge [PITCH] */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MEBI ((size_t)1 << 20)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static uint64_t state = 88172645463325252u;
static uint64_t draw(void) { /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static int by_time(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#define ONE p = *(void **)p;
#define EIGHT ONE ONE ONE ONE ONE ONE ONE ONE

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: chase BYTES base|huge [PITCH]\n"), 2;
    size_t bytes = strtoull(argv[1], 0, 10), pitch = argc > 3 ? strtoull(argv[3], 0, 10) : 64, nodes = bytes / pitch;
    size_t span = (bytes + 4 * MEBI) & ~(2 * MEBI - 1);
    char *map = mmap(0, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return perror("mmap"), 1;
    char *set = (char *)(((uintptr_t)map + 2 * MEBI - 1) & ~(uintptr_t)(2 * MEBI - 1));
    madvise(set, (char *)map + span - set, strcmp(argv[2], "huge") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    memset(set, 1, bytes);
    size_t *next = malloc(nodes * sizeof *next);
    for (size_t i = 0; i < nodes; i++) next[i] = i;
    for (size_t i = nodes - 1; i > 0; i--) {
        size_t j = draw() % i, keep = next[i];
        next[i] = next[j];
        next[j] = keep;
    }
    for (size_t i = 0; i < nodes; i++) *(void **)(set + i * pitch) = set + next[i] * pitch;
    free(next);
    size_t loads = nodes < 1 << 15 ? 1 << 24 : nodes < 1 << 19 ? nodes * 4 : nodes; /* of a sample: whole passes */
    double samples[5];
    void *volatile end;
    for (int sample = -1; sample < 5; sample++) { /* the first one warms up */
        void *p = set;
        double start = now();
        for (size_t i = 0; i < loads; i += 64) { EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT }
        if (sample >= 0) samples[sample] = (now() - start) / loads;
        end = p;
    }
    (void)end;
    qsort(samples, 5, sizeof *samples, by_time);
    printf("%.3f\n", samples[2]);
    return 0;
}
