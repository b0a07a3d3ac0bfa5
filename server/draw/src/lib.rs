//! The draw 抽取: a pure function of text. No clock, no random numbers, no files: bytes in, bytes out.
//!
//! A *transcript* is a folder of text files that ordinary tools can check; `SPEC.md` beside this crate describes every
//! byte of it. The life of a draw:
//!
//! 1. [`Rules`] and [`Pools`] become the committed files ([`commit`]); the SHA-256 of their manifest is the
//!    *commitment*, which is published before any chance exists.
//! 2. [`Contributions`] (witnesses, the server's nonce, last dice or a round of drand) become `seed.txt`; its SHA-256 is the *seed*.
//! 3. [`Frame::draw`] gives each object a ticket that depends on the seed alone, takes the smallest of each cell, and
//!    deals a team to each.
//! 4. [`Substitutions`] goes on in the same order when somebody cannot come or an object is gone.
//! 5. [`verify`] computes all of it again from the published files and names the first thing that is wrong.
//!
//! ```
//! use draw::{Contributions, Frame, Pools, ObjectEntry, InspectorEntry, Transcript};
//! # let rules = draw::Rules {
//! #     algorithm: draw::ALGORITHM.into(), ceremony_at: "2026-11-24T09:00:00+08:00".into(),
//! #     cells: vec![draw::Cell { cell: "0001".into(), label: "".into(), pick: draw::Pick::Number(1), reserves: 1 }],
//! #     departments: vec![draw::Department {
//! #         code: "d01".into(), deal: draw::Deal::Person, experts: 0, name: "市场监管局".into(), team: 2 }],
//! #     district_minimum: 0, draw: "市监抽查〔2026〕1号".into(),
//! #     items: vec![draw::Item { code: "SC-01".into(), department: "d01".into(), name: "登记事项检查".into(),
//! #         priority: false, version: 1 }],
//! #     mode: draw::Mode::Double, needs: vec![], openings: draw::Openings::Sealed, public_from: "draw".into(),
//! #     seed: draw::SeedRules { last: draw::Last::Dice { rolls: 25, sides: 6 }, nonce_sha256: draw::sha256_hex("5".repeat(64).as_bytes()) },
//! #     title: "示例".into(),
//! # };
//! let object = |id| ObjectEntry { id, cell: 1, district: "440304", needs: vec![] };
//! let inspector = |id| InspectorEntry {
//!     id, department: "d01", role: draw::Role::Inspector, unit: "futian", group: "", districts: vec!["440304"],
//!     expertise: vec![], capacity: 5,
//! };
//! let pools = Pools {
//!     objects: vec![object("shop-1"), object("shop-2"), object("shop-3")],
//!     inspectors: vec![inspector("zhang"), inspector("li"), inspector("wang")],
//!     ..Pools::default()
//! };
//! let sealed = draw::commit(&rules, &[1; 32], &pools)?;
//! let seed_txt = Contributions {
//!     commitment: sealed.commitment.clone(),
//!     witnesses: vec![],
//!     nonce_sha256: rules.seed.nonce_sha256.clone(),
//!     nonce: Some("5".repeat(64)),
//!     last: draw::LastValue::Dice { sides: 6, rolls: vec![3; 25] },
//! }
//! .to_text();
//! let frame = Frame::read(&sealed.committed(), &sealed.manifest)?;
//! let outcome = frame.draw(&draw::seed(seed_txt.as_bytes()))?;
//! assert_eq!(outcome.drawn[0].inspectors.len(), 2);
//! let summary = draw::verify(&Transcript {
//!     committed: sealed.committed(),
//!     manifest: &sealed.manifest,
//!     drawn: Some(draw::DrawnFiles {
//!         seed: seed_txt.as_bytes(),
//!         result: &outcome.to_text(),
//!         substitutions: draw::no_substitutions().as_bytes(),
//!     }),
//!     openings: Some(&sealed.openings),
//!     void: None,
//! })?;
//! assert_eq!(summary.chance.unwrap().drawn, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod blind;
mod build;
mod corps;
mod deal;
mod drand;
mod fault;
mod frame;
mod hand;
mod index;
mod manifest;
mod objects;
mod outcome;
mod parallel;
mod rules;
mod seed;
mod select;
mod substitution;
mod text;
mod ticket;
mod transcript;
mod verify;
mod void;

pub use archive::{read_folder, read_zip, write_zip};
pub use blind::{Blinded, Blinder, Kind as IdKind, open};
pub use build::{
    BuildError, CellForecast, DistrictForecast, Forecast, InspectorEntry, ObjectEntry, Pools,
    Sealed, commit, forecast,
};
pub use corps::{CAPACITY_MAX, DISTRICTS_MAX, EXPERTISE_MAX, GROUPS_MAX, PAIRS_MAX, Role};
pub use drand::{QUICKNET, first_round_after, is_round_signature, round_at};
pub use fault::{Fault, What};
pub use frame::Frame;
pub use outcome::{Drawn, Outcome, Reserve, no_substitutions};
pub use rules::{
    ALGORITHM, CELLS_MAX, Cell, DEPARTMENTS_MAX, Deal, Department, EXPERTS_MAX, Item, Last, Mode,
    NEEDS_MAX, Need, OBJECT_NEEDS_MAX, Openings, Pick, Rules, SeedRules, TEAM_MAX,
};
pub use seed::{
    Contributions, LastValue, WITNESSES_MAX, Witness, dice_millibits, is_witness_value, list_hash,
    witness_commitment,
};
pub use substitution::{Refusal, Request, Substitutions};
pub use text::{is_name, sha256_hex};
pub use ticket::{Ticket, ticket};
pub use transcript::{Committed, DrawnFiles, FILES, Files, Transcript, commitment, seed};
pub use verify::{Chance, Summary, verify};
pub use void::Void;
