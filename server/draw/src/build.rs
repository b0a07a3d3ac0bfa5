//! From registers to the committed files: what is hidden, who is kept out. (D2)

use crate::blind::{self, Blinder};
use crate::corps::{
    AVOID_HEADER, CAPACITY_MAX, Corps, DISTRICTS_MAX, EXPERTISE_MAX, GROUPS_MAX, Inspector,
    PAIRS_MAX, Role, Unservable,
};
use crate::frame::EXCLUDED_HEADER;
use crate::objects::Kind;
use crate::rules::{OBJECT_NEEDS_MAX, Rules};
use crate::text::{is_ground, is_token, sha256_hex};
use crate::transcript::Committed;
use crate::{corps, objects};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An object that the plan's filter meant and nothing keeps out. Ids are those by which the object is known
/// (`[A-Za-z0-9-]{1,64}`): they go into the openings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry<'r> {
    /// Id.
    pub id: &'r str,
    /// Number of its cell in the rules, from 1.
    pub cell: u16,
    /// District code.
    pub district: &'r str,
    /// Codes of needs, in any order.
    pub needs: Vec<&'r str>,
}

/// An inspector or expert who may be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectorEntry<'r> {
    /// Id.
    pub id: &'r str,
    /// Code of the department in the rules.
    pub department: &'r str,
    /// Inspector or expert.
    pub role: Role,
    /// Code of the unit.
    pub unit: &'r str,
    /// Code of the fixed group, or empty; an expert has none.
    pub group: &'r str,
    /// Codes of the districts in which they may act.
    pub districts: Vec<&'r str>,
    /// Codes of needs that they meet; others than the rules' are left out.
    pub expertise: Vec<&'r str>,
    /// How many objects they are meant to take at most. It is raised for all where that is not enough.
    pub capacity: u32,
}

/// The two pools 两库 of one draw.
#[derive(Debug, Clone, Default)]
pub struct Pools<'r> {
    /// Objects.
    pub objects: Vec<ObjectEntry<'r>>,
    /// Inspectors and experts; left out where only objects are drawn.
    pub inspectors: Vec<InspectorEntry<'r>>,
    /// Inspector and object who must not meet; pairs with ids that are not in the pools are left out.
    pub avoid: Vec<(&'r str, &'r str)>,
    /// Who was meant and is kept out, with the ground (`[a-z-]{1,32}`).
    pub excluded: Vec<(blind::Kind, &'r str, &'r str)>,
}

/// What a draw over these pools will look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast<'r> {
    /// One for each cell of the rules.
    pub cells: Vec<CellForecast>,
    /// All exclusions, those of the pools and objects that cannot be served, by kind and id.
    pub excluded: Vec<(blind::Kind, &'r str, &'r str)>,
    /// Objects of the frame and how many of them will be drawn at least, by district.
    pub districts: Vec<DistrictForecast<'r>>,
}

/// Numbers of one district.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistrictForecast<'r> {
    /// Code.
    pub district: &'r str,
    /// Objects in the frame.
    pub objects: u64,
    /// How many will be drawn at least.
    pub least: u64,
}

/// Numbers of one cell. With a minimum for districts more can be drawn, and fewer be left as reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CellForecast {
    /// Objects in the frame.
    pub objects: u64,
    /// How many will be drawn.
    pub drawn: u64,
    /// How many will stand as reserves.
    pub reserves: u64,
}

/// The files to commit to, and what stays sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// `rules.json`
    pub rules: Vec<u8>,
    /// `objects.csv`
    pub objects: Vec<u8>,
    /// `inspectors.csv`
    pub inspectors: Vec<u8>,
    /// `avoid.csv`
    pub avoid: Vec<u8>,
    /// `excluded.csv`
    pub excluded: Vec<u8>,
    /// `manifest.txt`
    pub manifest: Vec<u8>,
    /// `openings.csv`: secret.
    pub openings: Vec<u8>,
    /// SHA-256 of the manifest.
    pub commitment: String,
}

impl Sealed {
    /// The committed files.
    pub fn committed(&self) -> Committed<'_> {
        Committed {
            avoid: &self.avoid,
            excluded: &self.excluded,
            inspectors: &self.inspectors,
            objects: &self.objects,
            rules: &self.rules,
        }
    }
}

/// Why pools cannot become a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A rule.
    #[error("{0}")]
    Rules(#[from] crate::Fault),
    /// An entry that the files cannot hold.
    #[error("{id}: {why}")]
    Entry {
        /// Whose.
        id: String,
        /// What would be right.
        why: String,
    },
    /// Nobody would be drawn.
    #[error("no object would be drawn")]
    NothingToDraw,
}

/// What a draw would look like, and who cannot be served by any team.
///
/// # Errors
/// Rules or entries that the files cannot hold; the same id twice.
pub fn forecast<'r>(rules: &Rules, pools: &Pools<'r>) -> Result<Forecast<'r>, BuildError> {
    Ok(prepare(rules, pools)?.0)
}

/// Objects of the frame in the order of the pools, with the forecast.
fn prepare<'r, 'p>(
    rules: &Rules,
    pools: &'p Pools<'r>,
) -> Result<(Forecast<'r>, Vec<&'p ObjectEntry<'r>>, Corps<'r>), BuildError> {
    rules.to_text()?;
    let corps = Corps::new(inspectors(rules, pools)?, rules);
    let numbers: HashMap<&str, u32> = (0u32..).zip(&corps.all).map(|(n, i)| (i.id, n)).collect();
    let mut avoided: HashMap<&str, Vec<u32>> = HashMap::new();
    for (inspector, object) in &pools.avoid {
        if let Some(n) = numbers.get(inspector) {
            avoided.entry(object).or_default().push(*n);
        }
    }
    for list in avoided.values_mut() {
        list.sort_unstable();
        list.dedup();
    }
    let mut seen: HashSet<&str> = HashSet::with_capacity(pools.objects.len());
    let mut people: HashSet<&str> = corps.all.iter().map(|i| i.id).collect();
    let mut excluded = Vec::with_capacity(pools.excluded.len());
    for (kind, id, ground) in &pools.excluded {
        match kind {
            blind::Kind::Inspector => check_id(id, &mut people)?,
            blind::Kind::Object => check_id(id, &mut seen)?,
        }
        if !is_ground(ground.as_bytes()) {
            return Err(entry(id, "a ground is 1 to 32 of a-z and -"));
        }
        excluded.push((*kind, *id, *ground));
    }
    let mut cells = vec![CellForecast::default(); rules.cells.len()];
    let mut frame = Vec::with_capacity(pools.objects.len());
    let mut districts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut verdicts: HashMap<(&str, &[&str]), Result<(), Unservable>> = HashMap::new();
    for object in &pools.objects {
        check_id(object.id, &mut seen)?;
        let cell = usize::from(object.cell)
            .checked_sub(1)
            .and_then(|n| cells.get_mut(n));
        let cell = cell.ok_or_else(|| entry(object.id, "the rules have no such cell"))?;
        let verdict = match (
            verdicts.get(&(object.district, object.needs.as_slice())),
            avoided.get(object.id),
        ) {
            (Some(verdict), None) => *verdict,
            (_, avoided) => {
                let kind = Kind {
                    district: object.district,
                    needs: needs(rules, object)?,
                };
                let verdict = corps.serves(&kind, avoided.map_or(&[], Vec::as_slice), rules);
                if avoided.is_none() {
                    verdicts.insert((object.district, &object.needs), verdict);
                }
                verdict
            }
        };
        match verdict {
            Err(why) => excluded.push((blind::Kind::Object, object.id, why.ground())),
            Ok(()) => {
                cell.objects += 1;
                *districts.entry(object.district).or_default() += 1;
                frame.push(object);
            }
        }
    }
    for (cell, rule) in cells.iter_mut().zip(&rules.cells) {
        cell.drawn = rule.pick.of(cell.objects);
        cell.reserves = u64::from(rule.reserves).min(cell.objects - cell.drawn);
    }
    excluded.sort_unstable();
    let minimum = u64::from(rules.district_minimum);
    let districts = districts
        .into_iter()
        .map(|(district, objects)| DistrictForecast {
            district,
            objects,
            least: objects.min(minimum),
        })
        .collect();
    let forecast = Forecast {
        cells,
        excluded,
        districts,
    };
    Ok((forecast, frame, corps))
}

/// Builds the files whose hash is the commitment. `key` is random, used for this draw only, and kept as long as
/// somebody may want to open an id.
///
/// # Errors
/// As [`forecast`]; [`BuildError::NothingToDraw`] where the result would be empty.
pub fn commit(rules: &Rules, key: &[u8; 32], pools: &Pools<'_>) -> Result<Sealed, BuildError> {
    let (forecast, frame, corps) = prepare(rules, pools)?;
    let nothing = |cell: &CellForecast| cell.drawn == 0;
    if forecast.cells.iter().all(nothing) && forecast.districts.iter().all(|d| d.least == 0) {
        return Err(BuildError::NothingToDraw);
    }
    let blinder = Blinder::new(key);
    let mut openings: Vec<String> =
        Vec::with_capacity(frame.len() + corps.all.len() + forecast.excluded.len());
    let mut hide = |kind: blind::Kind, id: &str| {
        let blinded = blinder.blind(kind, id);
        openings.push(format!("{},{id},{}", kind.name(), blinded.salt));
        blinded.hash
    };
    let inspectors: HashMap<&str, String> = corps
        .all
        .iter()
        .map(|i| (i.id, hide(blind::Kind::Inspector, i.id)))
        .collect();
    let mut names: HashMap<&str, String> = HashMap::new();
    let with_avoidance: HashSet<&str> = pools.avoid.iter().map(|(_, object)| *object).collect();
    let mut object_rows = Vec::with_capacity(frame.len());
    for object in frame {
        let hash = hide(blind::Kind::Object, object.id);
        let needs = needs(rules, object)?.join(" ");
        object_rows.push(format!(
            "{:04},{hash},{},{needs}",
            object.cell, object.district
        ));
        if with_avoidance.contains(object.id) {
            names.insert(object.id, hash);
        }
    }
    let excluded_rows = forecast
        .excluded
        .iter()
        .map(|(kind, id, ground)| format!("{},{},{ground}", kind.name(), hide(*kind, id)))
        .collect();
    let inspector_rows = corps
        .all
        .iter()
        .map(|i| {
            let (districts, expertise) = (i.districts.join(" "), i.expertise.join(" "));
            format!(
                "{},{},{},{},{},{districts},{expertise},{}",
                inspectors[i.id],
                rules.departments[i.department].code,
                i.role.name(),
                i.unit,
                i.group,
                i.capacity
            )
        })
        .collect();
    let pair = |(i, o): &(&str, &str)| Some(format!("{},{}", inspectors.get(i)?, names.get(o)?));
    let avoid_rows = pools.avoid.iter().filter_map(pair).collect();
    let rules_text = rules.to_text()?;
    let objects = csv(objects::HEADER, object_rows);
    let inspectors = csv(corps::HEADER, inspector_rows);
    let avoid = csv(AVOID_HEADER, avoid_rows);
    let excluded = csv(EXCLUDED_HEADER, excluded_rows);
    let files = Committed {
        avoid: &avoid,
        excluded: &excluded,
        inspectors: &inspectors,
        objects: &objects,
        rules: &rules_text,
    };
    let manifest = files.manifest().into_bytes();
    let commitment = sha256_hex(&manifest);
    let openings = csv(blind::HEADER, openings);
    Ok(Sealed {
        rules: rules_text,
        objects,
        inspectors,
        avoid,
        excluded,
        manifest,
        openings,
        commitment,
    })
}

fn csv(header: &str, mut rows: Vec<String>) -> Vec<u8> {
    rows.sort_unstable();
    rows.dedup();
    let mut text =
        Vec::with_capacity(header.len() + 1 + rows.iter().map(|r| r.len() + 1).sum::<usize>());
    text.extend_from_slice(header.as_bytes());
    text.push(b'\n');
    for row in rows {
        text.extend_from_slice(row.as_bytes());
        text.push(b'\n');
    }
    text
}

fn inspectors<'r>(rules: &Rules, pools: &Pools<'r>) -> Result<Vec<Inspector<'r>>, BuildError> {
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(pools.inspectors.len());
    let mut pairs = 0;
    let mut groups: HashSet<(usize, &str)> = HashSet::new();
    if !rules.mode.deals() {
        return Ok(all);
    }
    for i in &pools.inspectors {
        check_id(i.id, &mut seen)?;
        let districts = sorted(i.districts.clone());
        let expertise: Vec<&str> = sorted(i.expertise.clone())
            .into_iter()
            .filter(|code| rules.unlisted_need(&[code]).is_none())
            .collect();
        if districts.len() > DISTRICTS_MAX
            || expertise.len() > EXPERTISE_MAX
            || i.capacity > CAPACITY_MAX
        {
            return Err(entry(
                i.id,
                &format!(
                    "at most {DISTRICTS_MAX} districts, {EXPERTISE_MAX} needs, capacity {CAPACITY_MAX}"
                ),
            ));
        }
        let bad = |code: &str| !is_token(code.as_bytes(), 32);
        if bad(i.unit)
            || districts.iter().any(|d| bad(d))
            || !i.group.is_empty() && (bad(i.group) || i.role == Role::Expert)
        {
            let why = "codes of units, groups and districts are 1 to 32 of A-Z a-z 0-9 -; an expert has no group";
            return Err(entry(i.id, why));
        }
        let department = rules
            .department(i.department)
            .ok_or_else(|| entry(i.id, "the rules list no such department"))?;
        if !i.group.is_empty() {
            groups.insert((department, i.group));
            if groups.len() > GROUPS_MAX {
                let why = format!("with this inspector the pool has more than {GROUPS_MAX} groups");
                return Err(entry(i.id, &why));
            }
        }
        pairs += districts.len() * (expertise.len() + 1);
        if pairs > PAIRS_MAX {
            let why = format!(
                "with this inspector the pool has more than {PAIRS_MAX} pairs of a district and a need"
            );
            return Err(entry(i.id, &why));
        }
        all.push(Inspector {
            id: i.id,
            department,
            role: i.role,
            unit: i.unit,
            group: i.group,
            districts,
            expertise,
            capacity: i.capacity,
        });
    }
    Ok(all)
}

fn needs<'r>(rules: &Rules, object: &ObjectEntry<'r>) -> Result<Vec<&'r str>, BuildError> {
    let needs = sorted(object.needs.clone());
    if !is_token(object.district.as_bytes(), 32) {
        return Err(entry(
            object.id,
            "the code of a district is 1 to 32 of A-Z a-z 0-9 -",
        ));
    }
    match rules.unlisted_need(&needs) {
        Some(need) => Err(entry(
            object.id,
            &format!("the rules list no need {need:?}"),
        )),
        None if needs.len() > OBJECT_NEEDS_MAX => Err(entry(
            object.id,
            &format!("at most {OBJECT_NEEDS_MAX} needs"),
        )),
        None => Ok(needs),
    }
}

fn sorted(mut list: Vec<&str>) -> Vec<&str> {
    list.sort_unstable();
    list.dedup();
    list
}

fn check_id<'r>(id: &'r str, seen: &mut HashSet<&'r str>) -> Result<(), BuildError> {
    if !is_token(id.as_bytes(), 64) {
        return Err(entry(id, "an id is 1 to 64 of A-Z a-z 0-9 -"));
    }
    if seen.insert(id) {
        Ok(())
    } else {
        Err(entry(id, "stands twice"))
    }
}

fn entry(id: &str, why: &str) -> BuildError {
    BuildError::Entry {
        id: id.to_owned(),
        why: why.to_owned(),
    }
}
