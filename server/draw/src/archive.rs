//! A transcript as one .zip: flat, only the known names, bounded before anything is unpacked. SPEC.md §1.

use crate::fault::{Fault, What};
use crate::transcript::{FILES, Files};
use std::io::{Cursor, Read, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const FILE: &str = "TRANSCRIPT.zip";

/// Reads an archive; `total_max` bounds the bytes of all files unpacked.
///
/// # Errors
/// An archive that cannot be read, holds other names (folders, paths, the same name twice) or unpacks to more than
/// is allowed.
pub fn read_zip(reader: impl Read + Seek, total_max: u64) -> Result<Files, Fault> {
    let broken = |e: &dyn std::fmt::Display| Fault::new(FILE, 0, What::Archive, e.to_string());
    let mut archive = ZipArchive::new(reader).map_err(|e| broken(&e))?;
    if archive.len() > FILES.len() {
        return Err(broken(&format!(
            "{} entries; a transcript has at most {}",
            archive.len(),
            FILES.len()
        )));
    }
    let mut files = Files::default();
    let mut left = total_max;
    for n in 0..archive.len() {
        let entry = archive.by_index(n).map_err(|e| broken(&e))?;
        let name = entry.name().map_err(|e| broken(&e))?.into_owned();
        let Some((name, limit)) = FILES.into_iter().find(|(known, _)| *known == name) else {
            let shown = crate::text::show(name.as_bytes());
            return Err(broken(&format!("{shown:?} is no file of a transcript")));
        };
        if files.get(name).is_some() {
            return Err(broken(&format!("{name} stands twice")));
        }
        let limit = limit.min(left);
        let mut bytes = Vec::new();
        // The size that the archive claims is not trusted: reading stops one byte after the limit.
        entry
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| broken(&format!("{name}: {e}")))?;
        if bytes.len() as u64 > limit {
            return Err(Fault::new(
                name,
                0,
                What::TooLarge,
                format!("more than {limit} bytes"),
            ));
        }
        left -= bytes.len() as u64;
        files.insert(name, bytes);
    }
    Ok(files)
}

/// Writes an archive; the same files give the same bytes.
///
/// # Errors
/// A file larger than a .zip can hold.
pub fn write_zip(files: &[(&str, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(bytes.len() as u64 >= u64::from(u32::MAX))
            .last_modified_time(zip::DateTime::default());
        zip.start_file(*name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}
