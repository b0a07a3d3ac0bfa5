//! Handwriting: how its bytes are read, and how an SVG shows it, the same on the tablet and at the
//! office (X4).

use serde::Deserialize;

/// Greatest length of ink, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most strokes, and most points of all strokes together.
pub const MAX_STROKES: usize = 500;
/// See [`MAX_STROKES`].
pub const MAX_POINTS: usize = 20_000;
/// Greatest width and height of the pad, in CSS pixels.
pub const MAX_SIDE: u32 = 10_000;

/// Vector strokes as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ink {
    /// Size of the pad in CSS pixels, 1 to [`MAX_SIDE`].
    pub width: u32,
    pub height: u32,
    pub strokes: Vec<Vec<Point>>,
}

/// A point of a stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Tenths of a CSS pixel.
    pub x: i32,
    pub y: i32,
    /// Milliseconds since the first point of the ink.
    pub t: u32,
}

/// Why bytes are no handwriting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoInk {
    #[error("the ink is not JSON of strokes")]
    Malformed,
    #[error("nothing was written")]
    Empty,
    #[error("the ink is too long")]
    TooLong,
}

/// Reads the JSON of strokes.
pub fn read(bytes: &[u8]) -> Result<Ink, NoInk> {
    if bytes.len() > MAX_BYTES {
        return Err(NoInk::TooLong);
    }
    let ink: Ink = serde_json::from_slice(bytes).map_err(|_| NoInk::Malformed)?;
    let points: usize = ink.strokes.iter().map(Vec::len).sum();
    let sides = 1..=MAX_SIDE;
    if points == 0 || !sides.contains(&ink.width) || !sides.contains(&ink.height) {
        return Err(NoInk::Empty);
    }
    if ink.strokes.len() > MAX_STROKES || points > MAX_POINTS {
        return Err(NoInk::TooLong);
    }
    Ok(ink)
}

/// Room around the writing, in tenths of a CSS pixel.
const MARGIN: i64 = 40;

/// The `viewBox` that shows the writing with a margin; of no points, an empty one.
pub fn frame(points: impl Iterator<Item = [i64; 2]>) -> String {
    let mut edges: Option<([i64; 2], [i64; 2])> = None;
    for [x, y] in points {
        let (least, most) = edges.unwrap_or(([x, y], [x, y]));
        edges = Some((
            [least[0].min(x), least[1].min(y)],
            [most[0].max(x), most[1].max(y)],
        ));
    }
    let (least, most) = edges.unwrap_or_default();
    // What came from outside may be any number.
    let length = |n: usize| {
        let across = most[n].saturating_sub(least[n]);
        across.saturating_add(2 * MARGIN)
    };
    let from = |n: usize| least[n].saturating_sub(MARGIN);
    format!("{} {} {} {}", from(0), from(1), length(0), length(1))
}

/// Strokes as the `d` of a path.
pub fn path<S: Iterator<Item = [i64; 2]>>(strokes: impl Iterator<Item = S>) -> String {
    use std::fmt::Write;
    let mut path = String::new();
    for stroke in strokes {
        for (n, [x, y]) in stroke.enumerate() {
            let step = if n == 0 { 'M' } else { 'L' };
            // Writing to a text does not fail.
            let _ = write!(path, "{step}{x} {y}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::written(r#"{"width":5,"height":5,"strokes":[[{"x":-1,"y":2,"t":0}]]}"#, None)]
    #[case::nothing(r#"{"width":5,"height":5,"strokes":[[]]}"#, Some(NoInk::Empty))]
    #[case::no_pad(
        r#"{"width":0,"height":5,"strokes":[[{"x":1,"y":2,"t":0}]]}"#,
        Some(NoInk::Empty)
    )]
    #[case::text("ink", Some(NoInk::Malformed))]
    #[case::half_a_point(
        r#"{"width":5,"height":5,"strokes":[[{"x":1,"y":2}]]}"#,
        Some(NoInk::Malformed)
    )]
    #[case::more(
        r#"{"width":5,"height":5,"strokes":[],"svg":1}"#,
        Some(NoInk::Malformed)
    )]
    fn only_strokes_are_ink(#[case] bytes: &str, #[case] fault: Option<NoInk>) {
        assert_eq!(read(bytes.as_bytes()).err(), fault);
    }

    #[test]
    fn too_many_strokes_are_no_ink() {
        let strokes = |n: usize| vec![r#"[{"x":1,"y":2,"t":0}]"#; n].join(",");
        let ink = |n| format!(r#"{{"width":5,"height":5,"strokes":[{}]}}"#, strokes(n));
        assert!(read(ink(MAX_STROKES).as_bytes()).is_ok());
        let fault = read(ink(MAX_STROKES + 1).as_bytes());
        assert_eq!(fault, Err(NoInk::TooLong));
    }

    #[test]
    fn strokes_stand_in_their_frame() {
        let strokes = [vec![[10, 20], [400, 220]], vec![[-5, 7]]];
        let points = || strokes.iter().map(|s| s.iter().copied());
        assert_eq!(frame(points().flatten()), "-45 -33 485 293");
        assert_eq!(path(points()), "M10 20L400 220M-5 7");
        assert_eq!(frame(std::iter::empty()), "-40 -40 80 80");
        let far = [[i64::MIN, 0], [i64::MAX, 0]];
        assert!(frame(far.into_iter()).starts_with(&i64::MIN.to_string()));
    }
}
