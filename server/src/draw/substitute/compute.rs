//! What follows from a request: asked of the crate `draw`, told in the words of the registers.

use std::collections::{HashMap, HashSet};

use ::draw::{Committed, Frame, Refusal, Request, Substitutions};

use super::{Ground, Kind};
use crate::db::Tx;
use crate::draw::store::{self, Draw};
use crate::error::AppError;

/// Somebody or something of the draw, by what the transcript calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Id in the register.
    pub id: String,
    /// Name on the day of the draw.
    pub name: String,
    /// District of an object, unit of an inspector.
    pub place: String,
}

/// A new row of `substitutions.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub number: i64,
    /// `relief`, `replace`, `drop`, `pass`, `avoid` or `add`.
    pub kind: String,
    /// The object.
    pub object: Name,
    /// Who leaves, or must avoid.
    pub leaves: Option<Name>,
    /// Who or what comes.
    pub comes: Option<Name>,
    /// Code of the ground.
    pub ground: String,
    /// The row as it stands in the file, without LF.
    pub line: String,
}

/// The team of an object after the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Register id of the object.
    pub object: String,
    /// The first leads.
    pub inspectors: Vec<Name>,
    /// Who assists.
    pub experts: Vec<Name>,
}

/// What follows from one request.
#[derive(Debug, Clone)]
pub struct Followed {
    /// `substitutions.csv` as it was read.
    pub before: Vec<u8>,
    /// And as it is with the new rows.
    pub after: Vec<u8>,
    /// The new rows; the first is what was asked for.
    pub rows: Vec<Row>,
    /// The teams of the objects that the rows speak of and that are to be inspected.
    pub teams: Vec<Team>,
}

/// What is asked for, in register ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What.
    pub kind: Kind,
    /// Register id.
    pub object: String,
    /// Register id, or empty.
    pub person: String,
    /// Why.
    pub ground: Ground,
}

/// Who is behind the blinded ids of a draw: the sealed list of names, searched for the few that are
/// asked about, since a city's has millions of lines.
struct Names<'n> {
    text: &'n str,
    found: HashMap<&'n str, Name>,
}

/// Blinded id, kind, register id, name, place.
fn name_fields(line: &str) -> Option<[&str; 5]> {
    let mut fields = line.splitn(5, '\t');
    Some([
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    ])
}

impl<'n> Names<'n> {
    fn of(text: &'n str) -> Self {
        Names {
            text,
            found: HashMap::new(),
        }
    }

    /// The blinded ids of an object and a person by their register ids.
    fn hashes(&self, object: &str, person: &str) -> (Option<&'n str>, Option<&'n str>) {
        let mut hashes = (None, None);
        for [hash, kind, id, ..] in self.text.lines().filter_map(name_fields) {
            match kind {
                "object" if id == object => hashes.0 = Some(hash),
                kind if kind != "object" && id == person => hashes.1 = Some(hash),
                _ => {}
            }
        }
        hashes
    }

    /// Looks up all of `wanted` in one pass.
    fn look_up(&mut self, wanted: &HashSet<&str>) {
        for [hash, _, id, name, place] in self.text.lines().filter_map(name_fields) {
            if wanted.contains(hash) {
                let name = Name {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    place: place.to_owned(),
                };
                self.found.insert(hash, name);
            }
        }
    }

    fn named(&self, hash: &str) -> Result<Name, AppError> {
        let found = self.found.get(hash).cloned();
        found.ok_or_else(|| AppError::internal(format!("nobody is behind {hash}")))
    }

    fn named_if(&self, hash: &str) -> Result<Option<Name>, AppError> {
        if hash.is_empty() {
            return Ok(None);
        }
        self.named(hash).map(Some)
    }
}

/// Follows a request on what was substituted before. Takes as long as the draw itself: not within a
/// writing transaction.
///
/// # Errors
/// The draw refuses it: `not_standing`, `not_in_team`, `not_in_pool`, `not_next`.
pub fn follow(tx: &mut Tx<'_>, draw: &Draw, asked: &Asked) -> Result<Followed, AppError> {
    let mut file = |name: &str| {
        store::file(tx, &draw.id, name)?
            .ok_or_else(|| AppError::internal(format!("draw {}: {name} is missing", draw.id)))
    };
    let (avoid, excluded) = (file("avoid.csv")?, file("excluded.csv")?);
    let (inspectors, objects) = (file("inspectors.csv")?, file("objects.csv")?);
    let (rules, manifest) = (file("rules.json")?, file("manifest.txt")?);
    let (seed, result) = (file("seed.txt")?, file("result.csv")?);
    let before = file("substitutions.csv")?;
    let names = String::from_utf8(file("names.tsv")?).map_err(AppError::internal)?;
    let mut names = Names::of(&names);
    let committed = Committed {
        avoid: &avoid,
        excluded: &excluded,
        inspectors: &inspectors,
        objects: &objects,
        rules: &rules,
    };
    let frame = Frame::read(&committed, &manifest).map_err(AppError::internal)?;
    let seed = ::draw::seed(&seed);
    let outcome = frame.draw(&seed).map_err(AppError::internal)?;
    let mut all = Substitutions::new(&frame, &seed, &outcome, &result);
    replay(&mut all, &before)?;
    let (object, person) = names.hashes(&asked.object, &asked.person);
    let object = object.ok_or_else(not_standing)?;
    let person = match asked.kind.has_person() {
        true => person.ok_or_else(not_in_pool)?,
        false => "",
    };
    let ground = asked.ground.code();
    let lines = all
        .apply(request(asked.kind.as_str(), object, person, ground)?)
        .map_err(refused)?;
    let lines = lines
        .iter()
        .map(|line| Ok((line, fields(line)?)))
        .collect::<Result<Vec<_>, AppError>>()?;
    let mut objects: Vec<&str> = Vec::new();
    let mut wanted: HashSet<&str> = HashSet::new();
    for (_, [_, kind, object, leaves, comes, ..]) in &lines {
        wanted.extend([*object, *leaves, *comes]);
        let standing = if *kind == "replace" { *comes } else { *object };
        if !objects.contains(&standing) {
            objects.push(standing);
        }
    }
    let teams: Vec<(&str, Vec<&str>, Vec<&str>)> = objects
        .into_iter()
        .filter_map(|o| Some((o, all.team(o)?, all.experts(o).unwrap_or_default())))
        .collect();
    for (_, inspectors, experts) in &teams {
        wanted.extend(inspectors.iter().chain(experts));
    }
    names.look_up(&wanted);
    let mut rows = Vec::with_capacity(lines.len());
    for (line, [number, kind, object, leaves, comes, ground, _]) in lines {
        rows.push(Row {
            number: number.parse().map_err(AppError::internal)?,
            object: names.named(object)?,
            leaves: names.named_if(leaves)?,
            comes: names.named_if(comes)?,
            kind: kind.to_owned(),
            ground: ground.to_owned(),
            line: line.clone(),
        });
    }
    let named = |ids: &[&str]| -> Result<Vec<Name>, AppError> {
        ids.iter().map(|id| names.named(id)).collect()
    };
    let teams = teams
        .iter()
        .map(|(object, inspectors, experts)| {
            Ok(Team {
                object: names.named(object)?.id,
                inspectors: named(inspectors)?,
                experts: named(experts)?,
            })
        })
        .collect::<Result<_, AppError>>()?;
    Ok(Followed {
        after: all.to_text().as_bytes().to_vec(),
        before,
        rows,
        teams,
    })
}

/// The steps that were followed before, in their order.
fn replay(all: &mut Substitutions<'_, '_>, text: &[u8]) -> Result<(), AppError> {
    let text = std::str::from_utf8(text).map_err(AppError::internal)?;
    for line in text.lines().skip(1) {
        let [_, kind, object, leaves, _, ground, _] = fields(line)?;
        // What followed by itself follows again.
        if ground != "follow" {
            all.apply(request(kind, object, leaves, ground)?)
                .map_err(AppError::internal)?;
        }
    }
    if all.to_text() == text {
        Ok(())
    } else {
        Err(AppError::internal(
            "substitutions.csv is not what follows from its requests",
        ))
    }
}

/// The fields of a row: number, kind, object, out, in, ground, chain.
pub fn fields(line: &str) -> Result<[&str; 7], AppError> {
    let fields: Vec<&str> = line.split(',').collect();
    fields
        .try_into()
        .map_err(|_| AppError::internal(format!("substitutions.csv: {line:?}")))
}

fn request<'r>(
    kind: &str,
    object: &'r str,
    inspector: &'r str,
    ground: &'r str,
) -> Result<Request<'r>, AppError> {
    Ok(match kind {
        "relief" => Request::Relief {
            object,
            inspector,
            ground,
        },
        "replace" | "drop" => Request::Replace { object, ground },
        "pass" => Request::Pass { object, ground },
        "avoid" => Request::Avoid {
            object,
            inspector,
            ground,
        },
        other => {
            return Err(AppError::internal(format!(
                "substitution of kind {other:?}"
            )));
        }
    })
}

fn not_standing() -> AppError {
    AppError::conflict("not_standing", "这个对象不在本次抽取现在的检查对象之列")
}

fn not_in_pool() -> AppError {
    AppError::conflict("not_in_pool", "此人不在本次抽取的检查人员名单内")
}

fn refused(why: Refusal) -> AppError {
    match why {
        Refusal::NoSuchObject => not_standing(),
        Refusal::NoSuchInspector => not_in_pool(),
        Refusal::NotInTeam => {
            AppError::conflict("not_in_team", "此人现在不在这个检查对象的检查组内")
        }
        Refusal::NotNext => AppError::conflict("not_next", "还没有轮到这个候补对象，不能跳过"),
        Refusal::NobodyDealt => {
            AppError::conflict("nobody_dealt", "本次抽取只抽取检查对象，没有抽取检查人员")
        }
        other => AppError::internal(other),
    }
}

/// The next reserve of each cell: the only ones that can be passed over.
pub fn next_reserves(tx: &mut Tx<'_>, draw: &str) -> crate::db::Result<Vec<String>> {
    let used: Vec<String> = tx.query(
        "SELECT CASE kind WHEN 'pass' THEN object ELSE comes END FROM substitution_rows
         WHERE draw = $1 AND kind IN ('pass', 'replace')",
        &[&draw],
        |r| r.get(0),
    )?;
    let reserves: Vec<(u16, String)> = tx.query(
        "SELECT cell, object FROM draw_results WHERE draw = $1 AND role = 'reserve'
         ORDER BY cell, rank",
        &[&draw],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let mut next = Vec::new();
    let mut last = 0;
    for (cell, object) in reserves {
        if cell != last && !used.contains(&object) {
            next.push(object);
            last = cell;
        }
    }
    Ok(next)
}
