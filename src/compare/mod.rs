//! Two to ten thousand bundles: rows, verdicts, gates.
