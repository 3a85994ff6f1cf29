//! Best loop order, tiles, padding, pages; predicted misses and penalty.
