//! Medians, bootstrap and paired intervals, tests, multiple comparisons.
