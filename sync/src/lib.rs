//! What server and tablets share.
pub mod admit;
pub mod author;
pub mod canonical;
pub mod cells;
pub mod chunk;
pub mod columns;
pub mod facts;
pub mod ids;
pub mod record;
pub mod signing;
pub mod signoff;
