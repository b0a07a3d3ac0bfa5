//! A fictitious city to draw from: as many objects as asked for in 40 cells, 20,000 inspectors in 11 districts with
//! 20 needs, for every hundredth object one avoidance. The same number of objects gives the same bytes.

use draw::{Committed, commitment, sha256_hex};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::{BufWriter, Write};
use std::path::Path;

type Hash = [u8; 32];

const CELLS: usize = 40;
const INSPECTORS: usize = 20_000;
const NEEDS: usize = 20;
const DISTRICTS: [&str; 11] = [
    "440303", "440304", "440305", "440306", "440307", "440308", "440309", "440310", "440311",
    "440312", "440313",
];
/// The server's part of the chance.
const NONCE: [u8; 64] = [b'5'; 64];

/// Writes all files of a transcript but `result.csv` and `substitutions.csv`.
pub fn make(folder: &Path, objects: usize) -> Result<(), Box<dyn std::error::Error>> {
    let rules = rules()?;
    write_objects(folder, objects)?;
    let people = people();
    let inspectors = inspectors(&people);
    let avoid = avoid(&people, objects);
    let frame = std::fs::read(folder.join("objects.csv"))?;
    let committed = Committed {
        avoid: avoid.as_bytes(),
        excluded: b"kind,id,ground\n",
        inspectors: inspectors.as_bytes(),
        objects: &frame,
        rules: rules.as_bytes(),
    };
    let manifest = committed.manifest();
    for (name, bytes) in committed.named() {
        if name != "objects.csv" {
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    let seed = format!(
        "commitment {}\nserver {} {}\ndice 6{}\n",
        commitment(manifest.as_bytes()),
        sha256_hex(&NONCE),
        String::from_utf8_lossy(&NONCE),
        (0..25)
            .map(|n| format!(" {}", n % 6 + 1))
            .collect::<String>(),
    );
    std::fs::write(folder.join("manifest.txt"), manifest)?;
    std::fs::write(folder.join("seed.txt"), seed)?;
    Ok(())
}

fn rules() -> Result<String, Box<dyn std::error::Error>> {
    let cells: Vec<_> = (1..=CELLS)
        .map(|n| json!({"cell": format!("{n:04}"), "label": "", "pick": {"ppm": 50_000}, "reserves": 100}))
        .collect();
    let needs: Vec<_> = (0..NEEDS)
        .map(|n| json!({"code": need(n), "department": "market", "name": format!("专长{n}")}))
        .collect();
    let rules = json!({
        "algorithm": draw::ALGORITHM,
        "ceremony_at": "2026-11-24T09:30:00+08:00",
        "cells": cells,
        "departments": [
            {"code": "market", "deal": "person", "experts": 0, "name": "示例市市场监督管理局", "team": 2},
        ],
        "district_minimum": 0,
        "draw": "示例抽查〔2026〕1号",
        "items": [
            {"code": "SJ-001", "department": "market", "name": "登记事项检查", "priority": false, "version": 1},
        ],
        "mode": "double",
        "needs": needs,
        "openings": "sealed",
        "public_from": "draw",
        "seed": {"last": {"dice": {"rolls": 25, "sides": 6}}, "nonce_sha256": sha256_hex(&NONCE)},
        "title": "示例抽查",
    });
    Ok(serde_json_canonicalizer::to_string(&rules)?)
}

fn need(n: usize) -> String {
    format!("n{n:02}")
}

fn object(n: usize) -> Hash {
    Sha256::digest(format!("object {n}")).into()
}

fn write_objects(folder: &Path, objects: usize) -> std::io::Result<()> {
    let mut cells: Vec<Vec<(Hash, u32)>> = vec![Vec::new(); CELLS];
    for n in 0..objects {
        cells[n % CELLS].push((object(n), n as u32));
    }
    let file = std::fs::File::create(folder.join("objects.csv"))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    writeln!(file, "cell,object,district,needs")?;
    for (cell, mut rows) in (1..).zip(cells) {
        rows.sort_unstable();
        for (id, n) in rows {
            let n = n as usize / CELLS;
            let district = DISTRICTS[n % DISTRICTS.len()];
            let needs = match n / 11 % 6 {
                0..3 => String::new(),
                3 | 4 => need(n / 66 % NEEDS),
                _ => format!("{} {}", need(n / 66 % 10), need(10 + n / 660 % 10)),
            };
            writeln!(file, "{cell:04},{},{district},{needs}", hex::encode(id))?;
        }
    }
    file.into_inner()?;
    Ok(())
}

/// Ids of the inspectors, ascending, each with its number.
fn people() -> Vec<(String, usize)> {
    let id = |n: usize| sha256_hex(format!("inspector {n}").as_bytes());
    let mut people: Vec<_> = (0..INSPECTORS).map(|n| (id(n), n)).collect();
    people.sort_unstable();
    people
}

/// Each in one to three districts, with two to five needs.
fn inspectors(people: &[(String, usize)]) -> String {
    let mut text =
        String::from("inspector,department,role,unit,group,districts,expertise,capacity\n");
    for (id, n) in people {
        let (spread, home) = (n / 11, n % 11);
        let districts = (0..1 + spread % 3).map(|k| (home + k * (1 + spread % 4)) % 11);
        let expertise = (0..2 + spread % 4).map(|k| (spread * 7 + k * 3) % NEEDS);
        let districts = list(districts.map(|d| DISTRICTS[d].to_owned()));
        let expertise = list(expertise.map(need));
        text.push_str(&format!(
            "{id},market,inspector,unit-{},,{districts},{expertise},40\n",
            n % 50
        ));
    }
    text
}

fn list(of: impl Iterator<Item = String>) -> String {
    let all: std::collections::BTreeSet<String> = of.collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}

fn avoid(people: &[(String, usize)], objects: usize) -> String {
    let mut lines: Vec<String> = (0..objects / 100)
        .map(|n| {
            format!(
                "{},{}",
                people[n * 31 % INSPECTORS].0,
                hex::encode(object(n * 100 + n % 97))
            )
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    format!("inspector,object\n{}\n", lines.join("\n"))
}
