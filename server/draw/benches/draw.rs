//! `cargo bench -p draw --bench draw`: a draw at the size of a city, from files to transcript, and its verification.
//! Prints lines `bench NAME VALUE UNIT`, the best of [`RUNS`] runs, each in a process of its own; the frame is made
//! beforehand and not measured. `… -- sizes` measures 4.2 to 40 million objects, `… -- make FOLDER OBJECTS` only
//! makes the files.

mod city;

use draw::*;
use std::path::Path;
use std::time::Instant;

const OBJECTS: usize = 4_200_000;
const RUNS: usize = 5;
type Done<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Done<()> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", folder, objects] => city::make(Path::new(folder), objects.parse()?),
        ["draw", folder] => measure(|done| draw_folder(Path::new(folder), done)),
        ["verify", folder] => measure(|done| verify_folder(Path::new(folder), done)),
        ["sizes"] => sizes(),
        _ => {
            let folder = tempfile::tempdir()?;
            run(&["make", path(folder.path())?, &OBJECTS.to_string()])?;
            let figures = city_of(folder.path(), RUNS)?;
            println!("bench draw_city_s {:.3} s", figures.draw_s);
            println!("bench draw_city_rss_mib {:.0} MiB", figures.draw_mib);
            println!("bench verify_city_s {:.3} s", figures.verify_s);
            println!("bench verify_city_rss_mib {:.0} MiB", figures.verify_mib);
            Ok(())
        }
    }
}

struct Figures {
    draw_s: f64,
    draw_mib: f64,
    verify_s: f64,
    verify_mib: f64,
}

/// The best of several runs: on a machine that others use too, the least disturbed one says most.
fn city_of(folder: &Path, runs: usize) -> Done<Figures> {
    let best = |what: &str| -> Done<[f64; 2]> {
        let mut best = [f64::INFINITY; 2];
        for _ in 0..runs {
            for (best, new) in best.iter_mut().zip(run(&[what, path(folder)?])?) {
                *best = best.min(new);
            }
        }
        Ok(best)
    };
    let [draw_s, draw_mib] = best("draw")?;
    let [verify_s, verify_mib] = best("verify")?;
    Ok(Figures {
        draw_s,
        draw_mib,
        verify_s,
        verify_mib,
    })
}

/// The same city with more and more objects.
fn sizes() -> Done<()> {
    for objects in [4_200_000, 10_000_000, 20_000_000, 40_000_000] {
        let folder = tempfile::tempdir()?;
        run(&["make", path(folder.path())?, &objects.to_string()])?;
        let f = city_of(folder.path(), 3)?;
        println!(
            "size {objects}: draw {:.2} s {:.0} MiB, verify {:.2} s {:.0} MiB",
            f.draw_s, f.draw_mib, f.verify_s, f.verify_mib
        );
    }
    Ok(())
}

/// This program again, as a process of its own; what it measured.
fn run(args: &[&str]) -> Done<Vec<f64>> {
    let out = std::process::Command::new(std::env::current_exe()?)
        .args(args)
        .output()?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned().into());
    }
    let words = String::from_utf8(out.stdout)?;
    Ok(words
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?)
}

fn path(path: &Path) -> Done<&str> {
    path.to_str().ok_or_else(|| "a path in UTF-8".into())
}

/// Prints seconds and the most memory held, in MiB.
fn measure(what: impl FnOnce(&dyn Fn()) -> Done<()>) -> Done<()> {
    let from = Instant::now();
    what(&|| println!("{:.4} {}", from.elapsed().as_secs_f64(), peak_mib()))
}

/// Reads the committed files and `seed.txt`, draws, writes the rest of the transcript.
fn draw_folder(folder: &Path, done: &dyn Fn()) -> Done<()> {
    let files = read_folder(folder, u64::MAX)?;
    let file = |name: &str| files.get(name).unwrap_or_default();
    let committed = Committed {
        avoid: file("avoid.csv"),
        excluded: file("excluded.csv"),
        inspectors: file("inspectors.csv"),
        objects: file("objects.csv"),
        rules: file("rules.json"),
    };
    let frame = Frame::read(&committed, file("manifest.txt"))?;
    Contributions::parse(file("seed.txt"), frame.rules(), frame.commitment())?;
    let outcome = frame.draw(&seed(file("seed.txt")))?;
    outcome.write_to(&mut std::fs::File::create(folder.join("result.csv"))?)?;
    std::fs::write(folder.join("substitutions.csv"), no_substitutions())?;
    done();
    Ok(())
}

fn verify_folder(folder: &Path, done: &dyn Fn()) -> Done<()> {
    let files = read_folder(folder, u64::MAX)?;
    let summary = verify(&files.transcript()?)?;
    done();
    let drawn = summary.chance.map_or(0, |chance| chance.drawn);
    assert!(drawn > 0 && drawn * 20 >= summary.objects);
    Ok(())
}

/// Most memory that this process has held, where the system says so.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").trim().parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
