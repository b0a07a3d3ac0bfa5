//! Sign-off: what seals a record, and what does not.

mod common;

use common::*;
use rstest::rstest;
use sync::canonical;
use sync::facts::{Member, Role};
use sync::ids::{DeviceId, Sha256, TaskId};
use sync::record::RecordDoc;
use sync::signoff::*;

const INK: &[u8] =
    br#"{"height":200,"strokes":[[{"t":0,"x":10,"y":20},{"t":16,"x":30,"y":40}]],"width":600}"#;

fn answered() -> RecordDoc {
    let (mut doc, _) = record();
    doc.edit(
        &author(1, "zhang"),
        NOW,
        &[("point/A1/p1/answer".into(), "compliant".into())],
    )
    .unwrap();
    doc
}

fn subject(doc: &RecordDoc) -> Subject {
    Subject::of(doc, &doc.heads(), |_| Some(Seen::Original)).unwrap()
}

/// Everybody signs on device 1; the others' keys on it are added to the roster.
fn closing_team() -> Vec<Member> {
    let mut team = team();
    team[1].keys.push(sync::facts::SigningKey {
        device_key: key(1),
        key: key(150),
    });
    team
}

fn party_of(subject: &Subject) -> PartyStatement {
    PartyStatement {
        v: 1,
        task: subject.task,
        subject_sha256: subject.sha256(),
        name: "店长".into(),
        capacity: "现场负责人".into(),
        act: PartyAct::Signed {
            ink_sha256: Sha256::of(INK),
        },
        device: DeviceId::of(&key(1)),
        claimed_time: NOW,
        nonce: "00".repeat(16),
    }
}

fn party(subject: &Subject) -> Signed {
    Signed::party(&party_of(subject), &secret(1), Some(INK.to_vec()))
}

fn statement_of(subject: &Subject, person: &str, role: Role, n: u8, party: &Signed) -> Statement {
    Statement {
        subject: subject.clone(),
        subject_sha256: subject.sha256(),
        alg: "ed25519".into(),
        signer: Signer {
            person: person.into(),
            key: key(n),
            role,
        },
        device: DeviceId::of(&key(1)),
        meaning: MEANING.into(),
        party_statement_sha256: party.id(),
        excluded: vec![],
        claimed_time: NOW,
        nonce: "11".repeat(16),
        ink_sha256: Sha256::of(INK),
    }
}

fn zhang(subject: &Subject, party: &Signed) -> Signed {
    Signed::inspector(
        &statement_of(subject, "zhang", Role::Leader, 101, party),
        &secret(101),
        INK.to_vec(),
    )
}

fn li(subject: &Subject, party: &Signed) -> Signed {
    Signed::inspector(
        &statement_of(subject, "li", Role::Member, 150, party),
        &secret(150),
        INK.to_vec(),
    )
}

#[test]
fn forms_stand_by_id_and_not_by_path() {
    let mut facts = facts();
    facts.sheets[0].item = "A-1".into();
    facts.sheets[1].item = "A".into();
    let (doc, _) = RecordDoc::create(&server(), &facts, &team(), NOW).unwrap();
    let ids: Vec<String> = subject(&doc).forms.into_iter().map(|f| f.id).collect();
    assert_eq!(ids, ["A", "A-1"]);
}

#[test]
fn the_party_and_every_inspector_seal_the_record() {
    // F4
    let doc = answered();
    let s = subject(&doc);
    let p = party(&s);
    let team = closing_team();
    let missing = seal(&team, 1, &[p.clone(), zhang(&s, &p)]).unwrap_err();
    assert_eq!(
        missing,
        [Missing::Signature {
            person: "li".into(),
            name: "LI".into()
        }]
    );
    let sealed = seal(&team, 1, &[li(&s, &p), p.clone(), zhang(&s, &p)]).unwrap();
    assert_eq!(sealed.statements.len(), 2);
    assert_eq!(sealed.subject_sha256, s.sha256());
    assert_eq!(standing(&sealed.subject, &doc), Standing::Current);
    assert_eq!(sealed.fingerprint().len(), 14);
    assert!(matches!(
        &seal(&team, 1, &[]).unwrap_err()[..],
        [Missing::Party, _, _]
    ));
    assert!(
        seal(&team, 2, &[li(&s, &p), p.clone(), zhang(&s, &p)]).is_err(),
        "another round"
    );
}

#[test]
fn a_change_after_a_signature_visibly_voids_it() {
    // F4
    let mut doc = answered();
    let s = subject(&doc);
    doc.edit(
        &author(2, "li"),
        NOW,
        &[("point/A1/p2/answer".into(), "compliant".into())],
    )
    .unwrap();
    assert_eq!(standing(&s, &doc), Standing::Superseded { changes: 1 });
    assert_eq!(standing(&s, &record().0), Standing::NotHereYet);
    let mut lying = s.clone();
    lying.view_sha256 = Sha256::of(b"another view");
    assert_eq!(standing(&lying, &doc), Standing::Contradicted);
}

#[test]
fn signatures_on_different_states_do_not_seal_together() {
    // F4: at least two sign the same content
    let mut doc = answered();
    let before = subject(&doc);
    doc.edit(&author(2, "li"), NOW, &[("fee/none".into(), true.into())])
        .unwrap();
    let after = subject(&doc);
    let (p, q) = (party(&before), party(&after));
    let rows = [p.clone(), q.clone(), zhang(&before, &p), li(&after, &q)];
    assert!(seal(&closing_team(), 1, &rows).is_err());
}

#[test]
fn nothing_can_be_signed_while_two_answers_stand() {
    // F5
    let (root, first) = record();
    let edit = |n, who: &str, value: &str| {
        let cell = [("point/A1/p1/answer".to_owned(), value.into())];
        root.clone()
            .edit(&author(n, who), NOW, &cell)
            .unwrap()
            .unwrap()
            .bytes
    };
    let (a, b) = (
        edit(1, "zhang", "compliant"),
        edit(2, "li", "non_compliant"),
    );
    let doc = RecordDoc::from_log(task(), [&first.bytes[..], &a, &b]).unwrap();
    let error = Subject::of(&doc, &doc.heads(), |_| None).unwrap_err();
    assert!(matches!(error, SubjectError::Conflicts(paths) if paths == ["point/A1/p1/answer"]));
}

#[test]
fn a_photo_must_have_been_seen_on_the_closing_tablet() {
    // F3, F4
    let mut doc = answered();
    let id = "0123456789abcdef";
    let cells = [
        ("sha256", Sha256::of(b"jpeg").to_string().into()),
        ("size", 4.into()),
    ];
    let cells = cells.map(|(word, value)| (format!("photo/{id}/{word}"), value));
    doc.edit(&author(1, "zhang"), NOW, &cells).unwrap();
    assert!(
        matches!(Subject::of(&doc, &doc.heads(), |_| None), Err(SubjectError::UnseenPhoto(p)) if p == id)
    );
    let s = Subject::of(&doc, &doc.heads(), |_| Some(Seen::Rendition)).unwrap();
    assert_eq!(s.photos.len(), 1);
    assert!(s.matches(&doc));
    doc.edit(
        &author(1, "zhang"),
        NOW,
        &[(format!("photo/{id}/withdrawn"), true.into())],
    )
    .unwrap();
    assert!(subject(&doc).photos.is_empty());
}

#[rstest]
#[case::ink_from_another_record("ink")]
#[case::key_of_another_person("key")]
#[case::other_role("role")]
#[case::other_subject("subject")]
#[case::body_changed("body")]
#[case::not_canonical("canonical")]
#[case::key_of_another_tablet("device")]
#[case::no_nonce("nonce")]
fn a_forged_statement_counts_for_nothing(#[case] how: &str) {
    let doc = answered();
    let s = subject(&doc);
    let p = party(&s);
    let team = closing_team();
    let mut statement = statement_of(&s, "li", Role::Member, 150, &p);
    let mut row = li(&s, &p);
    match how {
        "ink" => row.ink = Some(b"[]".to_vec()),
        "key" => row = Signed::inspector(&statement, &secret(101), INK.to_vec()),
        "role" => {
            statement.signer.role = Role::Expert;
            row = Signed::inspector(&statement, &secret(150), INK.to_vec());
        }
        "subject" => {
            statement.subject.task = TaskId([9; 16]);
            row = Signed::inspector(&statement, &secret(150), INK.to_vec());
        }
        "body" => {
            let text = String::from_utf8(row.body.clone()).unwrap();
            row.body = text.replace("\"li\"", "\"lu\"").into_bytes();
        }
        "canonical" => {
            let mut pretty: serde_json::Value = serde_json::from_slice(&row.body).unwrap();
            pretty["excluded"] = serde_json::json!([]);
            row.body = serde_json::to_vec_pretty(&pretty).unwrap();
            row.sig = sync::signing::sign(&secret(150), sync::signing::STATEMENT, &row.body);
        }
        "device" => {
            statement.device = DeviceId::of(&key(2));
            row = Signed::inspector(&statement, &secret(150), INK.to_vec());
        }
        "nonce" => {
            statement.nonce = "hello".into();
            row = Signed::inspector(&statement, &secret(150), INK.to_vec());
        }
        other => panic!("{other}"),
    }
    assert!(row.open_inspector(&team).is_err(), "{how}");
    assert!(
        seal(&team, 1, &[p.clone(), zhang(&s, &p), row]).is_err(),
        "{how}"
    );
}

#[test]
fn a_partys_statement_has_a_known_version_and_a_nonce() {
    let (team, subject) = (closing_team(), subject(&answered()));
    let signed = |statement: &PartyStatement| {
        Signed::party(statement, &secret(1), Some(INK.to_vec())).open_party(&team)
    };
    let honest = party_of(&subject);
    assert!(signed(&honest).is_ok());
    let of = |v: u32| PartyStatement {
        v,
        ..honest.clone()
    };
    for v in [0, 2] {
        assert!(signed(&of(v)).is_err(), "{v}");
    }
    for nonce in ["", "hello", &"0".repeat(31), &"A".repeat(32)] {
        let nonce = nonce.to_owned();
        let other = PartyStatement {
            nonce,
            ..honest.clone()
        };
        assert!(signed(&other).is_err(), "{}", other.nonce);
    }
}

#[test]
fn a_refusal_needs_a_reason_and_a_witness() {
    // regime: a party that refuses to sign is noted with reason and witness
    let doc = answered();
    let s = subject(&doc);
    let refusal = |reason: &str, witness: &str| {
        let mut statement = party_of(&s);
        let witness = Witness {
            name: witness.into(),
            capacity: "社区工作人员".into(),
        };
        statement.act = PartyAct::Refused {
            reason: reason.into(),
            witness,
        };
        Signed::party(&statement, &secret(1), None)
    };
    assert!(refusal("不认可结果", "王").open_party(&team()).is_ok());
    assert!(refusal("", "王").open_party(&team()).is_err());
    assert!(refusal("不认可结果", " ").open_party(&team()).is_err());
    let p = refusal("不认可结果", "王");
    assert!(seal(&closing_team(), 1, &[p.clone(), zhang(&s, &p), li(&s, &p)]).is_ok());
}

#[test]
fn an_expert_never_counts_towards_the_two() {
    // I2
    let doc = answered();
    let s = subject(&doc);
    let p = party(&s);
    let mut team = closing_team();
    team[1].role = Role::Expert;
    assert_eq!(
        seal(&team, 1, &[p.clone(), zhang(&s, &p)]).unwrap_err(),
        [Missing::TwoInspectors]
    );
}

/// Golden: another implementation must produce these bytes (docs/protocol.md).
#[test]
fn the_bytes_of_a_statement_do_not_change() {
    let doc = answered();
    let s = subject(&doc);
    let p = party(&s);
    let row = zhang(&s, &p);
    golden("statement.json", &row.body);
    golden("statement.sig.hex", hex::encode(row.sig.0).as_bytes());
    golden("party.json", &canonical::to_vec(&party_of(&s)));
    golden("view.json", &doc.view().canonical());
}

#[test]
fn a_seal_needs_the_team_that_stands_now() {
    // D4: who was relieved after signing does not count, who joined has signed nothing
    let mut doc = answered();
    let team = closing_team();
    let signed_at = doc.view();
    assert!(team_stands(&signed_at, &team));
    let relief = [("team/li/status".to_owned(), "relieved".into())];
    doc.edit(&server(), NOW, &relief).unwrap();
    let joins = member(3, "wang", Role::Member);
    doc.edit(&server(), NOW, &sync::record::member_cells(&joins))
        .unwrap();
    let now = [team[0].clone(), joins];
    assert!(!team_stands(&signed_at, &now));
    assert!(!team_stands(&signed_at, &team[..1]));
    assert!(team_stands(&doc.view(), &now));
}

#[test]
fn a_signature_stands_when_its_signer_comes_to_lead() {
    // D4: the role is that of the record at the signed heads
    let mut doc = answered();
    let s = subject(&doc);
    let p = party(&s);
    let row = li(&s, &p);
    let leads = [("team/li/role".to_owned(), "leader".into())];
    doc.edit(&server(), NOW, &leads).unwrap();
    let mut team = closing_team();
    team[1].role = Role::Leader;
    let statement = row.open_inspector(&team).unwrap();
    let then = doc.view_at(&statement.subject.heads).unwrap();
    assert!(roles_hold(&then, std::slice::from_ref(&statement)));
    assert!(!roles_hold(&doc.view(), &[statement]));
    team[1].role = Role::Expert;
    assert!(row.open_inspector(&team).is_err());
}
