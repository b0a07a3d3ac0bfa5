//! Photos (F3): what a file is, when and where it was taken, and the pictures that people look at.
//!
//! The original bytes are never changed. From them come an upright rendition with a visible stamp
//! and a thumbnail, both JPEG. Everything here is a pure function of bytes and may be given anything.

pub mod exif;
pub mod font;
pub mod render;
pub mod stamp;

use image::ImageFormat;

/// Most pixels that are decoded: far above any camera of a tablet, far below a decompression bomb.
pub const MAX_PIXELS: u64 = 120_000_000;

/// Why a file is not taken as a photo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// HEIF / HEIC / AVIF: needs a decoder that is not free to ship.
    #[error("HEIF")]
    Heif,
    /// Not JPEG, PNG or WebP.
    #[error("not a photo")]
    NotAPhoto,
    /// More pixels than [`MAX_PIXELS`].
    #[error("{width} x {height} pixels are too many")]
    TooManyPixels { width: u32, height: u32 },
    /// The picture cannot be decoded.
    #[error("damaged: {0}")]
    Damaged(String),
}

/// Which format the bytes are, by their first bytes and not by their name.
pub fn sniff(bytes: &[u8]) -> Result<(ImageFormat, &'static str), PhotoError> {
    if bytes.get(4..8) == Some(b"ftyp") {
        let brand = bytes.get(8..12).unwrap_or_default();
        let heif: [&[u8]; 9] = [
            b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif",
        ];
        return Err(if heif.contains(&brand) {
            PhotoError::Heif
        } else {
            PhotoError::NotAPhoto
        });
    }
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => Ok((ImageFormat::Jpeg, "image/jpeg")),
        Ok(ImageFormat::Png) => Ok((ImageFormat::Png, "image/png")),
        Ok(ImageFormat::WebP) => Ok((ImageFormat::WebP, "image/webp")),
        _ => Err(PhotoError::NotAPhoto),
    }
}

#[cfg(test)]
mod tests;
