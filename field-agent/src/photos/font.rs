//! Letters for the stamp: a Chinese font of the system where there is one, else an 8×8 ASCII font.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use font8x8::UnicodeFonts;
use fontdb::{Database, Family, ID, Query};

/// Fonts that Chinese systems have, best first.
const FAMILIES: [&str; 12] = [
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Microsoft YaHei",
    "HarmonyOS Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "SimHei",
    "Noto Serif CJK SC",
];

/// The font of the stamp; the file stays memory-mapped, not loaded.
pub struct StampFont {
    database: Database,
    face: Option<ID>,
    name: Option<String>,
}

impl StampFont {
    /// Looks through the system's fonts once (tens of milliseconds).
    pub fn find() -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        let found = FAMILIES.iter().find_map(|name| {
            let query = Query {
                families: &[Family::Name(name)],
                ..Query::default()
            };
            Some((database.query(&query)?, (*name).to_owned()))
        });
        let (face, name) = found.unzip();
        StampFont {
            database,
            face,
            name,
        }
    }

    /// Only the built-in ASCII font.
    pub fn ascii_only() -> Self {
        StampFont {
            database: Database::new(),
            face: None,
            name: None,
        }
    }

    /// Name of the system font that was found.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Calls `use_letters` with the best letters there are.
    pub fn with<T>(&self, use_letters: impl Fn(&Letters<'_>) -> T) -> T {
        let with_font = |data: &[u8], index: u32| {
            let font = FontRef::try_from_slice_and_index(data, index).ok()?;
            Some(use_letters(&Letters(Some(font))))
        };
        self.face
            .and_then(|face| self.database.with_face_data(face, with_font).flatten())
            .unwrap_or_else(|| use_letters(&Letters(None)))
    }
}

/// Letters that can be measured and drawn.
pub struct Letters<'a>(Option<FontRef<'a>>);

impl Letters<'_> {
    /// Width of a character in pixels at `size` pixels.
    pub fn width(&self, c: char, size: f32) -> f32 {
        match &self.0 {
            Some(font) => font
                .as_scaled(PxScale::from(size))
                .h_advance(font.glyph_id(c)),
            None => size / 2.0,
        }
    }

    /// Draws a character whose box begins at (`x`, `y`): `dot(x, y, coverage 0..=1)`.
    pub fn draw(&self, c: char, size: f32, x: f32, y: f32, mut dot: impl FnMut(i32, i32, f32)) {
        match &self.0 {
            Some(font) => {
                let ascent = font.as_scaled(PxScale::from(size)).ascent();
                let glyph = font
                    .glyph_id(c)
                    .with_scale_and_position(PxScale::from(size), point(x, y + ascent));
                if let Some(outline) = font.outline_glyph(glyph) {
                    let min = outline.px_bounds().min;
                    outline.draw(|gx, gy, cover| {
                        dot(min.x as i32 + gx as i32, min.y as i32 + gy as i32, cover)
                    });
                }
            }
            None => {
                let rows = font8x8::BASIC_FONTS
                    .get(c)
                    .or_else(|| font8x8::BASIC_FONTS.get('?'))
                    .unwrap_or_default();
                let scale = (size / 2.0 / 8.0).max(1.0);
                let steps = (8.0 * scale) as i32;
                for py in 0..2 * steps {
                    for px in 0..steps {
                        let row = rows[((py as f32 / scale / 2.0) as usize).min(7)];
                        if row >> ((px as f32 / scale) as u32).min(7) & 1 == 1 {
                            dot(x as i32 + px, y as i32 + py, 1.0);
                        }
                    }
                }
            }
        }
    }
}
