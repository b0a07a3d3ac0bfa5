//! Stories of server and tablets together: the clients, the world, the checks.

pub mod office;
pub mod tablet;
pub mod wire;
