//! Three plots, one above the other, as SVG.

use crate::stats::hypergeometric;
use crate::study::{DRAWN, OBJECTS, Picture};
use std::fmt::Write;

const OURS: &str = "#0b5cad";
const THEIRS: &str = "#c2410c";
const INK: &str = "#1f2937";
const LEFT: f64 = 90.0;
const WIDTH: f64 = 830.0;
const HEIGHT: f64 = 190.0;

/// One plot: its frame, and how values become places.
struct Plot {
    top: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Plot {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |v: f64, (from, to): (f64, f64)| (v - from) / (to - from);
        (
            LEFT + WIDTH * part(x, self.x),
            self.top + HEIGHT * (1.0 - part(y, self.y)),
        )
    }

    fn frame(
        &self,
        svg: &mut String,
        title: &str,
        x_name: &str,
        y_ticks: &[(f64, &str)],
        x_ticks: &[f64],
    ) {
        let _ = write!(
            svg,
            r##"<text x="{LEFT}" y="{}" font-size="18" font-weight="bold">{title}</text>"##,
            self.top - 16.0
        );
        for (y, name) in y_ticks {
            let (_, at) = self.at(self.x.0, *y);
            let _ = write!(
                svg,
                r##"<line x1="{LEFT}" x2="{}" y1="{at:.1}" y2="{at:.1}" stroke="#d1d5db"/><text x="{}" y="{:.1}" text-anchor="end" font-size="14">{name}</text>"##,
                LEFT + WIDTH,
                LEFT - 10.0,
                at + 5.0
            );
        }
        for x in x_ticks {
            let (at, _) = self.at(*x, self.y.0);
            let bottom = self.top + HEIGHT;
            let _ = write!(
                svg,
                r##"<line x1="{at:.1}" x2="{at:.1}" y1="{bottom}" y2="{}" stroke="{INK}"/><text x="{at:.1}" y="{}" text-anchor="middle" font-size="14">{x}</text>"##,
                bottom + 5.0,
                bottom + 21.0
            );
        }
        let _ = write!(
            svg,
            r##"<line x1="{LEFT}" x2="{}" y1="{1}" y2="{1}" stroke="{INK}"/><text x="{0}" y="{2}" text-anchor="end" font-size="14">{x_name}</text>"##,
            LEFT + WIDTH,
            self.top + HEIGHT,
            self.top + HEIGHT + 42.0
        );
    }

    fn dots(&self, svg: &mut String, values: &[f64], from: usize, colour: &str, square: bool) {
        for (n, value) in values.iter().enumerate() {
            let (x, y) = self.at((n + from) as f64, *value);
            let _ = if square {
                write!(
                    svg,
                    r##"<rect x="{:.1}" y="{:.1}" width="6" height="6" fill="{colour}"/>"##,
                    x - 3.0,
                    y - 3.0
                )
            } else {
                write!(
                    svg,
                    r##"<circle cx="{x:.1}" cy="{y:.1}" r="3.2" fill="{colour}"/>"##
                )
            };
        }
    }
}

/// What was counted of our draws, and of systematic ones.
pub fn svg(ours: &Picture, theirs: &Picture, draws: usize) -> String {
    let mut svg = String::from(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 960" font-family="'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif" fill="#1f2937"><rect width="960" height="960" fill="#ffffff"/>"##,
    );
    let _ = write!(
        svg,
        r##"<text x="{LEFT}" y="36" font-size="22" font-weight="bold">{OBJECTS} 个对象抽 {DRAWN} 个，各 {draws} 次抽查</text><circle cx="{a}" cy="60" r="5" fill="{OURS}"/><text x="{b}" y="66" font-size="16">本系统</text><rect x="{c}" y="55" width="10" height="10" fill="{THEIRS}"/><text x="{d}" y="66" font-size="16">等距抽取（一个起点，每隔 2 行）</text>"##,
        a = LEFT + 6.0,
        b = LEFT + 18.0,
        c = LEFT + 110.0,
        d = LEFT + 128.0
    );

    let share = Plot {
        top: 120.0,
        x: (0.0, 106.0),
        y: (0.0, 0.6),
    };
    let expected = DRAWN as f64 / OBJECTS as f64;
    let sigma = (expected * (1.0 - expected) / draws as f64).sqrt();
    share.frame(
        &mut svg,
        "每个对象被抽中的比例：最后 5 个对象在等距抽取中永远抽不到",
        "对象在名录中的位置",
        &[(0.0, "0%"), (0.2, "20%"), (0.4, "40%"), (0.6, "60%")],
        &[1.0, 25.0, 50.0, 75.0, 100.0],
    );
    let (_, high) = share.at(0.0, expected + 3.0 * sigma);
    let (_, low) = share.at(0.0, expected - 3.0 * sigma);
    let _ = write!(
        svg,
        r##"<rect x="{LEFT}" y="{high:.1}" width="{WIDTH}" height="{:.1}" fill="{OURS}" opacity="0.15"/>"##,
        low - high
    );
    share.dots(&mut svg, &theirs.share, 1, THEIRS, true);
    share.dots(&mut svg, &ours.share, 1, OURS, false);

    let apart = Plot {
        top: 415.0,
        x: (0.0, 105.0),
        y: (0.0, 0.6),
    };
    apart.frame(
        &mut svg,
        "两个对象同时被抽中的比例：应与它们相隔多远无关",
        "两个对象在名录中相隔的行数",
        &[(0.0, "0%"), (0.2, "20%"), (0.4, "40%"), (0.6, "60%")],
        &[1.0, 25.0, 50.0, 75.0, 100.0],
    );
    apart.dots(&mut svg, &theirs.apart, 1, THEIRS, true);
    apart.dots(&mut svg, &ours.apart, 1, OURS, false);

    let overlap = Plot {
        top: 710.0,
        x: (-1.0, 51.0),
        y: (0.0, 0.6),
    };
    overlap.frame(
        &mut svg,
        "前后两次抽查有多少对象相同：等距抽取不是全同就是全不同",
        "相同的对象数（折线：理论上的超几何分布）",
        &[(0.0, "0%"), (0.2, "20%"), (0.4, "40%"), (0.6, "60%")],
        &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0],
    );
    for (values, colour, shift) in [(&ours.overlap, OURS, -4.0), (&theirs.overlap, THEIRS, -4.0)] {
        for (n, value) in values.iter().enumerate().filter(|(_, v)| **v > 0.0) {
            let (x, y) = overlap.at(n as f64, *value);
            let _ = write!(
                svg,
                r##"<rect x="{:.1}" y="{y:.1}" width="8" height="{:.1}" fill="{colour}"/>"##,
                x + shift,
                overlap.top + HEIGHT - y
            );
        }
    }
    let line: Vec<String> = hypergeometric(OBJECTS as u64, DRAWN as u64)
        .iter()
        .enumerate()
        .map(|(n, p)| overlap.at(n as f64, *p))
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = write!(
        svg,
        r##"<polyline points="{}" fill="none" stroke="{INK}" stroke-width="1.5"/></svg>"##,
        line.join(" ")
    );
    svg.push('\n');
    svg
}
