//! Openings: who is behind the blinded ids of a transcript (SPEC.md §7), and to whom that is told.
//!
//! Auditors get all of it (`bundle`), every object its own row, on a slip (`slip`) or on its notice,
//! and with it may look itself up (`mine`); a witness gets a random sample (`sample`).

mod bundle;
pub mod mine;
pub mod mine_facts;
mod sample;
mod sample_routes;
mod slip;

use memchr::memmem;
use utoipa_axum::router::OpenApiRouter;

pub use sample::{Sampled, sample};

use super::store::{self, Draw};
use crate::db::Tx;
use crate::error::AppError;
use crate::register;
use crate::state::AppState;

/// The routes of openings.
pub fn router() -> OpenApiRouter<AppState> {
    bundle::router()
        .merge(slip::router())
        .merge(sample_routes::router())
}

/// The address of the page where an object looks itself up, below the server's. All parts are letters,
/// digits and hyphens.
pub fn mine_path(draw: &str, id: &str, salt: &str, code: Option<&str>) -> String {
    let code = code.map(|c| format!("&code={c}")).unwrap_or_default();
    format!("/draws/{draw}/mine?id={id}&salt={salt}{code}")
}

/// One object's own row: what its blinded id hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Id in the register.
    pub object: String,
    /// Name on the day of the commitment.
    pub name: String,
    /// Code of the district on that day; empty where there was none.
    pub district: String,
    /// What was blinded: a credit code or, of persons and areas, the register's id.
    pub id: String,
    /// 64 hexadecimal digits.
    pub salt: String,
    /// `SHA-256(salt ‖ LF ‖ id)`, as in the transcript.
    pub blinded: String,
}

/// A line of the names of a draw: who is behind a blinded id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'n> {
    /// 64 hexadecimal digits.
    pub blinded: &'n str,
    /// Id in the register.
    pub id: &'n str,
    /// Name on that day.
    pub name: &'n str,
    /// District of an object.
    pub place: &'n str,
}

/// The names of a committed draw, on the day of its commitment.
pub struct Names {
    text: String,
    blinder: ::draw::Blinder,
    draw: String,
}

impl Names {
    /// `None` before the commitment.
    ///
    /// # Errors
    /// The database.
    pub fn load(tx: &mut Tx<'_>, draw: &Draw) -> Result<Option<Self>, AppError> {
        let Some(bytes) = store::file(tx, &draw.id, "names.tsv")? else {
            return Ok(None);
        };
        let key: [u8; 32] = draw
            .salt_key
            .as_slice()
            .try_into()
            .map_err(AppError::internal)?;
        Ok(Some(Self {
            text: String::from_utf8(bytes).map_err(AppError::internal)?,
            blinder: ::draw::Blinder::new(&key),
            draw: draw.id.clone(),
        }))
    }

    /// All objects, in the order of the file.
    pub fn objects(&self) -> impl Iterator<Item = Named<'_>> {
        self.text.lines().filter_map(named)
    }

    /// The object with this id in the register.
    pub fn object(&self, id: &str) -> Option<Named<'_>> {
        self.around(&format!("\tobject\t{id}\t"))
    }

    /// The object behind a blinded id.
    pub fn blinded(&self, blinded: &str) -> Option<Named<'_>> {
        self.around(&format!("{blinded}\tobject\t"))
    }

    fn around(&self, needle: &str) -> Option<Named<'_>> {
        let at = memmem::find(self.text.as_bytes(), needle.as_bytes())?;
        let start = self.text.get(..at)?.rfind('\n').map_or(0, |n| n + 1);
        named(self.text.get(start..)?.lines().next()?)
    }

    /// Opens the blinded id of an object. The code that was blinded is the one that the register holds,
    /// unless it was changed since; then the sealed file is searched.
    ///
    /// # Errors
    /// The database, or files of this draw that do not fit together.
    pub fn open(&self, tx: &mut Tx<'_>, of: &Named<'_>) -> Result<Opening, AppError> {
        let code = register::find_object(tx, of.id)?.and_then(|object| object.code);
        let likely = [code.as_deref(), Some(of.id)];
        let opening = likely.into_iter().flatten().find_map(|id| {
            let blinded = self.blinder.blind(::draw::IdKind::Object, id);
            (blinded.hash == of.blinded).then(|| (id.to_owned(), blinded.salt))
        });
        let (id, salt) = match opening {
            Some(found) => found,
            None => self.search(tx, of.blinded)?,
        };
        Ok(Opening {
            object: of.id.to_owned(),
            name: of.name.to_owned(),
            district: of.place.to_owned(),
            id,
            salt,
            blinded: of.blinded.to_owned(),
        })
    }

    fn search(&self, tx: &mut Tx<'_>, blinded: &str) -> Result<(String, String), AppError> {
        let bytes = store::file(tx, &self.draw, "openings.csv")?.unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(AppError::internal)?;
        let found = text.lines().find_map(|line| {
            let (id, salt) = line.strip_prefix("object,")?.split_once(',')?;
            (::draw::open(salt, id) == blinded).then(|| (id.to_owned(), salt.to_owned()))
        });
        found.ok_or_else(|| AppError::internal(format!("nothing opens {blinded}")))
    }
}

fn named(line: &str) -> Option<Named<'_>> {
    let mut parts = line.split('\t');
    let (blinded, kind) = (parts.next()?, parts.next()?);
    let (id, name, place) = (parts.next()?, parts.next()?, parts.next()?);
    (kind == "object").then_some(Named {
        blinded,
        id,
        name,
        place,
    })
}

/// The rules that a draw has committed to; nothing before the commitment.
///
/// # Errors
/// The database, or rules that are not ours.
pub fn rules(tx: &mut Tx<'_>, draw: &str) -> Result<Option<::draw::Rules>, AppError> {
    store::file(tx, draw, "rules.json")?
        .map(|bytes| ::draw::Rules::parse(&bytes).map_err(AppError::internal))
        .transpose()
}

/// Where the committed files list an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the frame.
    Frame {
        /// Four digits.
        cell: String,
        /// Code of the district.
        district: String,
    },
    /// Kept out.
    Excluded {
        /// As in the transcript.
        ground: String,
    },
}

/// Where a blinded id stands in the committed files of a draw.
///
/// # Errors
/// The database.
pub fn place_of(tx: &mut Tx<'_>, draw: &str, blinded: &str) -> Result<Option<Place>, AppError> {
    let objects = store::file(tx, draw, "objects.csv")?.unwrap_or_default();
    if let Some(place) = in_frame(&objects, blinded) {
        return Ok(Some(place));
    }
    let excluded = store::file(tx, draw, "excluded.csv")?.unwrap_or_default();
    Ok(kept_out(&excluded, blinded))
}

fn line_with<'b>(bytes: &'b [u8], needle: &str) -> Option<&'b str> {
    let at = memmem::find(bytes, needle.as_bytes())?;
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |n| n + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
    std::str::from_utf8(&bytes[start..end]).ok()
}

fn in_frame(objects: &[u8], blinded: &str) -> Option<Place> {
    let mut fields = line_with(objects, &format!(",{blinded},"))?.split(',');
    let cell = fields.next()?.to_owned();
    let district = fields.nth(1)?.to_owned();
    Some(Place::Frame { cell, district })
}

fn kept_out(excluded: &[u8], blinded: &str) -> Option<Place> {
    let ground = line_with(excluded, &format!("object,{blinded},"))?
        .rsplit(',')
        .next()?;
    Some(Place::Excluded {
        ground: ground.to_owned(),
    })
}

/// Why an object was kept out, in words.
pub fn ground_words(ground: &str) -> &'static str {
    match ground {
        "no-district" => "名录中没有登记所在辖区",
        "not-active" => "已注销、吊销或者迁出",
        "drawn-this-year" => "本年度被抽取的次数已到上限",
        "visit-cap" => "本年度接受检查的次数已到上限",
        "no-team" => "没有足够的执法检查人员可以检查（须回避的除外）",
        "no-need" => "没有具备所需专业的执法检查人员",
        _ => "其他事由",
    }
}

/// Who can see a name of a natural person sees the family name only (S3).
pub fn masked_name(name: &str) -> String {
    let mut chars = name.chars();
    let first: String = chars.next().into_iter().collect();
    format!("{first}{}", "＊".repeat(chars.count().clamp(1, 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // D2: a blinded id is found whole, wherever it stands.
    #[test]
    fn a_line_is_found_by_its_blinded_id() {
        let [a, b, c] = ["a", "b", "c"].map(|c| c.repeat(64));
        let objects =
            format!("cell,object,district,needs\n0001,{a},440303,n01\n0002,{b},440304,\n");
        let frame = |cell: &str, district: &str| Place::Frame {
            cell: cell.into(),
            district: district.into(),
        };
        assert_eq!(
            in_frame(objects.as_bytes(), &a),
            Some(frame("0001", "440303"))
        );
        assert_eq!(
            in_frame(objects.as_bytes(), &b),
            Some(frame("0002", "440304"))
        );
        assert_eq!(in_frame(objects.as_bytes(), &c), None);
        assert_eq!(in_frame(objects.as_bytes(), ""), None);
        let excluded = format!("kind,id,ground\ninspector,{a},on-leave\nobject,{c},no-team\n");
        assert_eq!(
            kept_out(excluded.as_bytes(), &a),
            None,
            "that is an inspector"
        );
        let ground = "no-team".to_owned();
        assert_eq!(
            kept_out(excluded.as_bytes(), &c),
            Some(Place::Excluded { ground })
        );
    }

    // S3
    #[rstest::rstest]
    #[case("张三", "张＊")]
    #[case("欧阳小明", "欧＊＊＊")]
    #[case("王", "王＊")]
    #[case("", "＊")]
    fn a_natural_person_is_named_by_the_family_name(#[case] name: &str, #[case] shown: &str) {
        assert_eq!(masked_name(name), shown);
    }
}
