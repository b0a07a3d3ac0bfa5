//! Each signature, verified anew, with its standing in plain words (F4, V1).

use ::sync::facts::{Member, Role};
use ::sync::ids::Sha256;
use ::sync::record::RecordDoc;
use ::sync::signoff::{
    self, BadStatement, PartyAct, PartyStatement, Signed, Standing, Statement, StatementKind,
};

use super::types::{InkView, Refusal, SignatureState, SignatureView, SignerRole};

/// A signature with when it came to the office.
pub struct Received<'a> {
    pub row: &'a Signed,
    pub at: i64,
}

/// What the signatures of a record are held against.
pub struct Against<'a> {
    pub record: &'a RecordDoc,
    /// Every member, also relieved ones, with every key that they ever had.
    pub team: &'a [Member],
    /// Members who must sign in this round.
    pub signers: &'a [Member],
    pub round: u32,
    /// Heads under the seal of this round.
    pub sealed: Option<&'a [Sha256]>,
}

/// All signatures, then those that are still missing in the round.
pub fn signatures(rows: &[Received<'_>], against: &Against<'_>) -> Vec<SignatureView> {
    let statements: Vec<Statement> = rows
        .iter()
        .filter(|r| r.row.kind == StatementKind::Inspector)
        .filter_map(|r| r.row.open_inspector(against.team).ok())
        .collect();
    let mut views: Vec<SignatureView> = rows
        .iter()
        .map(|received| match received.row.kind {
            StatementKind::Inspector => inspector(received, against),
            StatementKind::Party => party(received, &statements, against),
        })
        .collect();
    let of_round = |s: &&Statement| s.subject.round == against.round;
    let signed: Vec<&str> = statements
        .iter()
        .filter(of_round)
        .map(|s| s.signer.person.as_str())
        .collect();
    let party_signed = views.iter().any(|v| {
        v.role != SignerRole::Inspector
            && v.state != SignatureState::Invalid
            && v.round == Some(against.round)
    });
    if !party_signed {
        views.push(missing("被检查对象代表", SignerRole::Party));
    }
    let unsigned = against
        .signers
        .iter()
        .filter(|m| m.role != Role::Expert && !signed.contains(&m.person.as_str()));
    views.extend(unsigned.map(|m| missing(&m.name, SignerRole::Inspector)));
    views
}

fn missing(name: &str, role: SignerRole) -> SignatureView {
    SignatureView {
        signer_name: name.to_owned(),
        role,
        state: SignatureState::Missing,
        words: "本轮尚未收到签字。".into(),
        superseded_by: None,
        round: None,
        claimed_time: None,
        received_at: None,
        fingerprint: None,
        ink: None,
        refusal: None,
    }
}

fn inspector(received: &Received<'_>, against: &Against<'_>) -> SignatureView {
    let row = received.row;
    let statement = match row.open_inspector(against.team) {
        Ok(statement) => statement,
        Err(bad) => return invalid(received, SignerRole::Inspector, &bad),
    };
    let name = against
        .team
        .iter()
        .find(|m| m.person == statement.signer.person)
        .map_or("未知人员", |m| &m.name);
    let what = format!(
        "{name}以本人密钥（{}）签署，签名与手写笔迹核验通过",
        short(&row.key.0)
    );
    let (state, superseded_by, standing) = standing(&statement, against);
    SignatureView {
        signer_name: name.to_owned(),
        role: SignerRole::Inspector,
        state,
        words: format!("{what}；{standing}"),
        superseded_by,
        round: Some(statement.subject.round),
        claimed_time: Some(statement.claimed_time),
        received_at: Some(received.at),
        fingerprint: Some(short(&statement.subject_sha256.0)),
        ink: row.ink.as_deref().and_then(ink),
        refusal: None,
    }
}

fn party(
    received: &Received<'_>,
    statements: &[Statement],
    against: &Against<'_>,
) -> SignatureView {
    let row = received.row;
    let statement: PartyStatement = match row.open_party(against.team) {
        Ok(statement) => statement,
        Err(bad) => return invalid(received, SignerRole::Party, &bad),
    };
    let (role, refusal, what) = match &statement.act {
        PartyAct::Signed { .. } => (
            SignerRole::Party,
            None,
            "手写签字由检查平板的密钥作证，笔迹核验通过".to_owned(),
        ),
        PartyAct::Refused { reason, witness } => {
            let (reason, witness_name) = (reason.clone(), Some(witness.name.clone()));
            let what = "拒签及见证由检查平板的密钥作证，核验通过".to_owned();
            (
                SignerRole::Refusal,
                Some(Refusal {
                    reason,
                    witness_name,
                }),
                what,
            )
        }
    };
    // The party's statement names its subject by hash only; an inspector's statement shows it whole.
    let id = row.id();
    let citing = statements
        .iter()
        .find(|s| s.party_statement_sha256 == id && s.subject_sha256 == statement.subject_sha256);
    let (state, superseded_by, standing) = match citing {
        Some(citing) => standing(citing, against),
        None => (
            SignatureState::Missing,
            None,
            "尚无检查人员就同一内容签字，暂不能与记录核对。".into(),
        ),
    };
    SignatureView {
        signer_name: statement.name,
        role,
        state,
        words: format!("{what}；{standing}"),
        superseded_by,
        round: citing.map(|c| c.subject.round),
        claimed_time: Some(statement.claimed_time),
        received_at: Some(received.at),
        fingerprint: Some(short(&statement.subject_sha256.0)),
        ink: row.ink.as_deref().and_then(ink),
        refusal,
    }
}

fn standing(statement: &Statement, against: &Against<'_>) -> (SignatureState, Option<u32>, String) {
    let is_sealed = against
        .sealed
        .is_some_and(|heads| heads == statement.subject.heads);
    match signoff::standing(&statement.subject, against.record) {
        Standing::Current => (
            SignatureState::Valid,
            None,
            "所签内容与记录现状一致。".into(),
        ),
        Standing::Superseded { changes } if is_sealed => {
            let words = format!(
                "所签内容与封存的记录一致；另有 {changes} 次修改不在签字范围内，列为迟到修改。"
            );
            (SignatureState::Valid, None, words)
        }
        Standing::Superseded { changes } => {
            let words = format!("签署当时有效，此后记录又有 {changes} 次修改，已被取代。");
            (
                SignatureState::Superseded,
                u32::try_from(changes).ok(),
                words,
            )
        }
        Standing::Contradicted => (
            SignatureState::Invalid,
            None,
            "所签内容与服务器上的记录不一致，不予采信。".into(),
        ),
        Standing::NotHereYet => {
            let words = "所签内容的部分修改尚未传到服务器，暂不能核对。".into();
            (SignatureState::Missing, None, words)
        }
    }
}

fn invalid(received: &Received<'_>, role: SignerRole, bad: &BadStatement) -> SignatureView {
    let words = match bad {
        BadStatement::TooLong => "签字文件超出允许的大小，不予采信。",
        BadStatement::Malformed(_) => "签字文件格式不正确，不予采信。",
        BadStatement::BadSignature => "数字签名与内容不符，内容可能被改动，不予采信。",
        BadStatement::UnknownKey => "签名密钥不属于本检查组成员登记的平板，不予采信。",
        BadStatement::NoInk(_) => "随签字送来的不是手写笔迹，不予采信。",
        BadStatement::WrongInk => "手写笔迹与签署时的不是同一份，不予采信。",
        BadStatement::Inconsistent(_) => "签字文件前后矛盾，不予采信。",
    };
    SignatureView {
        state: SignatureState::Invalid,
        words: words.into(),
        received_at: Some(received.at),
        ..missing("未能确认的签字人", role)
    }
}

/// First 8 and last 4 hex digits, in groups of four, as the tablet shows its seal: to compare by eye.
pub fn short(bytes: &[u8]) -> String {
    let hex = hex::encode(bytes);
    match (
        hex.get(..4),
        hex.get(4..8),
        hex.len().checked_sub(4).and_then(|at| hex.get(at..)),
    ) {
        (Some(a), Some(b), Some(c)) if hex.len() > 12 => format!("{a} {b} {c}"),
        _ => hex,
    }
}

/// Strokes as the tablet wrote them, all in tenths of a pixel.
pub(super) fn ink(bytes: &[u8]) -> Option<InkView> {
    let ink = ::sync::ink::read(bytes).ok()?;
    let stroke =
        |s: &Vec<::sync::ink::Point>| s.iter().map(|p| [i64::from(p.x), i64::from(p.y)]).collect();
    Some(InkView {
        width: i64::from(ink.width) * 10,
        height: i64::from(ink.height) * 10,
        strokes: ink.strokes.iter().map(stroke).collect(),
    })
}

#[cfg(test)]
mod tests {
    use ::sync::author::Author;
    use ::sync::ids::DeviceId;
    use ::sync::signoff::{Seen, Signer, Subject};

    use super::*;
    use crate::review::sample;

    const INK: &[u8] = br#"{"height":200,"strokes":[[{"t":0,"x":10,"y":20}]],"width":600}"#;

    fn record() -> RecordDoc {
        let (facts, team) = (sample::facts(), sample::team());
        RecordDoc::create(&Author::server(sample::key(1)), &facts, &team, 1)
            .unwrap()
            .0
    }

    fn answer(record: &mut RecordDoc, at: i64, value: &str) {
        let author = Author {
            device: sample::key(2),
            person: "p-1".into(),
            epoch: 0,
        };
        record
            .edit(
                &author,
                at,
                &[("point/SP-01/p1/answer".into(), value.into())],
            )
            .unwrap();
    }

    fn sign_all(record: &RecordDoc, refused: bool) -> Vec<Signed> {
        let subject = Subject::of(record, &record.heads(), |_| Some(Seen::Original)).unwrap();
        let device = DeviceId::of(&sample::key(2));
        let act = if refused {
            let witness = signoff::Witness {
                name: "赵丙".into(),
                capacity: "物业".into(),
            };
            PartyAct::Refused {
                reason: "不认可结果".into(),
                witness,
            }
        } else {
            PartyAct::Signed {
                ink_sha256: Sha256::of(INK),
            }
        };
        let party = PartyStatement {
            v: 1,
            task: record.task(),
            subject_sha256: subject.sha256(),
            name: "钱某".into(),
            capacity: "店长".into(),
            act,
            device,
            claimed_time: 5,
            nonce: "0".repeat(32),
        };
        let party = Signed::party(&party, &sample::secret(2), (!refused).then(|| INK.to_vec()));
        let mut rows = vec![party];
        for (member, seed) in sample::team().iter().zip([3, 4]) {
            let statement = Statement {
                subject_sha256: subject.sha256(),
                subject: subject.clone(),
                alg: "ed25519".into(),
                signer: Signer {
                    person: member.person.clone(),
                    key: sample::key(seed),
                    role: member.role,
                },
                device,
                meaning: signoff::MEANING.into(),
                party_statement_sha256: rows[0].id(),
                excluded: vec![],
                claimed_time: 6,
                nonce: "1".repeat(32),
                ink_sha256: Sha256::of(INK),
            };
            rows.push(Signed::inspector(
                &statement,
                &sample::secret(seed),
                INK.to_vec(),
            ));
        }
        rows
    }

    fn shown(rows: &[Signed], record: &RecordDoc, sealed: Option<&[Sha256]>) -> Vec<SignatureView> {
        let team = sample::team();
        let rows: Vec<Received<'_>> = rows.iter().map(|row| Received { row, at: 9 }).collect();
        signatures(
            &rows,
            &Against {
                record,
                team: &team,
                signers: &team,
                round: 1,
                sealed,
            },
        )
    }

    fn states(views: &[SignatureView]) -> Vec<SignatureState> {
        views.iter().map(|v| v.state).collect()
    }

    #[test]
    fn signatures_over_what_is_shown_are_valid() {
        // F4, V1
        let mut record = record();
        answer(&mut record, 2, "compliant");
        let views = shown(&sign_all(&record, false), &record, None);
        assert_eq!(states(&views), [SignatureState::Valid; 3]);
        assert_eq!(views[1].signer_name, "张甲");
        assert_eq!(
            views[0].ink.as_ref().unwrap(),
            &InkView {
                width: 6000,
                height: 2000,
                strokes: vec![vec![[10, 20]]]
            }
        );
    }

    #[test]
    fn a_change_after_the_signature_supersedes_it_visibly() {
        // F4
        let mut record = record();
        answer(&mut record, 2, "compliant");
        let rows = sign_all(&record, false);
        let heads = record.heads();
        answer(&mut record, 3, "non_compliant");
        let views = shown(&rows, &record, None);
        assert_eq!(states(&views), [SignatureState::Superseded; 3]);
        assert_eq!(views[1].superseded_by, Some(1));
        // Under the seal the same signatures stand, and say what is beside them.
        let views = shown(&rows, &record, Some(&heads));
        assert_eq!(states(&views), [SignatureState::Valid; 3]);
        assert!(
            views[1].words.contains("1 次修改不在签字范围内"),
            "{}",
            views[1].words
        );
    }

    #[test]
    fn a_forged_signature_is_told_and_the_real_one_is_missing() {
        // F4
        let record = record();
        let mut rows = sign_all(&record, false);
        rows[2].sig.0[0] ^= 1;
        let views = shown(&rows, &record, None);
        assert_eq!(
            states(&views),
            [
                SignatureState::Valid,
                SignatureState::Valid,
                SignatureState::Invalid,
                SignatureState::Missing
            ]
        );
        assert_eq!(views[3].signer_name, "李乙");
    }

    #[test]
    fn a_refusal_shows_reason_and_witness() {
        // F4
        let record = record();
        let views = shown(&sign_all(&record, true), &record, None);
        assert_eq!(views[0].role, SignerRole::Refusal);
        assert_eq!(views[0].state, SignatureState::Valid);
        assert_eq!(
            views[0].refusal.as_ref().unwrap().witness_name.as_deref(),
            Some("赵丙")
        );
    }

    #[test]
    fn nothing_signed_is_said() {
        let views = shown(&[], &record(), None);
        assert_eq!(states(&views), [SignatureState::Missing; 3]);
    }
}
