//! Pictures from a bundle or a comparison.
