//! Events, groups, multiplexing, and the reason where an event is absent.
