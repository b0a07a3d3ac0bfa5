//! What server and tablets share.
pub mod admit;
pub mod author;
pub mod bundle;
pub mod canonical;
pub mod cells;
pub mod chunk;
pub mod columns;
pub mod enrol;
pub mod facts;
pub mod ids;
pub mod inspection_code;
pub mod message;
pub mod place;
pub mod record;
pub mod session;
pub mod signing;
pub mod signoff;
