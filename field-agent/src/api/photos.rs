//! Photos of a record (F3).

use axum::body::Bytes;
use axum::extract::{Multipart, Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Me;
use super::fault::{FileFault, PhotoRemark};
use super::tasks::Delivery;
use super::{Answer, Problem, Shared, blocking, blocking_raw};

/// Largest original that is taken, in bytes.
pub const MAX_ORIGINAL: usize = 40 << 20;

/// How it stands with an original that is wanted from a colleague's tablet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WishState {
    /// A tablet that may have it is being asked, or sends it.
    Asking,
    /// No tablet of the team is in reach.
    NobodyInReach,
    /// Those in reach do not have it.
    NobodyHasIt,
    /// This tablet's inspectors do not let it talk to others.
    NearbyOff,
}

/// An original that is wanted from a colleague's tablet. The wish stands until it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OriginalWish {
    pub state: WishState,
    /// Bytes that are here; looked at by nobody before all are.
    pub received: i64,
}

/// A photo with what is known of it and how far its bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhotoView {
    /// 16 hex digits.
    pub photo: String,
    /// `item/point`, or "" when it belongs to the whole record.
    pub point: String,
    pub caption: String,
    /// SHA-256 of the untouched original.
    pub sha256: String,
    pub size: i64,
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub media: String,
    /// Pixels of the upright picture.
    pub width: i64,
    pub height: i64,
    /// From EXIF, ms; a claim of the camera's clock.
    pub taken_at: Option<i64>,
    pub added_at: i64,
    pub lat_e7: Option<i64>,
    pub lon_e7: Option<i64>,
    pub withdrawn: bool,
    pub person: String,
    pub name: String,
    /// What of it is on this tablet.
    pub has_thumbnail: bool,
    pub has_rendition: bool,
    pub has_original: bool,
    pub thumbnail_delivery: Delivery,
    pub rendition_delivery: Delivery,
    pub original_delivery: Delivery,
    /// Somebody wants the original from a colleague's tablet, and it is not here yet.
    pub original_wish: Option<OriginalWish>,
    /// Bytes of the original that the server has.
    pub original_sent: i64,
    /// Why the last transfer failed, in plain words.
    pub error: Option<String>,
    pub error_code: Option<FileFault>,
    /// What could not be read, such as broken EXIF, in plain words.
    pub remark: Option<String>,
    pub remark_code: Option<PhotoRemark>,
}

/// The photos of a record, in the order in which they were added.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PhotoList {
    pub rows: Vec<PhotoView>,
    pub total: u32,
}

/// The form of an upload; fields other than `file` come before it or after it.
#[derive(ToSchema)]
#[allow(
    dead_code,
    reason = "describes the multipart form in the OpenAPI document"
)]
pub struct PhotoForm {
    /// The untouched file from camera or gallery: JPEG, PNG or WebP, at most 40 MiB.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    /// `item/point`, or empty.
    pub point: Option<String>,
    pub caption: Option<String>,
}

/// Which form of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhotoFormKind {
    Thumbnail,
    /// Upright, with the visible stamp.
    Rendition,
    /// The untouched bytes.
    Original,
}

/// An uploaded photo before it is looked at.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The untouched bytes.
    pub bytes: Bytes,
    /// `item/point`, or empty.
    pub point: String,
    pub caption: String,
}

/// The photos of a record.
#[utoipa::path(get, path = "/api/tasks/{task}/photos", tag = "photos", params(("task" = String, Path)),
    responses((status = 200, body = PhotoList)))]
pub async fn photos(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<PhotoList> {
    blocking(agent, move |a| a.photos(&me, &task)).await
}

/// Adds a photo. When the answer arrives original, rendition, thumbnail and the cells are on disk.
#[utoipa::path(post, path = "/api/tasks/{task}/photos", tag = "photos", params(("task" = String, Path)),
    request_body(content = PhotoForm, content_type = "multipart/form-data"),
    responses((status = 200, body = PhotoView), (status = 413, description = "`photo_too_large`", body = Problem),
        (status = 415, description = "`heif_not_supported`, `not_a_photo`", body = Problem),
        (status = 507, description = "`disk_full`", body = Problem)))]
pub async fn add_photo(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    form: Multipart,
) -> Answer<PhotoView> {
    let upload = read_upload(form).await?;
    blocking(agent, move |a| a.add_photo(&me, &task, upload)).await
}

/// Withdraws a photo; it stays in the history.
#[utoipa::path(delete, path = "/api/tasks/{task}/photos/{photo}", tag = "photos", params(("task" = String, Path), ("photo" = String, Path)),
    responses((status = 200, body = PhotoView)))]
pub async fn withdraw_photo(
    State(agent): Shared,
    Me(me): Me,
    Path((task, photo)): Path<(String, String)>,
) -> Answer<PhotoView> {
    blocking(agent, move |a| a.withdraw_photo(&me, &task, &photo)).await
}

/// The bytes of one form of a photo.
#[utoipa::path(get, path = "/api/tasks/{task}/photos/{photo}/{form}", tag = "photos",
    params(("task" = String, Path), ("photo" = String, Path), ("form" = PhotoFormKind, Path)),
    responses((status = 200, description = "the image", content_type = "image/jpeg", body = Vec<u8>),
        (status = 404, description = "`photo_not_here`", body = Problem)))]
pub async fn photo_bytes(
    State(agent): Shared,
    Me(me): Me,
    Path((task, photo, form)): Path<(String, String, PhotoFormKind)>,
) -> Result<Response, Problem> {
    let (media, bytes) =
        blocking_raw(agent, move |a| a.photo_bytes(&me, &task, &photo, form)).await?;
    Ok((
        [
            (header::CONTENT_TYPE, media),
            (header::CACHE_CONTROL, "private, no-store".to_owned()),
        ],
        bytes,
    )
        .into_response())
}

/// Wants the original from a colleague's tablet on the local network.
#[utoipa::path(post, path = "/api/tasks/{task}/photos/{photo}/wish", tag = "photos", params(("task" = String, Path), ("photo" = String, Path)),
    responses((status = 200, body = PhotoView),
        (status = 409, description = "`nearby_off`, `original_too_large`, `too_many_wishes`", body = Problem),
        (status = 507, description = "`disk_full`", body = Problem)))]
pub async fn wish_original(
    State(agent): Shared,
    Me(me): Me,
    Path((task, photo)): Path<(String, String)>,
) -> Answer<PhotoView> {
    blocking(agent, move |a| a.wish_original(&me, &task, &photo)).await
}

/// Wants it no more; what had come of it is removed.
#[utoipa::path(delete, path = "/api/tasks/{task}/photos/{photo}/wish", tag = "photos", params(("task" = String, Path), ("photo" = String, Path)),
    responses((status = 200, body = PhotoView)))]
pub async fn forget_original(
    State(agent): Shared,
    Me(me): Me,
    Path((task, photo)): Path<(String, String)>,
) -> Answer<PhotoView> {
    blocking(agent, move |a| a.forget_original(&me, &task, &photo)).await
}

async fn read_upload(mut form: Multipart) -> Result<Upload, Problem> {
    let bad = |e: axum::extract::multipart::MultipartError| {
        let status = e.status();
        if status == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(
                status,
                "photo_too_large",
                "照片超过 40 MB，无法加入；请改用较低分辨率拍摄。",
            )
        } else {
            Problem::bad("bad_form", "上传的照片表单不完整，请重试。")
        }
    };
    let (mut bytes, mut point, mut caption) = (None, String::new(), String::new());
    while let Some(field) = form.next_field().await.map_err(bad)? {
        match field.name() {
            Some("file") => bytes = Some(field.bytes().await.map_err(bad)?),
            Some("point") => point = field.text().await.map_err(bad)?,
            Some("caption") => caption = field.text().await.map_err(bad)?,
            _ => {}
        }
    }
    let bytes = bytes
        .filter(|b| !b.is_empty())
        .ok_or_else(|| Problem::field("file_missing", "file", "没有收到照片文件。"))?;
    if bytes.len() > MAX_ORIGINAL {
        return Err(Problem::new(
            axum::http::StatusCode::PAYLOAD_TOO_LARGE,
            "photo_too_large",
            "照片超过 40 MB，无法加入；请改用较低分辨率拍摄。",
        ));
    }
    Ok(Upload {
        bytes,
        point,
        caption,
    })
}
