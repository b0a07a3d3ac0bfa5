//! The messages on the wire: sizes, limits, hostile bodies.

mod common;

use common::*;
use proptest::prelude::*;
use sync::admit::Offered;
use sync::ids::Sha256;
use sync::message::*;
use sync::signing;

fn request() -> SyncRequest {
    let (mut doc, _) = record();
    let who = author(1, "zhang");
    let change = doc
        .edit(
            &who,
            NOW,
            &[("point/A1/p1/answer".into(), "compliant".into())],
        )
        .unwrap()
        .unwrap();
    let sig = signing::sign(&secret(1), signing::CHANGE, &change.hash.0);
    SyncRequest {
        v: VERSION,
        epoch: 1,
        request: [7; 16],
        cursor: Some(Cursor {
            incarnation: [9; 16],
            seq: 42,
        }),
        authors: vec![who],
        docs: vec![DocChanges {
            task: task(),
            changes: vec![Offered {
                author: 0,
                bytes: change.bytes,
                sig: Some(sig),
            }],
        }],
        signatures: vec![],
        blobs: vec![],
        status: None,
    }
}

#[test]
fn a_message_comes_out_as_it_went_in() {
    let request = request();
    let body = pack(&request).unwrap();
    assert_eq!(unpack::<SyncRequest>(&body).unwrap(), request);
    golden(
        "request.cbor.hex",
        hex::encode(minicbor::to_vec(&request).unwrap()).as_bytes(),
    );
}

#[test]
fn the_dictionary_does_not_change() {
    golden(
        "dictionary.sha256",
        Sha256::of(&dictionary()).to_string().as_bytes(),
    );
}

#[test]
fn a_body_that_would_unpack_beyond_the_limit_is_refused() {
    // S2: decompression bombs
    let zeros = vec![0u8; MAX_UNPACKED_BYTES + 1];
    let mut body = vec![1u8];
    body.extend(zstd::bulk::compress(&zeros, 3).unwrap());
    assert!(body.len() < 10_000);
    assert!(matches!(
        unpack::<SyncRequest>(&body),
        Err(WireError::TooLong)
    ));
    assert!(matches!(
        unpack::<SyncRequest>(&[]),
        Err(WireError::NotZstd)
    ));
    assert!(matches!(
        unpack::<SyncRequest>(&[9, 1, 2]),
        Err(WireError::UnknownDictionary(9))
    ));
    assert!(matches!(
        unpack::<SyncRequest>(&vec![1; MAX_BODY_BYTES + 1]),
        Err(WireError::TooLong)
    ));
}

proptest! {
    #[test]
    fn mutated_bodies_are_errors_and_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        inside in any::<bool>(),
    ) {
        let mut bytes = if inside { minicbor::to_vec(request()).unwrap() } else { pack(&request()).unwrap() };
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if inside {
            let _ = minicbor::decode::<SyncRequest>(&bytes);
        } else {
            let _ = unpack::<SyncRequest>(&bytes);
        }
    }

    #[test]
    fn any_bytes_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = unpack::<SyncRequest>(&bytes);
        let _ = minicbor::decode::<SyncResponse>(&bytes);
        let _ = sync::chunk::Chunk::parse(&bytes);
    }
}
