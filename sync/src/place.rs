//! How far one place is from another, and in which direction (F2).

use serde::{Deserialize, Serialize};

/// Mean radius of the Earth in metres.
const EARTH_M: f64 = 6_371_008.8;

/// A place, in 1e-7 degrees, WGS-84.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub lat_e7: i64,
    pub lon_e7: i64,
}

impl Point {
    /// A point where both parts are known and lie on the Earth.
    pub fn of(lat_e7: Option<i64>, lon_e7: Option<i64>) -> Option<Self> {
        let (lat_e7, lon_e7) = (lat_e7?, lon_e7?);
        let on_earth = (-900_000_000..=900_000_000).contains(&lat_e7)
            && (-1_800_000_000..=1_800_000_000).contains(&lon_e7);
        on_earth.then_some(Point { lat_e7, lon_e7 })
    }
}

/// One of the eight winds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    North,
    NorthEast,
    East,
    SouthEast,
    South,
    SouthWest,
    West,
    NorthWest,
}

impl Direction {
    const ALL: [Self; 8] = [
        Self::North,
        Self::NorthEast,
        Self::East,
        Self::SouthEast,
        Self::South,
        Self::SouthWest,
        Self::West,
        Self::NorthWest,
    ];

    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::North => "north",
            Self::NorthEast => "north_east",
            Self::East => "east",
            Self::SouthEast => "south_east",
            Self::South => "south",
            Self::SouthWest => "south_west",
            Self::West => "west",
            Self::NorthWest => "north_west",
        }
    }

    /// In Chinese, such as 东北.
    pub const fn name(self) -> &'static str {
        match self {
            Self::North => "正北",
            Self::NorthEast => "东北",
            Self::East => "正东",
            Self::SouthEast => "东南",
            Self::South => "正南",
            Self::SouthWest => "西南",
            Self::West => "正西",
            Self::NorthWest => "西北",
        }
    }
}

/// Where a place lies as seen from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// Whole metres along the great circle.
    pub metres: u32,
    /// Direction of the place as seen from the other; says nothing when `metres` is 0.
    pub direction: Direction,
}

/// Where `there` lies as seen from `from`. Only for showing: nothing that is hashed rests on it.
pub fn seen_from(from: Point, there: Point) -> Offset {
    let radians = |e7: i64| (e7 as f64 / 1e7).to_radians();
    let (lat_a, lat_b) = (radians(from.lat_e7), radians(there.lat_e7));
    let d_lon = radians(there.lon_e7 - from.lon_e7);
    let d_lat = lat_b - lat_a;
    let half =
        (d_lat / 2.0).sin().powi(2) + lat_a.cos() * lat_b.cos() * (d_lon / 2.0).sin().powi(2);
    let metres = 2.0 * EARTH_M * half.sqrt().min(1.0).asin();
    let bearing = (d_lon.sin() * lat_b.cos())
        .atan2(lat_a.cos() * lat_b.sin() - lat_a.sin() * lat_b.cos() * d_lon.cos())
        .to_degrees()
        .rem_euclid(360.0);
    let eighth = (bearing / 45.0).round() as usize % 8;
    Offset {
        metres: metres.round() as u32,
        direction: Direction::ALL[eighth],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALL: Point = Point {
        lat_e7: 225_431_000,
        lon_e7: 1_140_579_000,
    };

    // F2: one thousandth of a degree of latitude is 111 m, of longitude at 22.5° north 103 m
    #[rstest::rstest]
    #[case::north(10_000, 0, 111, Direction::North)]
    #[case::south(-10_000, 0, 111, Direction::South)]
    #[case::east(0, 10_000, 103, Direction::East)]
    #[case::west(0, -10_000, 103, Direction::West)]
    #[case::between(10_000, 10_000, 151, Direction::NorthEast)]
    #[case::nearly_west(1_000, -10_000, 103, Direction::West)]
    #[case::here(0, 0, 0, Direction::North)]
    fn a_place_is_so_far_away_in_a_direction(
        #[case] lat: i64,
        #[case] lon: i64,
        #[case] metres: u32,
        #[case] direction: Direction,
    ) {
        let there = Point {
            lat_e7: HALL.lat_e7 + lat,
            lon_e7: HALL.lon_e7 + lon,
        };
        let seen = seen_from(HALL, there);
        assert!(seen.metres.abs_diff(metres) <= 1, "{seen:?}");
        assert_eq!(seen.direction, direction);
    }

    #[test]
    fn the_other_side_of_the_earth_is_half_way_round() {
        let there = Point {
            lat_e7: -HALL.lat_e7,
            lon_e7: HALL.lon_e7 - 1_800_000_000,
        };
        assert!(seen_from(HALL, there).metres.abs_diff(20_015_115) < 10);
    }

    #[test]
    fn a_point_off_the_earth_is_none() {
        assert_eq!(Point::of(Some(900_000_001), Some(0)), None);
        assert_eq!(Point::of(Some(1), None), None);
        for far in [i64::MIN, i64::MIN + 1, i64::MAX] {
            assert_eq!(Point::of(Some(far), Some(0)), None);
            assert_eq!(Point::of(Some(0), Some(far)), None);
        }
    }
}
