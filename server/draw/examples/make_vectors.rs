//! Writes the golden vectors: `cargo run -p draw --example make_vectors`. They change only with the algorithm's name.

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> std::io::Result<()> {
    for case in common::cases() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("vectors")
            .join(case.name);
        std::fs::create_dir_all(&folder)?;
        let files = case.files();
        for (name, _) in draw::FILES {
            if let Some(bytes) = files.get(name) {
                std::fs::write(folder.join(name), bytes)?;
            }
        }
        println!("{}", folder.display());
    }
    Ok(())
}
