//! The bundle file (F6, lesson 9): what goes in comes out for whom it is sealed and for nobody else;
//! damage and cuts are noticed where they are; golden bytes.

mod common;

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use sync::bundle::{BundleError, BundleReader, BundleWriter, Part};
use sync::ids::{Sha256, TaskId};
use sync::message::{BlobKind, BlobRef, Cursor, SyncResponse};
use sync::signing::public;

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn message() -> SyncResponse {
    let cursor = Cursor {
        incarnation: [3; 16],
        seq: 7,
    };
    SyncResponse::at(cursor, 1_795_485_600_000)
}

fn blob(bytes: &[u8]) -> BlobRef {
    BlobRef {
        task: TaskId([1; 16]),
        sha256: Sha256::of(bytes),
        size: bytes.len() as u64,
        kind: BlobKind::Rendition,
    }
}

/// Counts up, so that the bytes are the same every time.
fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0u8;
    move |out| {
        for byte in out {
            next = next.wrapping_add(1);
            *byte = next;
        }
    }
}

fn bundle(photo: &[u8], for_whom: &[u8]) -> Vec<u8> {
    let keys: Vec<_> = for_whom.iter().map(|n| public(&key(*n))).collect();
    let sender = key(1);
    let mut random = counting();
    let mut writer = BundleWriter::new(Vec::new(), &sender, &keys, 5, &mut random).expect("begins");
    writer.message(&message()).expect("writes");
    writer.blob(&blob(photo)).expect("writes");
    for stretch in photo.chunks(1 << 20) {
        writer.bytes(stretch).expect("writes");
    }
    writer.finish().expect("ends")
}

/// Everything that can be read, and how it ended.
fn read(bytes: &[u8], reader: u8) -> Result<(Vec<Part>, Option<BundleError>), BundleError> {
    let mut bundle = BundleReader::open(bytes, &key(reader))?;
    let mut parts = Vec::new();
    loop {
        match bundle.next_part() {
            Ok(Some(part)) => parts.push(part),
            Ok(None) => return Ok((parts, None)),
            Err(error) => return Ok((parts, Some(error))),
        }
    }
}

fn photo(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

#[rstest::rstest]
#[case::empty(0)]
#[case::small(10)]
#[case::ends_with_a_chunk(64 * 1024 - 400)]
#[case::several_frames(3 * (1 << 20) + 17)]
fn each_recipient_reads_what_was_written(#[case] len: usize) {
    let photo = photo(len);
    let bytes = bundle(&photo, &[2, 3]);
    for reader in [2, 3] {
        let (parts, ended) = read(&bytes, reader).expect("opens");
        assert!(ended.is_none(), "{ended:?}");
        assert_eq!(parts[0], Part::Message(Box::new(message())));
        assert_eq!(parts[1], Part::Blob(blob(&photo)));
        let got: Vec<u8> = parts[2..]
            .iter()
            .flat_map(|p| match p {
                Part::Bytes(bytes) => bytes.clone(),
                _ => panic!("{p:?}"),
            })
            .collect();
        assert_eq!(got, photo);
    }
    let about = BundleReader::open(&*bytes, &key(2))
        .expect("opens")
        .about()
        .clone();
    assert_eq!((about.sender, about.made_at), (public(&key(1)), 5));
}

#[test]
fn nobody_else_reads_it() {
    let bytes = bundle(b"a picture of a kitchen", &[2]);
    assert!(matches!(read(&bytes, 4), Err(BundleError::NotForThisKey)));
    assert!(
        matches!(read(&bytes, 1), Err(BundleError::NotForThisKey)),
        "not even its maker"
    );
    assert!(!bytes.windows(9).any(|w| w == b"a picture"));
    assert!(matches!(
        read(b"PK\x03\x04", 2),
        Err(BundleError::NotABundle)
    ));
    let mut later = bytes;
    later[7] = b'2';
    assert!(matches!(
        read(&later, 2),
        Err(BundleError::UnknownVersion('2'))
    ));
}

#[test]
fn what_stands_before_a_cut_is_read_and_the_cut_is_told() {
    let photo = photo(300_000);
    let bytes = bundle(&photo, &[2]);
    let whole = read(&bytes, 2).expect("opens").0;
    let mut most = 0;
    for end in (0..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
        match read(&bytes[..end], 2) {
            Ok((parts, ended)) => {
                assert!(
                    matches!(ended, Some(BundleError::CutOff)),
                    "{end}: {ended:?}"
                );
                assert_eq!(parts, whole[..parts.len()]);
                most = most.max(parts.len());
            }
            Err(e) => assert!(
                matches!(e, BundleError::NotABundle | BundleError::BadHeader),
                "{e}"
            ),
        }
    }
    assert_eq!(most, 2, "the message and the name of the photo");
    // Cut between two chunks, the one before the cut stands like any other.
    let content = header_len(&bytes);
    let chunk = 65_536 + 16;
    for end in [content + chunk, content + 2 * chunk] {
        let cut = |end: usize| read(&bytes[..end], 2).expect("opens");
        let (parts, ended) = cut(end);
        assert_eq!(parts, cut(end + 1).0, "{end}");
        assert!(
            !parts.is_empty() && matches!(ended, Some(BundleError::CutOff)),
            "{ended:?}"
        );
    }
    // Bytes behind the end are no part of it either.
    let mut longer = bytes;
    longer.push(0);
    assert!(read(&longer, 2).expect("opens").1.is_some());
}

#[test]
fn the_content_of_one_bundle_does_not_pass_under_the_header_of_another() {
    // Both have the same content key and nonce here: only what binds content to header tells them apart.
    let theirs = bundle(b"one", &[2]);
    let sender = key(9);
    let keys = [public(&key(2))];
    let mut random = counting();
    let mut writer = BundleWriter::new(Vec::new(), &sender, &keys, 5, &mut random).expect("begins");
    writer.message(&message()).expect("writes");
    let forged = writer.finish().expect("ends");
    let cut = theirs.len() - (forged.len() - header_len(&forged)).min(theirs.len());
    let mut mixed = theirs[..header_len(&theirs).min(cut)].to_vec();
    mixed.extend_from_slice(&forged[header_len(&forged)..]);
    let (parts, ended) = read(&mixed, 2).expect("the header is the sender's own");
    assert!(parts.is_empty() && ended.is_some());
}

fn header_len(bundle: &[u8]) -> usize {
    let length = u32::from_be_bytes(bundle[8..12].try_into().expect("four"));
    12 + length as usize + 64
}

#[test]
fn golden_bytes() {
    let bytes = bundle(b"photo", &[2, 3]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/bundle.bin");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &bytes).expect("writes");
    }
    let golden = std::fs::read(path).expect("the vector");
    assert_eq!(
        hex::encode(Sha256::of(&golden).0),
        hex::encode(Sha256::of(&bytes).0)
    );
    assert_eq!(read(&golden, 3).expect("opens").0.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed anywhere: no panic, and no part comes out that was not written.
    #[test]
    fn a_changed_byte_admits_nothing(at in 0usize..1_000_000, flip in 1u8..=255, cut in 0usize..2_000) {
        let mut bytes = bundle(&photo(66_000), &[2, 3]);
        let whole = read(&bytes, 2).expect("opens").0;
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let keep = bytes.len() - cut.min(bytes.len());
        match read(&bytes[..keep], 2) {
            Err(_) => {}
            Ok((parts, ended)) => {
                prop_assert!(ended.is_some() || parts == whole);
                prop_assert_eq!(&parts[..], &whole[..parts.len()]);
                prop_assert!(ended.is_some(), "the change was noticed");
            }
        }
    }
}
