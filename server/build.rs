//! Embeds the migrations in the order of their numbers, so that a new file is never forgotten.
use std::fmt::Write as _;
use std::{env, fs, path::PathBuf};

fn main() {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let folder = manifest.join("migrations");
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rerun-if-changed=build.rs");

    let mut found: Vec<(u32, String, PathBuf)> = fs::read_dir(&folder)
        .expect("server/migrations is part of the source")
        .filter_map(|entry| {
            let path = entry.expect("readable folder").path();
            let name = path.file_name()?.to_str()?.strip_suffix(".sql")?.to_owned();
            let number = name.split('_').next()?.parse().unwrap_or_else(|_| {
                panic!("migration {name} must be called NNNN_name.sql");
            });
            Some((number, name, path))
        })
        .collect();
    found.sort();
    if let Some(pair) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        panic!(
            "two migrations have number {}: {} and {}",
            pair[0].0, pair[0].1, pair[1].1
        );
    }

    let mut list = String::from("&[\n");
    for (number, name, path) in &found {
        writeln!(
            list,
            "    ({number}, {name:?}, include_str!({:?})),",
            path.display().to_string()
        )
        .expect("writing to a string");
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("set by cargo")).join("migrations.rs");
    fs::write(out, list).expect("OUT_DIR is writable");

    // A release embeds the built web apps; a debug build reads them from the folder at run time.
    if env::var("PROFILE").as_deref() == Ok("release") {
        for built in ["console/dist", "portal/verify/dist"] {
            println!("cargo:rerun-if-changed={}", manifest.join(built).display());
        }
    }
}
