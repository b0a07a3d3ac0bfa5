//! Adding, listing and reading photos (F3).

use axum::http::StatusCode;
use sync::cells::Value;
use sync::ids::Sha256;
use sync::signoff::Seen;

use super::tasks::Circumstances;
use super::write::{read_only, refuse_read_only};
use super::{Agent, Loaded, disk_full, storage};
use crate::api::Problem;
use crate::api::fault::{Fault, PhotoRemark, told};
use crate::api::photos::*;
use crate::api::tasks::Delivery;
use crate::photos::render::Picture;
use crate::photos::{PhotoError, exif};
use crate::store::delivery;
use crate::store::pieces::State;
use crate::store::queue::{self, BlobRow, form};

/// Room that is left free for the record itself, in bytes.
pub(super) const RESERVE: u64 = 64 << 20;

fn refuse(error: &PhotoError) -> Problem {
    match error {
        PhotoError::Heif => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "heif_not_supported",
            "这是 HEIF/HEIC 格式，无法加入记录；请在相机设置中改用“兼容性最佳（JPEG）”后重拍，或先转换为 JPEG。",
        ),
        PhotoError::NotAPhoto => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_a_photo",
            "这个文件不是 JPEG、PNG 或 WebP 照片。",
        ),
        PhotoError::TooManyPixels { width, height } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "photo_too_large",
            format!("照片 {width}×{height} 像素过大，无法加入；请改用较低分辨率。"),
        ),
        PhotoError::Damaged(cause) => {
            tracing::info!(%cause, "photo refused");
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "photo_damaged",
                "照片文件已损坏，无法显示；请重新拍摄。",
            )
        }
    }
}

/// What goes onto the stamp.
fn stamp_lines(record: &Loaded, added_at: i64, claims: &exif::Claims) -> Vec<String> {
    let at = claims.taken_at.unwrap_or(added_at);
    let time = chrono::DateTime::from_timestamp_millis(at.saturating_add(8 * 3_600_000))
        .map_or_else(String::new, |t| t.format("%Y-%m-%d %H:%M:%S").to_string());
    let visit = (
        record.view.int("visit/lat_e7"),
        record.view.int("visit/lon_e7"),
    );
    let place = match (claims.place, visit) {
        (Some((lat, lon)), _) | (None, (Some(lat), Some(lon))) => {
            format!("{},{}", degrees(lat), degrees(lon))
        }
        _ => record.facts.object.address.clone(),
    };
    let names: Vec<&str> = record
        .roster
        .members
        .iter()
        .map(|m| m.name.as_str())
        .collect();
    vec![
        format!("{}  {}", record.facts.number, record.facts.object.name),
        format!("{time}  {place}"),
        names.join(" "),
    ]
}

fn degrees(e7: i64) -> String {
    let sign = if e7 < 0 { "-" } else { "" };
    let e7 = e7.unsigned_abs();
    format!("{sign}{}.{:05}", e7 / 10_000_000, e7 % 10_000_000 / 100)
}

impl Agent {
    /// Whether there is room for so many bytes beside what is left free for the record itself.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let free = self.space.free_bytes(&self.data);
        free.is_none_or(|free| free >= bytes.saturating_add(RESERVE))
    }

    /// Adds a photo. Files first, then cells and queue in one transaction: a crash in between leaves
    /// encrypted files that nothing names, never half a photo.
    pub fn add_photo(&self, me: &str, task: &str, upload: Upload) -> Result<PhotoView, Problem> {
        let added_at = self.now();
        let sha256 = Sha256::of(&upload.bytes).to_string();
        let (blobs, existing) = self.with_record(me, task, |open, id| {
            let around = Circumstances::of(&open.db, task)?;
            let blobs = open.blobs.clone();
            let record = open.record(id)?;
            if let Some(reason) = read_only(record, &around, me) {
                return Err(refuse_read_only(reason));
            }
            Ok((blobs, same_photo(record, &sha256, &upload.point)))
        })?;
        if let Some(photo) = existing {
            // The acknowledgement of an earlier upload was lost (lesson 1).
            return self.photo(me, task, &photo);
        }
        let needed = upload.bytes.len() as u64 + (4 << 20);
        if self
            .space
            .free_bytes(&self.data)
            .is_some_and(|free| free < needed + RESERVE)
        {
            return Err(disk_full());
        }
        let claims = exif::claims(&upload.bytes);
        let lines = self.with_record(me, task, |open, id| {
            Ok(stamp_lines(open.record(id)?, added_at, &claims))
        })?;
        let picture = Picture::decode(&upload.bytes).map_err(|e| refuse(&e))?;
        let rendered = picture
            .render(&lines, self.font())
            .map_err(|e| refuse(&e))?;

        let photo = self.entry_id();
        let parts = [
            (form::ORIGINAL, upload.bytes.as_ref()),
            (form::RENDITION, rendered.rendition.as_slice()),
            (form::THUMBNAIL, rendered.thumbnail.as_slice()),
        ];
        let parts = parts.map(|(form, bytes)| (form, Sha256::of(bytes).to_string(), bytes));
        let files = parts
            .each_ref()
            .map(|(_, sha256, bytes)| (sha256.as_str(), *bytes));
        blobs
            .write(
                &files,
                self.space.as_ref(),
                super::lock(&self.random).as_mut(),
            )
            .map_err(|e| write_failed(&e))?;
        let mut edits = Vec::new();
        let mut put =
            |field: &str, value: Value| edits.push((format!("photo/{photo}/{field}"), value));
        let length = |bytes: &[u8]| Value::Int(bytes.len() as i64);
        put("sha256", sha256.into());
        put("size", length(&upload.bytes));
        put("media", picture.media.into());
        put("point", upload.point.clone().into());
        put("caption", upload.caption.clone().into());
        put("added_at", added_at.into());
        put("width", i64::from(picture.width()).into());
        put("height", i64::from(picture.height()).into());
        put("rendition_sha256", parts[1].1.clone().into());
        put("rendition_size", length(parts[1].2));
        put("thumbnail_sha256", parts[2].1.clone().into());
        put("thumbnail_size", length(parts[2].2));
        if let Some(taken_at) = claims.taken_at {
            put("taken_at", taken_at.into());
        }
        if let Some((lat, lon)) = claims.place {
            put("lat_e7", lat.into());
            put("lon_e7", lon.into());
        }
        self.with_record(me, task, |open, id| {
            check_point_exists(open.record(id)?, "point", &upload.point)?;
            open.write(me, id, added_at, edits, |db| {
                for (form, sha256, bytes) in &parts {
                    queue::put(
                        db,
                        task,
                        sha256,
                        *form,
                        bytes.len() as i64,
                        true,
                        delivery::HERE,
                        added_at,
                    )?;
                }
                if claims.damaged {
                    let remark = PhotoRemark::ExifDamaged.kept("");
                    queue::set_remark(db, task, &photo, &remark)?;
                }
                Ok(())
            })
        })?;
        self.touch();
        self.wake_sync();
        self.photo(me, task, &photo)
    }

    /// The photos of a record, in the order in which they were added.
    pub fn photos(&self, me: &str, task: &str) -> Result<PhotoList, Problem> {
        let mut list = self.with_record(me, task, |open, id| {
            let blobs = queue::of_task(&open.db, task).map_err(storage)?;
            let remarks = queue::remarks(&open.db, task).map_err(storage)?;
            let record = open.record(id)?;
            let ids = record.view.entries("photo");
            let mut rows: Vec<PhotoView> = ids
                .into_iter()
                .map(|photo| photo_view(record, photo, &blobs, &remarks))
                .collect();
            rows.sort_by(|a, b| (a.added_at, &a.photo).cmp(&(b.added_at, &b.photo)));
            Ok(PhotoList {
                total: rows.len() as u32,
                rows,
            })
        })?;
        self.tell_wishes(task, &mut list.rows)?;
        Ok(list)
    }

    pub(super) fn photo(&self, me: &str, task: &str, photo: &str) -> Result<PhotoView, Problem> {
        let found = self
            .photos(me, task)?
            .rows
            .into_iter()
            .find(|p| p.photo == photo);
        found.ok_or_else(|| Problem::not_found("no_such_photo", "记录里没有这张照片。"))
    }

    /// Withdraws a photo; it stays in the history and is still sent.
    pub fn withdraw_photo(&self, me: &str, task: &str, photo: &str) -> Result<PhotoView, Problem> {
        self.photo(me, task, photo)?;
        self.write_cells(
            me,
            task,
            vec![(format!("photo/{photo}/withdrawn"), Value::Bool(true))],
        )?;
        self.photo(me, task, photo)
    }

    /// Media type and bytes of one form of a photo.
    pub fn photo_bytes(
        &self,
        me: &str,
        task: &str,
        photo: &str,
        kind: PhotoFormKind,
    ) -> Result<(String, Vec<u8>), Problem> {
        let not_here = || Problem::not_found("photo_not_here", "这张照片还没有传到本机。");
        let (blobs, sha256, media) = self.with_record(me, task, |open, id| {
            let blobs = open.blobs.clone();
            let view = &open.record(id)?.view;
            let text = |field: &str| view.text(&format!("photo/{photo}/{field}")).to_owned();
            Ok(match kind {
                PhotoFormKind::Thumbnail => {
                    (blobs, text("thumbnail_sha256"), "image/jpeg".to_owned())
                }
                PhotoFormKind::Rendition => {
                    (blobs, text("rendition_sha256"), "image/jpeg".to_owned())
                }
                PhotoFormKind::Original => (blobs, text("sha256"), text("media")),
            })
        })?;
        if sha256.is_empty() || !blobs.has(&sha256) {
            return Err(not_here());
        }
        let bytes = blobs.read(&sha256).map_err(|e| Problem::internal(&e))?;
        Ok((media, bytes))
    }
}

pub(super) fn write_failed(error: &std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::StorageFull {
        disk_full()
    } else {
        Problem::internal(error)
    }
}

/// `field`: what the refusal names.
pub(super) fn check_point_exists(record: &Loaded, field: &str, point: &str) -> Result<(), Problem> {
    let known = point.is_empty()
        || point.split_once('/').is_some_and(|(item, point)| {
            record
                .facts
                .sheets
                .iter()
                .any(|s| s.item == item && s.point(point).is_some())
        });
    if known {
        Ok(())
    } else {
        Err(Problem::field(
            "bad_point",
            field,
            "检查表里没有这个检查要点。",
        ))
    }
}

/// A standing photo of the same bytes at the same check point.
fn same_photo(record: &Loaded, sha256: &str, point: &str) -> Option<String> {
    let view = &record.view;
    let same = |id: &&&str| {
        view.text(&format!("photo/{id}/sha256")) == sha256
            && view.text(&format!("photo/{id}/point")) == point
    };
    view.standing("photo")
        .iter()
        .find(same)
        .map(|id| (*id).to_owned())
}

pub(super) fn delivery_word(row: Option<&BlobRow>) -> Delivery {
    match State::of(row) {
        State::Refused => Delivery::Refused,
        State::Here => Delivery::OnThisTablet,
        State::Elsewhere => Delivery::Elsewhere,
        State::Sent => Delivery::Sent,
        State::Confirmed => Delivery::Confirmed,
    }
}

fn photo_view(
    record: &Loaded,
    photo: &str,
    blobs: &[BlobRow],
    remarks: &[(String, String)],
) -> PhotoView {
    let view = &record.view;
    let path = |field: &str| format!("photo/{photo}/{field}");
    let text = |field: &str| view.text(&path(field)).to_owned();
    let number = |field: &str| view.int(&path(field));
    let blob = |field: &str| {
        let sha256 = text(field);
        blobs.iter().find(|b| b.sha256 == sha256)
    };
    let (original, rendition, thumbnail) = (
        blob("sha256"),
        blob("rendition_sha256"),
        blob("thumbnail_sha256"),
    );
    let here = |row: Option<&BlobRow>| row.is_some_and(|b| b.here);
    let person = view
        .cells
        .get(&path("sha256"))
        .and_then(|w| w.first())
        .map_or("", |w| record.person_of(&w.actor));
    let forms = [thumbnail, rendition, original];
    let fault = forms.iter().flatten().find_map(|b| b.error.as_deref());
    let (error, error_code) = told(fault);
    let remark = remarks.iter().find(|(id, _)| id == photo);
    let (remark, remark_code) = told(remark.map(|(_, kept)| kept.as_str()));
    PhotoView {
        photo: photo.to_owned(),
        point: text("point"),
        caption: text("caption"),
        sha256: text("sha256"),
        size: number("size").unwrap_or(0),
        media: text("media"),
        width: number("width").unwrap_or(0),
        height: number("height").unwrap_or(0),
        taken_at: number("taken_at"),
        added_at: number("added_at").unwrap_or(0),
        lat_e7: number("lat_e7"),
        lon_e7: number("lon_e7"),
        withdrawn: view.is_true(&path("withdrawn")),
        person: person.to_owned(),
        name: record.name_of(person),
        has_thumbnail: here(thumbnail),
        has_rendition: here(rendition),
        has_original: here(original),
        thumbnail_delivery: delivery_word(thumbnail),
        rendition_delivery: delivery_word(rendition),
        original_delivery: delivery_word(original),
        original_wish: None,
        original_sent: original.map_or(0, |b| b.sent),
        error,
        error_code,
        remark,
        remark_code,
    }
}

/// In which form each photo lies on this tablet, by the original's hash.
pub(super) fn seen(record: &Loaded, blobs: &[BlobRow]) -> impl Fn(&Sha256) -> Option<Seen> {
    let here = |sha256: &str| blobs.iter().any(|b| b.here && b.sha256 == sha256);
    let mut forms = std::collections::HashMap::new();
    for id in record.view.standing("photo") {
        let original = record.view.text(&format!("photo/{id}/sha256"));
        let rendition = record.view.text(&format!("photo/{id}/rendition_sha256"));
        let seen = match (here(original), here(rendition)) {
            (true, _) => Seen::Original,
            (false, true) => Seen::Rendition,
            _ => continue,
        };
        if let Ok(sha256) = original.parse::<Sha256>() {
            forms.insert(sha256, seen);
        }
    }
    move |sha256| forms.get(sha256).copied()
}
