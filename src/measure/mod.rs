//! Calibration, paired interleaved sampling, stop rule, progress events.
