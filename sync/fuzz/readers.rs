//! Every reader of the crate that sees bytes from outside, each as a function that must return whatever
//! it is given. Fuzz targets call them, and an ordinary test runs them over `corpus/`.
#![allow(dead_code, reason = "each target calls one")]

use ed25519_dalek::SigningKey;
use sync::admit::{Batch, Offered, Rights, reload};
use sync::author::Author;
use sync::chunk::Chunk;
use sync::facts::*;
use sync::ids::{Key, Sha256, TaskId};
use sync::message::{SyncRequest, SyncResponse};
use sync::record::RecordDoc;
use sync::signing::{self, CHANGE, RequestAuth};
use sync::signoff::Signed;

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
    assert!(reload(&record).is_ok());
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
    out
}
