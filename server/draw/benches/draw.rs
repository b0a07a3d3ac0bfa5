//! `cargo bench -p draw --bench draw`: a draw at the size of a province, from files to transcript.
//! Prints lines `bench NAME VALUE UNIT`. The frame is made beforehand, by another process, and not measured.

use draw::*;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

const OBJECTS: usize = 4_200_000;
const INSPECTORS: usize = 20_000;
const CELLS: usize = 4;
const DISTRICTS: [&str; 10] = [
    "440303", "440304", "440305", "440306", "440307", "440308", "440309", "440310", "440311",
    "440312",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = std::env::var_os("BENCH_DRAW_MAKE") {
        return make(Path::new(&folder));
    }
    let folder = tempfile::tempdir()?;
    let made = std::process::Command::new(std::env::current_exe()?)
        .env("BENCH_DRAW_MAKE", folder.path())
        .status()?;
    assert!(made.success());

    let from = Instant::now();
    draw_folder(folder.path())?;
    println!("bench draw_4200k_s {:.3} s", from.elapsed().as_secs_f64());

    let from = Instant::now();
    let files = read(folder.path())?;
    let summary = verify(&files.transcript()?)?;
    println!(
        "bench draw_verify_4200k_s {:.3} s",
        from.elapsed().as_secs_f64()
    );
    assert_eq!(
        (summary.objects, summary.chance.map(|c| c.drawn)),
        (OBJECTS, Some(OBJECTS / 20))
    );
    println!("bench draw_peak_rss_mib {} MiB", peak_mib());
    Ok(())
}

/// Reads the committed files and `seed.txt`, draws, writes the rest of the transcript.
fn draw_folder(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let [
        avoid,
        excluded,
        inspectors,
        objects,
        rules,
        manifest,
        seed_txt,
    ] = [
        "avoid.csv",
        "excluded.csv",
        "inspectors.csv",
        "objects.csv",
        "rules.json",
        "manifest.txt",
        "seed.txt",
    ]
    .map(|name| std::fs::read(folder.join(name)));
    let (avoid, excluded, inspectors, objects, rules) =
        (avoid?, excluded?, inspectors?, objects?, rules?);
    let (manifest, seed_txt) = (manifest?, seed_txt?);
    let committed = Committed {
        avoid: &avoid,
        excluded: &excluded,
        inspectors: &inspectors,
        objects: &objects,
        rules: &rules,
    };
    let frame = Frame::read(&committed, &manifest)?;
    Contributions::parse(&seed_txt, frame.rules(), frame.commitment())?;
    let outcome = frame.draw(&seed(&seed_txt))?;
    std::fs::write(folder.join("result.csv"), outcome.to_text())?;
    std::fs::write(folder.join("substitutions.csv"), no_substitutions())?;
    Ok(())
}

fn read(folder: &Path) -> std::io::Result<Files> {
    let mut files = Files::default();
    for (name, _) in FILES[..9].iter() {
        files.insert(name, std::fs::read(folder.join(name))?);
    }
    Ok(files)
}

fn make(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let nonce = "5".repeat(64);
    let rules = Rules {
        algorithm: ALGORITHM.into(),
        ceremony_at: "2026-11-24T09:30:00+08:00".into(),
        cells: (1..=CELLS)
            .map(|n| Cell {
                cell: format!("{n:04}"),
                label: String::new(),
                pick: Pick::Ppm(50_000),
                reserves: 100,
            })
            .collect(),
        departments: vec![Department {
            code: "market".into(),
            deal: Deal::Person,
            experts: 0,
            name: "示例市市场监督管理局".into(),
            team: 2,
        }],
        district_minimum: 0,
        draw: "示例抽查〔2026〕1号".into(),
        items: vec![Item {
            code: "SJ-001".into(),
            department: "market".into(),
            name: "登记事项检查".into(),
            priority: false,
            version: 1,
        }],
        mode: Mode::Double,
        needs: vec![
            Need {
                code: "fire".into(),
                department: "market".into(),
                name: "消防".into(),
            },
            Need {
                code: "food".into(),
                department: "market".into(),
                name: "食品".into(),
            },
        ],
        openings: Openings::Sealed,
        public_from: "draw".into(),
        seed: SeedRules {
            last: Last::Dice {
                rolls: 25,
                sides: 6,
            },
            nonce_sha256: sha256_hex(nonce.as_bytes()),
        },
        title: "示例抽查".into(),
    };
    let mut cells: Vec<Vec<(String, usize)>> = vec![Vec::new(); CELLS];
    for n in 0..OBJECTS {
        cells[n % CELLS].push((sha256_hex(format!("object {n}").as_bytes()), n));
    }
    let mut objects = std::io::BufWriter::new(std::fs::File::create(folder.join("objects.csv"))?);
    writeln!(objects, "cell,object,district,needs")?;
    for (cell, mut rows) in (1..).zip(cells) {
        rows.sort_unstable();
        for (id, n) in rows {
            let need = ["", "", "fire", "food"][n / 7 % 4];
            writeln!(objects, "{cell:04},{id},{},{need}", DISTRICTS[n / 3 % 10])?;
        }
    }
    objects.into_inner()?;
    let mut people: Vec<String> = (0..INSPECTORS)
        .map(|n| {
            let id = sha256_hex(format!("inspector {n}").as_bytes());
            let (a, b) = (n % 10, (n * 7 + 1) % 10);
            let districts = match a.cmp(&b) {
                std::cmp::Ordering::Less => format!("{} {}", DISTRICTS[a], DISTRICTS[b]),
                std::cmp::Ordering::Equal => DISTRICTS[a].to_owned(),
                std::cmp::Ordering::Greater => format!("{} {}", DISTRICTS[b], DISTRICTS[a]),
            };
            format!(
                "{id},market,inspector,unit-{},,{districts},{},40",
                n % 50,
                ["", "fire", "fire food"][n % 3]
            )
        })
        .collect();
    people.sort_unstable();
    let inspectors = format!(
        "inspector,department,role,unit,group,districts,expertise,capacity\n{}\n",
        people.join("\n")
    );
    let mut avoid: Vec<String> = (0..40_000)
        .map(|n| {
            let inspector = &people[n * 31 % INSPECTORS][..64];
            format!(
                "{inspector},{}",
                sha256_hex(format!("object {}", n * 101 % OBJECTS).as_bytes())
            )
        })
        .collect();
    avoid.sort_unstable();
    avoid.dedup();
    let avoid = format!("inspector,object\n{}\n", avoid.join("\n"));
    let objects = std::fs::read(folder.join("objects.csv"))?;
    let rules_text = rules.to_text()?;
    let committed = Committed {
        avoid: avoid.as_bytes(),
        excluded: b"kind,id,ground\n",
        inspectors: inspectors.as_bytes(),
        objects: &objects,
        rules: &rules_text,
    };
    let manifest = committed.manifest();
    for (name, bytes) in committed
        .named()
        .iter()
        .filter(|(name, _)| *name != "objects.csv")
    {
        std::fs::write(folder.join(name), bytes)?;
    }
    let seed_txt = Contributions {
        commitment: commitment(manifest.as_bytes()),
        witnesses: vec![],
        nonce_sha256: rules.seed.nonce_sha256.clone(),
        nonce: Some(nonce),
        last: LastValue::Dice {
            sides: 6,
            rolls: (0..25).map(|n| n % 6 + 1).collect(),
        },
    };
    std::fs::write(folder.join("manifest.txt"), manifest)?;
    std::fs::write(folder.join("seed.txt"), seed_txt.to_text())?;
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
