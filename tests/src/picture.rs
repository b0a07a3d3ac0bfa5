//! Pictures for stories and the demo: a drawn shop shelf, different for every seed. Not photographs.

use image::{ImageFormat, Rgb, RgbImage};

/// A JPEG of a shelf with boxes, 1600 × 1200.
pub fn shelf(seed: u32) -> anyhow::Result<Vec<u8>> {
    let mut picture = RgbImage::from_fn(1600, 1200, |x, y| {
        let wall = 232 - (y / 16) as u8;
        let shade = ((x + y) % 7) as u8;
        Rgb([wall, wall - 6 - shade / 2, wall - 16])
    });
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(97);
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    for row in 0..4u32 {
        let floor = 330 + row * 260;
        block(&mut picture, 60, floor, 1480, 26, Rgb([120, 84, 52]));
        let mut x = 90;
        while x < 1440 {
            let (width, height) = (60 + next(90), 90 + next(110));
            let colour = Rgb([
                60 + next(180) as u8,
                60 + next(180) as u8,
                60 + next(180) as u8,
            ]);
            block(&mut picture, x, floor - height, width, height, colour);
            block(
                &mut picture,
                x + 8,
                floor - height + 14,
                width - 16,
                22,
                Rgb([250, 250, 244]),
            );
            // Some goods have no price tag under them.
            if next(4) > 0 {
                block(
                    &mut picture,
                    x + width / 3,
                    floor + 4,
                    38,
                    18,
                    Rgb([255, 236, 90]),
                );
            }
            x += width + 10 + next(24);
        }
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}

fn block(picture: &mut RgbImage, left: u32, top: u32, width: u32, height: u32, colour: Rgb<u8>) {
    for y in top..(top + height).min(1200) {
        for x in left..(left + width).min(1600) {
            picture.put_pixel(x, y, colour);
        }
    }
}
