//! What both sides share.
