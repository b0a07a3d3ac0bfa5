//! Photos and clips beside the store, encrypted in chunks.
//!
//! A file is `"DRB1"`, a random 16-byte prefix, then chunks of 64 KiB, each XChaCha20-Poly1305 with
//! nonce = prefix ‖ index (u64, little endian) whose top bit marks the last chunk: chunks can be read
//! at any offset, and neither be exchanged nor cut off unseen. File names are derived from key and
//! content hash, so that a copied folder does not even tell which known picture is in it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::Digest;
use sync::ids::Sha256;

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
    /// Keeps apart the temporary files of this process.
    begun: AtomicU64,
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
            begun: AtomicU64::new(0),
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
        let mut files = Vec::new();
        for (_, bytes) in parts {
            files.push(self.sealer(bytes.len() as u64, space, random)?);
        }
        let mut written = Vec::new();
        for (mut file, (sha256, bytes)) in files.into_iter().zip(parts) {
            file.push(bytes)?;
            written.push((file.finish()?, self.path(sha256)));
        }
        for (file, path) in written {
            file.rename(&path)?;
        }
        File::open(&self.dir)?.sync_all()
    }

    /// Begins a blob whose bytes come one after the other: the room for `size` of them is taken now, and
    /// never more than one chunk is in memory. Dropped before [`Blobs::publish`] it leaves nothing, and
    /// after a crash no more than a `.tmp` file.
    pub fn begin(
        &self,
        size: u64,
        space: &dyn Space,
        random: &mut dyn Random,
    ) -> io::Result<BlobWriter> {
        Ok(BlobWriter {
            file: self.sealer(size, space, random)?,
            hash: sha2::Sha256::new(),
        })
    }

    /// Gives a blob that has come wholly its name. Once it returns it is on disk.
    pub fn publish(&self, blob: Arrived) -> io::Result<()> {
        blob.file.rename(&self.path(&blob.sha256.to_string()))?;
        File::open(&self.dir)?.sync_all()
    }

    fn sealer(&self, size: u64, space: &dyn Space, random: &mut dyn Random) -> io::Result<Sealer> {
        let count = self.begun.fetch_add(1, Ordering::Relaxed);
        let temporary = Temporary(self.dir.join(format!("{count}.tmp")));
        let file = File::create(&temporary.0)?;
        space.reserve(&file, stored_len(size))?;
        let mut prefix = [0; 16];
        random.fill(&mut prefix);
        let mut file = io::BufWriter::new(file);
        file.write_all(MAGIC)?;
        file.write_all(&prefix)?;
        Ok(Sealer {
            file,
            temporary,
            cipher: self.cipher.clone(),
            prefix,
            chunk: Vec::with_capacity(CHUNK),
            index: 0,
            left: size,
        })
    }

    /// Removes the bytes of a hash; true when they were here.
    pub fn remove(&self, sha256: &str) -> io::Result<bool> {
        match fs::remove_file(self.path(sha256)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
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

/// Under which name a piece lies of a blob that has not come wholly.
pub fn piece(sha256: &str, from: u64) -> String {
    format!("{sha256}@{from}")
}

impl Blobs {
    /// The pieces of a blob that are here from its beginning on, each where the one before ends, and how many bytes
    /// they are together.
    pub fn pieces(&self, sha256: &str) -> (Vec<String>, u64) {
        let (mut names, mut from) = (Vec::new(), 0);
        while let Some(length) = self.len(&piece(sha256, from)).filter(|l| *l > 0) {
            names.push(piece(sha256, from));
            from += length;
        }
        (names, from)
    }

    /// How many bytes a blob has; `None` when it is not here.
    pub fn len(&self, sha256: &str) -> Option<u64> {
        let stored = fs::metadata(self.path(sha256)).ok()?.len();
        let content = stored.checked_sub(HEADER as u64)?;
        content.checked_sub(content.div_ceil((CHUNK + TAG) as u64) * TAG as u64)
    }

    /// Removes the pieces of a blob.
    pub fn remove_pieces(&self, sha256: &str) -> io::Result<()> {
        // The last first: what a crash leaves is found from the beginning.
        for name in self.pieces(sha256).0.iter().rev() {
            self.remove(name)?;
        }
        Ok(())
    }

    /// Files that were written before `before`, ms since 1970.
    pub fn older_than(&self, before: i64) -> io::Result<Vec<PathBuf>> {
        let before = std::time::UNIX_EPOCH
            + std::time::Duration::from_millis(u64::try_from(before).unwrap_or(0));
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.metadata()?.modified()? < before {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Removes those of `files` that have none of these names; how many.
    pub fn remove_unnamed(
        &self,
        files: Vec<PathBuf>,
        names: impl IntoIterator<Item = String>,
    ) -> io::Result<u32> {
        if files.is_empty() {
            return Ok(0);
        }
        let named: HashSet<PathBuf> = names.into_iter().map(|name| self.path(&name)).collect();
        let mut removed = 0;
        for file in files.iter().filter(|file| !named.contains(*file)) {
            fs::remove_file(file)?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Length of a file that holds so many bytes.
fn stored_len(len: u64) -> u64 {
    HEADER as u64 + len + len.div_ceil(CHUNK as u64).max(1) * TAG as u64
}

/// A file under a name that nothing looks for, gone when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn rename(self, path: &Path) -> io::Result<()> {
        // What is dropped afterwards has that name no more.
        fs::rename(&self.0, path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The disk may be full: the room is given back at once.
        let _ = fs::remove_file(&self.0);
    }
}

/// Encrypts into a temporary file, chunk by chunk.
struct Sealer {
    file: io::BufWriter<File>,
    temporary: Temporary,
    cipher: XChaCha20Poly1305,
    prefix: [u8; 16],
    chunk: Vec<u8>,
    index: u64,
    /// Bytes that are still to come.
    left: u64,
}

impl Sealer {
    fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let pushed = bytes.len() as u64;
        self.left = self.left.checked_sub(pushed).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "more bytes than were announced",
            )
        })?;
        while !bytes.is_empty() {
            // Only now it is known that the chunk before is not the last.
            if self.chunk.len() == CHUNK {
                self.seal(false)?;
            }
            let fits = bytes.len().min(CHUNK - self.chunk.len());
            let (now, later) = bytes.split_at(fits);
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let nonce = nonce(&self.prefix, self.index, last);
        let sealed = self
            .cipher
            .encrypt(&nonce, Payload::from(self.chunk.as_slice()))
            .map_err(|_| io::Error::other("encryption failed"))?;
        self.file.write_all(&sealed)?;
        self.chunk.clear();
        self.index += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<Temporary> {
        if self.left > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "fewer bytes than were announced",
            ));
        }
        self.seal(true)?;
        self.file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        Ok(self.temporary)
    }
}

/// A blob whose bytes are coming; see [`Blobs::begin`].
pub struct BlobWriter {
    file: Sealer,
    hash: sha2::Sha256,
}

impl BlobWriter {
    /// The next bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when more come than were announced.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.push(bytes)
    }

    /// All have come: they are on disk, and their hash is known.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when fewer came than were announced.
    pub fn finish(self) -> io::Result<Arrived> {
        Ok(Arrived {
            file: self.file.finish()?,
            sha256: Sha256(self.hash.finalize().into()),
        })
    }
}

/// A blob that came wholly and has no name yet.
pub struct Arrived {
    file: Temporary,
    /// Of all its bytes.
    pub sha256: Sha256,
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

    // F9: a video is never in memory as a whole
    #[rstest]
    #[case(0, 7)]
    #[case(CHUNK, 1000)]
    #[case(CHUNK + 1, CHUNK)]
    #[case(5 * CHUNK + 3, 3 * CHUNK + 1)]
    fn what_comes_piece_by_piece_is_what_is_read(#[case] len: usize, #[case] piece: usize) {
        let dir = tempfile::tempdir().expect("dir");
        let blobs = Blobs::open(dir.path(), &[1; 32]).expect("opens");
        let bytes = sample(len);
        let mut writer = blobs
            .begin(len as u64, &Endless, &mut Fixed)
            .expect("begins");
        for piece in bytes.chunks(piece) {
            writer.push(piece).expect("takes");
        }
        let arrived = writer.finish().expect("whole");
        let name = arrived.sha256.to_string();
        assert_eq!(arrived.sha256, Sha256::of(&bytes));
        assert!(!blobs.has(&name), "nothing is here before it is whole");
        blobs.publish(arrived).expect("publishes");
        assert_eq!(blobs.read(&name).expect("reads"), bytes);
        assert_eq!(
            fs::metadata(blobs.path(&name)).expect("there").len(),
            stored_len(len as u64),
            "what is reserved is what is written"
        );
    }

    // F9, lesson 29
    #[test]
    fn a_blob_that_is_cut_off_or_too_long_leaves_nothing() {
        let dir = tempfile::tempdir().expect("dir");
        let blobs = Blobs::open(dir.path(), &[1; 32]).expect("opens");
        let begin = || blobs.begin(100, &Endless, &mut Fixed).expect("begins");
        let mut short = begin();
        short.push(&[7; 99]).expect("takes");
        let cut = short.finish().map(drop).expect_err("cut");
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        let mut long = begin();
        let more = long.push(&[7; 101]).expect_err("too long");
        assert_eq!(more.kind(), io::ErrorKind::InvalidInput);
        drop(long);
        let mut whole = begin();
        whole.push(&[7; 100]).expect("takes");
        drop(whole.finish().expect("whole"));
        assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 0);
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
