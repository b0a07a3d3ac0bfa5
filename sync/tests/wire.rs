//! The messages on the wire: sizes, limits, hostile bodies.

mod common;

use common::*;
use proptest::prelude::*;
use sync::admit::Offered;
use sync::facts::{Former, Role, Roster};
use sync::ids::Sha256;
use sync::message::*;
use sync::signing;
use sync::signoff::{Signed, StatementKind};

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
        signatures: vec![statement(Some(br#"[[[0,0,0],[9,9,8]]]"#.to_vec()))],
        blobs: vec![BlobRef {
            task: task(),
            sha256: Sha256([4; 32]),
            size: 5,
            kind: BlobKind::Clip,
        }],
        status: Some(DeviceStatus {
            version: "0.1.0".into(),
            unsynced: 2,
            free_bytes: 1 << 33,
            clock: NOW,
        }),
    }
}

/// An inspector's statement as it is sent.
fn statement(ink: Option<Vec<u8>>) -> Signed {
    let body = include_bytes!("vectors/statement.json");
    Signed {
        task: task(),
        kind: StatementKind::Inspector,
        body: body.to_vec(),
        sig: signing::sign(&secret(101), signing::STATEMENT, body),
        key: key(101),
        ink,
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

// F7: who speaks another version is told so, whether or not the rest of it could be read
#[test]
fn a_message_of_another_version_is_no_message() {
    let later = SyncRequest {
        v: VERSION + 1,
        ..request()
    };
    let body = pack(&later).unwrap();
    let refused = unpack::<SyncRequest>(&body);
    assert!(
        matches!(refused, Err(WireError::UnknownVersion(2))),
        "{refused:?}"
    );
    // {1: "of another form", 0: 3}
    struct OfAnotherForm;
    impl<C> minicbor::Encode<C> for OfAnotherForm {
        fn encode<W: minicbor::encode::Write>(
            &self,
            e: &mut minicbor::Encoder<W>,
            _: &mut C,
        ) -> Result<(), minicbor::encode::Error<W::Error>> {
            e.map(2)?.u8(1)?.str("of another form")?.u8(0)?.u8(3)?;
            Ok(())
        }
    }
    let body = pack(&OfAnotherForm).unwrap();
    let refused = unpack::<SyncResponse>(&body);
    assert!(
        matches!(refused, Err(WireError::UnknownVersion(3))),
        "{refused:?}"
    );
}

#[test]
fn the_dictionary_does_not_change() {
    golden(
        "dictionary.sha256",
        Sha256::of(&dictionary()).to_string().as_bytes(),
    );
    golden("dictionary.hex", hex::encode(dictionary()).as_bytes());
}

#[test]
fn the_table_of_cells_does_not_change() {
    let lines =
        sync::cells::rules().map(|(path, holds, writer)| format!("{path}\t{holds}\t{writer}\n"));
    golden("cells.tsv", lines.collect::<String>().as_bytes());
}

/// What is sent without a signature or without ink ends early; both are read.
#[test]
fn a_null_at_the_end_of_a_row_is_left_out() {
    let unsigned = Offered {
        author: 3,
        bytes: vec![0x85],
        sig: None,
    };
    let short = minicbor::to_vec(&unsigned).unwrap();
    assert_eq!(hex::encode(&short), "82034185");
    let long = hex::decode("83034185f6").unwrap();
    assert_eq!(minicbor::decode::<Offered>(&short).unwrap(), unsigned);
    assert_eq!(minicbor::decode::<Offered>(&long).unwrap(), unsigned);
}

/// A message down with one of everything.
#[test]
fn the_answer_does_not_change() {
    let (doc, created) = record();
    let blob = BlobRef {
        task: task(),
        sha256: Sha256([4; 32]),
        size: 5,
        kind: BlobKind::Thumbnail,
    };
    let roster = sync::canonical::to_vec(&roster());
    let sig = signing::sign(&secret(200), signing::ROSTER, &roster);
    let response = SyncResponse {
        v: VERSION,
        server_time: NOW,
        cursor: Cursor {
            incarnation: [9; 16],
            seq: 43,
        },
        more: true,
        verdicts: vec![DocVerdict {
            stored: 1,
            held: vec![
                Held {
                    hash: Sha256([1; 32]),
                    code: Some(sync::admit::Code::BadCell),
                    detail: "no such cell".into(),
                    not_now: None,
                },
                Held {
                    hash: Sha256([2; 32]),
                    code: None,
                    detail: "waits".into(),
                    not_now: None,
                },
            ],
        }],
        signature_verdicts: vec![SignatureVerdict {
            stored: true,
            detail: String::new(),
            not_now: None,
        }],
        authors: vec![server()],
        docs: vec![DocChanges {
            task: task(),
            changes: vec![Offered {
                author: 0,
                sig: Some(signing::sign(
                    &secret(200),
                    signing::CHANGE,
                    &created.hash.0,
                )),
                bytes: created.bytes,
            }],
        }],
        signatures: vec![statement(None)],
        grants: vec![Grant {
            task: task(),
            withdrawn: false,
            facts: sync::canonical::to_vec(&facts()),
            roster,
            roster_sig: Some(sig),
        }],
        states: vec![TaskState {
            task: task(),
            state: OfficeState::Returned,
            round: 2,
        }],
        blobs: vec![BlobState {
            received: 5,
            stored: true,
            unwanted: false,
        }],
        offered: vec![blob],
        restored: true,
        tips: vec![Tip {
            task: task(),
            heads: doc.heads(),
        }],
    };
    let bytes = minicbor::to_vec(&response).unwrap();
    assert_eq!(minicbor::decode::<SyncResponse>(&bytes).unwrap(), response);
    golden("response.cbor.hex", hex::encode(bytes).as_bytes());
}

/// Everything small that is signed, with the keys of seeds 1 (device), 101 (inspector) and 200 (server).
#[test]
fn what_is_signed_does_not_change() {
    let request = |method| {
        signing::RequestAuth::sign(&secret(1), method, "/sync/v1?x=1", b"body", NOW, [7; 16])
            .header()
    };
    let enrolment =
        |signer, person| sync::enrol::proof(&secret(signer), "2345-6789-ABCD", &key(1), person);
    let roster = sync::canonical::to_vec(&roster());
    let signed = serde_json::json!({
        "POST /sync/v1?x=1, body `body`": request("POST"),
        "PATCH /sync/v1?x=1, body `body`": request("PATCH"),
        "enrolment of the device, code 2345-6789-ABCD": enrolment(1, ""),
        "enrolment of zhang, code 2345-6789-ABCD": enrolment(101, "zhang"),
        "revocation of the device": hex::encode(
            signing::sign(&secret(200), signing::REVOCATION, &signing::revocation(&key(1))).0
        ),
        "roster": String::from_utf8(roster.clone()).unwrap(),
        "signature of the roster": hex::encode(signing::sign(&secret(200), signing::ROSTER, &roster).0),
    });
    let text = serde_json::to_string_pretty(&signed).unwrap();
    golden("signed.json", text.as_bytes());
}

fn roster() -> Roster {
    Roster {
        task: task(),
        version: 3,
        members: team(),
        former: vec![Former {
            member: member(4, "wang", Role::Member),
            until: NOW,
        }],
    }
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

/// A tablet that knows nothing of it takes what is not taken now for what waits.
#[test]
fn a_verdict_that_is_not_for_now_reads_as_one_that_waits() {
    #[derive(minicbor::Decode)]
    struct HeldBefore {
        #[n(0)]
        hash: Sha256,
        #[n(1)]
        code: Option<sync::admit::Code>,
        #[n(2)]
        detail: String,
    }
    let held = Held {
        hash: Sha256([3; 32]),
        code: None,
        detail: "not taken now".into(),
        not_now: Some(QUARANTINE_FULL.into()),
    };
    let bytes = minicbor::to_vec([held.clone()]).unwrap();
    let before: [HeldBefore; 1] = minicbor::decode(&bytes).unwrap();
    let [before] = before;
    assert_eq!((before.hash, before.code), (held.hash, None));
    assert_eq!(before.detail, held.detail);
    // And what has nothing to say of it is as it was.
    let waits = Held {
        not_now: None,
        ..held
    };
    assert_eq!(minicbor::to_vec(&waits).unwrap()[0], 0x83);
}
