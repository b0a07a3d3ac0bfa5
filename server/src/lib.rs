//! The server of Double Random (双随机): registers, plans, draws, tasks, review, publication.
//!
//! Each step is the same three files: `mod.rs` types and pure decisions, `routes.rs` parse → load →
//! decide → save → respond, `store.rs` the SQL. A step that needs another calls that step's
//! functions, never its tables. What every step stands on: [`db`] transactions, [`journal`] (each
//! write appends to it in the same transaction), [`jobs`] for slow work, [`account`] for who may do
//! what, [`error`] for refusals.

pub mod account;
pub mod clock;
pub mod config;
pub mod db;
pub mod device;
pub mod draw;
pub mod error;
pub mod extract;
pub mod host;
pub mod ids;
pub mod import;
pub mod item;
pub mod jobs;
pub mod journal;
pub mod keys;
pub mod plan;
pub mod portal;
pub mod publication;
pub mod register;
pub mod review;
pub mod rng;
pub mod router;
pub mod sample;
pub mod sheet;
pub mod state;
pub mod sync;
pub mod task;
mod web;
