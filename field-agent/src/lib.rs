//! The tablet.
