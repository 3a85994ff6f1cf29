/* The column side of a row-major array as one writes it by hand: as many chains as stridewise's element walk. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static double columns(const double *a, size_t rows, size_t cols) {
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    for (size_t j = 0; j < cols; j++)
        for (size_t i = 0; i + 8 <= rows; i += 8) {
            const double *p = a + i * cols + j;
            s0 += p[0];
            s1 += p[cols];
            s2 += p[2 * cols];
            s3 += p[3 * cols];
            s4 += p[4 * cols];
            s5 += p[5 * cols];
            s6 += p[6 * cols];
            s7 += p[7 * cols];
        }
    return s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    size_t side = argc > 1 ? strtoull(argv[1], 0, 10) : 4096, bytes = side * side * 8;
    int samples = argc > 2 ? atoi(argv[2]) : 5;
    double *a = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), sum = 0, ns[64];
    if (a == MAP_FAILED || samples < 1 || samples > 64) return 1;
    madvise(a, bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < side * side; i++) a[i] = (double)(1 + i % 4);
    sum += columns(a, side, side);
    for (int k = 0; k < samples; k++) {
        double start = now();
        sum += columns(a, side, side);
        ns[k] = now() - start;
    }
    qsort(ns, samples, sizeof *ns, ascending);
    printf("%.3f\n", bytes / ns[samples / 2]);
    return sum == 0;
}
