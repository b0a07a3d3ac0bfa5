//! From the registers to the pools of one draw: who is meant, who is kept out and why, under which
//! codes the transcript speaks of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::draw::{Forecast, IdKind, InspectorEntry, ObjectEntry, Pools, Role, Rules};

use super::rules;
use super::store::{self, Draw};
use super::view::{FrameCell, FrameDepartment, FrameDistrict, FrameView, GroundCount, ground};
use crate::db::Tx;
use crate::error::AppError;
use crate::plan::{self, PlanMode, PlanView};
use crate::register::citizen_id::CitizenId;
use crate::register::{self, Days, FrameObject, Inspector, Meant, region};
use crate::task;

/// What nobody's own capacity says: more than any draw deals to one.
const CAPACITY: u32 = ::draw::CAPACITY_MAX;

/// Both pools of one draw, with the rules they are drawn by.
pub struct Loaded {
    /// The rules.
    pub rules: Rules,
    objects: Vec<(FrameObject, Entry)>,
    people: Vec<Person>,
    /// Codes of the needs by department and words; every object has all of them.
    needs: BTreeMap<(String, String), String>,
    districts: BTreeSet<String>,
    avoid: Vec<(String, String)>,
}

enum Entry {
    Cell(u16),
    Excluded(&'static str),
}

/// An inspector or expert of one of the departments.
struct Person {
    row: Inspector,
    /// As the transcript calls them, before blinding.
    code: String,
    unit: String,
    group: String,
    capacity: u32,
    out: Option<&'static str>,
}

/// What the register knows of somebody by the code that the transcript hides.
pub struct Named<'l> {
    /// Inspector or object.
    pub kind: IdKind,
    /// The code that was blinded.
    pub code: &'l str,
    /// Id in the register.
    pub id: &'l str,
    /// Name.
    pub name: &'l str,
    /// District of an object, unit of an inspector.
    pub place: &'l str,
}

/// Somebody who is kept out, for the office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOut {
    /// `object` or `inspector`.
    pub kind: &'static str,
    /// Id in the register.
    pub id: String,
    /// Name.
    pub name: String,
    /// In the API's words.
    pub ground: String,
}

/// Reads the registers for a draw from this plan; `today` is a China date.
///
/// # Errors
/// The registers cannot be read.
pub fn load(
    tx: &mut Tx<'_>,
    plan: &PlanView,
    draw: &Draw,
    today: &str,
) -> Result<Loaded, AppError> {
    let objects = objects(tx, plan, draw)?;
    let districts = objects
        .iter()
        .filter(|(_, entry)| matches!(entry, Entry::Cell(_)))
        .filter_map(|(object, _)| object.district.clone())
        .collect();
    let people = people(tx, plan, today)?;
    let mut avoid = Vec::new();
    if !people.is_empty() {
        let codes: HashMap<&str, String> = people
            .iter()
            .map(|p| (p.row.id.as_str(), p.code.clone()))
            .chain(objects.iter().map(|(o, _)| (o.id.as_str(), object_code(o))))
            .collect();
        for department in &plan.departments {
            for (i, o) in register::avoid_pairs(tx, &department.department, today)? {
                if let (Some(i), Some(o)) = (codes.get(i.as_str()), codes.get(o.as_str())) {
                    avoid.push((i.clone(), o.clone()));
                }
            }
        }
    }
    let needs = rules::needs(plan);
    let mut names = Vec::with_capacity(plan.departments.len());
    for department in &plan.departments {
        let code = &department.department;
        names.push(register::department_name(tx, code)?.unwrap_or_else(|| code.clone()));
    }
    Ok(Loaded {
        rules: rules::rules(plan, draw, &names, &needs),
        objects,
        people,
        needs,
        districts,
        avoid,
    })
}

/// The objects that the plan means, each in its cell or kept out.
fn objects(
    tx: &mut Tx<'_>,
    plan: &PlanView,
    draw: &Draw,
) -> Result<Vec<(FrameObject, Entry)>, AppError> {
    let bounds = Bounds::load(tx, plan, draw)?;
    let cells: Vec<_> = plan.cells.iter().map(|c| c.conditions.filter()).collect();
    let (named, filter) = (plan::store::objects(tx, &plan.id)?, plan.scope.filter());
    let meant = match plan.mode {
        PlanMode::Inspectors { .. } => Meant::Named(&named),
        _ => Meant::Fitting(&filter),
    };
    let mut objects: Vec<(FrameObject, Entry)> = Vec::new();
    register::frame_objects(tx, meant, &cells, |object| {
        let Some(cell) = object.cell else { return };
        let entry = match &object.district {
            _ if !object.active => Entry::Excluded("not-active"),
            None => Entry::Excluded("no-district"),
            Some(_) => match bounds.reached(&object.id) {
                Some(ground) => Entry::Excluded(ground),
                None => Entry::Cell(cell),
            },
        };
        objects.push((object, entry));
    })?;
    Ok(objects)
}

/// How often objects were met in the year of the plan (P2, X3).
struct Bounds {
    drawn: HashMap<String, u32>,
    visits: HashMap<String, u32>,
    yearly_draws: Option<u32>,
    cap: Option<u32>,
}

impl Bounds {
    /// A census meets all, since a law prescribes it; objects that were named otherwise are not drawn, but
    /// visited.
    fn load(tx: &mut Tx<'_>, plan: &PlanView, draw: &Draw) -> Result<Self, AppError> {
        let census = matches!(plan.mode, PlanMode::Census { .. });
        let yearly_draws = (!plan.mode.takes_all()).then_some(plan.yearly_draws);
        let cap = plan
            .limits
            .visits
            .filter(|_| !census && plan.exemption.is_none());
        Ok(Self {
            drawn: match yearly_draws {
                Some(_) => store::drawn_in(tx, plan.year, &draw.id)?,
                None => HashMap::new(),
            },
            visits: match cap {
                Some(_) => task::store::visits_in(tx, plan.year)?,
                None => HashMap::new(),
            },
            yearly_draws,
            cap,
        })
    }

    fn reached(&self, object: &str) -> Option<&'static str> {
        let full = |counts: &HashMap<String, u32>, bound: Option<u32>| {
            let count = counts.get(object).copied().unwrap_or(0);
            bound.is_some_and(|bound| count >= bound)
        };
        if full(&self.drawn, self.yearly_draws) {
            return Some("drawn-this-year");
        }
        full(&self.visits, self.cap).then_some("visit-cap")
    }
}

/// Inspectors and experts of all departments; nobody where only objects are drawn.
fn people(tx: &mut Tx<'_>, plan: &PlanView, today: &str) -> Result<Vec<Person>, AppError> {
    let mut people = Vec::new();
    if !plan.mode.deals() {
        return Ok(people);
    }
    let open = task::store::open_counts(tx)?;
    let days = Days {
        today,
        from: &plan.from,
        until: &plan.until,
    };
    for department in &plan.departments {
        let code = &department.department;
        let found = register::pool_inspectors(tx, code, department.experts > 0, days)?;
        let numbered = |words: BTreeSet<&str>, letter: char| -> HashMap<String, String> {
            (1..)
                .zip(words)
                .map(|(n, word)| (word.to_owned(), format!("{letter}{n:02}")))
                .collect()
        };
        let units = numbered(found.iter().map(|p| p.row.unit.as_str()).collect(), 'u');
        let groups = found.iter().map(|p| p.row.group.as_str());
        let mut groups = numbered(groups.filter(|g| !g.is_empty()).collect(), 'g');
        groups.insert(String::new(), String::new());
        for one in found {
            let capacity = left(one.row.capacity, open.get(&one.row.id).copied());
            people.push(Person {
                code: inspector_code(&one.row),
                unit: units.get(&one.row.unit).cloned().unwrap_or_default(),
                group: groups.get(&one.row.group).cloned().unwrap_or_default(),
                out: one.out.or((capacity == 0).then_some("no-capacity")),
                capacity,
                row: one.row,
            });
        }
    }
    Ok(people)
}

/// What somebody can still take: their own bound less the tasks that they have open (I4).
fn left(own: Option<u32>, open: Option<u32>) -> u32 {
    own.map_or(CAPACITY, |own| {
        own.saturating_sub(open.unwrap_or(0)).min(CAPACITY)
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
fn inspector_code(inspector: &Inspector) -> String {
    let number = &inspector.certificate;
    if is_code(number) {
        number.clone()
    } else {
        inspector.id.clone()
    }
}

impl Loaded {
    /// As the crate `draw` takes them; `codes` from [`Loaded::codes`].
    pub fn pools<'l>(&'l self, codes: &'l [String]) -> Pools<'l> {
        let needs: Vec<&str> = self.needs.values().map(String::as_str).collect();
        let mut pools = Pools::default();
        for ((object, entry), code) in self.objects.iter().zip(codes) {
            match entry {
                Entry::Excluded(ground) => pools.excluded.push((IdKind::Object, code, ground)),
                Entry::Cell(cell) => pools.objects.push(ObjectEntry {
                    id: code,
                    cell: *cell,
                    district: object.district.as_deref().unwrap_or_default(),
                    needs: needs.clone(),
                }),
            }
        }
        for person in &self.people {
            match person.out {
                Some(ground) => pools
                    .excluded
                    .push((IdKind::Inspector, &person.code, ground)),
                None => pools.inspectors.push(self.entry(person)),
            }
        }
        pools.avoid = self
            .avoid
            .iter()
            .map(|(i, o)| (i.as_str(), o.as_str()))
            .collect();
        pools
    }

    fn entry<'l>(&'l self, person: &'l Person) -> InspectorEntry<'l> {
        let row = &person.row;
        let known = |d: &&str| self.districts.contains(*d);
        let districts: Vec<&str> = match row.districts.is_empty() {
            true => self.districts.iter().map(String::as_str).collect(),
            false => row
                .districts
                .iter()
                .map(String::as_str)
                .filter(known)
                .collect(),
        };
        // An expert helps with what any department asks for.
        let meets = |((department, word), code): (&'l (String, String), &'l String)| {
            let asked = row.expert || *department == row.department;
            (asked && row.expertise.contains(word)).then_some(code.as_str())
        };
        InspectorEntry {
            id: &person.code,
            department: &row.department,
            role: if row.expert {
                Role::Expert
            } else {
                Role::Inspector
            },
            unit: &person.unit,
            group: if row.expert { "" } else { &person.group },
            districts,
            expertise: self.needs.iter().filter_map(meets).collect(),
            capacity: person.capacity,
        }
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
            kind: IdKind::Object,
            code,
            id: &o.id,
            name: &o.name,
            place: o.district.as_deref().unwrap_or_default(),
        });
        let people = self.people.iter().map(|p| Named {
            kind: IdKind::Inspector,
            code: &p.code,
            id: &p.row.id,
            name: &p.row.name,
            place: &p.row.unit,
        });
        objects.chain(people)
    }

    /// What the office is shown before it commits.
    pub fn frame(&self, plan: &PlanView, forecast: &Forecast<'_>) -> FrameView {
        let mut grounds: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (kind, _, why) in &forecast.excluded {
            *grounds.entry((kind.name(), ground(why))).or_default() += 1;
        }
        let cells = (1..).zip(plan.cells.iter().zip(&forecast.cells));
        FrameView {
            cells: cells
                .map(|(n, (cell, numbers)): (u32, _)| FrameCell {
                    cell: format!("{n:04}"),
                    label: cell.conditions.words(plan.cells.len() == 1),
                    objects: numbers.objects,
                    pick: pick_text(cell.pick()),
                    drawn: numbers.drawn,
                    reserves: numbers.reserves,
                })
                .collect(),
            districts: forecast
                .districts
                .iter()
                .map(|d| FrameDistrict {
                    district: d.district.to_owned(),
                    name: region::name(d.district).unwrap_or(d.district).to_owned(),
                    objects: d.objects,
                    least: d.least,
                })
                .collect(),
            departments: plan
                .departments
                .iter()
                .map(|d| self.department(&d.department))
                .collect(),
            inspectors: self.drawable().filter(|p| !p.row.expert).count() as u64,
            excluded_by_ground: grounds
                .into_iter()
                .map(|((kind, ground), count)| GroundCount {
                    kind: kind.to_owned(),
                    ground: ground.to_owned(),
                    count,
                })
                .collect(),
        }
    }

    fn drawable(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|p| p.out.is_none())
    }

    fn department(&self, code: &str) -> FrameDepartment {
        let own = || self.drawable().filter(|p| p.row.department == code);
        let groups: BTreeSet<&str> = own()
            .filter(|p| !p.row.expert && !p.group.is_empty())
            .map(|p| p.group.as_str())
            .collect();
        let out = |p: &&Person| p.out.is_some() && p.row.department == code;
        FrameDepartment {
            department: code.to_owned(),
            inspectors: own().filter(|p| !p.row.expert).count() as u64,
            experts: own().filter(|p| p.row.expert).count() as u64,
            groups: groups.len() as u64,
            excluded: self.people.iter().filter(out).count() as u64,
        }
    }

    /// All who are kept out.
    pub fn excluded(&self, codes: &[String], forecast: &Forecast<'_>) -> Vec<KeptOut> {
        let by_code: HashMap<(&str, &str), (&str, &str)> = self
            .named(codes)
            .map(|n| ((n.kind.name(), n.code), (n.id, n.name)))
            .collect();
        let row = |(kind, code, why): &(IdKind, &str, &str)| {
            let kind = kind.name();
            let (id, name) = by_code.get(&(kind, *code))?;
            Some(KeptOut {
                kind,
                id: (*id).to_owned(),
                name: (*name).to_owned(),
                ground: ground(why).to_owned(),
            })
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

    // I4
    #[rstest::rstest]
    #[case::no_bound(None, Some(9), CAPACITY)]
    #[case::some_left(Some(5), Some(3), 2)]
    #[case::nothing_open(Some(5), None, 5)]
    #[case::full(Some(3), Some(3), 0)]
    #[case::over_full(Some(3), Some(4), 0)]
    fn open_tasks_count(#[case] own: Option<u32>, #[case] open: Option<u32>, #[case] free: u32) {
        assert_eq!(left(own, open), free);
    }

    // P2, X3
    #[rstest::rstest]
    #[case::twice_drawn("a", Some(2), None, Some("drawn-this-year"))]
    #[case::three_are_allowed("a", Some(3), None, None)]
    #[case::thrice_visited("b", Some(2), Some(3), Some("visit-cap"))]
    #[case::no_cap("b", Some(2), None, None)]
    #[case::both("a", Some(1), Some(1), Some("drawn-this-year"))]
    #[case::unknown("c", Some(1), Some(1), None)]
    fn bounds_of_the_year_keep_out(
        #[case] object: &str,
        #[case] yearly_draws: Option<u32>,
        #[case] cap: Option<u32>,
        #[case] ground: Option<&str>,
    ) {
        let bounds = Bounds {
            drawn: HashMap::from([("a".to_owned(), 2)]),
            visits: HashMap::from([("a".to_owned(), 2), ("b".to_owned(), 3)]),
            yearly_draws,
            cap,
        };
        assert_eq!(bounds.reached(object), ground);
    }
}
