//! Texts from a bundle or a comparison: summary, page.
