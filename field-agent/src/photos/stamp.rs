//! The visible stamp on a rendition: task, time, place, inspectors.

use image::RgbImage;

use super::font::{Letters, StampFont};

/// Draws `lines` as white letters on a darkened band at the lower edge. Lines that are too long wrap.
pub fn draw(picture: &mut RgbImage, lines: &[String], font: &StampFont) {
    font.with(|letters| place(picture.width(), picture.height(), lines, letters))
        .draw_on(picture);
}

/// Dots of a stamp, kept so that the letters need not borrow the picture.
struct Placed {
    top: u32,
    dots: Vec<(i32, i32, f32)>,
}

fn place(width: u32, height: u32, lines: &[String], letters: &Letters<'_>) -> Placed {
    let size = (width.max(height) as f32 / 48.0)
        .clamp(14.0, 60.0)
        .min(width.max(16) as f32 / 8.0);
    let margin = size / 2.0;
    let step = size * 1.3;
    let mut wrapped: Vec<String> = Vec::new();
    for line in lines {
        let (mut current, mut used) = (String::new(), 0.0);
        for c in line.chars() {
            let advance = letters.width(c, size);
            if used + advance > width as f32 - 2.0 * margin && !current.is_empty() {
                wrapped.push(std::mem::take(&mut current));
                used = 0.0;
            }
            current.push(c);
            used += advance;
        }
        wrapped.push(current);
    }
    // Never more than half of the picture.
    let fitting = ((height as f32 / 2.0 - margin) / step).max(1.0) as usize;
    wrapped.truncate(fitting);
    let band = wrapped.len() as f32 * step + margin;
    let top = (height as f32 - band).max(0.0);
    let mut dots = Vec::new();
    for (row, line) in wrapped.iter().enumerate() {
        let (mut x, y) = (margin, top + margin / 2.0 + row as f32 * step);
        for c in line.chars() {
            letters.draw(c, size, x, y, |px, py, cover| dots.push((px, py, cover)));
            x += letters.width(c, size);
        }
    }
    Placed {
        top: top as u32,
        dots,
    }
}

impl Placed {
    fn draw_on(&self, picture: &mut RgbImage) {
        for y in self.top..picture.height() {
            for x in 0..picture.width() {
                for channel in &mut picture.get_pixel_mut(x, y).0 {
                    *channel = (u16::from(*channel) * 2 / 5) as u8;
                }
            }
        }
        for &(x, y, cover) in &self.dots {
            let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
                continue;
            };
            if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
                for channel in &mut pixel.0 {
                    *channel = (f32::from(*channel)
                        + (255.0 - f32::from(*channel)) * cover.clamp(0.0, 1.0))
                        as u8;
                }
            }
        }
    }
}
