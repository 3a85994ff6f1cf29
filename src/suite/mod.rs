//! The catalogue of cases and families, sized relative to the host's caches; filters.
