//! Two to ten tablets and an office, any interleaving of edits, meetings and cuts (F4, F5): in the end
//! all have the same heads, and no value has vanished that nobody saw; what was sealed stays as it was.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use proptest::prelude::*;
use sync::admit::{Batch, Offered, Rights, Verdict, admit};
use sync::author::Author;
use sync::cells::Value;
use sync::facts::{Member, Role, SigningKey};
use sync::ids::{DeviceId, Sha256};
use sync::record::RecordDoc;
use sync::signing;
use sync::signoff::*;

const PATHS: [&str; 4] = [
    "point/A1/p1/note",
    "point/B2/p3/note",
    "handling/opinion",
    "party/opinion",
];
const INK: &[u8] =
    br#"{"height":200,"strokes":[[{"t":0,"x":10,"y":20},{"t":16,"x":30,"y":40}]],"width":600}"#;

/// A tablet, or the office: a document, and the log from which others read.
struct Peer {
    who: Author,
    device: u8,
    doc: RecordDoc,
    log: Vec<(Author, Offered)>,
    hashes: Vec<Sha256>,
}

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    /// A tablet writes a value that was never written before.
    Write { peer: usize, path: usize },
    /// A person settles a conflict, should there be one, for the value at this place.
    Settle {
        peer: usize,
        path: usize,
        choice: usize,
    },
    /// One reads the other's log, and is cut off after so many changes.
    Read {
        reader: usize,
        from: usize,
        cut: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let peer = 0..100_usize;
    prop_oneof![
        4 => (peer.clone(), 0..PATHS.len()).prop_map(|(peer, path)| Step::Write { peer, path }),
        1 => (peer.clone(), 0..PATHS.len(), 0..4_usize)
            .prop_map(|(peer, path, choice)| Step::Settle { peer, path, choice }),
        4 => (peer.clone(), peer, 0..8_usize)
            .prop_map(|(reader, from, cut)| Step::Read { reader, from, cut }),
    ]
}

/// The team of `n`; every member's key lies on device 1 as well, where all sign.
fn members(n: u8) -> Vec<Member> {
    let role = |n| if n == 1 { Role::Leader } else { Role::Member };
    let mut team: Vec<Member> = (1..=n)
        .map(|n| member(n, &format!("m{n}"), role(n)))
        .collect();
    for (n, member) in (2..).zip(team.iter_mut().skip(1)) {
        member.keys.push(SigningKey {
            device_key: key(1),
            key: key(150 + n),
        });
    }
    team
}

struct World {
    /// The office first, then the tablets.
    peers: Vec<Peer>,
    rights: Rights,
    /// Every value that was confirmed, and where.
    confirmed: BTreeMap<String, &'static str>,
    /// Values that somebody replaced who had them on screen.
    replaced: BTreeSet<String>,
}

impl World {
    fn new(tablets: u8) -> World {
        let team = members(tablets);
        let (record, _) = RecordDoc::create(&server(), &facts(), &team, NOW).unwrap();
        let peer = |n: u8, who: Author| Peer {
            who,
            device: n,
            doc: record.clone(),
            log: vec![],
            hashes: vec![],
        };
        let mut peers = vec![peer(200, server())];
        peers.extend((1..=tablets).map(|n| peer(n, author(n, &format!("m{n}")))));
        World {
            peers,
            rights: Rights {
                server: key(200),
                devices: (1..=tablets)
                    .map(|n| (key(n), vec![format!("m{n}")]))
                    .collect(),
                revoked: vec![],
            },
            confirmed: BTreeMap::new(),
            replaced: BTreeSet::new(),
        }
    }

    fn tablet(&self, any: usize) -> usize {
        1 + any % (self.peers.len() - 1)
    }

    fn put(&mut self, at: usize, path: &'static str, value: &str) {
        let peer = &mut self.peers[at];
        let view = peer.doc.view();
        let on_screen = view.cells.get(path).into_iter().flatten();
        let on_screen: Vec<String> = on_screen
            .filter_map(|w| w.value.as_str().map(str::to_owned))
            .filter(|v| v != value)
            .collect();
        let edit = [(path.to_owned(), Value::from(value))];
        let Some(change) = peer.doc.edit(&peer.who, NOW, &edit).unwrap() else {
            return;
        };
        self.replaced.extend(on_screen);
        let sig = signing::sign(&secret(peer.device), signing::CHANGE, &change.hash.0);
        let offered = Offered {
            author: 0,
            bytes: change.bytes,
            sig: Some(sig),
        };
        peer.log.push((peer.who.clone(), offered));
        peer.hashes.push(change.hash);
        self.confirmed.insert(value.to_owned(), path);
    }

    /// True when something new came.
    fn read(&mut self, reader: usize, from: usize, cut: usize) -> bool {
        if reader == from {
            return false;
        }
        let source = &self.peers[from];
        let unread: Vec<usize> = (0..source.log.len())
            .filter(|n| !self.peers[reader].doc.contains(&source.hashes[*n]))
            .take(cut)
            .collect();
        let mut batch = Batch {
            authors: vec![],
            changes: vec![],
        };
        for n in &unread {
            let (who, offered) = &source.log[*n];
            let known = batch.authors.iter().position(|a| a == who);
            let author = known.unwrap_or_else(|| {
                batch.authors.push(who.clone());
                batch.authors.len() - 1
            });
            batch.changes.push(Offered {
                author: author.try_into().unwrap(),
                ..offered.clone()
            });
        }
        let taken: Vec<_> = unread
            .iter()
            .map(|n| (source.log[*n].clone(), source.hashes[*n]))
            .collect();
        let reader = &mut self.peers[reader];
        for judged in admit(&mut reader.doc, &self.rights, &batch) {
            assert_eq!(judged.verdict, Verdict::Admitted, "{}", judged.hash);
        }
        for (row, hash) in taken {
            reader.log.push(row);
            reader.hashes.push(hash);
        }
        !unread.is_empty()
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Write { peer, path } => {
                    let value = format!("第{}句", self.confirmed.len());
                    self.put(self.tablet(peer), PATHS[path], &value);
                }
                Step::Settle { peer, path, choice } => self.settle(self.tablet(peer), path, choice),
                Step::Read { reader, from, cut } => {
                    let n = self.peers.len();
                    self.read(reader % n, from % n, cut);
                }
            }
        }
    }

    fn settle(&mut self, at: usize, path: usize, choice: usize) {
        let view = self.peers[at].doc.view();
        if view.conflicts().contains(&PATHS[path]) {
            let values = &view.cells[PATHS[path]];
            let chosen = values[choice % values.len()].value.clone();
            self.put(at, PATHS[path], chosen.as_str().unwrap());
        }
    }

    /// All read from all until nobody hears anything new.
    fn meet(&mut self) {
        let n = self.peers.len();
        while (0..n * n).fold(false, |news, pair| {
            self.read(pair / n, pair % n, usize::MAX) | news
        }) {}
    }

    fn check(&self) {
        let first = &self.peers[0].doc;
        for peer in &self.peers {
            assert_eq!(peer.doc.heads(), first.heads());
            assert_eq!(peer.doc.view().canonical(), first.view().canonical());
        }
        let view = first.view();
        for (value, path) in &self.confirmed {
            let stands = view.cells[*path]
                .iter()
                .any(|w| w.value.as_str() == Some(value));
            assert!(
                stands || self.replaced.contains(value),
                "{value} at {path} vanished, and nobody had seen it"
            );
        }
        for path in PATHS {
            let Some(values) = view.cells.get(path) else {
                continue;
            };
            let distinct: BTreeSet<_> = values.iter().map(|w| &w.value).collect();
            assert_eq!(
                view.conflicts().contains(&path),
                distinct.len() > 1,
                "{path}"
            );
            // The history that a reviewer reads names each value with its author.
            let told = first.history();
            let told = told.iter().flat_map(|h| &h.puts).filter(|p| p.path == path);
            let told: BTreeSet<_> = told.filter_map(|p| p.value.as_str()).collect();
            let written = self.confirmed.iter().filter(|(_, at)| **at == path);
            for (value, _) in written {
                assert!(
                    told.contains(value.as_str()),
                    "{value} stands in the history"
                );
            }
        }
    }
}

/// Every member signs on device 1.
fn sign_all(doc: &RecordDoc, team: &[Member]) -> (Subject, Vec<Signed>) {
    let subject = Subject::of(doc, &doc.heads(), |_| Some(Seen::Original)).unwrap();
    let party = PartyStatement {
        v: 1,
        task: subject.task,
        subject_sha256: subject.sha256(),
        name: "店长".into(),
        capacity: "现场负责人".into(),
        act: PartyAct::Signed {
            ink_sha256: Sha256::of(INK),
        },
        device: DeviceId::of(&key(1)),
        claimed_time: NOW,
        nonce: "00".repeat(16),
    };
    let party = Signed::party(&party, &secret(1), Some(INK.to_vec()));
    let mut rows = vec![party.clone()];
    for (n, member) in (1..).zip(team) {
        let signing = if n == 1 { 101 } else { 150 + n };
        let statement = Statement {
            subject: subject.clone(),
            subject_sha256: subject.sha256(),
            alg: "ed25519".into(),
            signer: Signer {
                person: member.person.clone(),
                key: key(signing),
                role: member.role,
            },
            device: DeviceId::of(&key(1)),
            meaning: MEANING.into(),
            party_statement_sha256: party.id(),
            excluded: vec![],
            claimed_time: NOW,
            nonce: "11".repeat(16),
            ink_sha256: Sha256::of(INK),
        };
        rows.push(Signed::inspector(
            &statement,
            &secret(signing),
            INK.to_vec(),
        ));
    }
    (subject, rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_all_agree_and_no_value_vanishes_unseen(
        tablets in 2..=10_u8,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(tablets);
        world.run(&steps);
        world.meet();
        world.check();
    }

    /// Two to ten people close a record on one tablet, of which not everything is there yet.
    #[test]
    fn what_was_sealed_stays_and_what_comes_late_is_told(
        people in 2..=10_u8,
        before in prop::collection::vec(step(), 1..30),
        meanwhile in prop::collection::vec(step(), 0..20),
    ) {
        let mut world = World::new(people);
        world.run(&before);
        // The closing tablet takes in what it can reach, and its people settle what differs.
        world.read(1, 0, usize::MAX);
        for path in 0..PATHS.len() {
            world.settle(1, path, 0);
        }
        let team = members(people);
        let closing = &world.peers[1].doc;
        prop_assert!(closing.view().conflicts().is_empty());
        let (subject, rows) = sign_all(closing, &team);
        let sealed_view = closing.view().canonical();
        let sealed = seal(&team, 1, &rows).unwrap();
        prop_assert_eq!(sealed.subject_sha256, subject.sha256());
        prop_assert!(seal(&team, 1, &rows[..rows.len() - 1]).is_err(), "one signature is missing");
        // Nobody else knows of it, and writes on.
        world.run(&meanwhile);
        world.meet();
        world.check();
        let office = &world.peers[0].doc;
        let late = office.since(&subject.heads).len();
        let expected = match late {
            0 => Standing::Current,
            changes => Standing::Superseded { changes },
        };
        prop_assert_eq!(standing(&subject, office), expected);
        prop_assert_eq!(office.view_at(&subject.heads).unwrap().canonical(), sealed_view);
        prop_assert!(subject.matches(office));
    }
}
