//! Medians, paired intervals, tests, multiple comparisons: pure functions on numbers.

#![allow(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]

mod break_even;
mod interval;
mod paired;
mod special;
mod summary;

pub use break_even::break_even;
pub use interval::{Interval, benjamini_hochberg, sign_interval, sign_interval_level, t_interval};
pub use paired::{
    CHANGE_FLOOR, LEAST_ROUNDS, NULL_MARGIN, Penalty, RUN_TO_RUN_NANOS, RUN_TO_RUN_RATIO, SAME_MARGIN, Verdict,
    log_ratio, log_ratios, null_is_noisy, penalty, verdict,
};
pub use special::{binomial_half_cdf, normal_quantile, t_quantile, two_sided_t};
pub use summary::{mad, median, median_in_place, midmean, quantile};
