//! One record in full, put together from what is stored. Pure.

use std::collections::HashMap;

use ::sync::cells::Value;
use ::sync::facts::{CheckSheet, Member, TaskFacts};
use ::sync::inspection_code as code;
use ::sync::place::{self, Point};
use ::sync::record::{HistoryEntry, RecordDoc, View};

use super::proof::{self, Against, Received};
use super::trail::{self, Writers};
use super::types::*;
use super::{Decision, Standing};
use crate::error::AppError;
use crate::publication::{self, compose::results};
use crate::sync::store::{KeptSignature, SealRow};
use crate::task::TaskRow;

/// Everything that is stored about one record.
pub struct Material {
    pub row: TaskRow,
    pub facts: TaskFacts,
    pub record: RecordDoc,
    pub writers: Writers,
    /// With every key that members ever had.
    pub team_ever: Vec<Member>,
    /// Who must sign now.
    pub signers: Vec<Member>,
    pub signatures: Vec<KeptSignature>,
    /// Oldest round first.
    pub seals: Vec<SealRow>,
    pub decisions: Vec<Decision>,
    /// Hashes of the blobs that are whole at the office.
    pub stored: HashMap<String, bool>,
}

impl Material {
    /// The seal of the current round.
    pub fn seal(&self) -> Option<&SealRow> {
        self.seals.iter().find(|s| s.round == self.row.round)
    }

    /// The record as it counts: under the seal of the current round, or else as it has come.
    pub fn legal_view(&self) -> Result<View, AppError> {
        match self.seal() {
            Some(seal) => self.record.view_at(&seal.heads).map_err(AppError::internal),
            None => Ok(self.record.view()),
        }
    }

    /// China date of the end of the visit in the first sealed round: day 0 of U1.
    pub fn ended_on(&self) -> Option<chrono::NaiveDate> {
        self.seals
            .first()
            .map(|s| crate::clock::china_date(s.ended_at))
    }

    /// Ids of the persons who wrote what is under the seal.
    pub fn sealed_writers(&self) -> Vec<String> {
        let late = self
            .seal()
            .map(|s| self.record.since(&s.heads))
            .unwrap_or_default();
        let mut people: Vec<String> = self
            .record
            .history()
            .iter()
            .filter(|e| !late.contains(&e.change))
            .filter_map(|e| self.writers.get(&e.change))
            .map(|w| w.person.clone())
            .filter(|p| !p.is_empty())
            .collect();
        people.sort();
        people.dedup();
        people
    }
}

/// The record in full as `standing` may see it.
pub fn assemble(
    material: &Material,
    today: chrono::NaiveDate,
    standing: &Standing,
) -> Result<ReviewView, AppError> {
    let Material {
        row,
        facts,
        record,
        writers,
        ..
    } = material;
    let view = material.legal_view()?;
    let seal = material.seal();
    let late = seal.map(|s| record.since(&s.heads)).unwrap_or_default();
    let (late, history): (Vec<HistoryEntry>, Vec<HistoryEntry>) = record
        .history()
        .into_iter()
        .partition(|e| late.contains(&e.change) && !only_code(e));
    let rows: Vec<Received<'_>> = material
        .signatures
        .iter()
        .map(|s| Received {
            row: &s.row,
            at: s.received_at,
        })
        .collect();
    let against = Against {
        record,
        team: &material.team_ever,
        signers: &material.signers,
        round: row.round,
        sealed: seal.map(|s| s.heads.as_slice()),
    };
    let due = material.ended_on().map(|d| publication::due(d).date);
    let reader = Reader {
        view: &view,
        writers,
    };
    Ok(ReviewView {
        task: row.task.clone(),
        number: row.number.clone(),
        title: row.title.clone(),
        object: object(facts),
        department: row.department.clone(),
        round: row.round,
        state: super::state_of(row.state),
        heads: record.heads().iter().map(ToString::to_string).collect(),
        sealed: seal.map(|s| SealView {
            at: s.sealed_at,
            fingerprint: proof::short(&s.subject_sha256.0),
        }),
        received_at: writers.values().map(|w| w.received_at).max(),
        due_date: due.map(|d| d.to_string()),
        working_days_left: due.map(|d| publication::calendar::official().days_left(today, d)),
        team: row.team.iter().map(member).collect(),
        visit: visit(&view, facts),
        code: inspection_code(&view, &record.view(), writers, facts, today),
        sheets: facts
            .sheets
            .iter()
            .map(|s| reader.sheet(s, &trail::settlements(&history, writers)))
            .collect(),
        photos: view
            .entries("photo")
            .into_iter()
            .map(|id| reader.photo(&row.task, id, &material.stored))
            .collect(),
        clips: reader.clips(&row.task, &material.stored),
        documents: reader.each("document", |r, id| DocumentView {
            title: r.text("document", id, "title"),
            note: r.text("document", id, "note"),
            by: r.by("document", id).0,
            at: r.by("document", id).1,
        }),
        statements: reader.each("statement", |r, id| StatementView {
            speaker: r.text("statement", id, "speaker"),
            capacity: r.text("statement", id, "capacity"),
            text: r.text("statement", id, "text"),
            by: r.by("statement", id).0,
            at: r.by("statement", id).1,
        }),
        samples: reader.each("sample", |r, id| SampleView {
            name: r.text("sample", id, "name"),
            quantity: r.text("sample", id, "quantity"),
            note: r.text("sample", id, "note"),
            by: r.by("sample", id).0,
            at: r.by("sample", id).1,
        }),
        costs: reader.each("cost", |r, id| CostView {
            entrusted_by: r.text("cost", id, "entrusted_by"),
            purpose: r.text("cost", id, "purpose"),
            amount_fen: r.view.int(&format!("cost/{id}/amount_fen")).unwrap_or(0),
            by: r.by("cost", id).0,
            at: r.by("cost", id).1,
        }),
        witnesses: reader.each("witness", |r, id| RecordWitness {
            name: r.text("witness", id, "name"),
            capacity: r.text("witness", id, "capacity"),
            ink: proof::ink(r.view.text(&format!("witness/{id}/ink")).as_bytes()),
            by: r.by("witness", id).0,
            at: r.by("witness", id).1,
        }),
        fee_none: view.is_true("fee/none"),
        handling: Handling {
            opinion: view.text("handling/opinion").into(),
            measure: view.text("handling/measure").into(),
            deadline: view.text("handling/deadline").into(),
        },
        party: Party {
            opinion: view.text("party/opinion").into(),
            name: view.text("party/name").into(),
            capacity: view.text("party/capacity").into(),
            phone: view.text("party/phone").into(),
        },
        signatures: proof::signatures(&rows, &against),
        history: trail::steps(&history, writers, &facts.sheets),
        late: trail::late_steps(&late, &view, writers, &facts.sheets),
        rounds: rounds(&record.view(), &material.decisions),
        may_decide: standing.refusal().is_none(),
        why_not: standing.refusal().map(|r| r.words()),
    })
}

fn object(facts: &TaskFacts) -> ReviewObject {
    let object = facts.object.clone();
    ReviewObject {
        name: object.name,
        code: object.code,
        address: object.address,
        district: object.district,
        responsible: object.responsible,
        contact: object.contact,
    }
}

fn member(member: &crate::task::TaskMember) -> ReviewMember {
    ReviewMember {
        person: member.person.clone(),
        name: member.name.clone(),
        unit: member.unit.clone(),
        certificate: member.certificate.clone(),
        role: member.role.clone(),
        status: member.status.clone(),
    }
}

/// A change that enters nothing but the inspection code: expected after the seal, and shown apart.
pub(super) fn only_code(entry: &HistoryEntry) -> bool {
    entry.puts.iter().all(|put| put.path.starts_with("code/"))
}

fn inspection_code(
    sealed: &View,
    now: &View,
    writers: &Writers,
    facts: &TaskFacts,
    today: chrono::NaiveDate,
) -> CodeView {
    let word = |path: &str| {
        let text = now.text(path);
        (!text.is_empty()).then(|| text.to_owned())
    };
    let text = now.text("code/text").to_owned();
    let until = now.int("visit/end_at").and_then(code::enter_until);
    let by = now.cells.get("code/text").and_then(|w| w.first());
    CodeView {
        compared: (!text.is_empty())
            .then(|| code::compare(&text, &facts.object.code).word().to_owned()),
        how: word("code/how"),
        read_at: code::entered_at(now),
        by: by
            .and_then(|w| writers.get(&w.change))
            .map(|w| w.person_name.clone())
            .unwrap_or_default(),
        late: word("code/late"),
        reason: now.text("code/reason").to_owned(),
        after_seal: sealed.text("code/text") != text,
        in_time: code::in_time(now),
        overdue: code::open_until(now).is_some_and(|last| today > last),
        until: until.map(|d| d.to_string()),
        text,
    }
}

fn visit(view: &View, facts: &TaskFacts) -> Visit {
    let text = |path: &str| view.get(path).and_then(Value::as_str).map(str::to_owned);
    let here = Point::of(view.int("visit/lat_e7"), view.int("visit/lon_e7"));
    let registered = Point::of(facts.object.lat_e7, facts.object.lon_e7);
    let offset = registered
        .zip(here)
        .map(|(registered, here)| place::seen_from(registered, here));
    let place = Place {
        lat_e7: view.int("visit/lat_e7"),
        lon_e7: view.int("visit/lon_e7"),
        accuracy_cm: view.int("visit/accuracy_cm"),
        source: text("visit/place_source"),
        mock: view.is_true("visit/place_mock"),
        distance_m: offset.map(|o| o.metres),
        direction: offset.map(|o| o.direction.word().to_owned()),
        note: text("visit/place_note"),
    };
    let known = place.lat_e7.is_some() || place.note.is_some() || place.source.is_some();
    Visit {
        start_at: view.int("visit/start_at"),
        end_at: view.int("visit/end_at"),
        method: text("visit/method"),
        place: known.then_some(place),
        certificates_shown_at: view.int("visit/certificates_shown_at"),
        certificates_shown_by: text("visit/certificates_shown_by"),
    }
}

/// Rounds are told from the record as it stands: the one that is open has no seal yet.
fn rounds(view: &View, decisions: &[Decision]) -> Vec<RoundView> {
    let rounds = 1..=view.round();
    let round = rounds.map(|n| RoundView {
        n,
        opened_at: view.int(&format!("round/{n}/opened_at")),
        remarks: serde_json::from_str(view.text(&format!("round/{n}/remarks"))).unwrap_or_default(),
        decision: decisions
            .iter()
            .find(|d| d.round == n)
            .map(|d| DecisionView {
                by: d.by.name.clone(),
                at: d.at,
                accepted: d.accepted,
            }),
    });
    round.collect()
}

/// Reads a view together with its authors.
struct Reader<'a> {
    view: &'a View,
    writers: &'a Writers,
}

impl Reader<'_> {
    fn text(&self, collection: &str, id: &str, word: &str) -> String {
        self.view
            .text(&format!("{collection}/{id}/{word}"))
            .to_owned()
    }

    /// Who wrote an entry first.
    fn by(&self, collection: &str, id: &str) -> (String, i64) {
        let prefix = format!("{collection}/{id}/");
        let cells = self
            .view
            .cells
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix));
        let first = cells.flat_map(|(_, written)| written).min_by_key(|w| w.at);
        let name = first
            .and_then(|w| self.writers.get(&w.change))
            .map(|w| w.person_name.clone());
        (name.unwrap_or_default(), first.map_or(0, |w| w.at))
    }

    fn each<T>(&self, collection: &str, make: impl Fn(&Self, &str) -> T) -> Vec<T> {
        self.view
            .standing(collection)
            .into_iter()
            .map(|id| make(self, id))
            .collect()
    }

    fn sheet(
        &self,
        sheet: &CheckSheet,
        settled: &std::collections::BTreeMap<String, Settled>,
    ) -> SheetView {
        let points = sheet.points.iter().map(|point| {
            let path = format!("point/{}/{}", sheet.item, point.id);
            let answer = format!("{path}/answer");
            let at_point = |id: &&str| {
                let named = self.text("photo", id, "point");
                named == path || path.strip_prefix("point/") == Some(named.as_str())
            };
            PointView {
                point: point.into(),
                answers: trail::values(self.writers, self.view, &answer),
                notes: trail::values(self.writers, self.view, &format!("{path}/note")),
                settled: settled.get(&answer).cloned(),
                photos: self
                    .view
                    .standing("photo")
                    .into_iter()
                    .filter(at_point)
                    .map(str::to_owned)
                    .collect(),
                path,
            }
        });
        SheetView {
            item: sheet.item.clone(),
            name: sheet.name.clone(),
            version: sheet.version,
            department: sheet.department.clone(),
            points: points.collect(),
            results: results(self.view, &sheet.item),
            result_note: self
                .view
                .text(&format!("result/{}/note", sheet.item))
                .to_owned(),
        }
    }

    /// The path of the check point to which a photo or clip belongs, or nothing.
    fn point_of(&self, collection: &str, id: &str) -> String {
        let point = self.text(collection, id, "point");
        if point.is_empty() || point.starts_with("point/") {
            point
        } else {
            format!("point/{point}")
        }
    }

    /// In the order in which they were recorded or added.
    fn clips(&self, task: &str, stored: &HashMap<String, bool>) -> Vec<ClipView> {
        let ids = self.view.entries("clip");
        let mut clips: Vec<ClipView> = ids.iter().map(|id| self.clip(task, id, stored)).collect();
        clips.sort_by_key(|c| c.recorded_at.or(c.added_at));
        clips
    }

    fn clip(&self, task: &str, id: &str, stored: &HashMap<String, bool>) -> ClipView {
        let int = |word: &str| self.view.int(&format!("clip/{id}/{word}"));
        let text = |word: &str| self.text("clip", id, word);
        let is_here = stored.get(&text("sha256")) == Some(&true);
        ClipView {
            id: id.to_owned(),
            kind: text("kind"),
            media: text("media"),
            point: self.point_of("clip", id),
            caption: text("caption"),
            duration_ms: int("duration_ms"),
            recorded_at: int("recorded_at"),
            added_at: int("added_at"),
            added_by: self.by("clip", id).0,
            size: int("size"),
            sha256: text("sha256"),
            withdrawn: self.view.is_true(&format!("clip/{id}/withdrawn")),
            url: is_here.then(|| format!("/api/records/{task}/clips/{id}")),
        }
    }

    fn photo(&self, task: &str, id: &str, stored: &HashMap<String, bool>) -> PhotoView {
        let int = |word: &str| self.view.int(&format!("photo/{id}/{word}"));
        let is_here = |word: &str| stored.get(&self.text("photo", id, word)) == Some(&true);
        let forms = [
            (Stored::Thumbnail, "thumbnail", is_here("thumbnail_sha256")),
            (Stored::Rendition, "rendition", is_here("rendition_sha256")),
            (Stored::Original, "original", is_here("sha256")),
        ];
        let url = |wanted: Stored| {
            let (_, word, _) = forms
                .iter()
                .find(|(form, _, here)| *form == wanted && *here)?;
            Some(format!("/api/records/{task}/photos/{id}/{word}"))
        };
        PhotoView {
            id: id.to_owned(),
            point: self.point_of("photo", id),
            caption: self.text("photo", id, "caption"),
            taken_at: int("taken_at"),
            added_at: int("added_at"),
            added_by: self.by("photo", id).0,
            width: int("width"),
            height: int("height"),
            size: int("size"),
            sha256: self.text("photo", id, "sha256"),
            lat_e7: int("lat_e7"),
            lon_e7: int("lon_e7"),
            withdrawn: self.view.is_true(&format!("photo/{id}/withdrawn")),
            stored: forms
                .iter()
                .filter(|f| f.2)
                .map(|f| f.0)
                .max()
                .unwrap_or(Stored::None),
            thumbnail_url: url(Stored::Thumbnail),
            rendition_url: url(Stored::Rendition),
            original_url: url(Stored::Original),
        }
    }
}
