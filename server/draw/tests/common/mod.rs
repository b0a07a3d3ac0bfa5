//! Honest draws to test with: the cases of `vectors/`, made without any random number.
#![allow(dead_code)]

pub mod tampered;

use draw::*;

/// Somebody of the pool.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub department: &'static str,
    pub role: Role,
    pub group: &'static str,
    pub districts: Vec<&'static str>,
    pub expertise: Vec<&'static str>,
    pub capacity: u32,
}

/// An inspector of the only department.
pub fn inspector(
    id: String,
    districts: Vec<&'static str>,
    expertise: Vec<&'static str>,
    capacity: u32,
) -> Person {
    Person {
        id,
        department: MARKET,
        role: Role::Inspector,
        group: "",
        districts,
        expertise,
        capacity,
    }
}

/// A draw with everything that goes into it.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub rules: Rules,
    pub objects: Vec<(String, u16, &'static str, Vec<&'static str>)>,
    pub inspectors: Vec<Person>,
    pub avoid: Vec<(String, String)>,
    pub excluded: Vec<(IdKind, String, &'static str)>,
    pub witnesses: Vec<(&'static str, &'static str, bool)>,
    pub nonce_revealed: bool,
    pub published: bool,
    pub substitute: fn(&mut Substitutions<'_, '_>, &Outcome<'_>),
    pub void: Option<Voided>,
}

/// When a draw became void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voided {
    BeforeSeed,
    AfterSeed,
}

pub const MARKET: &str = "market";
pub const NONCE: &str = "6b0d0f6ad0b5a3f1ce5a0d1f7e2c4b9886f5d7c3a1b2e4f60718293a4b5c6d7e";
pub const KEY: [u8; 32] = *b"a key that is used for one draw!";
/// Round 123 of drand quicknet, as the league signed it on 2023-08-23.
pub const ROUND: u64 = 123;
pub const SIGNATURE: &str = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

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
                .map(|p| InspectorEntry {
                    id: &p.id,
                    department: p.department,
                    role: p.role,
                    unit: "unit-1",
                    group: p.group,
                    districts: p.districts.clone(),
                    expertise: p.expertise.clone(),
                    capacity: p.capacity,
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
                .map(|(k, o, g)| (*k, o.as_str(), *g))
                .collect(),
        }
    }

    pub fn sealed(&self) -> Sealed {
        commit(&self.rules, &KEY, &self.pools()).unwrap()
    }

    pub fn contributions(&self, commitment: &str) -> Contributions {
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
            last: match self.rules.seed.last {
                Last::Dice { rolls, sides } => LastValue::Dice {
                    sides,
                    rolls: (0..rolls).map(|n| (n * 7 + n / 3) % sides + 1).collect(),
                },
                Last::Drand { round, .. } => LastValue::Drand {
                    round,
                    signature: SIGNATURE.into(),
                },
            },
        }
    }

    /// The whole transcript.
    pub fn files(&self) -> Files {
        let sealed = self.sealed();
        let mut files = Files::default();
        for (name, bytes) in sealed.committed().named() {
            files.insert(name, bytes.to_vec());
        }
        files.insert("manifest.txt", sealed.manifest.clone());
        if self.published {
            files.insert("openings.csv", sealed.openings.clone());
        }
        if self.void.is_some() {
            let void = Void {
                at: "2026-11-24T10:00:00+08:00".into(),
                commitment: sealed.commitment.clone(),
                reason: "名录有误，依法重新组织".into(),
            };
            files.insert("void.json", void.to_text().unwrap());
        }
        if self.void == Some(Voided::BeforeSeed) {
            return files;
        }
        let seed_txt = self.contributions(&sealed.commitment).to_text();
        let frame = Frame::read(&sealed.committed(), &sealed.manifest).unwrap();
        let seed = draw::seed(seed_txt.as_bytes());
        let outcome = frame.draw(&seed).unwrap();
        let result = outcome.to_text();
        let mut substitutions = Substitutions::new(&frame, &seed, &outcome, &result);
        (self.substitute)(&mut substitutions, &outcome);
        files.insert("seed.txt", seed_txt.clone().into_bytes());
        files.insert(
            "substitutions.csv",
            substitutions.to_text().as_bytes().to_vec(),
        );
        files.insert("result.csv", result);
        files
    }
}

fn nothing(_: &mut Substitutions<'_, '_>, _: &Outcome<'_>) {}

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

/// In a joint draw: an inspector and an expert leave, an object closes.
fn substitute_jointly(s: &mut Substitutions<'_, '_>, outcome: &Outcome<'_>) {
    let first = &outcome.drawn[0];
    for whom in [first.inspectors[2], first.experts[0], first.inspectors[0]] {
        s.apply(Request::Relief {
            object: first.object,
            inspector: whom,
            ground: "leave",
        })
        .unwrap();
    }
    for d in &outcome.drawn[1..9] {
        s.apply(Request::Replace {
            object: d.object,
            ground: "closed",
        })
        .unwrap();
    }
    let last = outcome.drawn.last().unwrap();
    s.apply(Request::Avoid {
        object: last.object,
        inspector: last.experts[0],
        ground: "relative",
    })
    .unwrap();
}

/// Where only objects were drawn: an object closes, a reserve is passed over.
fn substitute_objects(s: &mut Substitutions<'_, '_>, outcome: &Outcome<'_>) {
    s.apply(Request::Pass {
        object: outcome.reserves[0].object,
        ground: "moved",
    })
    .unwrap();
    s.apply(Request::Replace {
        object: outcome.drawn[0].object,
        ground: "closed",
    })
    .unwrap();
}

pub fn department(code: &str, team: u32) -> Department {
    Department {
        code: code.into(),
        deal: Deal::Person,
        experts: 0,
        name: format!("示例市 {code} 局"),
        team,
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
        departments: vec![department(MARKET, team)],
        district_minimum: 0,
        draw: draw.into(),
        items: vec![
            Item {
                code: "SJ-001".into(),
                department: MARKET.into(),
                name: "登记事项检查".into(),
                priority: false,
                version: 1,
            },
            Item {
                code: "SJ-002".into(),
                department: MARKET.into(),
                name: "公示信息检查".into(),
                priority: true,
                version: 3,
            },
        ],
        mode: Mode::Double,
        needs: needs
            .iter()
            .map(|n| Need {
                code: (*n).into(),
                department: MARKET.into(),
                name: format!("专长 {n}"),
            })
            .collect(),
        openings: Openings::Sealed,
        public_from: "2026-12-31".into(),
        seed: SeedRules {
            last: Last::Dice { rolls, sides },
            nonce_sha256: sha256_hex(NONCE.as_bytes()),
        },
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
            .map(|n| inspector(format!("inspector-{n}"), vec!["440304"], vec![], 20))
            .collect(),
        avoid: vec![],
        excluded: vec![],
        witnesses: vec![("李代表", "k7Qd-2026-spring", true)],
        nonce_revealed: true,
        published: false,
        substitute: nothing,
        void: None,
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
    let person = |n: usize| {
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
        inspector(format!("inspector-{n}"), act, expertise, (n % 3) as u32)
    };
    let inspectors: Vec<_> = (0..14).map(person).collect();
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
            (IdKind::Object, "91440300-9001".into(), "no-district"),
            (IdKind::Object, "91440300-9002".into(), "not-active"),
            (IdKind::Inspector, "inspector-90".into(), "on-leave"),
        ],
        witnesses: vec![
            ("李代表", "k7Qd-2026-spring", true),
            ("王·委员", "00112233445566778899aabbccddeeff", true),
        ],
        nonce_revealed: true,
        published: false,
        substitute: nothing,
        void: None,
    }
}

fn reserves_and_substitutions() -> Case {
    let mut case = needs_avoidance_capacity();
    case.name = "reserves-substitutions";
    case.rules.draw = "示例抽查〔2026〕3号".into();
    case.rules.departments[0].team = 2;
    case.rules.cells[0].reserves = 5;
    case.rules.cells[1].reserves = 3;
    case.rules.cells[2].reserves = 2;
    case.substitute = substitute;
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

fn census() -> Case {
    let mut case = plain();
    case.name = "census";
    case.rules.draw = "示例抽查〔2026〕6号".into();
    case.rules.cells = vec![
        Cell {
            cell: "0001".into(),
            label: "示例一区".into(),
            pick: Pick::Ppm(1_000_000),
            reserves: 0,
        },
        Cell {
            cell: "0002".into(),
            label: "示例二区".into(),
            pick: Pick::Ppm(1_000_000),
            reserves: 0,
        },
    ];
    case.rules.mode = Mode::Census {
        basis: "《示例法》".into(),
        from: "2026-12-07".into(),
        weeks: 4,
    };
    case.objects.truncate(43);
    for (n, object) in case.objects.iter_mut().enumerate() {
        object.1 = (n % 2 + 1) as u16;
    }
    case
}

fn objects_only() -> Case {
    let mut case = plain();
    case.name = "objects-only";
    case.rules.draw = "示例抽查〔2026〕7号".into();
    case.rules.departments[0].team = 0;
    case.rules.cells[0].pick = Pick::Number(20);
    case.rules.cells[0].reserves = 6;
    case.rules.mode = Mode::Objects {
        reason: "示例：人员名录尚未建成".into(),
        review_by: "2027-03-31".into(),
    };
    case.substitute = substitute_objects;
    case
}

fn inspectors_only() -> Case {
    let mut case = needs_avoidance_capacity();
    case.name = "inspectors-only";
    case.rules.draw = "示例抽查〔2026〕8号".into();
    for cell in &mut case.rules.cells {
        (cell.pick, cell.reserves) = (Pick::Ppm(1_000_000), 0);
    }
    case.rules.mode = Mode::Inspectors {
        reason: "示例：对象由上级指定".into(),
        review_by: "2027-03-31".into(),
    };
    case.objects.truncate(60);
    case
}

/// Three departments: the first brings two and an expert, the second three, the third groups.
fn joint() -> Case {
    let mut case = needs_avoidance_capacity();
    case.name = "joint";
    case.rules.draw = "示例抽查〔2026〕9号".into();
    case.rules.departments = vec![
        Department {
            experts: 1,
            ..department(MARKET, 2)
        },
        department("fire", 3),
        Department {
            deal: Deal::Group,
            experts: 2,
            ..department("labour", 2)
        },
    ];
    case.rules.items.push(Item {
        code: "XF-001".into(),
        department: "fire".into(),
        name: "消防安全检查".into(),
        priority: true,
        version: 2,
    });
    for need in &mut case.rules.needs {
        need.department = if need.code == "fire" { "fire" } else { MARKET }.into();
    }
    for (n, cell) in case.rules.cells.iter_mut().enumerate() {
        (cell.pick, cell.reserves) = (Pick::Number(4 + n as u32), 3);
    }
    let all = ["440303", "440304", "440305"];
    let groups = [
        "", "g1", "g1", "g2", "g2", "g2", "g3", "g3", "g4", "g5", "g5",
    ];
    let more = (0..40usize).map(|n| {
        let (department, role, group) = match n {
            0..=9 => (MARKET, Role::Inspector, ""),
            10..=19 => ("fire", Role::Inspector, ""),
            20..=30 => ("labour", Role::Inspector, groups[n - 20]),
            31..=34 => (MARKET, Role::Expert, ""),
            _ => ("labour", Role::Expert, ""),
        };
        Person {
            id: format!("joint-{n}"),
            department,
            role,
            group,
            districts: if n % 7 == 3 {
                all[..2].to_vec()
            } else {
                all.to_vec()
            },
            expertise: [
                vec![],
                vec!["fire"],
                vec!["food"],
                vec!["food", "lift"],
                vec!["lift"],
            ][n % 5]
                .clone(),
            capacity: (n % 4) as u32,
        }
    });
    case.inspectors = more.collect();
    case.avoid = (0..40)
        .flat_map(|n| {
            (0..4).map(move |m| {
                (
                    format!("joint-{n}"),
                    format!("91440300-{:04}", (n * 11 + m * 37) % 160),
                )
            })
        })
        .collect();
    case.substitute = substitute_jointly;
    case
}

fn groups() -> Case {
    let mut case = joint();
    case.name = "groups";
    case.rules.draw = "示例抽查〔2026〕10号".into();
    case.rules.departments = vec![Department {
        deal: Deal::Group,
        ..department(MARKET, 3)
    }];
    case.rules.items.pop();
    for need in &mut case.rules.needs {
        need.department = MARKET.into();
    }
    let names = ["g1", "g2", "g3", "g4", "g5", "g6", "g7", ""];
    for (n, person) in case.inspectors.iter_mut().enumerate() {
        (person.department, person.role) = (MARKET, Role::Inspector);
        person.group = names[n % 8];
        if person.group != "g1" {
            person.expertise.retain(|need| *need != "lift");
        }
    }
    case.substitute = substitute;
    case
}

fn district_minimum() -> Case {
    let mut case = needs_avoidance_capacity();
    case.name = "district-minimum";
    case.rules.draw = "示例抽查〔2026〕11号".into();
    case.rules.district_minimum = 5;
    for (cell, pick) in
        case.rules
            .cells
            .iter_mut()
            .zip([Pick::Ppm(50_000), Pick::Number(0), Pick::Number(3)])
    {
        (cell.pick, cell.reserves) = (pick, 4);
    }
    // A district with fewer objects than the minimum.
    case.objects
        .retain(|(id, _, district, _)| *district != "440305" || id < &"91440300-0012".to_owned());
    case
}

fn drand() -> Case {
    let mut case = plain();
    case.name = "drand";
    case.rules.draw = "示例抽查〔2026〕12号".into();
    case.rules.ceremony_at = "2023-08-23T23:10:00+08:00".into();
    case.rules.seed.last = Last::Drand {
        chain: QUICKNET.into(),
        round: ROUND,
    };
    case.nonce_revealed = false;
    case
}

fn void(name: &'static str, draw: &str, when: Voided) -> Case {
    let mut case = plain();
    case.name = name;
    case.rules.draw = draw.into();
    case.void = Some(when);
    case
}

pub fn cases() -> Vec<Case> {
    vec![
        plain(),
        needs_avoidance_capacity(),
        reserves_and_substitutions(),
        withheld(),
        server_withheld(),
        census(),
        objects_only(),
        inspectors_only(),
        joint(),
        groups(),
        district_minimum(),
        drand(),
        void(
            "void-before-seed",
            "示例抽查〔2026〕13号",
            Voided::BeforeSeed,
        ),
        void("void-after-seed", "示例抽查〔2026〕14号", Voided::AfterSeed),
    ]
}

/// What a forger does after changing a file: writes the manifest and the line of the commitment anew.
pub fn rehash(files: &mut Files) {
    let transcript = files.transcript().unwrap();
    let manifest = transcript.committed.manifest();
    let before = commitment(transcript.manifest);
    let after = commitment(manifest.as_bytes());
    let changed = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&before, &after);
    let void = transcript.void.map(changed);
    let seed = transcript.drawn.map(|drawn| changed(drawn.seed));
    if let Some(void) = void {
        files.insert("void.json", void.into_bytes());
    }
    files.insert("manifest.txt", manifest.into_bytes());
    let Some(seed) = seed else { return };
    let mut lines: Vec<String> = seed.split('\n').map(str::to_owned).collect();
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
    files.insert("seed.txt", lines.join("\n").into_bytes());
}
