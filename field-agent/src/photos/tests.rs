use std::path::PathBuf;

use super::font::StampFont;
use super::render::{Picture, RENDITION_EDGE, THUMBNAIL_EDGE};
use super::{PhotoError, exif, sniff};

/// The sample photos lie beside the project; without them these tests say so and pass.
fn sample(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/photos")
        .join(name);
    let found = std::fs::read(&path).ok();
    if found.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    found
}

// F3: every orientation upright. The landscape samples are one picture turned four ways.
#[test]
fn every_orientation_becomes_upright() {
    let Some(first) = sample("landscape_orientation_1.jpg") else {
        return;
    };
    let upright = Picture::decode(&first).expect("decodes");
    let font = StampFont::ascii_only();
    let want = image::load_from_memory(&upright.render(&[], &font).expect("renders").thumbnail)
        .expect("jpeg")
        .into_luma8();
    for turn in [3, 6, 8] {
        let Some(bytes) = sample(&format!("landscape_orientation_{turn}.jpg")) else {
            return;
        };
        let picture = Picture::decode(&bytes).expect("decodes");
        assert!(
            picture.width() > picture.height(),
            "orientation {turn} is a landscape"
        );
        let got = image::load_from_memory(&picture.render(&[], &font).expect("renders").thumbnail)
            .expect("jpeg")
            .into_luma8();
        let got = image::imageops::resize(
            &got,
            want.width(),
            want.height(),
            image::imageops::FilterType::Triangle,
        );
        // The samples have their number written on them and differ there; the scenes are the same.
        let difference: u64 = want
            .iter()
            .zip(got.iter())
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        let mean = difference / (u64::from(want.width()) * u64::from(want.height()));
        assert!(mean < 24, "orientation {turn} differs by {mean} on average");
    }
}

// F3
#[test]
fn time_and_place_are_read_from_exif() {
    for name in ["gps_1.jpg", "gps_2.jpg"] {
        let Some(bytes) = sample(name) else { return };
        let claims = exif::claims(&bytes);
        assert!(claims.taken_at.is_some(), "{name}: {claims:?}");
        let (lat, lon) = claims.place.expect("has a place");
        assert!(lat.abs() <= 900_000_000 && lon.abs() <= 1_800_000_000);
    }
}

// F3: broken EXIF survives
#[test]
fn broken_exif_costs_neither_photo_nor_thumbnail() {
    let Some(bytes) = sample("invalid_exif.jpg") else {
        return;
    };
    let claims = exif::claims(&bytes);
    assert!(
        claims.damaged || claims == exif::Claims::default(),
        "{claims:?}"
    );
    let rendered = Picture::decode(&bytes)
        .expect("decodes")
        .render(&["x".into()], &StampFont::ascii_only())
        .expect("renders");
    assert!(!rendered.rendition.is_empty() && !rendered.thumbnail.is_empty());
}

// F3: HEIF is refused by name, whatever the file is called
#[test]
fn heif_is_refused_as_heif() {
    let Some(bytes) = sample("small.heif") else {
        return;
    };
    assert_eq!(sniff(&bytes), Err(PhotoError::Heif));
    assert_eq!(Picture::decode(&bytes).err(), Some(PhotoError::Heif));
}

fn jpeg_of(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x % 256) as u8, (y % 256) as u8, 128])
    });
    image::codecs::jpeg::JpegEncoder::new(&mut out)
        .encode_image(&picture)
        .expect("encodes");
    out
}

// F3: the stamp is visible, in Chinese where a font is there, on the smallest picture as well
#[test]
fn the_stamp_changes_the_lower_edge_and_nothing_else() {
    let lines = [
        "市监抽查〔2026〕1号-0007".to_owned(),
        "2026-11-24 14:03  22.54321,114.05791  张三 李四".to_owned(),
    ];
    for font in [StampFont::find(), StampFont::ascii_only()] {
        for (width, height) in [(1200, 900), (90, 60), (8, 8), (1, 1), (3000, 20)] {
            let picture = Picture::decode(&jpeg_of(width, height)).expect("decodes");
            let stamped = picture.render(&lines, &font).expect("renders");
            let plain = picture.render(&[], &font).expect("renders");
            let (stamped, plain) = (decode(&stamped.rendition), decode(&plain.rendition));
            assert_eq!(stamped.dimensions(), plain.dimensions());
            assert!(stamped.width().max(stamped.height()) <= RENDITION_EDGE);
            if height >= 100 {
                let upper = stamped.height() / 2 - 8;
                assert!((0..upper).all(|y| {
                    stamped.get_pixel(4, y).0[2].abs_diff(plain.get_pixel(4, y).0[2]) < 12
                }));
                let bright = stamped
                    .enumerate_pixels()
                    .filter(|(_, y, p)| *y > upper && p.0.iter().all(|c| *c > 200))
                    .count();
                assert!(bright > 20, "letters can be seen on {width}x{height}");
            }
        }
    }
}

fn decode(jpeg: &[u8]) -> image::RgbImage {
    image::load_from_memory(jpeg).expect("jpeg").into_rgb8()
}

#[test]
fn thumbnails_are_small() {
    let picture = Picture::decode(&jpeg_of(4000, 3000)).expect("decodes");
    let rendered = picture
        .render(&[], &StampFont::ascii_only())
        .expect("renders");
    assert_eq!(decode(&rendered.thumbnail).width(), THUMBNAIL_EDGE);
    assert_eq!(decode(&rendered.rendition).width(), RENDITION_EDGE);
}

// S2: decompression bombs. A PNG header that claims 60,000 × 60,000 pixels.
#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend_from_slice(&60_000_u32.to_be_bytes());
    png.extend_from_slice(&60_000_u32.to_be_bytes());
    png.extend_from_slice(&[8, 2, 0, 0, 0]);
    let crc = crc32(&png[12..]);
    png.extend_from_slice(&crc.to_be_bytes());
    png.extend_from_slice(b"\0\0\0\x04IDAT\x78\x9c\x03\x00");
    assert!(matches!(
        Picture::decode(&png).err(),
        Some(PhotoError::TooManyPixels { .. } | PhotoError::Damaged(_))
    ));
}

// The seeds of the fuzzer (`fuzz/`), and what is near them.
#[test]
fn the_corpus_never_panics() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/photo");
    let mut decoded = 0;
    for entry in std::fs::read_dir(folder).expect("a corpus") {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("reads");
        decoded += usize::from(Picture::decode(&bytes).is_ok());
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[at] ^= flip;
                let _ = exif::claims(&other);
                let _ = exif::claims(&bytes[..at]);
            }
        }
    }
    assert!(decoded >= 2, "honest pictures are among them: {decoded}");
    let seed = include_bytes!("../../fuzz/corpus/photo/exif");
    let claims = exif::claims(seed);
    assert!(claims.taken_at.is_some() && claims.place.is_some());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 {
                c >> 1 ^ 0xedb8_8320
            } else {
                c >> 1
            }
        })
    })
}

proptest::proptest! {
    // Anything may come from a gallery: an error, never a panic.
    #[test]
    fn mutated_photos_never_panic(flips in proptest::collection::vec((0_usize..20_000, 0_u8..=255), 1..40), cut in 0_usize..20_000) {
        let mut bytes = jpeg_of(64, 48);
        for (at, value) in flips {
            let len = bytes.len();
            bytes[at % len] = value;
        }
        bytes.truncate(cut.max(1));
        let _ = exif::claims(&bytes);
        let _ = Picture::decode(&bytes).map(|p| p.render(&["x".into()], &StampFont::ascii_only()).map(drop));
    }

    #[test]
    fn mutated_exif_never_panics(flips in proptest::collection::vec((0_usize..4_000, 0_u8..=255), 1..40)) {
        if let Some(mut bytes) = sample("gps_1.jpg") {
            for (at, value) in flips {
                let len = bytes.len();
                bytes[at % len] = value;
            }
            let _ = exif::claims(&bytes);
        }
    }
}
