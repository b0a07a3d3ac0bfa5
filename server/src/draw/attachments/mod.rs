//! Photos and video of a ceremony (D3): the file is kept with its SHA-256, or its SHA-256 alone where
//! the file stays elsewhere. The hashes are public on the draw's page; the files are for the office,
//! since people can be seen on them.
//!
//! A file is written beside its place, hashed on the way, synced and then renamed; a crash before the
//! rename leaves a `.part` file that nothing refers to.

mod routes;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) use routes::router;

use crate::db::{Result, Row, Tx};
use crate::error::FieldError;

/// Greatest file, in bytes: half an hour of video from a telephone, at a modest size.
pub const MAX_FILE: u64 = 512 * 1024 * 1024;
/// Attachments of one draw.
const MOST: usize = 100;

/// A photo or video of the ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Id.
    pub id: String,
    /// Name of the file.
    pub name: String,
    /// What it shows.
    pub note: String,
    /// Media type.
    pub media: String,
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// Bytes; 0 where only the hash is known.
    pub size: i64,
    /// Whether the file is here.
    pub stored: bool,
    /// Who attached it.
    pub by: String,
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
}

const COLUMNS: &str = "id, name, note, media, sha256, size, stored, by_name, at";

fn attachment(r: &Row<'_>) -> Result<Attachment> {
    Ok(Attachment {
        id: r.get(0)?,
        name: r.get(1)?,
        note: r.get(2)?,
        media: r.get(3)?,
        sha256: r.get(4)?,
        size: r.get(5)?,
        stored: r.get(6)?,
        by: r.get(7)?,
        at: r.get(8)?,
    })
}

/// All attachments of a draw, in the order in which they were added.
pub fn all(tx: &mut Tx<'_>, draw: &str) -> Result<Vec<Attachment>> {
    let sql = format!("SELECT {COLUMNS} FROM draw_attachments WHERE draw = $1 ORDER BY at, id");
    tx.query(&sql, &[&draw], attachment)
}

fn insert(tx: &mut Tx<'_>, draw: &str, a: &Attachment) -> Result<()> {
    tx.execute(
        "INSERT INTO draw_attachments (id, draw, name, note, media, sha256, size, stored, by_name, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            &a.id, &draw, &a.name, &a.note, &a.media, &a.sha256, &a.size, &a.stored, &a.by, &a.at,
        ],
    )?;
    Ok(())
}

fn check(name: &str, note: &str) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let name = name.trim();
    if !(1..=200).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        wrong.push(FieldError::new("name", "文件名须为 1 到 200 个字"));
    }
    if note.chars().count() > 500 || note.chars().any(char::is_control) {
        wrong.push(FieldError::new("note", "说明不超过 500 字"));
    }
    wrong
}

/// By the ending; what is not known is never shown by a browser.
fn media(name: &str) -> &'static str {
    let ending = name.rsplit('.').next().unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "mp4" | "m4v" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("现场.JPG", "image/jpeg")]
    #[case("录像.mp4", "video/mp4")]
    #[case("page.html", "application/octet-stream")]
    #[case("", "application/octet-stream")]
    fn media_go_by_the_ending(#[case] name: &str, #[case] kind: &str) {
        assert_eq!(media(name), kind);
    }
}
