//! Stories of server and tablets together: the clients, the network, the visit, the checks.

pub mod attacks;
pub mod fellow;
pub mod field;
pub mod figures;
pub mod link;
pub mod office;
pub mod picture;
pub mod processes;
pub mod shaped;
pub mod small;
pub mod story;
pub mod tablet;
pub mod visit;
pub mod wire;
