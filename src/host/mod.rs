//! CPU identity, cache and TLB geometry with its source, memory, NUMA, pinning, noise checks.
