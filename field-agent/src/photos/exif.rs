//! Time and place from EXIF: claims of the camera, read leniently, never trusted.

use exif::{Exif, In, Rational, Reader, Tag, Value};

/// What EXIF says, as far as it could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claims {
    /// ms since 1970 UTC; without an offset in the file China time (UTC+8) is taken.
    pub taken_at: Option<i64>,
    /// 1e-7 degrees.
    pub place: Option<(i64, i64)>,
    /// The EXIF block is there and damaged.
    pub damaged: bool,
}

/// Reads the claims of a JPEG, PNG or WebP.
pub fn claims(bytes: &[u8]) -> Claims {
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let mut damaged = false;
    let read = reader
        .read_from_container(&mut std::io::Cursor::new(bytes))
        .or_else(|e| e.distill_partial_result(|_| damaged = true));
    match read {
        Ok(exif) => Claims {
            taken_at: taken_at(&exif),
            place: place(&exif),
            damaged,
        },
        Err(exif::Error::NotFound(_)) => Claims::default(),
        Err(_) => Claims {
            damaged: true,
            ..Claims::default()
        },
    }
}

fn ascii(exif: &Exif, tag: Tag) -> Option<String> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => Some(String::from_utf8_lossy(lines.first()?).trim().to_owned()),
        _ => None,
    }
}

fn taken_at(exif: &Exif) -> Option<i64> {
    let text = ascii(exif, Tag::DateTimeOriginal).or_else(|| ascii(exif, Tag::DateTime))?;
    let time = chrono::NaiveDateTime::parse_from_str(&text, "%Y:%m:%d %H:%M:%S").ok()?;
    let offset = ascii(exif, Tag::OffsetTimeOriginal)
        .and_then(|o| offset_seconds(&o))
        .unwrap_or(8 * 3600);
    let ms = time
        .and_utc()
        .timestamp()
        .checked_sub(offset)?
        .checked_mul(1000)?;
    // Years that no digital camera has seen are the default of an unset clock.
    (ms > 631_152_000_000).then_some(ms)
}

fn offset_seconds(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes))
        .then(|| sign * (hours * 3600 + minutes * 60))
}

fn place(exif: &Exif) -> Option<(i64, i64)> {
    let lat = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, "S", 90)?;
    let lon = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, "W", 180)?;
    // 0, 0 is what a receiver without a fix writes.
    ((lat, lon) != (0, 0)).then_some((lat, lon))
}

fn degrees(exif: &Exif, tag: Tag, reference: Tag, negative: &str, limit: i64) -> Option<i64> {
    let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    let [d, m, s] = parts.as_slice() else {
        return None;
    };
    let e7 = |r: &Rational, unit: i128| {
        (r.denom != 0).then(|| i128::from(r.num) * 10_000_000 / (unit * i128::from(r.denom)))
    };
    let sum = e7(d, 1)? + e7(m, 60)? + e7(s, 3600)?;
    let value = i64::try_from(sum)
        .ok()
        .filter(|v| *v <= limit * 10_000_000)?;
    Some(if ascii(exif, reference)? == negative {
        -value
    } else {
        value
    })
}

#[cfg(test)]
mod tests {
    use super::offset_seconds;

    // F3: what the camera claims may be anything
    #[rstest::rstest]
    #[case("+08:00", Some(28_800))]
    #[case("-03:30", Some(-12_600))]
    #[case("+14:00", Some(50_400))]
    #[case("+15:00", None)]
    #[case("+08:60", None)]
    #[case("+-8:00", None)]
    #[case("+-9223372036854775808:00", None)]
    #[case("-08:-9223372036854775808", None)]
    #[case("08:00", None)]
    fn an_offset_is_one_that_clocks_have(#[case] text: &str, #[case] seconds: Option<i64>) {
        assert_eq!(offset_seconds(text), seconds);
    }
}
