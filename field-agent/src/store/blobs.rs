//! Photos beside the store, encrypted in chunks.
//!
//! A file is `"DRB1"`, a random 16-byte prefix, then chunks of 64 KiB, each XChaCha20-Poly1305 with
//! nonce = prefix ‖ index (u64, little endian) whose top bit marks the last chunk: chunks can be read
//! at any offset, and neither be exchanged nor cut off unseen. File names are derived from key and
//! content hash, so that a copied folder does not even tell which known picture is in it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::ports::{Random, Space};
use crate::vault::slot::derive;

const MAGIC: &[u8; 4] = b"DRB1";
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const HEADER: usize = MAGIC.len() + 16;

/// The folder of encrypted photos.
pub struct Blobs {
    dir: PathBuf,
    cipher: XChaCha20Poly1305,
    name_key: zeroize::Zeroizing<[u8; 32]>,
}

impl Blobs {
    /// Opens or makes the folder, and clears away what a killed process left half written.
    pub fn open(dir: &Path, data_key: &[u8; 32]) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|e| e == "tmp") {
                fs::remove_file(entry.path())?;
            }
        }
        let key = derive(data_key, "double-random/blob/v1");
        Ok(Blobs {
            dir: dir.to_owned(),
            cipher: XChaCha20Poly1305::new(&Key::from(*key)),
            name_key: derive(data_key, "double-random/blob-name/v1"),
        })
    }

    fn path(&self, sha256: &str) -> PathBuf {
        let name = derive(&self.name_key, sha256);
        self.dir.join(hex::encode(&name[..16]))
    }

    /// Writes bytes under their hashes, all or none: the room for all of them is taken before the first
    /// is written. Once it returns they are on disk under their final names; a crash before leaves
    /// `.tmp` files that the next start removes.
    pub fn write(
        &self,
        parts: &[(&str, &[u8])],
        space: &dyn Space,
        random: &mut dyn Random,
    ) -> io::Result<()> {
        let paths: Vec<PathBuf> = parts.iter().map(|(sha256, _)| self.path(sha256)).collect();
        let temporary = |path: &Path| path.with_extension("tmp");
        let mut write_all = || -> io::Result<()> {
            let mut files = Vec::new();
            for (path, (_, bytes)) in paths.iter().zip(parts) {
                let file = File::create(temporary(path))?;
                space.reserve(&file, stored_len(bytes.len()))?;
                files.push(file);
            }
            for (file, (_, bytes)) in files.into_iter().zip(parts) {
                self.write_file(file, bytes, random)?;
            }
            Ok(())
        };
        if let Err(failed) = write_all() {
            // The disk may be full: give the room back at once.
            for path in &paths {
                let _ = fs::remove_file(temporary(path));
            }
            return Err(failed);
        }
        for path in &paths {
            fs::rename(temporary(path), path)?;
        }
        File::open(&self.dir)?.sync_all()
    }

    /// Removes the bytes of a hash; true when they were here.
    pub fn remove(&self, sha256: &str) -> io::Result<bool> {
        match fs::remove_file(self.path(sha256)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn write_file(&self, file: File, bytes: &[u8], random: &mut dyn Random) -> io::Result<()> {
        let mut prefix = [0; 16];
        random.fill(&mut prefix);
        let mut file = io::BufWriter::new(file);
        file.write_all(MAGIC)?;
        file.write_all(&prefix)?;
        let last = bytes.len().div_ceil(CHUNK).max(1) - 1;
        for index in 0..=last {
            let chunk = &bytes[index * CHUNK..bytes.len().min((index + 1) * CHUNK)];
            let nonce = nonce(&prefix, index as u64, index == last);
            let sealed = self
                .cipher
                .encrypt(&nonce, Payload::from(chunk))
                .map_err(|_| io::Error::other("encryption failed"))?;
            file.write_all(&sealed)?;
        }
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()
    }

    /// Whether the bytes of that hash are here.
    pub fn has(&self, sha256: &str) -> bool {
        self.path(sha256).exists()
    }

    /// The whole of a blob.
    pub fn read(&self, sha256: &str) -> io::Result<Vec<u8>> {
        self.read_range(sha256, 0, usize::MAX)
    }

    /// At most `len` bytes from `offset`; fewer at the end. Damage is an error, never wrong bytes.
    pub fn read_range(&self, sha256: &str, offset: usize, len: usize) -> io::Result<Vec<u8>> {
        let damaged = |what: &str| {
            io::Error::new(io::ErrorKind::InvalidData, format!("blob {sha256}: {what}"))
        };
        let mut file = File::open(self.path(sha256))?;
        let stored = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header)
            .map_err(|_| damaged("header is cut off"))?;
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&header[MAGIC.len()..]);
        if header[..MAGIC.len()] != *MAGIC || stored < HEADER + TAG {
            return Err(damaged("not a blob file"));
        }
        let chunks = (stored - HEADER).div_ceil(CHUNK + TAG);
        let first = (offset / CHUNK).min(chunks);
        let mut out = Vec::new();
        file.seek(SeekFrom::Start((HEADER + first * (CHUNK + TAG)) as u64))?;
        let mut skip = offset - first * CHUNK;
        for index in first..chunks {
            let size = (stored - HEADER - index * (CHUNK + TAG)).min(CHUNK + TAG);
            let mut sealed = vec![0; size];
            file.read_exact(&mut sealed)?;
            let nonce = nonce(&prefix, index as u64, index + 1 == chunks);
            let plain = self
                .cipher
                .decrypt(&nonce, Payload::from(sealed.as_slice()))
                .map_err(|_| damaged("does not open"))?;
            let wanted = plain.get(skip..).unwrap_or_default();
            out.extend_from_slice(&wanted[..wanted.len().min(len - out.len())]);
            skip = 0;
            if out.len() == len {
                break;
            }
        }
        Ok(out)
    }
}

/// Length of a file that holds so many bytes.
fn stored_len(len: usize) -> u64 {
    (HEADER + len + len.div_ceil(CHUNK).max(1) * TAG) as u64
}

fn nonce(prefix: &[u8; 16], index: u64, last: bool) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(prefix);
    let counter = index | if last { 1 << 63 } else { 0 };
    nonce[16..].copy_from_slice(&counter.to_le_bytes());
    XNonce::from(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    struct Fixed;
    impl Random for Fixed {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(0x5a);
        }
    }

    struct Endless;
    impl Space for Endless {
        fn free_bytes(&self, _: &Path) -> Option<u64> {
            None
        }
        fn reserve(&self, _: &File, _: u64) -> io::Result<()> {
            Ok(())
        }
    }

    /// Room for so many files.
    struct Room(std::sync::atomic::AtomicI64);
    impl Space for Room {
        fn free_bytes(&self, _: &Path) -> Option<u64> {
            None
        }
        fn reserve(&self, _: &File, _: u64) -> io::Result<()> {
            let left = self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            if left > 0 {
                Ok(())
            } else {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }

    // F8: never half a photo, and the room is given back
    #[rstest]
    #[case(0)]
    #[case(1)]
    #[case(2)]
    fn lesson_18_room_for_all_forms_is_taken_before_the_first_is_written(#[case] room: i64) {
        let dir = tempfile::tempdir().expect("dir");
        let blobs = Blobs::open(dir.path(), &[1; 32]).expect("opens");
        let parts: [(&str, &[u8]); 3] = [("aa", b"one"), ("bb", b"two"), ("cc", b"three")];
        let failed = blobs
            .write(&parts, &Room(room.into()), &mut Fixed)
            .expect_err("full");
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 0);
        blobs
            .write(&parts, &Room(3.into()), &mut Fixed)
            .expect("room");
        let stored = |name: &str| fs::metadata(blobs.path(name)).expect("there").len();
        assert_eq!(
            stored("cc"),
            stored_len(5),
            "what is reserved is what is written"
        );
        assert!(blobs.remove("bb").expect("removes") && !blobs.has("bb"));
    }

    fn sample(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 31 % 251) as u8).collect()
    }

    // F3: the original bytes stay untouched
    #[rstest]
    #[case(0)]
    #[case(1)]
    #[case(CHUNK)]
    #[case(CHUNK + 1)]
    #[case(3 * CHUNK - 1)]
    fn what_was_written_is_read_at_any_offset(#[case] len: usize) {
        let dir = tempfile::tempdir().expect("dir");
        let blobs = Blobs::open(dir.path(), &[1; 32]).expect("opens");
        let bytes = sample(len);
        blobs
            .write(&[("aa", &bytes)], &Endless, &mut Fixed)
            .expect("writes");
        assert_eq!(blobs.read("aa").expect("reads"), bytes);
        for offset in [0, 1, CHUNK - 1, CHUNK, len, len + 5] {
            let want = bytes.get(offset..).unwrap_or_default();
            let want = &want[..want.len().min(70_000)];
            assert_eq!(
                blobs.read_range("aa", offset, 70_000).expect("reads"),
                want,
                "offset {offset}"
            );
        }
    }

    // F8
    #[test]
    fn nothing_of_a_photo_can_be_read_from_the_disk_and_damage_is_noticed() {
        let dir = tempfile::tempdir().expect("dir");
        let blobs = Blobs::open(dir.path(), &[1; 32]).expect("opens");
        let bytes = sample(2 * CHUNK + 100);
        blobs
            .write(&[("aa", &bytes)], &Endless, &mut Fixed)
            .expect("writes");
        let path = blobs.path("aa");
        let stored = fs::read(&path).expect("file");
        assert!(!stored.windows(32).any(|w| w == &bytes[..32]));
        fs::write(&path, &stored[..HEADER + CHUNK + TAG]).expect("cut at a chunk border");
        assert!(blobs.read("aa").is_err(), "a cut is noticed (lesson 29)");
        let mut flipped = stored.clone();
        flipped[HEADER + 10] ^= 1;
        fs::write(&path, flipped).expect("flip");
        assert!(blobs.read("aa").is_err());
        assert!(
            Blobs::open(dir.path(), &[2; 32])
                .expect("opens")
                .read("aa")
                .is_err(),
            "another key finds nothing"
        );
    }

    // F8: a killed process
    #[test]
    fn half_written_files_are_cleared_at_the_next_start() {
        let dir = tempfile::tempdir().expect("dir");
        fs::write(dir.path().join("0123.tmp"), b"half").expect("writes");
        let blobs = Blobs::open(dir.path(), &[1; 32]).expect("opens");
        assert!(!dir.path().join("0123.tmp").exists());
        assert!(!blobs.has("0123"));
    }
}
