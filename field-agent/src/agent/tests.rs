//! Faults of the store, seen from inside.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use self::common::{Seeded, Server, TestClock, jpeg, mp4};
use super::{Agent, Ports};
use crate::api::clips::{ClipKind, NewClip};
use crate::api::photos::Upload;
use crate::api::record::{Edit, EditRequest, Scalar};
use crate::host::FileKeyStore;
use crate::ports::Space;
use crate::vault::slot::PinCost;

struct Room(Option<u64>);

/// Room that somebody else takes.
struct Shrinking(std::sync::atomic::AtomicU64);
impl Space for Shrinking {
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        Some(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
    fn reserve(&self, _: &std::fs::File, _: u64) -> std::io::Result<()> {
        Ok(())
    }
}

impl Space for Room {
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        self.0
    }
    fn reserve(&self, _: &std::fs::File, _: u64) -> std::io::Result<()> {
        Ok(())
    }
}

/// An agent without a socket, enrolled, with one task.
async fn agent(dir: &Path, room: Option<u64>) -> (Arc<Agent>, String) {
    agent_with(dir, Arc::new(Room(room))).await
}

async fn agent_with(dir: &Path, space: Arc<dyn Space>) -> (Arc<Agent>, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    (agent_of(&server, "zhang", dir, space).await, task)
}

/// The agent of one inspector at this server.
async fn agent_of(
    server: &Arc<Server>,
    person: &str,
    dir: &Path,
    space: Arc<dyn Space>,
) -> Arc<Agent> {
    server.issue("CODE-1", &[person]);
    let agent = Agent::new(Ports {
        data: dir.to_owned(),
        clock: Arc::new(TestClock::new()),
        random: Box::new(Seeded(5 + person.len() as u64)),
        keys: Arc::new(FileKeyStore::new(dir.join("device.secret"))),
        space,
        fetch: server.clone(),
        other_tablets: Arc::new(crate::host::TlsTablets::new().unwrap()),
        pin_cost: PinCost {
            m_kib: 64,
            passes: 1,
        },
        server: None,
    })
    .expect("starts");
    let request = json!({"server": "https://server.test", "code": "CODE-1", "pins": [{"person": person, "pin": "135790"}]});
    agent
        .enrol(serde_json::from_value(request).expect("request"))
        .await
        .expect("enrols");
    assert!(agent.sync_once().await.is_none());
    agent
}

fn opinion(text: &str) -> EditRequest {
    EditRequest {
        edits: vec![Edit {
            path: "handling/opinion".into(),
            value: Scalar::Str(text.into()),
            seen: None,
        }],
    }
}

fn standing(agent: &Agent, task: &str) -> Option<Scalar> {
    let record = agent.record("zhang", task).expect("reads");
    Some(
        record
            .cells
            .get("handling/opinion")?
            .values
            .first()?
            .value
            .clone(),
    )
}

fn limit_pages(agent: &Agent, pages: i64) -> i64 {
    agent
        .with_open(|open| {
            open.db
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |r| {
                    r.get(0)
                })
                .map_err(super::storage)
        })
        .expect("sets")
}

// F8: a full disk
#[tokio::test]
async fn lesson_32_a_write_that_fails_is_told_and_the_next_one_works() {
    let dir = tempfile::tempdir().expect("dir");
    let (agent, task) = agent(dir.path(), None).await;
    agent.edit("zhang", &task, opinion("先")).expect("writes");
    let full = limit_pages(&agent, 1);
    let mut refused = None;
    for n in 0..2_000 {
        if let Err(problem) =
            agent.edit("zhang", &task, opinion(&format!("{n}{}", "满".repeat(900))))
        {
            refused = Some((n, problem));
            break;
        }
    }
    let (n, problem) = refused.expect("the store becomes full");
    assert_eq!((problem.status, problem.code.as_str()), (507, "disk_full"));
    let kept = if n == 0 {
        "先".to_owned()
    } else {
        format!("{}{}", n - 1, "满".repeat(900))
    };
    assert_eq!(
        standing(&agent, &task),
        Some(Scalar::Str(kept)),
        "what was not confirmed is not shown"
    );
    limit_pages(&agent, full + 10_000);
    agent
        .edit("zhang", &task, opinion("后"))
        .expect("writes again without a restart");
    assert_eq!(standing(&agent, &task), Some(Scalar::Str("后".into())));
    assert!(agent.sync_once().await.is_none(), "the log has no gap");
}

// F8: space is looked at before a photo, and the record can still be written
#[tokio::test]
async fn lesson_18_a_photo_is_refused_before_the_disk_is_full() {
    let dir = tempfile::tempdir().expect("dir");
    let (agent, task) = agent(dir.path(), Some(20 << 20)).await;
    let upload = Upload {
        bytes: jpeg(200, 100, 3).into(),
        point: String::new(),
        caption: String::new(),
    };
    let problem = agent
        .add_photo("zhang", &task, upload)
        .expect_err("no room");
    assert_eq!((problem.status, problem.code.as_str()), (507, "disk_full"));
    assert_eq!(
        agent.photos("zhang", &task).expect("lists").total,
        0,
        "never half a photo"
    );
    agent
        .edit("zhang", &task, opinion("仍可填写"))
        .expect("writes");
}

// F9, lesson 18: a disk that becomes full in the middle of a recording is told, and what is here stays
#[tokio::test]
async fn lesson_18_a_recording_that_finds_no_room_keeps_what_it_has() {
    let dir = tempfile::tempdir().expect("dir");
    let room = Arc::new(Shrinking((1 << 30).into()));
    let (agent, task) = agent_with(dir.path(), room.clone()).await;
    let about = NewClip {
        kind: ClipKind::Check,
        caption: String::new(),
        point: String::new(),
        duration_ms: Some(2_000),
        recorded_at: None,
    };
    let id = "00112233445566aa";
    let piece = |n: u32, bytes: &[u8]| agent.take_piece("zhang", &task, id, n, &about, bytes);
    piece(0, &mp4(1 << 20, 1)).expect("takes");
    piece(1, &[7; 1 << 20]).expect("takes");
    // Room for the piece and what must stay free, but not for the clip that all become.
    let free = (64 << 20) + (3 << 20);
    room.0.store(free, std::sync::atomic::Ordering::SeqCst);
    let refused = piece(2, &[8; 1 << 20]).expect_err("no room");
    assert_eq!((refused.status, refused.code.as_str()), (507, "disk_full"));
    let rows = agent.recordings("zhang", &task).expect("lists").rows;
    assert_eq!((rows.len(), rows[0].pieces, rows[0].size), (1, 2, 2 << 20));
    let clip = agent.keep_recording("zhang", &task, id, &about);
    assert_eq!(clip.expect("keeps").size, 2 << 20);
}

fn draft(task: &str, text: Option<&str>, seq: i64) -> crate::api::drafts::DraftPut {
    crate::api::drafts::DraftPut {
        task: task.into(),
        place: "cell/handling/opinion".into(),
        text: text.map(Into::into),
        seq,
    }
}

fn drafted(agent: &Agent, person: &str) -> Vec<String> {
    let list = agent.drafts(person).expect("reads");
    list.rows.into_iter().map(|d| d.text).collect()
}

// F8: what is typed and not saved yet survives the browser, and never overtakes what was saved
#[tokio::test]
async fn lesson_10_a_draft_is_kept_until_it_is_saved() {
    let dir = tempfile::tempdir().expect("dir");
    let (agent, task) = agent(dir.path(), None).await;
    agent
        .keep_draft("zhang", draft(&task, Some("货架"), 1))
        .expect("keeps");
    agent
        .keep_draft("zhang", draft(&task, Some("货架无标签"), 3))
        .expect("keeps");
    agent
        .keep_draft("zhang", draft(&task, Some("货架无"), 2))
        .expect("comes late");
    assert_eq!(drafted(&agent, "zhang"), ["货架无标签"]);
    assert!(drafted(&agent, "li").is_empty(), "nobody reads another's");

    agent
        .edit("zhang", &task, opinion("货架无"))
        .expect("saves an older text");
    assert_eq!(drafted(&agent, "zhang"), ["货架无标签"]);
    agent
        .edit("zhang", &task, opinion("货架无标签"))
        .expect("saves");
    agent
        .keep_draft("zhang", draft(&task, Some("货架无标签"), 3))
        .expect("comes late");
    assert!(drafted(&agent, "zhang").is_empty());

    let path = "visit/accuracy_cm";
    let mut number = draft(&task, Some("1250"), 4);
    number.place = format!("cell/{path}");
    agent.keep_draft("zhang", number).expect("keeps");
    assert_eq!(drafted(&agent, "zhang"), ["1250"]);
    let edits = vec![Edit {
        path: path.into(),
        value: Scalar::Int(1250),
        seen: None,
    }];
    let saved = agent.edit("zhang", &task, EditRequest { edits });
    saved.expect("saves a number");
    assert!(drafted(&agent, "zhang").is_empty());

    agent
        .keep_draft("zhang", draft(&task, Some("改"), 4))
        .expect("keeps");
    agent
        .keep_draft("zhang", draft(&task, None, 5))
        .expect("forgets");
    assert!(drafted(&agent, "zhang").is_empty());
    let long = "长".repeat(crate::api::drafts::MAX_DRAFT);
    assert!(
        agent
            .keep_draft("zhang", draft(&task, Some(&long), 6))
            .is_err()
    );
}

// F8, lesson 18: colleagues' pictures leave room for the record
#[tokio::test]
async fn what_comes_by_itself_leaves_room_for_the_record() {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    let dirs = [
        tempfile::tempdir().expect("dir"),
        tempfile::tempdir().expect("dir"),
    ];
    let plenty = Arc::new(Room(None));
    let zhang = agent_of(&server, "zhang", dirs[0].path(), plenty).await;
    let space = Arc::new(Shrinking(60_000_000.into()));
    let li = agent_of(&server, "li", dirs[1].path(), space.clone()).await;
    let upload = Upload {
        bytes: jpeg(640, 480, 3).into(),
        point: String::new(),
        caption: String::new(),
    };
    zhang.add_photo("zhang", &task, upload).expect("adds");
    for agent in [&zhang, &li, &li] {
        assert!(agent.sync_once().await.is_none());
    }
    let here = || {
        let photo = li.photos("li", &task).expect("lists").rows.remove(0);
        (photo.has_thumbnail, photo.has_rendition)
    };
    assert_eq!(here(), (false, false), "there is no room");
    space.0.store(1 << 40, std::sync::atomic::Ordering::SeqCst);
    assert!(li.sync_once().await.is_none());
    assert_eq!(here(), (true, true));
}
