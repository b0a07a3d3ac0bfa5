//! From the original to what people look at: upright, stamped, small.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::font::StampFont;
use super::{MAX_PIXELS, PhotoError, sniff, stamp};

/// Longest edge of a rendition, in pixels.
pub const RENDITION_EDGE: u32 = 1920;
/// Longest edge of a thumbnail, in pixels.
pub const THUMBNAIL_EDGE: u32 = 320;

/// An upright picture in memory.
pub struct Picture {
    image: DynamicImage,
    /// Of the original, e.g. `image/jpeg`.
    pub media: &'static str,
}

/// A rendition and a thumbnail, both JPEG.
pub struct Rendered {
    pub rendition: Vec<u8>,
    pub thumbnail: Vec<u8>,
}

impl Picture {
    /// Decodes and turns upright, within limits of pixels and memory.
    pub fn decode(bytes: &[u8]) -> Result<Self, PhotoError> {
        let (format, media) = sniff(bytes)?;
        let damaged = |e: image::ImageError| PhotoError::Damaged(e.to_string());
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_PIXELS * 4 + (64 << 20));
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MAX_PIXELS || width == 0 || height == 0 {
            return Err(PhotoError::TooManyPixels { width, height });
        }
        // A broken EXIF block must not cost the photo.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        image.apply_orientation(orientation);
        Ok(Picture { image, media })
    }

    /// Upright width in pixels.
    pub fn width(&self) -> u32 {
        self.image.width()
    }

    /// Upright height in pixels.
    pub fn height(&self) -> u32 {
        self.image.height()
    }

    /// Makes the stamped rendition, and a thumbnail without stamp.
    pub fn render(&self, lines: &[String], font: &StampFont) -> Result<Rendered, PhotoError> {
        let rendition = shrink(&self.image, RENDITION_EDGE);
        let thumbnail = shrink(&rendition, THUMBNAIL_EDGE).into_rgb8();
        let mut rendition = rendition.into_rgb8();
        stamp::draw(&mut rendition, lines, font);
        Ok(Rendered {
            rendition: jpeg(&rendition, 82)?,
            thumbnail: jpeg(&thumbnail, 70)?,
        })
    }
}

fn shrink(image: &DynamicImage, edge: u32) -> DynamicImage {
    let longest = image.width().max(image.height());
    if longest <= edge {
        return image.clone();
    }
    if longest > edge * 2 {
        // Averaging first makes a large picture small in one quick pass without artefacts.
        return image.thumbnail(edge, edge);
    }
    image.resize(edge, edge, FilterType::Triangle)
}

fn jpeg(picture: &image::RgbImage, quality: u8) -> Result<Vec<u8>, PhotoError> {
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, quality)
        .encode_image(picture)
        .map_err(|e| PhotoError::Damaged(e.to_string()))?;
    Ok(out)
}
