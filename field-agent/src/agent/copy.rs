//! The party's copy of the sealed record (X4): a file that needs nothing else, and the address at
//! which the portal will show it.

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sync::ink;
use sync::signoff::{self, PartyAct};

use super::sign_off_view::{party_of, subject_statements};
use super::tasks::Circumstances;
use super::{Agent, Open, lock, preview, storage};
use crate::api::Problem;
use crate::api::copy::PartyCopy;
use crate::api::sign::{Ink, InkPoint, Preview};

/// A copy as a file.
#[derive(Template)]
#[template(path = "copy.html")]
struct Paper {
    paper: Preview,
    fingerprint: String,
    subject: String,
    url: String,
    photos: Vec<Photo>,
    signatures: Vec<Signature>,
    /// Reason and witness, where the party refused to sign.
    refused: Option<(String, String)>,
}

struct Photo {
    caption: String,
    sha256: String,
    /// JPEG in base64; empty when the thumbnail is not on this tablet.
    thumbnail: String,
}

struct Signature {
    name: String,
    /// The party, or an inspector with the certificate's number.
    role: String,
    /// `viewBox` and `d` of an SVG.
    ink: Option<(String, String)>,
}

/// Everything a copy shows, at the sealed heads.
struct Sealed {
    seal: signoff::Seal,
    paper: Preview,
    photos: Vec<(String, String, String)>,
    signatures: Vec<Signature>,
    refused: Option<(String, String)>,
    secret: String,
    portal: Option<String>,
}

impl Agent {
    /// Where the party finds its copy.
    ///
    /// # Errors
    /// `not_sealed` while the record is not sealed on this tablet.
    pub fn party_copy(&self, me: &str, task: &str) -> Result<PartyCopy, Problem> {
        let sealed = self.with_record(me, task, sealed)?;
        let url = self.copy_url(&sealed)?;
        Ok(PartyCopy {
            qr_svg: qr_svg(&url)?,
            fingerprint: sealed.seal.fingerprint(),
            url,
        })
    }

    /// The copy as an HTML file, with the name to save it under.
    ///
    /// # Errors
    /// As [`Agent::party_copy`].
    pub fn party_copy_file(&self, me: &str, task: &str) -> Result<(String, String), Problem> {
        let (sealed, blobs) = self.with_record(me, task, |open, id| {
            Ok((sealed(open, id)?, open.blobs.clone()))
        })?;
        let url = self.copy_url(&sealed)?;
        let photos = sealed.photos.iter().map(|(caption, sha256, thumbnail)| {
            let bytes = blobs.read(thumbnail).unwrap_or_default();
            Photo {
                caption: caption.clone(),
                sha256: sha256.clone(),
                thumbnail: BASE64_STANDARD.encode(bytes),
            }
        });
        let page = Paper {
            fingerprint: sealed.seal.fingerprint(),
            subject: sealed.seal.subject_sha256.to_string(),
            photos: photos.collect(),
            paper: sealed.paper,
            signatures: sealed.signatures,
            refused: sealed.refused,
            url,
        };
        let html = page.render().map_err(|e| Problem::internal(&e))?;
        Ok((format!("检查记录-{}.html", page.paper.number), html))
    }

    /// On the portal that the office named, or else where this tablet finds the server.
    fn copy_url(&self, sealed: &Sealed) -> Result<String, Problem> {
        let server = lock(&self.vault).get("server").map_err(storage)?;
        let base = sealed.portal.clone().or(server).unwrap_or_default();
        Ok(format!(
            "{}/c/{}",
            base.trim_end_matches('/'),
            sealed.secret
        ))
    }
}

fn sealed(open: &mut Open, id: sync::ids::TaskId) -> Result<Sealed, Problem> {
    let around = Circumstances::of(&open.db, &id.to_string())?;
    let record = open.record(id)?;
    let not_sealed = || {
        Problem::conflict(
            "not_sealed",
            "记录还没有由全体检查人员签字封存，封存后才能给当事人副本。",
        )
    };
    let seal = around.seal(record).map_err(|_| not_sealed())?;
    let (row, party, _) = party_of(record, &around, &seal.subject_sha256).ok_or_else(not_sealed)?;
    let view = record
        .doc
        .view_at(&seal.subject.heads)
        .map_err(|e| Problem::internal(&e))?;
    let mut signatures = Vec::new();
    let mut refused = None;
    match &party.act {
        PartyAct::Signed { .. } => signatures.push(Signature {
            name: party.name.clone(),
            role: "被检查对象代表".into(),
            ink: row.ink.as_deref().and_then(drawn),
        }),
        PartyAct::Refused { reason, witness } => {
            refused = Some((
                reason.clone(),
                format!("{}（{}）", witness.name, witness.capacity),
            ));
        }
    }
    let about: Vec<_> = subject_statements(record, &around, &seal.subject).collect();
    for statement in about {
        let member = record
            .roster
            .members
            .iter()
            .find(|m| m.person == statement.signer.person);
        let ink = around.statements.iter().find_map(|s| {
            let bytes = s.signed.ink.as_deref()?;
            (Some(sync::ids::Sha256::of(bytes)) == Some(statement.ink_sha256)).then_some(bytes)
        });
        signatures.push(Signature {
            name: record.name_of(&statement.signer.person),
            role: member.map_or_else(String::new, |m| {
                format!("检查人员，执法证号 {}", m.certificate)
            }),
            ink: ink.and_then(drawn),
        });
    }
    let mut photos = Vec::new();
    for id in view.standing("photo") {
        let text = |field: &str| view.text(&format!("photo/{id}/{field}")).to_owned();
        photos.push((text("caption"), text("sha256"), text("thumbnail_sha256")));
    }
    // Late changes are not in the copy.
    let paper = preview::readable(record, &view);
    Ok(Sealed {
        secret: signoff::copy_secret(&row.id()),
        portal: record.facts.portal.clone(),
        seal,
        paper,
        photos,
        signatures,
        refused,
    })
}

/// `viewBox` and path of handwriting, the writing with a margin.
fn drawn(ink: &[u8]) -> Option<(String, String)> {
    drawn_ink(&serde_json::from_slice(ink).ok()?)
}

fn drawn_ink(ink: &Ink) -> Option<(String, String)> {
    let points = |s: &'_ Vec<InkPoint>| -> Vec<[i64; 2]> {
        s.iter().map(|p| [p.x.into(), p.y.into()]).collect()
    };
    let strokes: Vec<Vec<[i64; 2]>> = ink.strokes.iter().map(points).collect();
    let all = || strokes.iter().map(|s| s.iter().copied());
    all().flatten().next()?;
    Some((ink::frame(all().flatten()), ink::path(all())))
}

/// A text as a QR code in SVG.
pub(super) fn qr_svg(text: &str) -> Result<String, Problem> {
    let code = qrcode::QrCode::new(text).map_err(|e| Problem::internal(&e))?;
    Ok(code
        .render::<qrcode::render::svg::Color<'_>>()
        .min_dimensions(240, 240)
        .build())
}
