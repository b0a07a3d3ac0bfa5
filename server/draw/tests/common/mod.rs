//! Honest draws to test with: the cases of `vectors/`, made without any random number.
#![allow(dead_code)]

use draw::*;

/// A draw with everything that goes into it.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub rules: Rules,
    pub objects: Vec<(String, u16, &'static str, Vec<&'static str>)>,
    pub inspectors: Vec<(String, Vec<&'static str>, Vec<&'static str>, u32)>,
    pub avoid: Vec<(String, String)>,
    pub excluded: Vec<(String, &'static str)>,
    pub witnesses: Vec<(&'static str, &'static str, bool)>,
    pub nonce_revealed: bool,
    pub published: bool,
    pub substitute: bool,
}

pub const NONCE: &str = "6b0d0f6ad0b5a3f1ce5a0d1f7e2c4b9886f5d7c3a1b2e4f60718293a4b5c6d7e";
pub const KEY: [u8; 32] = *b"a key that is used for one draw!";

impl Case {
    pub fn pools(&self) -> Pools<'_> {
        Pools {
            objects: self
                .objects
                .iter()
                .map(|(id, cell, district, needs)| ObjectEntry {
                    id,
                    cell: *cell,
                    district,
                    needs: needs.clone(),
                })
                .collect(),
            inspectors: self
                .inspectors
                .iter()
                .map(|(id, districts, expertise, capacity)| InspectorEntry {
                    id,
                    unit: "unit-1",
                    districts: districts.clone(),
                    expertise: expertise.clone(),
                    capacity: *capacity,
                })
                .collect(),
            avoid: self
                .avoid
                .iter()
                .map(|(i, o)| (i.as_str(), o.as_str()))
                .collect(),
            excluded: self
                .excluded
                .iter()
                .map(|(o, g)| (o.as_str(), *g))
                .collect(),
        }
    }

    pub fn sealed(&self) -> Sealed {
        commit(&self.rules, &KEY, &self.pools()).unwrap()
    }

    pub fn contributions(&self, commitment: &str) -> Contributions {
        let Last::Dice { rolls, sides } = self.rules.seed.last else {
            panic!("dice")
        };
        Contributions {
            commitment: commitment.to_owned(),
            witnesses: self
                .witnesses
                .iter()
                .map(|(name, value, revealed)| Witness {
                    name: (*name).to_owned(),
                    committed: witness_commitment(commitment, name, value),
                    value: revealed.then(|| (*value).to_owned()),
                })
                .collect(),
            nonce_sha256: self.rules.seed.nonce_sha256.clone(),
            nonce: self.nonce_revealed.then(|| NONCE.to_owned()),
            rolls: (0..rolls).map(|n| (n * 7 + n / 3) % sides + 1).collect(),
            sides,
        }
    }

    /// The whole transcript.
    pub fn files(&self) -> Files {
        let sealed = self.sealed();
        let seed_txt = self.contributions(&sealed.commitment).to_text();
        let frame = Frame::read(&sealed.committed(), &sealed.manifest).unwrap();
        let seed = draw::seed(seed_txt.as_bytes());
        let outcome = frame.draw(&seed).unwrap();
        let result = outcome.to_text();
        let mut substitutions = Substitutions::new(&frame, &seed, &outcome, &result);
        if self.substitute {
            substitute(&mut substitutions, &outcome);
        }
        let mut files = Files::default();
        for (name, bytes) in sealed.committed().named() {
            files.insert(name, bytes.to_vec());
        }
        files.insert("manifest.txt", sealed.manifest.clone());
        files.insert("seed.txt", seed_txt.clone().into_bytes());
        files.insert(
            "substitutions.csv",
            substitutions.to_text().as_bytes().to_vec(),
        );
        files.insert("result.csv", result);
        if self.published {
            files.insert("openings.csv", sealed.openings.clone());
        }
        files
    }
}

/// Something of every kind that can happen after a draw.
fn substitute(s: &mut Substitutions<'_, '_>, outcome: &Outcome<'_>) {
    let (first, second, third) = (&outcome.drawn[0], &outcome.drawn[1], &outcome.drawn[2]);
    s.apply(Request::Relief {
        object: first.object,
        inspector: first.inspectors[1],
        ground: "ill",
    })
    .unwrap();
    s.apply(Request::Avoid {
        object: first.object,
        inspector: first.inspectors[0],
        ground: "relative",
    })
    .unwrap();
    let reserve = |cell, n| {
        outcome
            .reserves
            .iter()
            .filter(|r| r.cell == cell)
            .nth(n)
            .map(|r| r.object)
    };
    if let Some(reserve) = reserve(second.cell, 0) {
        s.apply(Request::Pass {
            object: reserve,
            ground: "closed",
        })
        .unwrap();
    }
    s.apply(Request::Replace {
        object: second.object,
        ground: "moved",
    })
    .unwrap();
    s.apply(Request::Replace {
        object: third.object,
        ground: "closed",
    })
    .unwrap();
    // Until the smallest cell has no reserve left and an object is dropped.
    for d in outcome.drawn.iter().filter(|d| d.cell == 3).rev().take(3) {
        s.apply(Request::Replace {
            object: d.object,
            ground: "closed",
        })
        .unwrap();
    }
}

pub fn rules(
    draw: &str,
    cells: Vec<(Pick, u32)>,
    team: u32,
    needs: &[&str],
    rolls: u32,
    sides: u32,
) -> Rules {
    Rules {
        algorithm: ALGORITHM.into(),
        ceremony_at: "2026-11-24T09:30:00+08:00".into(),
        cells: (1..)
            .zip(cells)
            .map(|(n, (pick, reserves))| Cell {
                cell: format!("{n:04}"),
                label: String::new(),
                pick,
                reserves,
            })
            .collect(),
        department: "示例市市场监督管理局".into(),
        draw: draw.into(),
        items: vec![
            Item {
                code: "SJ-001".into(),
                name: "登记事项检查".into(),
                version: 1,
            },
            Item {
                code: "SJ-002".into(),
                name: "公示信息检查".into(),
                version: 3,
            },
        ],
        mode: Mode::Double,
        needs: needs
            .iter()
            .map(|n| Need {
                code: (*n).into(),
                name: format!("专长 {n}"),
            })
            .collect(),
        openings: Openings::Sealed,
        public_from: "2026-12-31".into(),
        seed: SeedRules {
            last: Last::Dice { rolls, sides },
            nonce_sha256: sha256_hex(NONCE.as_bytes()),
        },
        team,
        title: "示例抽查".into(),
    }
}

fn plain() -> Case {
    Case {
        name: "plain",
        rules: rules(
            "示例抽查〔2026〕1号",
            vec![(Pick::Number(50), 0)],
            2,
            &[],
            25,
            6,
        ),
        objects: (0..105)
            .map(|n| (format!("object-{n}"), 1, "440304", vec![]))
            .collect(),
        inspectors: (0..12)
            .map(|n| (format!("inspector-{n}"), vec!["440304"], vec![], 20))
            .collect(),
        avoid: vec![],
        excluded: vec![],
        witnesses: vec![("李代表", "k7Qd-2026-spring", true)],
        nonce_revealed: true,
        published: false,
        substitute: false,
    }
}

fn needs_avoidance_capacity() -> Case {
    let districts = ["440303", "440304", "440305", "440306"];
    let needs: [Vec<&str>; 5] = [
        vec![],
        vec!["fire"],
        vec!["food"],
        vec!["fire", "food"],
        vec!["lift"],
    ];
    let object = |n: usize| {
        (
            format!("91440300-{n:04}"),
            (n % 3 + 1) as u16,
            districts[n % 4],
            needs[n % 5].clone(),
        )
    };
    let inspector = |n: usize| {
        let expertise: Vec<&str> = match n % 4 {
            0 => vec!["fire"],
            1 => vec!["food"],
            2 => vec!["fire", "food"],
            _ => vec![],
        };
        let mut act = vec![districts[n % 3], districts[(n + 1) % 3]];
        act.sort_unstable();
        // Nobody acts in 440306, one alone would be too few in any case; and who knows lifts acts in one district.
        let expertise = if n == 3 { vec!["lift"] } else { expertise };
        (format!("inspector-{n}"), act, expertise, (n % 3) as u32)
    };
    let inspectors: Vec<_> = (0..14).map(inspector).collect();
    let avoid = (0..14).flat_map(|n| {
        (0..7).map(move |m| {
            (
                format!("inspector-{n}"),
                format!("91440300-{:04}", n * 9 + m * 5),
            )
        })
    });
    Case {
        name: "needs-avoidance-capacity",
        rules: rules(
            "示例抽查〔2026〕2号",
            vec![
                (Pick::Ppm(333_333), 2),
                (Pick::Ppm(100_000), 0),
                (Pick::Number(9), 1),
            ],
            3,
            &["fire", "food", "lift"],
            25,
            6,
        ),
        objects: (0..160).map(object).collect(),
        inspectors,
        avoid: avoid.collect(),
        excluded: vec![
            ("91440300-9001".into(), "no-district"),
            ("91440300-9002".into(), "not-active"),
        ],
        witnesses: vec![
            ("李代表", "k7Qd-2026-spring", true),
            ("王·委员", "00112233445566778899aabbccddeeff", true),
        ],
        nonce_revealed: true,
        published: false,
        substitute: false,
    }
}

fn reserves_and_substitutions() -> Case {
    let mut case = needs_avoidance_capacity();
    case.name = "reserves-substitutions";
    case.rules.draw = "示例抽查〔2026〕3号".into();
    case.rules.team = 2;
    case.rules.cells[0].reserves = 5;
    case.rules.cells[1].reserves = 3;
    case.rules.cells[2].reserves = 2;
    case.substitute = true;
    case
}

fn withheld() -> Case {
    let mut case = plain();
    case.name = "withheld-witness";
    case.rules.draw = "示例抽查〔2026〕4号".into();
    case.rules.cells[0] = Cell {
        pick: Pick::Ppm(123_456),
        reserves: 4,
        ..case.rules.cells[0].clone()
    };
    case.rules.seed.last = Last::Dice {
        rolls: 20,
        sides: 20,
    };
    case.witnesses.push(("Smith-J", "ffffffff-not-told", false));
    case.witnesses.push(("陈监察", "98765432", true));
    case
}

fn server_withheld() -> Case {
    let mut case = plain();
    case.name = "withheld-server-openings";
    case.rules.draw = "示例抽查〔2026〕5号".into();
    case.rules.openings = Openings::Published;
    case.rules.public_from = "draw".into();
    case.rules.seed.last = Last::Dice {
        rolls: 50,
        sides: 6,
    };
    case.nonce_revealed = false;
    case.published = true;
    case.witnesses.clear();
    case
}

pub fn cases() -> Vec<Case> {
    vec![
        plain(),
        needs_avoidance_capacity(),
        reserves_and_substitutions(),
        withheld(),
        server_withheld(),
    ]
}

/// What a forger does after changing a file: writes the manifest and the line of the commitment anew.
pub fn rehash(files: &mut Files) {
    let transcript = files.transcript().unwrap();
    let manifest = transcript.committed.manifest();
    let seed = String::from_utf8_lossy(transcript.seed).into_owned();
    let before = commitment(transcript.manifest);
    let after = commitment(manifest.as_bytes());
    let mut lines: Vec<String> = seed
        .replace(&before, &after)
        .split('\n')
        .map(str::to_owned)
        .collect();
    for line in &mut lines {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        if let [kind, name, _, value] = words.as_slice()
            && kind == "witness"
        {
            *line = format!(
                "witness {name} {} {value}",
                witness_commitment(&after, name, value)
            );
        }
    }
    files.insert("manifest.txt", manifest.into_bytes());
    files.insert("seed.txt", lines.join("\n").into_bytes());
}
