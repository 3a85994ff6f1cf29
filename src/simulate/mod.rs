//! Set-associative caches and TLBs, exact and fast.
