//! A transcript as a folder or one .zip: flat, only the known names, bounded before anything is unpacked. SPEC.md §1.

use crate::fault::{Fault, What};
use crate::parallel::{each, halves};
use crate::transcript::{FILES, Files};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
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

/// Reads a folder; `total_max` bounds the bytes of all files. Files of other names are left alone, as is what is
/// missing: [`Files::transcript`] speaks of it in its order.
///
/// # Errors
/// Something else than a plain file under the name of one, a file that cannot be read, or more than is allowed.
pub fn read_folder(path: &Path, total_max: u64) -> Result<Files, Fault> {
    let mut files = Files::default();
    let mut left = total_max;
    for (name, limit) in FILES {
        let wrong = |e: &dyn std::fmt::Display| Fault::new(name, 0, What::Archive, e.to_string());
        let at = path.join(name);
        let claimed = match std::fs::symlink_metadata(&at) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(wrong(&e)),
            // A link or a pipe could lead anywhere and never end.
            Ok(meta) if !meta.is_file() => return Err(wrong(&"not a plain file")),
            Ok(meta) => meta.len(),
        };
        let limit = limit.min(left);
        let too_large = || Fault::new(name, 0, What::TooLarge, format!("more than {limit} bytes"));
        if claimed > limit {
            return Err(too_large());
        }
        let mut bytes = whole(&at, claimed).map_err(|e| wrong(&e))?;
        // It may have grown meanwhile; reading stops one byte after the limit.
        let mut file = File::open(&at).map_err(|e| wrong(&e))?;
        file.seek(SeekFrom::Start(claimed))
            .and_then(|_| file.take(limit - claimed + 1).read_to_end(&mut bytes))
            .map_err(|e| wrong(&e))?;
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        left -= bytes.len() as u64;
        files.insert(name, bytes);
    }
    Ok(files)
}

/// The first `len` bytes of a file, read by all cores.
fn whole(path: &Path, len: u64) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(len).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; len];
    let mut jobs = Vec::new();
    let mut rest = &mut bytes[..];
    for range in halves(len) {
        let (part, more) = std::mem::take(&mut rest).split_at_mut(range.len());
        rest = more;
        jobs.push((range.start as u64, part));
    }
    each(jobs, |(from, part)| {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(part)
    })
    .into_iter()
    .collect::<std::io::Result<()>>()?;
    Ok(bytes)
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
