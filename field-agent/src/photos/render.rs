//! From the original to what people look at: upright, stamped, small.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use sync::message::BlobKind;

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
            rendition: jpeg_within(&rendition, 82, BlobKind::Rendition.max_bytes())?,
            thumbnail: jpeg_within(&thumbnail, 70, BlobKind::Thumbnail.max_bytes())?,
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

/// A JPEG of at most `most` bytes: nothing longer is taken for a small picture anywhere. A camera's picture
/// comes to a fraction of that; one that is noise from edge to edge becomes coarser.
fn jpeg_within(picture: &image::RgbImage, quality: u8, most: u64) -> Result<Vec<u8>, PhotoError> {
    let mut bytes = jpeg(picture, quality)?;
    for coarser in [60, 40, 20, 5] {
        if bytes.len() as u64 <= most {
            break;
        }
        bytes = jpeg(picture, coarser)?;
    }
    Ok(bytes)
}

fn jpeg(picture: &image::RgbImage, quality: u8) -> Result<Vec<u8>, PhotoError> {
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, quality)
        .encode_image(picture)
        .map_err(|e| PhotoError::Damaged(e.to_string()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    // F3: no picture that a tablet takes in is refused for the length of its small forms
    #[test]
    fn even_noise_from_edge_to_edge_stays_below_the_limits() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        for (edge, quality, kind) in [
            (RENDITION_EDGE, 82, BlobKind::Rendition),
            (THUMBNAIL_EDGE, 70, BlobKind::Thumbnail),
        ] {
            let picture = image::RgbImage::from_fn(edge, edge, |_, _| {
                image::Rgb([noise(), noise(), noise()])
            });
            let bytes = jpeg_within(&picture, quality, kind.max_bytes()).unwrap();
            assert!(bytes.len() as u64 <= kind.max_bytes(), "{}", bytes.len());
        }
    }
}
