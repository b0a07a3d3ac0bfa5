//! From the registers to the pools of one draw: who is meant, who is kept out and why, under which
//! codes the transcript speaks of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::draw::{
    ALGORITHM, Forecast, InspectorEntry, Last, Mode, ObjectEntry, Openings, Pools, Rules, SeedRules,
};

use super::store::Draw;
use super::view::{FrameCell, FrameView, GroundCount, ground};
use crate::clock;
use crate::db::Tx;
use crate::error::AppError;
use crate::plan::PlanView;
use crate::register::citizen_id::CitizenId;
use crate::register::{self, FrameObject, PoolInspector};

/// What nobody's own capacity says: more than any draw deals to one.
const CAPACITY: u32 = ::draw::CAPACITY_MAX;

/// Both pools of one draw, with the rules they are drawn by.
pub struct Loaded {
    /// The rules.
    pub rules: Rules,
    objects: Vec<(FrameObject, Entry)>,
    inspectors: Vec<PoolInspector>,
    inspector_codes: Vec<String>,
    units: BTreeMap<String, String>,
    /// Codes of the needs, by their words; every object has all of them.
    needs: BTreeMap<String, String>,
    districts: BTreeSet<String>,
    avoid: Vec<(String, String)>,
}

enum Entry {
    Cell(u16),
    Excluded(&'static str),
}

/// What the register knows of somebody by the code that the transcript hides.
pub struct Named<'l> {
    /// Inspector or object.
    pub kind: ::draw::IdKind,
    /// The code that was blinded.
    pub code: &'l str,
    /// Id in the register.
    pub id: &'l str,
    /// Name.
    pub name: &'l str,
    /// District of an object, unit of an inspector.
    pub place: &'l str,
}

/// Reads the registers for a draw from this plan.
///
/// # Errors
/// The registers cannot be read.
pub fn load(
    tx: &mut Tx<'_>,
    plan: &PlanView,
    draw: &Draw,
    department: &str,
    today: &str,
) -> Result<Loaded, AppError> {
    let cells: HashMap<&str, u16> = (1..)
        .zip(&plan.cells)
        .map(|(n, c)| (c.risk_class.as_str(), n))
        .collect();
    let mut districts = BTreeSet::new();
    let mut objects: Vec<(FrameObject, Entry)> = Vec::new();
    register::frame_objects(tx, &plan.scope.filter(), |object| {
        let class = object.risk_class.as_deref().unwrap_or_default();
        let Some(cell) = cells.get(class) else { return };
        let entry = match &object.district {
            _ if !object.active => Entry::Excluded("not-active"),
            None => Entry::Excluded("no-district"),
            Some(district) => {
                districts.insert(district.clone());
                Entry::Cell(*cell)
            }
        };
        objects.push((object, entry));
    })?;
    let inspectors = register::pool_inspectors(tx, &plan.department, today)?;
    let numbered = |words: &BTreeSet<String>, letter: char| -> BTreeMap<String, String> {
        (1..)
            .zip(words)
            .map(|(n, word)| (word.clone(), format!("{letter}{n:02}")))
            .collect()
    };
    let units = inspectors.iter().map(|i| i.unit.clone()).collect();
    let codes: HashMap<&str, String> = inspectors
        .iter()
        .map(|i| (i.id.as_str(), inspector_code(i)))
        .chain(objects.iter().map(|(o, _)| (o.id.as_str(), object_code(o))))
        .collect();
    let avoid = register::avoid_pairs(tx, &plan.department, today)?
        .iter()
        .filter_map(|(i, o)| {
            Some((
                codes.get(i.as_str())?.clone(),
                codes.get(o.as_str())?.clone(),
            ))
        })
        .collect();
    let needs = plan
        .items
        .iter()
        .flat_map(|i| i.needs.iter().cloned())
        .collect();
    let needs = numbered(&needs, 'n');
    let rules = rules(plan, draw, &needs, department);
    let inspector_codes = inspectors.iter().map(inspector_code).collect();
    Ok(Loaded {
        rules,
        objects,
        inspector_codes,
        units: numbered(&units, 'u'),
        inspectors,
        needs,
        districts,
        avoid,
    })
}

/// The code under which an object is recognised by whoever is shown its opening: the credit code; of a
/// person, whose citizen ID is nobody's business (S3), and of an area, the id.
fn object_code(object: &FrameObject) -> String {
    match &object.code {
        Some(code) if CitizenId::parse(code).is_err() && is_code(code) => code.clone(),
        _ => object.id.clone(),
    }
}

/// What a transcript can hold as an id.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The certificate's number, where a transcript can hold it.
fn inspector_code(inspector: &PoolInspector) -> String {
    let number = &inspector.certificate;
    if is_code(number) {
        number.clone()
    } else {
        inspector.id.clone()
    }
}

fn rules(
    plan: &PlanView,
    draw: &Draw,
    needs: &BTreeMap<String, String>,
    department: &str,
) -> Rules {
    let mut needs: Vec<_> = needs
        .iter()
        .map(|(word, code)| ::draw::Need {
            code: code.clone(),
            department: draw.department.clone(),
            name: word.clone(),
        })
        .collect();
    needs.sort_by(|a, b| a.code.cmp(&b.code));
    Rules {
        algorithm: ALGORITHM.into(),
        ceremony_at: clock_text(draw.ceremony_at),
        // Cells rest on the internal risk class: they have numbers, no names.
        cells: (1..)
            .zip(&plan.cells)
            .map(|(n, c)| ::draw::Cell {
                cell: format!("{n:04}"),
                label: String::new(),
                pick: c.pick(),
                reserves: c.reserves,
            })
            .collect(),
        departments: vec![::draw::Department {
            code: draw.department.clone(),
            deal: ::draw::Deal::Person,
            experts: 0,
            name: department.to_owned(),
            team: plan.team,
        }],
        district_minimum: 0,
        draw: draw.number.clone(),
        items: plan
            .items
            .iter()
            .map(|i| ::draw::Item {
                code: i.code.clone(),
                department: draw.department.clone(),
                name: i.name.clone(),
                priority: false,
                version: i.version,
            })
            .collect(),
        mode: Mode::Double,
        needs,
        openings: Openings::Sealed,
        public_from: draw.public_from.clone(),
        seed: SeedRules {
            last: Last::Dice {
                rolls: draw.rolls,
                sides: draw.sides,
            },
            nonce_sha256: draw.nonce_sha256(),
        },
        title: draw.title.clone(),
    }
}

/// China time as the rules have it.
fn clock_text(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.with_timezone(&clock::china())
        .format("%Y-%m-%dT%H:%M:%S+08:00")
        .to_string()
}

impl Loaded {
    /// As the crate `draw` takes them; `codes` from [`Loaded::codes`].
    pub fn pools<'l>(&'l self, codes: &'l [String]) -> Pools<'l> {
        let needs: Vec<&str> = self.needs.values().map(String::as_str).collect();
        let mut pools = Pools::default();
        for ((object, entry), code) in self.objects.iter().zip(codes) {
            match entry {
                Entry::Excluded(ground) => {
                    pools.excluded.push((::draw::IdKind::Object, code, ground));
                }
                Entry::Cell(cell) => pools.objects.push(ObjectEntry {
                    id: code,
                    cell: *cell,
                    district: object.district.as_deref().unwrap_or_default(),
                    needs: needs.clone(),
                }),
            }
        }
        for (inspector, code) in self.inspectors.iter().zip(&self.inspector_codes) {
            let known = |d: &&str| self.districts.contains(*d);
            let districts: Vec<&str> = if inspector.districts.is_empty() {
                self.districts.iter().map(String::as_str).collect()
            } else {
                inspector
                    .districts
                    .iter()
                    .map(String::as_str)
                    .filter(known)
                    .collect()
            };
            let meets = |word: &String| self.needs.get(word).map(String::as_str);
            pools.inspectors.push(InspectorEntry {
                id: code,
                department: &self.rules.departments[0].code,
                role: ::draw::Role::Inspector,
                group: "",
                unit: self
                    .units
                    .get(&inspector.unit)
                    .map_or("u00", String::as_str),
                districts,
                expertise: inspector.expertise.iter().filter_map(meets).collect(),
                capacity: inspector.capacity.unwrap_or(CAPACITY).min(CAPACITY),
            });
        }
        pools.avoid = self
            .avoid
            .iter()
            .map(|(i, o)| (i.as_str(), o.as_str()))
            .collect();
        pools
    }

    /// The code of each object, in order.
    pub fn codes(&self) -> Vec<String> {
        self.objects
            .iter()
            .map(|(object, _)| object_code(object))
            .collect()
    }

    /// Everybody with the code that is blinded.
    pub fn named<'l>(&'l self, codes: &'l [String]) -> impl Iterator<Item = Named<'l>> {
        let objects = self.objects.iter().zip(codes).map(|((o, _), code)| Named {
            kind: ::draw::IdKind::Object,
            code,
            id: &o.id,
            name: &o.name,
            place: o.district.as_deref().unwrap_or_default(),
        });
        let inspectors = self
            .inspectors
            .iter()
            .zip(&self.inspector_codes)
            .map(|(i, code)| Named {
                kind: ::draw::IdKind::Inspector,
                code,
                id: &i.id,
                name: &i.name,
                place: &i.unit,
            });
        objects.chain(inspectors)
    }

    /// What the office is shown before it commits.
    pub fn frame(&self, plan: &PlanView, forecast: &Forecast<'_>) -> FrameView {
        let mut grounds: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, _, why) in &forecast.excluded {
            *grounds.entry(ground(why)).or_default() += 1;
        }
        let cells = (1..).zip(plan.cells.iter().zip(&forecast.cells));
        FrameView {
            cells: cells
                .map(|(n, (cell, numbers)): (u32, _)| FrameCell {
                    cell: format!("{n:04}"),
                    label: if cell.risk_class.is_empty() {
                        "未评级".into()
                    } else {
                        format!("{} 级", cell.risk_class)
                    },
                    objects: numbers.objects,
                    pick: pick_text(cell.pick()),
                    drawn: numbers.drawn,
                    reserves: numbers.reserves,
                })
                .collect(),
            inspectors: self.inspectors.len() as u64,
            excluded_by_ground: grounds
                .into_iter()
                .map(|(ground, count)| GroundCount {
                    ground: ground.to_owned(),
                    count,
                })
                .collect(),
        }
    }

    /// Register id, name and ground of all who are kept out.
    pub fn excluded(&self, codes: &[String], forecast: &Forecast<'_>) -> Vec<[String; 3]> {
        let by_code: HashMap<&str, &FrameObject> = codes
            .iter()
            .map(String::as_str)
            .zip(self.objects.iter().map(|(o, _)| o))
            .collect();
        let row = |(_, code, why): &(::draw::IdKind, &str, &str)| {
            let object = by_code.get(code)?;
            Some([
                object.id.clone(),
                object.name.clone(),
                ground(why).to_owned(),
            ])
        };
        forecast.excluded.iter().filter_map(row).collect()
    }
}

fn pick_text(pick: ::draw::Pick) -> String {
    match pick {
        ::draw::Pick::Number(n) => format!("{n} 户"),
        ::draw::Pick::Ppm(ppm) => {
            let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
            format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(::draw::Pick::Ppm(50_000), "5%")]
    #[case(::draw::Pick::Ppm(1_000_000), "100%")]
    #[case(::draw::Pick::Ppm(33_333), "3.3333%")]
    #[case(::draw::Pick::Ppm(500), "0.05%")]
    #[case(::draw::Pick::Ppm(0), "0%")]
    #[case(::draw::Pick::Number(12), "12 户")]
    fn ratios_read_as_people_write_them(#[case] pick: ::draw::Pick, #[case] text: &str) {
        assert_eq!(pick_text(pick), text);
    }

    #[test]
    fn rules_have_the_time_of_china() {
        assert_eq!(clock_text(1_795_000_000_000), "2026-11-18T19:06:40+08:00");
    }
}
