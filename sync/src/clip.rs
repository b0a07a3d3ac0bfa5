//! Video and sound of a visit (F9): what is taken, and how parts of it are asked for.
//!
//! A clip is kept and sent as it came. What it is, is told by its first bytes, never by its name or
//! by what a browser says of it.

use std::ops::Range;

/// Greatest length of a clip, in bytes.
pub const MAX_BYTES: u64 = 512 << 20;
/// Longest clip, in milliseconds, as far as its length is known.
pub const MAX_MS: i64 = 60 * 60_000;
/// So many first bytes tell what a file is.
pub const HEAD_BYTES: usize = 4096;

/// Why a file is not taken as a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAClip {
    /// A video in a container that browsers do not play: QuickTime, 3GP, Matroska, AVI.
    #[error("video or sound of a kind that cannot be played")]
    OtherContainer,
    #[error("neither video nor sound")]
    SomethingElse,
}

/// The media type, by the first [`HEAD_BYTES`] of a file (fewer when it is shorter).
pub fn sniff(head: &[u8]) -> Result<&'static str, NotAClip> {
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => iso_media(brand.get(..4)),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => matroska(head),
        [b'O', b'g', b'g', b'S', ..] => ogg(head),
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] => match form.get(..4) {
            Some(b"WAVE") => Ok("audio/wav"),
            Some(b"AVI ") => Err(NotAClip::OtherContainer),
            _ => Err(NotAClip::SomethingElse),
        },
        [b'I', b'D', b'3', ..] => Ok("audio/mpeg"),
        [0xff, second, third, ..] if is_layer_three(*second, *third) => Ok("audio/mpeg"),
        _ => Err(NotAClip::SomethingElse),
    }
}

/// ISO/IEC 14496-12, by the major brand.
fn iso_media(brand: Option<&[u8]>) -> Result<&'static str, NotAClip> {
    match brand {
        Some(b"M4A " | b"M4B ") => Ok("audio/mp4"),
        Some(
            b"isom" | b"iso2" | b"iso3" | b"iso4" | b"iso5" | b"iso6" | b"iso7" | b"iso8" | b"iso9"
            | b"mp41" | b"mp42" | b"avc1" | b"M4V " | b"MSNV" | b"dash" | b"mp71",
        ) => Ok("video/mp4"),
        Some(b"qt  ") => Err(NotAClip::OtherContainer),
        Some([b'3', b'g', _, _]) => Err(NotAClip::OtherContainer),
        // HEIF, AVIF and the like are pictures.
        _ => Err(NotAClip::SomethingElse),
    }
}

/// EBML: WebM with or without a video track.
fn matroska(head: &[u8]) -> Result<&'static str, NotAClip> {
    if !contains(head.get(..64).unwrap_or(head), b"webm") {
        return Err(NotAClip::OtherContainer);
    }
    let video = [&b"V_VP8"[..], b"V_VP9", b"V_AV1"];
    let has_video = video.iter().any(|codec| contains(head, codec));
    Ok(if has_video {
        "video/webm"
    } else {
        "audio/webm"
    })
}

fn ogg(head: &[u8]) -> Result<&'static str, NotAClip> {
    if contains(head, b"\x80theora") {
        return Ok("video/ogg");
    }
    let sound = [&b"OpusHead"[..], b"\x01vorbis", b"Speex   ", b"\x7fFLAC"];
    if sound.iter().any(|codec| contains(head, codec)) {
        return Ok("audio/ogg");
    }
    Err(NotAClip::OtherContainer)
}

/// The header of an MPEG audio frame: sync, layer III, a bit rate and a sampling rate that exist.
fn is_layer_three(second: u8, third: u8) -> bool {
    let bit_rate = third >> 4;
    second & 0xe6 == 0xe2 && bit_rate != 0 && bit_rate != 15 && third & 0x0c != 0x0c
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|w| w == word)
}

/// What a `Range` header asks for (RFC 9110 §14.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// All of it: there is no such header, or none that is understood.
    Whole,
    /// One stretch, never empty, within the length.
    Part(Range<u64>),
    /// It begins behind the end: answered with 416.
    Nothing,
}

/// Reads a `Range` header for something of `size` bytes: `bytes=a-b`, `bytes=a-` or `bytes=-n`.
pub fn asked(header: Option<&str>, size: u64) -> Asked {
    let spec = header.and_then(|h| h.trim().strip_prefix("bytes="));
    let Some((from, to)) = spec.and_then(|s| s.split_once('-')) else {
        return Asked::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    let range = match (number(from), number(to)) {
        (Ok(from), Ok(to)) if from <= to => from..to.saturating_add(1).min(size),
        (Ok(from), _) if to.trim().is_empty() => from..size,
        (_, Ok(last)) if from.trim().is_empty() => size.saturating_sub(last)..size,
        // Several stretches, or words: it may be passed over.
        _ => return Asked::Whole,
    };
    if range.start < range.end {
        Asked::Part(range)
    } else {
        Asked::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const WEBM: &[u8] = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87";

    // F9
    #[rstest]
    #[case::mp4(b"\0\0\0\x20ftypisom\0\0\x02\0", Ok("video/mp4"))]
    #[case::mp42(b"\0\0\0\x18ftypmp42", Ok("video/mp4"))]
    #[case::m4a(b"\0\0\0\x1cftypM4A \0\0\0\0", Ok("audio/mp4"))]
    #[case::mov(b"\0\0\0\x14ftypqt  ", Err(NotAClip::OtherContainer))]
    #[case::three_gp(b"\0\0\0\x14ftyp3gp5", Err(NotAClip::OtherContainer))]
    #[case::heic(b"\0\0\0\x18ftypheic", Err(NotAClip::SomethingElse))]
    #[case::short_box(b"\0\0\0\x18ftyp", Err(NotAClip::SomethingElse))]
    #[case::mkv(
        b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska",
        Err(NotAClip::OtherContainer)
    )]
    #[case::vorbis(b"OggS\0\x02............\x01vorbis", Ok("audio/ogg"))]
    #[case::opus(b"OggS\0\x02............OpusHead", Ok("audio/ogg"))]
    #[case::theora(b"OggS\0\x02............\x80theora", Ok("video/ogg"))]
    #[case::ogg_of_something(b"OggS\0\x02............", Err(NotAClip::OtherContainer))]
    #[case::wav(b"RIFF\x24\0\0\0WAVEfmt ", Ok("audio/wav"))]
    #[case::avi(b"RIFF\x24\0\0\0AVI LIST", Err(NotAClip::OtherContainer))]
    #[case::webp(b"RIFF\x24\0\0\0WEBPVP8 ", Err(NotAClip::SomethingElse))]
    #[case::mp3(b"\xff\xfb\x90\x64\0\0", Ok("audio/mpeg"))]
    #[case::mp3_tagged(b"ID3\x04\0\0", Ok("audio/mpeg"))]
    #[case::jpeg(b"\xff\xd8\xff\xe0\0\x10JFIF", Err(NotAClip::SomethingElse))]
    #[case::aac_adts(b"\xff\xf1\x50\x80", Err(NotAClip::SomethingElse))]
    #[case::html(b"<!doctype html><script>", Err(NotAClip::SomethingElse))]
    #[case::empty(b"", Err(NotAClip::SomethingElse))]
    fn a_file_is_what_its_bytes_say(
        #[case] head: &[u8],
        #[case] media: Result<&'static str, NotAClip>,
    ) {
        assert_eq!(sniff(head), media);
    }

    #[test]
    fn webm_with_a_video_track_is_video() {
        assert_eq!(sniff(&[WEBM, b"....A_OPUS"].concat()), Ok("audio/webm"));
        assert_eq!(sniff(&[WEBM, b"....V_VP9"].concat()), Ok("video/webm"));
    }

    #[test]
    fn what_is_taken_is_what_a_record_may_name() {
        use crate::cells::{CLIP_KINDS, Value, find};
        let may = |field: &str, word: &str| {
            let path = format!("clip/0123456789abcdef/{field}");
            find(&path).is_ok_and(|cell| cell.check(&Value::from(word)).is_ok())
        };
        for media in [
            "video/mp4",
            "video/webm",
            "video/ogg",
            "audio/mp4",
            "audio/webm",
        ]
        .into_iter()
        .chain(["audio/ogg", "audio/mpeg", "audio/wav"])
        {
            assert!(may("media", media), "{media}");
        }
        assert!(CLIP_KINDS.iter().all(|kind| may("kind", kind)));
    }

    #[rstest]
    #[case(None, Asked::Whole)]
    #[case(Some("bytes=0-"), Asked::Part(0..100))]
    #[case(Some("bytes=0-9"), Asked::Part(0..10))]
    #[case(Some("bytes=90-1000"), Asked::Part(90..100))]
    #[case(Some("bytes=-10"), Asked::Part(90..100))]
    #[case(Some("bytes=-1000"), Asked::Part(0..100))]
    #[case(Some("bytes=-0"), Asked::Nothing)]
    #[case(Some("bytes=100-"), Asked::Nothing)]
    #[case(Some("bytes=0-18446744073709551615"), Asked::Part(0..100))]
    #[case(Some("bytes=9-5"), Asked::Whole)]
    #[case(Some("bytes=0-1,5-6"), Asked::Whole)]
    #[case(Some("lines=1-2"), Asked::Whole)]
    #[case(Some("bytes=a-b"), Asked::Whole)]
    fn a_player_gets_the_stretch_that_it_asks_for(
        #[case] header: Option<&str>,
        #[case] expected: Asked,
    ) {
        assert_eq!(asked(header, 100), expected);
    }
}
