//! A transcript of any size to measure verifiers with, without any random number:
//! `cargo run --release -p draw --example make_transcript -- OBJECTS OUT` (a folder, or a file that ends in `.zip`).

use draw::*;
use std::error::Error;
use std::path::Path;

const DISTRICTS: [&str; 11] = [
    "440303", "440304", "440305", "440306", "440307", "440308", "440309", "440310", "440311",
    "440312", "440313",
];
const NEEDS: [&str; 4] = ["fire", "food", "lift", "pressure"];
const CELLS: usize = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let objects: usize = args.next().ok_or("how many objects?")?.parse()?;
    let out = args.next().ok_or("where to?")?;
    let files = transcript(objects)?;
    let named: Vec<(&str, &[u8])> = FILES
        .iter()
        .filter_map(|(name, _)| Some((*name, files.get(name)?)))
        .collect();
    if out.ends_with(".zip") {
        std::fs::write(out, write_zip(&named)?)?;
    } else {
        std::fs::create_dir_all(&out)?;
        for (name, bytes) in named {
            std::fs::write(Path::new(&out).join(name), bytes)?;
        }
    }
    Ok(())
}

fn transcript(objects: usize) -> Result<Files, Box<dyn Error>> {
    let nonce = sha256_hex(b"nonce");
    let inspectors = (objects / 100).max(60);
    let object_ids: Vec<String> = (0..objects).map(|n| format!("object-{n}")).collect();
    let inspector_ids: Vec<String> = (0..inspectors).map(|n| format!("inspector-{n}")).collect();
    let pools = Pools {
        objects: (0..objects)
            .map(|n| ObjectEntry {
                id: &object_ids[n],
                cell: (n % CELLS + 1) as u16,
                district: DISTRICTS[n % DISTRICTS.len()],
                needs: if n % 5 == 0 {
                    vec![NEEDS[n / 5 % NEEDS.len()]]
                } else {
                    vec![]
                },
            })
            .collect(),
        inspectors: (0..inspectors)
            .map(|n| {
                let mut districts: Vec<&str> = (0..4)
                    .map(|k| DISTRICTS[(n + 3 * k) % DISTRICTS.len()])
                    .collect();
                districts.sort_unstable();
                InspectorEntry {
                    id: &inspector_ids[n],
                    department: "market",
                    role: Role::Inspector,
                    unit: "unit-1",
                    group: "",
                    districts,
                    expertise: vec![NEEDS[n / 11 % NEEDS.len()]],
                    capacity: 5,
                }
            })
            .collect(),
        avoid: (0..objects / 100)
            .map(|n| {
                (
                    inspector_ids[n * 7 % inspectors].as_str(),
                    object_ids[n * 100].as_str(),
                )
            })
            .collect(),
        excluded: vec![],
    };
    let sealed = commit(&rules(&nonce), b"a key that is used for one draw!", &pools)?;
    let seed_txt = Contributions {
        commitment: sealed.commitment.clone(),
        witnesses: vec![],
        nonce_sha256: sha256_hex(nonce.as_bytes()),
        nonce: Some(nonce),
        last: LastValue::Dice {
            sides: 6,
            rolls: (0..25).map(|n| n % 6 + 1).collect(),
        },
    }
    .to_text();
    let frame = Frame::read(&sealed.committed(), &sealed.manifest)?;
    let result = frame.draw(&seed(seed_txt.as_bytes()))?.to_text();
    let mut files = Files::default();
    for (name, bytes) in sealed.committed().named() {
        files.insert(name, bytes.to_vec());
    }
    files.insert("manifest.txt", sealed.manifest.clone());
    files.insert("seed.txt", seed_txt.into_bytes());
    files.insert("result.csv", result);
    files.insert("substitutions.csv", no_substitutions().into_bytes());
    Ok(files)
}

fn rules(nonce: &str) -> Rules {
    Rules {
        algorithm: ALGORITHM.into(),
        ceremony_at: "2026-11-24T09:30:00+08:00".into(),
        cells: (1..=CELLS)
            .map(|n| Cell {
                cell: format!("{n:04}"),
                label: String::new(),
                pick: Pick::Ppm(50_000),
                reserves: 20,
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
        draw: "示例抽查〔2026〕100号".into(),
        items: vec![Item {
            code: "SJ-001".into(),
            department: "market".into(),
            name: "登记事项检查".into(),
            priority: false,
            version: 1,
        }],
        mode: Mode::Double,
        needs: NEEDS
            .iter()
            .map(|code| Need {
                code: (*code).into(),
                department: "market".into(),
                name: format!("专长 {code}"),
            })
            .collect(),
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
    }
}
