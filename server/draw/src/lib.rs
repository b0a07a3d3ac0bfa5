//! The draw.
