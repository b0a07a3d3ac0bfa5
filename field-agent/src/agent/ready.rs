//! Everything that stands in the way of signing on this tablet.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sync::author::Author;
use sync::ids::Sha256;

use super::{Loaded, completeness, photos, storage};
use crate::api::Problem;
use crate::api::record::{Missing, Place, Step};
use crate::store::{changes, queue, recordings};

fn someone(step_person: &str) -> Place {
    Place {
        step: Step::SignOff,
        path: None,
        item: None,
        point: None,
        photo: None,
        person: (!step_person.is_empty()).then(|| step_person.to_owned()),
    }
}

/// Persons of whom something is here that stands on what is not here; empty for the server. Whose work is not
/// waited for, by a reason in the statements or because they were relieved, holds up no signing: a tablet
/// can name what does not exist.
pub(super) fn incomplete(
    db: &Connection,
    record: &Loaded,
    excluded: &[String],
) -> Result<BTreeSet<String>, Problem> {
    let authors = changes::waiting_authors(db, &record.id.to_string()).map_err(storage)?;
    let persons = authors
        .iter()
        .filter_map(|a| minicbor::decode::<Author>(a).ok())
        .map(|author| author.person);
    let waited_for = |person: &String| {
        person.is_empty() || (!excluded.contains(person) && record.status_of(person) == "active")
    };
    Ok(persons.filter(waited_for).collect())
}

/// Everything that stands in the way of signing on this tablet.
pub(super) fn missing_here(
    db: &Connection,
    record: &Loaded,
    here: &sync::ids::Key,
    excluded: &[String],
    offset: Option<i64>,
) -> Result<Vec<Missing>, Problem> {
    let task = record.id.to_string();
    let mut rows = completeness::missing_cells(&record.facts, &record.view);
    let blobs = queue::of_task(db, &task).map_err(storage)?;
    {
        let seen = photos::seen(record, &blobs);
        for id in record.view.standing("photo") {
            let sha256 = record
                .view
                .text(&format!("photo/{id}/sha256"))
                .parse::<Sha256>();
            if sha256.is_ok_and(|s| seen(&s).is_none()) {
                let place = Place {
                    step: Step::Points,
                    path: None,
                    item: None,
                    point: None,
                    photo: Some(id.to_owned()),
                    person: None,
                };
                rows.push(Missing {
                    code: "photo_not_here".into(),
                    text: "有一张照片还没有传到本机，签字前须先同步。".into(),
                    blocks: true,
                    place,
                });
            }
        }
    }
    for _ in recordings::of_task(db, &task).map_err(storage)? {
        let place = Place {
            step: Step::Evidence,
            path: None,
            item: None,
            point: None,
            photo: None,
            person: None,
        };
        rows.push(Missing {
            code: "recording_open".into(),
            text: "有一段录像或录音中断，请选择保留或丢弃。".into(),
            blocks: true,
            place,
        });
    }
    for person in incomplete(db, record, excluded)? {
        let text = format!(
            "{} 的部分内容尚未到齐，请先同步；仍不到齐时，可以注明不等待的原因。",
            record.name_of(&person)
        );
        rows.push(Missing {
            code: "dependency_missing".into(),
            text,
            blocks: true,
            place: someone(&person),
        });
    }
    for member in &record.roster.members {
        let person = &member.person;
        if record.done_at(person).is_some()
            || excluded.contains(person)
            || record.status_of(person) != "active"
        {
            continue;
        }
        if record.wrote_elsewhere(person, here) {
            let text = format!(
                "{} 在自己的平板上有记录，尚未标记完成；请先同步并请其点“我已完成”，或注明不等待的原因。",
                member.name
            );
            rows.push(Missing {
                code: "member_not_done".into(),
                text,
                blocks: true,
                place: someone(person),
            });
        } else if member.keys.iter().any(|k| k.device_key != *here) {
            let text = format!("请向 {} 确认：是否在自己的平板上做过记录？", member.name);
            rows.push(Missing {
                code: "ask_member".into(),
                text,
                blocks: false,
                place: someone(person),
            });
        }
    }
    for former in &record.roster.former {
        let member = &former.member;
        let elsewhere = member.keys.iter().any(|k| k.device_key != *here);
        if elsewhere && record.roster.relieved_at(&member.person).is_some() {
            let text = format!(
                "{} 已被替换；其平板上如还有替换前的记录未传到，签字之后才到的将列为迟到修改。",
                member.name
            );
            rows.push(Missing {
                code: "ask_former".into(),
                text,
                blocks: false,
                place: someone(&member.person),
            });
        }
    }
    for member in record.signers() {
        if !member.keys.iter().any(|k| k.device_key == *here) {
            let text = format!("{} 没有在本机登记密钥，无法在本机签字。", member.name);
            rows.push(Missing {
                code: "no_key_here".into(),
                text,
                blocks: true,
                place: someone(&member.person),
            });
        }
    }
    if record.signers().len() < 2 {
        let place = Place {
            step: Step::SignOff,
            path: None,
            item: None,
            point: None,
            photo: None,
            person: None,
        };
        rows.push(Missing {
            code: "two_inspectors".into(),
            text: "检查组的执法检查人员不足两人，不能签字。".into(),
            blocks: true,
            place,
        });
    }
    if offset.is_some_and(|o| o.abs() > 120_000) {
        let place = Place {
            step: Step::SignOff,
            path: None,
            item: None,
            point: None,
            photo: None,
            person: None,
        };
        rows.push(Missing {
            code: "clock_off".into(),
            text: "本机时钟与服务器相差较大，签字时间将注明。".into(),
            blocks: false,
            place,
        });
    }
    Ok(rows)
}
