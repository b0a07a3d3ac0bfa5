//! Handwriting as an SVG shows it, the same on the tablet and at the office (X4).

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
