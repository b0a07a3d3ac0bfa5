//! Every reader of the crate that sees bytes from outside, each as a function that must return whatever
//! it is given. Fuzz targets call them, and an ordinary test runs them over `corpus/`.
#![allow(dead_code, reason = "each target calls one")]

use ed25519_dalek::SigningKey;
use sync::admit::{Batch, Offered, Rights};
use sync::author::Author;
use sync::chunk::Chunk;
use sync::facts::{
    AnswerKind, CheckPoint, CheckSheet, Demand, Member, ObjectFacts, Role, Roster, TaskFacts,
};
use sync::ids::{DeviceId, Key, Sha256, TaskId};
use sync::message::{SyncRequest, SyncResponse};
use sync::record::RecordDoc;
use sync::signing::{self, CHANGE, RequestAuth};
use sync::signoff::{PartyAct, PartyStatement, Signed, StatementKind};

/// The parser of changes.
pub fn change(data: &[u8]) {
    if let Ok(chunk) = Chunk::parse(data) {
        assert!(chunk.ops.len() <= sync::chunk::MAX_CHANGE_OPS);
    }
}

/// Admission into a small record, of bytes that a device of the team has signed.
pub fn admit(data: &[u8]) {
    let device = SigningKey::from_bytes(&[1; 32]);
    let server = SigningKey::from_bytes(&[200; 32]);
    let author = Author {
        device: signing::public(&device),
        person: "zhang".into(),
        epoch: 1,
    };
    let office = Author::server(signing::public(&server));
    let Ok((mut record, _)) = RecordDoc::create(&office, &task_facts(), &team(), 1) else {
        return;
    };
    let hash = Sha256::of(data.get(8..).unwrap_or_default());
    let rights = Rights {
        server: office.device,
        devices: [(author.device, vec!["zhang".to_owned()])].into(),
        revoked: vec![],
    };
    let batch = Batch {
        authors: vec![author],
        changes: vec![Offered {
            author: 0,
            bytes: data.to_vec(),
            sig: Some(signing::sign(&device, CHANGE, &hash.0)),
        }],
    };
    sync::admit::admit(&mut record, &rights, &batch);
    let again = RecordDoc::load(record.task(), &record.save()).expect("loads again");
    assert_eq!(again.heads(), record.heads());
    assert_eq!(record.view().text("facts/object_name"), "示例公司");
}

/// What a server unpacks.
pub fn request(data: &[u8]) {
    let _ = sync::message::unpack::<SyncRequest>(data);
}

/// What a tablet unpacks.
pub fn response(data: &[u8]) {
    let _ = sync::message::unpack::<SyncResponse>(data);
}

/// Both messages beneath their packing.
pub fn message(data: &[u8]) {
    if let Ok(message) = minicbor::decode::<SyncRequest>(data) {
        assert!(minicbor::to_vec(&message).is_ok());
    }
    if let Ok(message) = minicbor::decode::<SyncResponse>(data) {
        assert!(minicbor::to_vec(&message).is_ok());
    }
}

/// Signed statements.
pub fn statement(data: &[u8]) {
    if let Ok(signed) = minicbor::decode::<Signed>(data) {
        let _ = signed.open_party(&team());
        let _ = signed.open_inspector(&team());
        let _ = sync::signoff::seal(&team(), 1, &[signed]);
    }
}

/// Bodies of statements that a key of the team has signed; the first byte says of which kind.
pub fn signed_body(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else {
        return;
    };
    let key = SigningKey::from_bytes(&[1; 32]);
    let (kind, payload_type) = if kind % 2 == 0 {
        (StatementKind::Party, signing::PARTY)
    } else {
        (StatementKind::Inspector, signing::STATEMENT)
    };
    let public = signing::public(&key);
    let signed = Signed {
        task: TaskId([1; 16]),
        kind,
        body: body.to_vec(),
        sig: signing::sign(&key, payload_type, body),
        key: public,
        ink: Some(b"ink".to_vec()),
    };
    let mut team = team();
    team[0].keys = vec![sync::facts::SigningKey {
        device_key: public,
        key: public,
    }];
    let _ = signed.open_party(&team);
    let _ = signed.open_inspector(&team);
    let _ = sync::signoff::seal(&team, 1, &[signed]);
}

/// Facts and rosters of tasks.
pub fn facts(data: &[u8]) {
    let _ = serde_json::from_slice::<TaskFacts>(data);
    let _ = serde_json::from_slice::<Roster>(data);
}

/// The bodies of an enrolment.
pub fn enrol(data: &[u8]) {
    let _ = serde_json::from_slice::<sync::enrol::EnrolCheck>(data);
    let _ = serde_json::from_slice::<sync::enrol::EnrolOffer>(data);
    let _ = serde_json::from_slice::<sync::enrol::EnrolRequest>(data);
    let _ = serde_json::from_slice::<sync::enrol::Enrolled>(data);
}

/// The header that signs a request, and ids.
pub fn auth(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(auth) = RequestAuth::parse(text) {
        let _ = auth.holds("POST", "/sync/v1", b"");
    }
    let _ = text.parse::<TaskId>();
    let _ = text.parse::<Key>();
    let _ = text.parse::<Sha256>();
}

/// Paths of cells.
pub fn cells(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = sync::cells::find(text);
    }
}

/// Bundle files: as they lie on a stick, and beneath the encryption.
pub fn bundle(data: &[u8]) {
    let office = SigningKey::from_bytes(&[200; 32]);
    if let Ok(mut reader) = sync::bundle::BundleReader::open(data, &office) {
        while let Ok(Some(_)) = reader.next_part() {}
    }
}

/// Frames beneath the encryption of a bundle, each signed by its sender: a kind, two bytes of length, the
/// payload, and so on. Where the fuzzer says so by a kind above 127, the frame's signature is left as it was
/// for another one.
pub fn bundle_frames(data: &[u8]) {
    let (sender, office) = (
        SigningKey::from_bytes(&[1; 32]),
        SigningKey::from_bytes(&[200; 32]),
    );
    let Some((head, stream, id)) = bundle_head(&sender, &office) else {
        return;
    };
    let (mut plain, mut rest, mut index) = (Vec::new(), data, 0_u64);
    while let Some(([kind, high, low], more)) = rest.split_first_chunk::<3>() {
        let length = usize::from(*high) << 8 | usize::from(*low);
        let (payload, more) = more.split_at(length.min(more.len()));
        rest = more;
        let mut body = id.to_vec();
        body.extend_from_slice(&(index + u64::from(kind >> 7)).to_be_bytes());
        body.push(kind & 0x7f);
        body.extend_from_slice(&Sha256::of(payload).0);
        let signature = signing::sign(&sender, sync::bundle::FRAME, &body);
        plain.extend_from_slice(&(payload.len() as u32 + 65).to_be_bytes());
        plain.push(kind & 0x7f);
        plain.extend_from_slice(payload);
        plain.extend_from_slice(&signature.0);
        index += 1;
    }
    plain.extend_from_slice(rest);
    let Some(file) = sealed(head, stream, &plain) else {
        return;
    };
    if let Ok(mut reader) = sync::bundle::BundleReader::open(file.as_slice(), &office) {
        while let Ok(Some(_)) = reader.next_part() {}
    }
}

type Stream = aead_stream::EncryptorBE32<chacha20poly1305::XChaCha20Poly1305>;

/// The head of a bundle from one key to another, what seals its stream, and its id.
fn bundle_head(from: &SigningKey, to: &SigningKey) -> Option<(Vec<u8>, Stream, [u8; 16])> {
    // All that is random in it is known: 16 bytes of id, 19 of nonce, 32 of key, each 7.
    let mut random = |out: &mut [u8]| out.fill(7);
    let keys = [signing::public(to)];
    let writer = sync::bundle::BundleWriter::new(Vec::new(), from, &keys, 1, &mut random);
    let head = writer.ok()?.take_written();
    Some((head, Stream::new(&[7; 32].into(), &[7; 19].into()), [7; 16]))
}

/// The head and the content behind it as a file that the cipher takes for whole.
fn sealed(mut file: Vec<u8>, mut stream: Stream, plain: &[u8]) -> Option<Vec<u8>> {
    use chacha20poly1305::aead::Payload;
    let bound = Sha256::of(&file);
    let mut rest = plain;
    while rest.len() > sync::bundle::CHUNK {
        let (msg, more) = rest.split_at(sync::bundle::CHUNK);
        let aad = &bound.0;
        file.extend(stream.encrypt_next(Payload { msg, aad }).ok()?);
        rest = more;
    }
    let payload = Payload {
        msg: rest,
        aad: &bound.0,
    };
    file.extend(stream.encrypt_last(payload).ok()?);
    Some(file)
}

/// What a file is as a clip, and the stretch that a player asks for.
pub fn clip(data: &[u8]) {
    let _ = sync::clip::sniff(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let asked = sync::clip::asked(Some(text), 1_000);
        if let sync::clip::Asked::Part(part) = asked {
            assert!(part.start < part.end && part.end <= 1_000);
        }
    }
}

/// Strokes of ink, and places on the Earth: pairs of numbers that may be any.
pub fn numbers(data: &[u8]) {
    let (pairs, _) = data.as_chunks::<16>();
    let pairs = pairs.iter().map(|pair| {
        let (x, y) = pair.split_at(8);
        [x, y].map(|n| n.try_into().map_or(0, i64::from_le_bytes))
    });
    let _ = sync::ink::frame(pairs.clone());
    let _ = sync::ink::path(std::iter::once(pairs.clone()));
    let here = sync::place::Point {
        lat_e7: 225_431_000,
        lon_e7: 1_140_579_000,
    };
    for [x, y] in pairs {
        if let Some(there) = sync::place::Point::of(Some(x), Some(y)) {
            assert!(sync::place::seen_from(here, there).metres < 20_100_000);
        }
        let _ = sync::inspection_code::enter_until(x);
    }
}

/// The text of an inspection code.
pub fn scan(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let own = sync::inspection_code::compare(text, "91440300MA5FAKE01X");
        let found = text.to_ascii_uppercase().contains("91440300MA5FAKE01X");
        assert!(found || own != sync::inspection_code::Match::Same);
        let _ = sync::inspection_code::compare("91440300MA5FAKE01X", text);
    }
}

/// The name of a photo in a bundle, and the cursors and verdicts of the wire, each alone.
pub fn blob(data: &[u8]) {
    let _ = minicbor::decode::<sync::message::BlobRef>(data);
    let _ = minicbor::decode::<sync::message::BlobState>(data);
    let _ = minicbor::decode::<sync::message::Cursor>(data);
    let _ = minicbor::decode::<Author>(data);
}

fn team() -> Vec<Member> {
    vec![Member {
        person: "zhang".into(),
        name: "张三".into(),
        unit: String::new(),
        certificate: String::new(),
        role: Role::Leader,
        keys: vec![],
    }]
}

fn task_facts() -> TaskFacts {
    let point = CheckPoint {
        id: "p1".into(),
        no: 1,
        content: String::new(),
        basis: String::new(),
        requirement: String::new(),
        method: String::new(),
        answer: AnswerKind::Verdict,
        photo: Demand::Optional,
        note: Demand::Optional,
    };
    TaskFacts {
        task: TaskId([1; 16]),
        number: "1".into(),
        title: String::new(),
        department: String::new(),
        department_name: String::new(),
        from: String::new(),
        until: String::new(),
        notice: String::new(),
        object: ObjectFacts {
            id: "o1".into(),
            name: "示例公司".into(),
            code: String::new(),
            address: String::new(),
            district: String::new(),
            responsible: String::new(),
            contact: String::new(),
            industry: String::new(),
            lat_e7: None,
            lon_e7: None,
        },
        history: vec![],
        sheets: vec![CheckSheet {
            item: "A1".into(),
            name: String::new(),
            department: String::new(),
            version: 1,
            basis: vec![],
            points: vec![point],
        }],
        portal: None,
    }
}

/// One honest example for each target, from which `corpus/` is made.
pub fn examples() -> Vec<(&'static str, Vec<u8>)> {
    let device = SigningKey::from_bytes(&[1; 32]);
    let author = Author {
        device: signing::public(&device),
        person: "zhang".into(),
        epoch: 1,
    };
    let office = Author::server(signing::public(&SigningKey::from_bytes(&[200; 32])));
    let mut out = Vec::new();
    let Ok((mut record, root)) = RecordDoc::create(&office, &task_facts(), &team(), 1) else {
        return out;
    };
    let edit = [("point/A1/p1/answer".to_owned(), "compliant".into())];
    let Ok(Some(change)) = record.edit(&author, 2, &edit) else {
        return out;
    };
    out.push(("change", root.bytes.clone()));
    out.push(("admit", change.bytes.clone()));
    let request = SyncRequest {
        v: 1,
        epoch: 1,
        request: [3; 16],
        cursor: None,
        authors: vec![author.clone()],
        docs: vec![sync::message::DocChanges {
            task: TaskId([1; 16]),
            changes: vec![Offered {
                author: 0,
                bytes: change.bytes,
                sig: None,
            }],
        }],
        signatures: vec![],
        blobs: vec![],
        status: None,
    };
    out.push(("message", minicbor::to_vec(&request).unwrap_or_default()));
    out.push(("request", sync::message::pack(&request).unwrap_or_default()));
    out.push((
        "response",
        sync::message::pack(&request).unwrap_or_default(),
    ));
    let signed = Signed {
        task: TaskId([1; 16]),
        kind: sync::signoff::StatementKind::Party,
        body: b"{}".to_vec(),
        sig: signing::sign(&device, signing::PARTY, b"{}"),
        key: author.device,
        ink: None,
    };
    out.push(("statement", minicbor::to_vec(&signed).unwrap_or_default()));
    out.push((
        "facts",
        serde_json::to_vec(&task_facts()).unwrap_or_default(),
    ));
    out.push(("enrol", br#"{"code":"ABCD-EFGH-2345"}"#.to_vec()));
    let auth = RequestAuth::sign(&device, "POST", "/sync/v1", b"", 1, [5; 16]);
    out.push(("auth", auth.header().into_bytes()));
    let blob = sync::message::BlobRef {
        task: TaskId([1; 16]),
        sha256: Sha256::of(b"photo"),
        size: 5,
        kind: sync::message::BlobKind::Rendition,
    };
    out.push(("blob", minicbor::to_vec(&blob).unwrap_or_default()));
    let mut random = |out: &mut [u8]| out.fill(7);
    let keys = [office.device];
    let writer = sync::bundle::BundleWriter::new(Vec::new(), &device, &keys, 1, &mut random);
    let written = writer.and_then(|mut writer| {
        writer.blob(&blob)?;
        writer.bytes(b"photo")?;
        writer.finish()
    });
    out.push(("bundle", written.unwrap_or_default()));
    out.push(("cells", b"photo/0123456789abcdef/sha256".to_vec()));
    let frame = |kind: u8, payload: &[u8]| {
        let length = (payload.len() as u16).to_be_bytes();
        [&[kind], length.as_slice(), payload].concat()
    };
    let named = minicbor::to_vec(&blob).unwrap_or_default();
    let end = minicbor::to_vec(2_u64).unwrap_or_default();
    let frames = [frame(2, &named), frame(3, b"photo"), frame(4, &end)];
    out.push(("bundle_frames", frames.concat()));
    let statement = PartyStatement {
        v: 1,
        task: TaskId([1; 16]),
        subject_sha256: Sha256::of(b"a subject"),
        name: "店长".into(),
        capacity: "现场负责人".into(),
        act: PartyAct::Signed {
            ink_sha256: Sha256::of(b"ink"),
        },
        device: DeviceId::of(&author.device),
        claimed_time: 1,
        nonce: "00".repeat(16),
    };
    let party = Signed::party(&statement, &device, Some(b"ink".to_vec()));
    out.push(("signed_body", [vec![0], party.body].concat()));
    out.push(("clip", b"\0\0\0\x20ftypisom\0\0\x02\0".to_vec()));
    let place = [225_431_000_i64, 1_140_579_000].map(i64::to_le_bytes);
    out.push(("numbers", place.concat()));
    let scanned = b"https://jcm.example/c?uscc=91440300MA5FAKE01X&t=1";
    out.push(("scan", scanned.to_vec()));
    out
}
