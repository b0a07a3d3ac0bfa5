//! What server and tablets share.
pub mod author;
pub mod canonical;
pub mod cells;
pub mod facts;
pub mod ids;
pub mod record;
