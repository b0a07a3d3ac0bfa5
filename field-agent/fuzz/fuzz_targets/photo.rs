//! Photos, compiled from their own source: the whole agent would take long to build.
#![no_main]
#![allow(dead_code, reason = "not all of it is used")]

#[path = "../../src/photos/mod.rs"]
mod photos;

use photos::font::StampFont;
use photos::render::Picture;

/// More pixels are decoded rightly and slowly.
const PIXELS: u64 = 1 << 20;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = photos::exif::claims(data);
    let Ok((format, _)) = photos::sniff(data) else {
        return;
    };
    let size = image::ImageReader::with_format(std::io::Cursor::new(data), format).into_dimensions();
    if size.is_ok_and(|(width, height)| u64::from(width) * u64::from(height) <= PIXELS)
        && let Ok(picture) = Picture::decode(data)
    {
        let _ = picture.render(&["2026-11-24 14:03".into()], &StampFont::ascii_only());
    }
});
