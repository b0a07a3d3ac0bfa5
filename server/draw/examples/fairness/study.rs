//! Many draws of fictitious pools, by the crate itself, and what is counted of them.

use crate::stats::{Chi, Cross, Pairs, Tally, fit, hypergeometric};
use draw::*;
use std::collections::HashMap;

pub type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// The example of the README: as many objects, and as many of them are drawn.
pub const OBJECTS: usize = 105;
pub const DRAWN: usize = 50;
const INSPECTORS: usize = 30;
const DISTRICT: &str = "440304";

/// One figure.
pub struct Row {
    pub zh: &'static str,
    pub en: &'static str,
    pub draws: usize,
    pub chi: Chi,
}

/// What the plots show of draws of [`DRAWN`] out of [`OBJECTS`].
pub struct Picture {
    /// How often each object was drawn, as a share of draws.
    pub share: Vec<f64>,
    /// How often two draws in succession had so many objects in common, as a share.
    pub overlap: Vec<f64>,
    /// How often two objects so far apart in the register were drawn together, by distance from 1.
    pub apart: Vec<f64>,
}

/// A frame over a pool, and who is who in it.
struct City {
    sealed: Sealed,
    objects: HashMap<String, usize>,
    inspectors: HashMap<String, usize>,
}

struct Plan {
    mode: Mode,
    /// Objects and picks of each cell.
    cells: Vec<(usize, Pick)>,
    reserves: u32,
    group: usize,
}

impl Plan {
    fn new(mode: Mode, cells: Vec<(usize, Pick)>) -> Plan {
        Plan {
            mode,
            cells,
            reserves: 0,
            group: 0,
        }
    }

    fn rules(&self) -> Rules {
        let cells = (1..).zip(&self.cells).map(|(n, (_, pick))| Cell {
            cell: format!("{n:04}"),
            label: String::new(),
            pick: *pick,
            reserves: self.reserves,
        });
        Rules {
            algorithm: ALGORITHM.into(),
            ceremony_at: "2026-11-24T09:30:00+08:00".into(),
            cells: cells.collect(),
            departments: vec![Department {
                code: "market".into(),
                deal: if self.group > 0 {
                    Deal::Group
                } else {
                    Deal::Person
                },
                experts: 0,
                name: "示例局".into(),
                team: if self.mode.deals() { 2 } else { 0 },
            }],
            district_minimum: 0,
            draw: "示例抽查".into(),
            items: vec![Item {
                code: "SJ-001".into(),
                department: "market".into(),
                name: "登记事项检查".into(),
                priority: false,
                version: 1,
            }],
            mode: self.mode.clone(),
            needs: vec![],
            openings: Openings::Sealed,
            public_from: "draw".into(),
            seed: SeedRules {
                last: Last::Dice {
                    rolls: 25,
                    sides: 6,
                },
                nonce_sha256: sha256_hex("5".repeat(64).as_bytes()),
            },
            title: "公平性检验".into(),
        }
    }

    /// The frame under the key of one draw.
    fn city(&self, key: u8) -> Done<City> {
        let all: usize = self.cells.iter().map(|(n, _)| n).sum();
        let objects: Vec<String> = (0..all).map(|n| format!("object-{n:06}")).collect();
        let inspectors: Vec<String> = (0..INSPECTORS)
            .map(|n| format!("inspector-{n:03}"))
            .collect();
        let groups: Vec<String> = (0..INSPECTORS)
            .map(|n| {
                let group = n.checked_div(self.group);
                group.map_or(String::new(), |group| format!("g{group}"))
            })
            .collect();
        let cell_of = self
            .cells
            .iter()
            .enumerate()
            .flat_map(|(cell, (n, _))| std::iter::repeat_n(cell as u16 + 1, *n));
        let pools = Pools {
            objects: objects
                .iter()
                .zip(cell_of)
                .map(|(id, cell)| ObjectEntry {
                    id,
                    cell,
                    district: DISTRICT,
                    needs: vec![],
                })
                .collect(),
            inspectors: inspectors
                .iter()
                .zip(&groups)
                .filter(|_| self.mode.deals())
                .map(|(id, group)| InspectorEntry {
                    id,
                    department: "market",
                    role: Role::Inspector,
                    unit: "unit",
                    group,
                    districts: vec![DISTRICT],
                    expertise: vec![],
                    capacity: 1000,
                })
                .collect(),
            ..Pools::default()
        };
        let key = [key; 32];
        let sealed = commit(&self.rules(), &key, &pools)?;
        let blinder = Blinder::new(&key);
        let names = |kind, ids: &[String]| {
            (0..)
                .zip(ids)
                .map(|(n, id)| (blinder.blind(kind, id).hash, n))
                .collect()
        };
        Ok(City {
            sealed,
            objects: names(IdKind::Object, &objects),
            inspectors: names(IdKind::Inspector, &inspectors),
        })
    }

    /// Draws with the seeds of some numbers, in their order.
    fn draws(
        &self,
        city: &City,
        seeds: std::ops::Range<usize>,
        mut seen: impl FnMut(&Outcome<'_>),
    ) -> Done<()> {
        let frame = Frame::read(&city.sealed.committed(), &city.sealed.manifest)?;
        for n in seeds {
            seen(&frame.draw(&sha256_hex(format!("fairness {n}").as_bytes()))?);
        }
        Ok(())
    }
}

impl City {
    fn drawn<'o>(&self, outcome: &'o Outcome<'_>) -> impl Iterator<Item = usize> + use<'o, '_> {
        outcome.drawn.iter().map(|d| self.objects[d.object])
    }

    fn members<'o>(&self, drawn: &'o Drawn<'_>) -> impl Iterator<Item = usize> + use<'o, '_> {
        drawn.inspectors.iter().map(|i| self.inspectors[*i])
    }
}

fn objects_only() -> Mode {
    Mode::Objects {
        reason: "示例".into(),
        review_by: "2027-06-30".into(),
    }
}

/// Counts samples of [`DRAWN`] out of [`OBJECTS`], whoever takes them.
struct Samples {
    each: Tally,
    pairs: Pairs,
    overlap: Vec<f64>,
    before: Option<Vec<usize>>,
}

impl Samples {
    fn new() -> Samples {
        Samples {
            each: Tally::new(OBJECTS),
            pairs: Pairs::new(OBJECTS),
            overlap: vec![0.0; DRAWN + 1],
            before: None,
        }
    }

    fn add(&mut self, sample: Vec<usize>) {
        self.each.add(sample.iter().copied());
        self.pairs.add(std::iter::once(&sample[..]));
        // Draws two by two, so that the numbers are independent of each other.
        match self.before.take() {
            Some(before) => {
                let common = before.iter().filter(|n| sample.contains(n)).count();
                self.overlap[common] += 1.0;
            }
            None => self.before = Some(sample),
        }
    }

    fn rows(&self, zh: [&'static str; 3], en: [&'static str; 3]) -> Vec<Row> {
        let overlap = fit(&self.overlap, &hypergeometric(OBJECTS as u64, DRAWN as u64));
        let chis = [self.each.chi(), self.pairs.chi(), overlap];
        let draws = self.each.draws as usize;
        let row = |((zh, en), chi)| Row { zh, en, draws, chi };
        zh.into_iter().zip(en).zip(chis).map(row).collect()
    }

    fn picture(&self) -> Picture {
        let twos: f64 = self.overlap.iter().sum();
        Picture {
            share: self.each.sums.iter().map(|n| n / self.each.draws).collect(),
            overlap: self.overlap.iter().map(|n| n / twos).collect(),
            apart: (1..OBJECTS).map(|k| self.pairs.apart(k)).collect(),
        }
    }
}

/// Which objects: alone, two together, two draws in succession.
pub fn selection(draws: usize) -> Done<(Vec<Row>, Picture)> {
    let plan = Plan::new(objects_only(), vec![(OBJECTS, Pick::Number(DRAWN as u32))]);
    let city = plan.city(1)?;
    let mut samples = Samples::new();
    plan.draws(&city, 0..draws, |outcome| {
        samples.add(city.drawn(outcome).collect())
    })?;
    let rows = samples.rows(
        [
            "每个对象被抽中的次数",
            "每两个对象同时被抽中的次数",
            "前后两次抽查重合的对象数（超几何分布）",
        ],
        [
            "how often each object is drawn",
            "how often each two are drawn together",
            "objects in common of two draws in succession (hypergeometric)",
        ],
    );
    Ok((rows, samples.picture()))
}

/// Where in the file: every draw has a key of its own, and so another order.
pub fn positions(draws: usize) -> Done<Vec<Row>> {
    let plan = Plan::new(objects_only(), vec![(OBJECTS, Pick::Number(DRAWN as u32))]);
    let mut tally = Tally::new(OBJECTS);
    const KEYS: usize = 50;
    for key in 0..KEYS {
        let city = plan.city(key as u8)?;
        let text = String::from_utf8(city.sealed.objects.clone())?;
        let at: HashMap<&str, usize> = (0..)
            .zip(text.lines().skip(1))
            .map(|(n, line)| (&line[5..69], n))
            .collect();
        let seeds = draws * key / KEYS..draws * (key + 1) / KEYS;
        plan.draws(&city, seeds, |outcome| {
            tally.add(outcome.drawn.iter().map(|d| at[d.object]))
        })?;
    }
    Ok(vec![Row {
        zh: "名录文件中每个位置被抽中的次数（50 个密钥）",
        en: "how often each line of the file is drawn (50 keys)",
        draws,
        chi: tally.chi(),
    }])
}

/// Two cells of different ratio, with reserves.
pub fn cells(draws: usize) -> Done<Vec<Row>> {
    let mut plan = Plan::new(
        objects_only(),
        vec![(60, Pick::Ppm(200_000)), (45, Pick::Ppm(400_000))],
    );
    plan.reserves = 3;
    let city = plan.city(2)?;
    let (mut first, mut second, mut reserve) = (Tally::new(60), Tally::new(45), Tally::new(60));
    plan.draws(&city, 0..draws, |outcome| {
        first.add(city.drawn(outcome).filter(|n| *n < 60));
        second.add(city.drawn(outcome).filter_map(|n| n.checked_sub(60)));
        let next = outcome
            .reserves
            .iter()
            .filter(|r| r.cell == 1 && r.rank == 0);
        reserve.add(next.map(|r| city.objects[r.object]));
    })?;
    let row = |zh, en, tally: Tally| Row {
        zh,
        en,
        draws,
        chi: tally.chi(),
    };
    Ok(vec![
        row("分层：比例 20% 的层", "cell of 20 %", first),
        row("分层：比例 40% 的层", "cell of 40 %", second),
        row("第一候补是谁", "who is first reserve", reserve),
    ])
}

/// Who inspects: loads, leaders, who meets whom.
pub fn dealing(draws: usize) -> Done<Vec<Row>> {
    let plan = Plan::new(Mode::Double, vec![(OBJECTS, Pick::Number(DRAWN as u32))]);
    let city = plan.city(3)?;
    let (mut load, mut leads) = (Tally::new(INSPECTORS), Tally::new(INSPECTORS));
    let (mut meets, mut teams) = (Cross::new(INSPECTORS, OBJECTS), Pairs::new(INSPECTORS));
    let mut uneven = 0;
    plan.draws(&city, 0..draws, |outcome| {
        let all: Vec<Vec<usize>> = outcome
            .drawn
            .iter()
            .map(|d| city.members(d).collect())
            .collect();
        load.add(all.iter().flatten().copied());
        leads.add(all.iter().map(|team| team[0]));
        teams.add(all.iter().map(Vec::as_slice));
        meets.add(
            all.iter()
                .zip(city.drawn(outcome))
                .flat_map(|(team, o)| team.iter().map(move |i| (*i, o))),
        );
        let mut loads = [0; INSPECTORS];
        all.iter().flatten().for_each(|i| loads[*i] += 1);
        uneven += usize::from(loads.iter().max() > loads.iter().min().map(|n| n + 1).as_ref());
    })?;
    if uneven > 0 {
        return Err(
            format!("{uneven} draws gave somebody two objects more than somebody else").into(),
        );
    }
    let row = |zh, en, chi| Row { zh, en, draws, chi };
    Ok(vec![
        row("每名人员分到的对象数", "load of each inspector", load.chi()),
        row("每名人员任组长的次数", "how often each leads", leads.chi()),
        row(
            "每名人员与每个对象相遇的次数",
            "how often each meets each object",
            meets.chi(),
        ),
        row(
            "每两名人员同组的次数",
            "how often each two are a team",
            teams.chi(),
        ),
    ])
}

/// The other modes, and groups.
pub fn modes(draws: usize) -> Done<Vec<Row>> {
    let row = |zh, en, chi| Row { zh, en, draws, chi };
    let all = vec![(OBJECTS, Pick::Ppm(1_000_000))];
    let named = Mode::Inspectors {
        reason: "示例".into(),
        review_by: "2027-06-30".into(),
    };
    let plan = Plan::new(named, vec![(40, Pick::Ppm(1_000_000))]);
    let city = plan.city(4)?;
    let (mut meets, mut leads) = (Cross::new(INSPECTORS, 40), Tally::new(INSPECTORS));
    plan.draws(&city, 0..draws, |outcome| {
        let pairs = outcome.drawn.iter().zip(city.drawn(outcome));
        meets.add(pairs.flat_map(|(d, o)| city.members(d).map(move |i| (i, o))));
        leads.add(outcome.drawn.iter().filter_map(|d| city.members(d).next()));
    })?;
    let mut rows = vec![
        row(
            "单抽人员：人员与对象",
            "inspectors only: inspector and object",
            meets.chi(),
        ),
        row(
            "单抽人员：任组长的次数",
            "inspectors only: who leads",
            leads.chi(),
        ),
    ];
    let census = Mode::Census {
        basis: "示例".into(),
        from: "2027-01-04".into(),
        weeks: 5,
    };
    let plan = Plan::new(census, all);
    let city = plan.city(5)?;
    let mut week = Cross::new(5, OBJECTS);
    plan.draws(&city, 0..draws / 4, |outcome| {
        let weeks = outcome.drawn.iter().map(|d| d.week.unwrap_or(0) as usize);
        week.add(weeks.zip(city.drawn(outcome)));
    })?;
    rows.push(Row {
        zh: "普查：每个对象在哪一周",
        en: "census: in which week each object is",
        draws: draws / 4,
        chi: week.chi(),
    });
    let mut plan = Plan::new(Mode::Double, vec![(OBJECTS, Pick::Number(DRAWN as u32))]);
    plan.group = 3;
    let city = plan.city(6)?;
    let mut groups = Cross::new(INSPECTORS / 3, OBJECTS);
    plan.draws(&city, 0..draws, |outcome| {
        let of = |d: &Drawn<'_>| city.members(d).next().map_or(0, |i| i / 3);
        groups.add(outcome.drawn.iter().map(of).zip(city.drawn(outcome)));
    })?;
    rows.push(row(
        "固定小组与对象",
        "fixed groups and objects",
        groups.chi(),
    ));
    Ok(rows)
}

/// Many objects, few draws.
pub fn large(objects: usize, draws: usize) -> Done<Vec<Row>> {
    let plan = Plan::new(objects_only(), vec![(objects, Pick::Ppm(50_000))]);
    let city = plan.city(7)?;
    let mut each = Tally::new(objects);
    plan.draws(&city, 0..draws, |outcome| each.add(city.drawn(outcome)))?;
    Ok(vec![Row {
        zh: "十万个对象、比例 5%",
        en: "100,000 objects, 5 %",
        draws,
        chi: each.chi(),
    }])
}

/// What is in use elsewhere: a start from a linear generator, then every ⌊N/n⌋-th row.
pub fn systematic(draws: usize) -> (Vec<Row>, Picture) {
    let step = OBJECTS / DRAWN;
    let mut state = 20_261_124_u64;
    let mut samples = Samples::new();
    for _ in 0..draws {
        state = (state.wrapping_mul(25_214_903_917) + 11) % (1 << 48);
        let start = (state >> 17) as usize % step;
        samples.add((0..DRAWN).map(|n| start + n * step).collect());
    }
    let rows = samples.rows(
        [
            "每个对象被抽中的次数",
            "每两个对象同时被抽中的次数",
            "前后两次抽查重合的对象数",
        ],
        [
            "how often each object is drawn",
            "how often each two are drawn together",
            "objects in common of two draws in succession",
        ],
    );
    (rows, samples.picture())
}
