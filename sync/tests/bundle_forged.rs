//! A recipient of a bundle holds its content key, and so can write what the cipher takes for whole. What
//! he cannot make is the sender's signature: nothing comes out in the sender's name that the sender did
//! not write, in that place (F6, S2).

use aead_stream::EncryptorBE32;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::Payload;
use ed25519_dalek::SigningKey;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR};
use sync::bundle::{BundleError, BundleReader, BundleWriter, CHUNK, FRAME, MAX_TASKS, Part};
use sync::ids::{Sha256, TaskId};
use sync::message::*;
use sync::signing::{self, public, sign};

const SENDER: u8 = 1;
const FELLOW: u8 = 2;
const VICTIM: u8 = 3;

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn message(task: u8) -> SyncResponse {
    let cursor = Cursor {
        incarnation: [3; 16],
        seq: 7,
    };
    SyncResponse {
        docs: vec![DocChanges {
            task: TaskId([task; 16]),
            changes: vec![],
        }],
        ..SyncResponse::at(cursor, 5)
    }
}

/// A bundle with these messages; `from` sets what its random bytes are.
fn bundle(messages: &[SyncResponse], from: u8) -> Vec<u8> {
    let mut next = from;
    let mut random = move |out: &mut [u8]| {
        for byte in out {
            next = next.wrapping_add(1);
            *byte = next;
        }
    };
    let keys = [public(&key(FELLOW)), public(&key(VICTIM))];
    let sender = key(SENDER);
    let mut writer = BundleWriter::new(Vec::new(), &sender, &keys, 5, &mut random).expect("begins");
    for one in messages {
        writer.message(one).expect("writes");
    }
    writer.finish().expect("ends")
}

/// What the fellow sees once he has opened it: head, id, content key, nonce, and the frames.
struct Opened {
    head: Vec<u8>,
    id: [u8; 16],
    content_key: [u8; 32],
    nonce: [u8; 19],
    frames: Vec<Vec<u8>>,
}

fn opened(bytes: &[u8]) -> Opened {
    let length = u32::from_be_bytes(bytes[8..12].try_into().expect("four")) as usize;
    let head = bytes[..12 + length + 64].to_vec();
    let mut d = minicbor::Decoder::new(&head[12..12 + length]);
    assert_eq!(d.map().expect("a map"), Some(5));
    let (mut id, mut nonce) = ([0; 16], [0; 19]);
    let mut keys = Vec::new();
    for _ in 0..5 {
        match d.u8().expect("a key") {
            0 => id = d.bytes().expect("id").try_into().expect("16"),
            3 => nonce = d.bytes().expect("nonce").try_into().expect("19"),
            4 => {
                for _ in 0..d.array().expect("recipients").expect("a length") {
                    d.array().expect("a recipient");
                    let who = d.bytes().expect("key").to_vec();
                    let enc = d.bytes().expect("enc").to_vec();
                    keys.push((who, enc, d.bytes().expect("sealed").to_vec()));
                }
            }
            _ => d.skip().expect("skips"),
        }
    }
    let fellow = key(FELLOW);
    let own = public(&fellow).0;
    let (_, enc, sealed) = keys.iter().find(|k| k.0 == own).expect("for him").clone();
    let info = [
        b"double-random/bundle/v1\n".as_slice(),
        &id,
        &public(&key(SENDER)).0,
    ]
    .concat();
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&fellow.to_scalar_bytes());
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&enc).expect("a key");
    let content_key = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret.expect("a key"),
        &enc,
        &info,
        &sealed,
        &own,
    )
    .expect("opens");
    let content_key: [u8; 32] = content_key.try_into().expect("32");
    let mut stream = aead_stream::DecryptorBE32::<XChaCha20Poly1305>::new(
        (&content_key).into(),
        (&nonce).into(),
    );
    let bound = Sha256::of(&head);
    let mut plain = Vec::new();
    let mut rest = &bytes[head.len()..];
    while rest.len() > CHUNK + 16 {
        let payload = Payload {
            msg: &rest[..CHUNK + 16],
            aad: &bound.0,
        };
        plain.extend(stream.decrypt_next(payload).expect("opens"));
        rest = &rest[CHUNK + 16..];
    }
    let payload = Payload {
        msg: rest,
        aad: &bound.0,
    };
    plain.extend(stream.decrypt_last(payload).expect("opens"));
    let mut frames = Vec::new();
    while !plain.is_empty() {
        let length = u32::from_be_bytes(plain[..4].try_into().expect("four")) as usize;
        frames.push(plain.drain(..4 + length).skip(4).collect());
    }
    Opened {
        head,
        id,
        content_key,
        nonce,
        frames,
    }
}

impl Opened {
    /// The same head with other frames, sealed as whole.
    fn with(&self, frames: &[Vec<u8>]) -> Vec<u8> {
        let mut plain = Vec::new();
        for frame in frames {
            plain.extend_from_slice(&(frame.len() as u32).to_be_bytes());
            plain.extend_from_slice(frame);
        }
        let mut stream = EncryptorBE32::<XChaCha20Poly1305>::new(
            (&self.content_key).into(),
            (&self.nonce).into(),
        );
        let bound = Sha256::of(&self.head);
        let mut out = self.head.clone();
        let mut rest = plain.as_slice();
        while rest.len() > CHUNK {
            let payload = Payload {
                msg: &rest[..CHUNK],
                aad: &bound.0,
            };
            out.extend(stream.encrypt_next(payload).expect("seals"));
            rest = &rest[CHUNK..];
        }
        let payload = Payload {
            msg: rest,
            aad: &bound.0,
        };
        out.extend(stream.encrypt_last(payload).expect("seals"));
        out
    }

    /// A frame as the fellow would sign it for this place.
    fn frame(&self, signer: u8, index: u64, kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut body = self.id.to_vec();
        body.extend_from_slice(&index.to_be_bytes());
        body.push(kind);
        body.extend_from_slice(&Sha256::of(payload).0);
        let signature = sign(&key(signer), FRAME, &body);
        [&[kind], payload, &signature.0].concat()
    }
}

/// The tasks of the messages that the victim reads, and whether the file was whole.
fn read(bytes: &[u8]) -> (Vec<u8>, Option<BundleError>) {
    let mut reader = BundleReader::open(bytes, &key(VICTIM)).expect("the head is the sender's");
    let mut tasks = Vec::new();
    loop {
        match reader.next_part() {
            Ok(Some(Part::Message(message))) => tasks.push(message.docs[0].task.0[0]),
            Ok(Some(part)) => panic!("{part:?}"),
            Ok(None) => return (tasks, None),
            Err(error) => return (tasks, Some(error)),
        }
    }
}

#[rstest::rstest]
#[case::a_frame_of_his_own_key("own key", &[1])]
#[case::a_frame_under_the_senders_old_signature("old signature", &[1])]
#[case::a_frame_of_another_bundle("another bundle", &[1])]
#[case::a_frame_twice("twice", &[1, 2])]
#[case::another_order("order", &[])]
#[case::one_left_out("left out", &[1])]
#[case::cut_off_without_the_end("no end", &[1, 2, 3])]
#[case::cut_off_with_an_end_of_his("his end", &[1])]
#[case::more_behind_the_end("behind the end", &[1, 2, 3])]
#[case::nothing("nothing", &[])]
fn nothing_comes_in_the_senders_name_that_the_sender_did_not_write(
    #[case] what: &str,
    #[case] before: &[u8],
) {
    let bytes = bundle(&[message(1), message(2), message(3)], 0);
    let mine = opened(&bytes);
    assert_eq!(mine.frames.len(), 4);
    assert_eq!(mine.with(&mine.frames), bytes, "he can seal it as it was");
    let packed = pack(&message(9)).expect("packs");
    let mut frames = mine.frames.clone();
    match what {
        "own key" => frames[1] = mine.frame(FELLOW, 1, 1, &packed),
        "old signature" => {
            let old = &mine.frames[1];
            frames[1] = [&[1], packed.as_slice(), &old[old.len() - 64..]].concat();
        }
        "another bundle" => {
            // The sender did write it, at this place, but of another file.
            frames[1] = opened(&bundle(&[message(8), message(9)], 77)).frames[1].clone();
        }
        "twice" => frames.insert(2, mine.frames[1].clone()),
        "order" => frames.swap(0, 1),
        "left out" => drop(frames.remove(1)),
        "no end" => drop(frames.pop()),
        "his end" => {
            frames.truncate(1);
            let count = minicbor::to_vec(1_u64).expect("encodes");
            frames.push(mine.frame(FELLOW, 1, 4, &count));
        }
        "behind the end" => frames.push(mine.frame(FELLOW, 4, 1, &packed)),
        "nothing" => frames.clear(),
        other => panic!("{other}"),
    }
    let (tasks, ended) = read(&mine.with(&frames));
    assert_eq!(tasks, before, "what stands before is the sender's");
    assert!(ended.is_some(), "and that it is not whole is told");
}

#[test]
fn nor_does_the_head_let_itself_be_taken_over() {
    let bytes = bundle(&[message(1)], 0);
    let mine = opened(&bytes);
    // Under his own name he may say what he likes: it is his. Under the sender's the head must be too.
    let length = mine.head.len() - 64;
    let mut forged = bytes.clone();
    let signature = sign(&key(FELLOW), sync::bundle::HEADER, &bytes[..length]);
    forged[length..length + 64].copy_from_slice(&signature.0);
    let opened = BundleReader::open(&*forged, &key(VICTIM));
    assert!(matches!(opened, Err(BundleError::BadHeader)));
    // A recipient's part exchanged for another's, or the bundle's name for another.
    for at in 12..length {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(BundleReader::open(&*changed, &key(VICTIM)).is_err(), "{at}");
    }
    let signature = signing::Sig(bytes[length..length + 64].try_into().expect("64"));
    assert!(signing::verify(
        &public(&key(SENDER)),
        sync::bundle::HEADER,
        &bytes[..length],
        &signature
    ));
}

#[test]
fn a_bundle_speaks_of_so_many_tasks_and_no_more() {
    let of = |from: u32, count: u32| {
        let mut one = message(0);
        one.docs = (from..from + count)
            .map(|n| {
                let mut id = [0; 16];
                id[..4].copy_from_slice(&n.to_be_bytes());
                DocChanges {
                    task: TaskId(id),
                    changes: vec![],
                }
            })
            .collect();
        one
    };
    let most = MAX_TASKS as u32;
    let whole = bundle(&[of(0, most - 1), of(most - 1, 1), of(0, 5)], 0);
    assert!(read(&whole).1.is_none(), "the same task counts once");
    // A writer does not make more, and a reader takes no more from one who does.
    let sender = key(SENDER);
    let keys = [public(&key(VICTIM))];
    let mut random = |out: &mut [u8]| out.fill(7);
    let mut writer = BundleWriter::new(Vec::new(), &sender, &keys, 5, &mut random).expect("begins");
    writer.message(&of(0, most)).expect("as many as fit");
    assert!(writer.message(&of(most, 1)).is_err());
    let mine = opened(&bundle(&[of(0, most), of(0, 1)], 0));
    let more = pack(&of(most, 1)).expect("packs");
    let mut frames = mine.frames.clone();
    frames[1] = mine.frame(SENDER, 1, 1, &more);
    let (parts, ended) = read(&mine.with(&frames));
    assert_eq!(parts.len(), 1);
    assert!(matches!(ended, Some(BundleError::TooManyTasks)));
}

/// A bundle whose sender wrote these frames, which the writer would not.
fn of_frames(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mine = opened(&bundle(&[message(1)], 0));
    let mut all = vec![mine.frames[0].clone()];
    for (kind, payload) in frames {
        all.push(mine.frame(SENDER, all.len() as u64, *kind, payload));
    }
    let count = minicbor::to_vec(all.len() as u64).expect("encodes");
    all.push(mine.frame(SENDER, all.len() as u64, 4, &count));
    mine.with(&all)
}

// F6: whoever reads the file, tablet or office, stops at the same frame
#[rstest::rstest]
#[case::a_photo_that_ends_early("ppm", 4, None)]
#[case::a_message_within_a_photo("pmb", 3, Some("damaged"))]
#[case::bytes_of_no_photo("bm", 1, Some("damaged"))]
#[case::more_than_the_photo_has("pbbb", 4, Some("damaged"))]
#[case::a_message_of_a_later_program("lm", 1, Some("unknown version"))]
fn the_senders_own_frames_stand_in_order(
    #[case] frames: &str,
    #[case] parts: usize,
    #[case] ends: Option<&str>,
) {
    let photo = BlobRef {
        task: TaskId([1; 16]),
        sha256: Sha256([1; 32]),
        size: 6,
        kind: BlobKind::Original,
    };
    let later = SyncResponse {
        v: VERSION + 1,
        ..message(3)
    };
    let frame = |of: char| match of {
        'p' => (2, minicbor::to_vec(&photo).expect("encodes")),
        'b' => (3, b"abc".to_vec()),
        'm' => (1, pack(&message(2)).expect("packs")),
        'l' => (1, pack(&later).expect("packs")),
        other => panic!("{other}"),
    };
    let bytes = of_frames(&frames.chars().map(frame).collect::<Vec<_>>());
    let mut reader = BundleReader::open(&*bytes, &key(VICTIM)).expect("opens");
    let mut read = 0;
    let ended = loop {
        match reader.next_part() {
            Ok(Some(_)) => read += 1,
            Ok(None) => break None,
            Err(BundleError::Damaged) => break Some("damaged"),
            Err(BundleError::UnknownMessage(2)) => break Some("unknown version"),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!((read, ended), (parts, ends));
}

#[test]
fn nor_does_a_writer_write_bytes_that_belong_to_no_photo() {
    let sender = key(SENDER);
    let keys = [public(&key(VICTIM))];
    let mut random = |out: &mut [u8]| out.fill(7);
    let mut writer = BundleWriter::new(Vec::new(), &sender, &keys, 5, &mut random).expect("begins");
    assert!(writer.bytes(b"abc").is_err());
    writer
        .blob(&BlobRef {
            task: TaskId([1; 16]),
            sha256: Sha256([1; 32]),
            size: 4,
            kind: BlobKind::Original,
        })
        .expect("begins");
    writer.bytes(b"abc").expect("writes");
    assert!(writer.bytes(b"abc").is_err(), "more than it has");
    writer.message(&message(1)).expect("ends the photo");
    assert!(writer.bytes(b"a").is_err());
}
