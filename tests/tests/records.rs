//! What tablets bring and fetch, against the real router, store and admission child.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use ed25519_dalek::SigningKey as Secret;
use sync::admit::Code;
use sync::cells::Value;
use sync::ids::Sha256;
use sync::message::*;
use tests::wire::{WireOffice, WireTablet};

fn cells(cells: &[(&str, Value)]) -> Vec<(String, Value)> {
    cells
        .iter()
        .map(|(path, value)| (path.to_string(), value.clone()))
        .collect()
}

#[tokio::test]
async fn lesson_17_two_inspectors_record_one_visit_in_one_document() {
    // F5, F7; the document's id is the task's, given at dispatch
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let run = zhang.write(
        office.task,
        &cells(&[
            ("point/A1/p1/answer", "compliant".into()),
            ("visit/start_at", 5.into()),
        ]),
    );
    let response = office.push(&mut zhang, run).await;
    assert_eq!(
        response.verdicts,
        [DocVerdict {
            stored: 2,
            held: vec![]
        }]
    );
    let run = li.write(
        office.task,
        &cells(&[("point/A1/p1/answer", "non_compliant".into())]),
    );
    let response = office.push(&mut li, run).await;
    assert_eq!(response.verdicts[0].stored, 1);
    assert_eq!(
        response.docs[0].changes.len(),
        2,
        "Zhang's work comes in the same round trip"
    );
    let request = zhang.request();
    office.sync(&mut zhang, &request).await;
    assert_eq!(zhang.record().heads(), li.record().heads());
    assert_eq!(zhang.record().view().conflicts(), ["point/A1/p1/answer"]);
    assert_eq!(
        (zhang.records.len(), li.records.len()),
        (1, 1),
        "neither tablet made a record of its own"
    );
    for count in [
        "SELECT count(DISTINCT task) FROM record_changes",
        "SELECT count(*) FROM record_docs",
    ] {
        assert_eq!(office.count(count).await, 1, "{count}");
    }
    // And the office's own copy holds the work of both.
    let task = office.task.to_string();
    let doc = office
        .state
        .db
        .read(move |tx| Ok(server::sync::store::doc(tx, &task)?));
    let (_, heads) = doc.await.unwrap().unwrap();
    assert_eq!(
        heads,
        server::sync::store::heads_text(&zhang.record().heads())
    );
}

#[tokio::test]
async fn a_lost_answer_makes_no_duplicates() {
    // lesson 1
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let run = zhang.write(
        office.task,
        &cells(&[("point/A1/p1/answer", "compliant".into())]),
    );
    for _ in 0..3 {
        assert_eq!(
            office.push(&mut zhang, run.clone()).await.verdicts[0].stored,
            1
        );
    }
    assert_eq!(office.count("SELECT count(*) FROM record_changes").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_06_a_race_makes_no_second_copy() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let run = zhang.write(
        office.task,
        &cells(&[("point/A1/p1/answer", "compliant".into())]),
    );
    let mut request = zhang.request();
    request.docs = vec![DocChanges {
        task: office.task,
        changes: run,
    }];
    let body = pack(&request).unwrap();
    let racers = (0..8).map(|_| office.send(&zhang.secret, "POST", "/sync/v1", &[], body.clone()));
    for response in futures_util::future::join_all(racers).await {
        assert_eq!(response.status(), StatusCode::OK);
    }
    assert_eq!(office.count("SELECT count(*) FROM record_changes").await, 2);
    assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 0);
    // The database itself refuses a second change of one author with the same number.
    let copied = office.state.db.write(|tx| {
        Ok(tx.execute(
            "INSERT INTO record_changes (task, hash, actor, seq, author_key, author_person, author_epoch,
                bytes, sig, received_at, via_device)
             SELECT task, 'another ' || hash, actor, seq, author_key, author_person, author_epoch, bytes, sig, 0, via_device
             FROM record_changes",
            &[],
        )?)
    });
    assert!(copied.await.is_err());
    assert_eq!(office.count("SELECT count(*) FROM record_changes").await, 2);
}

#[tokio::test]
async fn what_is_refused_is_kept_shown_and_blocks_nothing() {
    // lesson 14, lesson 31
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let good = zhang.write(
        office.task,
        &cells(&[("point/A1/p1/answer", "compliant".into())]),
    );
    let mut bad = good.clone();
    let at = bad[0].bytes.len() / 2;
    bad[0].bytes[at] ^= 0xff;
    let response = office.push(&mut zhang, bad).await;
    assert_eq!(response.verdicts[0].held[0].code, Some(Code::Malformed));
    assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 1);
    assert_eq!(office.push(&mut zhang, good).await.verdicts[0].stored, 1);
}

#[tokio::test]
async fn lesson_31_a_record_that_is_too_large_is_told_so_and_the_others_arrive() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 3).await;
    let mut zhang = office.granted(1, "zhang").await;
    let tasks: Vec<_> = zhang.records.keys().copied().collect();
    let mut request = zhang.request();
    for (n, task) in tasks.iter().enumerate() {
        let answer = [("point/A1/p1/answer", "compliant".into())];
        let mut changes = zhang.write(*task, &cells(&answer));
        if n == 0 {
            let bytes = &mut changes[0].bytes;
            bytes.resize(sync::chunk::MAX_CHANGE_BYTES + 1, 0);
        }
        request.docs.push(DocChanges {
            task: *task,
            changes,
        });
    }
    let (response, ..) = office.round_trip(&mut zhang, &request).await;
    let told = |n: usize| {
        let held = response.verdicts[n].held.first();
        (response.verdicts[n].stored, held.and_then(|h| h.code))
    };
    assert_eq!(told(0), (0, Some(Code::TooLarge)));
    assert_eq!((told(1), told(2)), ((1, None), (1, None)));
    assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 1);
}

#[tokio::test]
async fn a_stranger_and_a_revoked_tablet_get_nothing() {
    // S2, F8
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let body = pack(&WireTablet::new(9, "wang").request()).unwrap();
    let response = office
        .send(
            &Secret::from_bytes(&[9; 32]),
            "POST",
            "/sync/v1",
            &[],
            body.clone(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    office
        .state
        .db
        .write(|tx| Ok(tx.execute("UPDATE devices SET revoked_at = 1 WHERE name = 'li'", &[])?))
        .await
        .unwrap();
    let response = office
        .send(&Secret::from_bytes(&[2; 32]), "POST", "/sync/v1", &[], body)
        .await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_restored_server_is_noticed() {
    // X7
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    for cursor in [
        Cursor {
            incarnation: [1; 16],
            seq: 1,
        },
        Cursor {
            seq: 1 << 40,
            ..zhang.cursor.unwrap()
        },
    ] {
        let mut request = zhang.request();
        request.cursor = Some(cursor);
        let response = office.sync(&mut zhang, &request).await;
        assert!(response.restored);
        assert_eq!(response.tips.len(), 1);
        assert_eq!(response.grants.len(), 1, "everything comes again");
    }
}

#[tokio::test]
async fn who_asks_from_before_its_own_work_gets_it_back() {
    // F8: a tablet put back from a copy, or a lost answer
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let before = zhang.cursor;
    let run = zhang.write(
        office.task,
        &cells(&[("point/A1/p1/answer", "compliant".into())]),
    );
    let response = office.push(&mut zhang, run).await;
    assert!(response.docs.is_empty(), "what was just brought stays up");
    let request = zhang.request();
    assert!(office.sync(&mut zhang, &request).await.docs.is_empty());
    zhang.cursor = before;
    let request = zhang.request();
    let response = office.sync(&mut zhang, &request).await;
    assert_eq!(response.docs[0].changes.len(), 1);
}

#[tokio::test]
async fn lesson_30_a_restored_server_that_has_gone_on_is_noticed_by_a_cursor_it_never_gave() {
    // X7: the same incarnation, and by now longer than it was
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut li = office.granted(2, "li").await;
    let mut zhang = office.granted(1, "zhang").await;
    let state = office.state.clone();
    // What Li heard of is not in the backup; the server starts from it and goes on.
    let gone = li.cursor.unwrap().seq;
    let restart = state.db.write(move |tx| {
        let gone = i64::try_from(gone).unwrap_or(0);
        tx.execute("DELETE FROM feed WHERE seq = $1", &[&gone])?;
        tx.execute("UPDATE devices SET feed_seq = feed_seq - 1", &[])?;
        Ok(server::sync::store::leave_gap(tx, 1_000)?)
    });
    restart.await.unwrap();
    let run = zhang.write(
        office.task,
        &cells(&[("point/A1/p1/answer", "compliant".into())]),
    );
    office.push(&mut zhang, run).await;
    let request = li.request();
    let response = office.sync(&mut li, &request).await;
    assert!(response.restored, "everything is compared anew");
}

#[tokio::test]
async fn an_idle_sync_is_a_cursor() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let request = zhang.request();
    let up = pack(&request).unwrap().len();
    let response = office.sync(&mut zhang, &request).await;
    assert!(response.docs.is_empty() && response.grants.is_empty());
    let down = pack(&response).unwrap().len();
    assert!(up + down <= 600, "{up} + {down}");
}

/// Names a photo in the record; returns the hash.
async fn name_photo(office: &WireOffice, tablet: &mut WireTablet, bytes: &[u8]) -> String {
    let sha256 = Sha256::of(bytes).to_string();
    let id = "0123456789abcdef";
    let run = tablet.write(
        office.task,
        &cells(&[
            (
                &format!("photo/{id}/thumbnail_sha256"),
                sha256.as_str().into(),
            ),
            (
                &format!("photo/{id}/thumbnail_size"),
                (bytes.len() as i64).into(),
            ),
        ]),
    );
    office.push(tablet, run).await;
    sha256
}

fn offset(response: &Response<Body>) -> u64 {
    response.headers()["upload-offset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_photo_goes_on_where_it_was_cut() {
    // F7; lesson 3, lesson 29
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let photo: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let sha256 = name_photo(&office, &mut zhang, &photo).await;
    let path = format!("/blobs/{}/{sha256}", office.task);
    let secret = zhang.secret.clone();
    let patch = |from: usize, chunk: &[u8]| {
        let (office, secret, path, chunk) = (&office, secret.clone(), path.clone(), chunk.to_vec());
        async move {
            office
                .send(
                    &secret,
                    "PATCH",
                    &path,
                    &[("upload-offset", &from.to_string())],
                    chunk,
                )
                .await
        }
    };
    let response = patch(0, &photo[..40_000]).await;
    assert_eq!(
        (response.status(), offset(&response)),
        (StatusCode::NO_CONTENT, 40_000)
    );
    // The answer was lost: the tablet repeats the chunk and is told where to go on.
    let response = patch(0, &photo[..40_000]).await;
    assert_eq!(
        (response.status(), offset(&response)),
        (StatusCode::CONFLICT, 40_000)
    );
    assert_eq!(
        offset(&office.send(&secret, "HEAD", &path, &[], vec![]).await),
        40_000
    );
    let response = patch(40_000, &photo[40_000..]).await;
    assert_eq!(response.headers()["upload-complete"], "?1");
    // The receipt comes with the next sync, and Li hears of the photo and fetches a part of it.
    let mut request = zhang.request();
    request.blobs = vec![BlobRef {
        task: office.task,
        sha256: sha256.parse().unwrap(),
        size: 100_000,
        kind: BlobKind::Thumbnail,
    }];
    assert!(office.sync(&mut zhang, &request).await.blobs[0].stored);
    let request = li.request();
    let offered = office.sync(&mut li, &request).await.offered;
    assert_eq!(offered.len(), 1);
    let response = office
        .send(
            &li.secret,
            "GET",
            &path,
            &[("range", "bytes=50000-50009")],
            vec![],
        )
        .await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    let part = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    assert_eq!(part[..], photo[50_000..50_010]);
}

// F7: what a colleague has sent is at the office; before, nobody is told so
#[tokio::test]
async fn the_team_hears_of_originals_and_clips_only_that_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let office = WireOffice::open(dir.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let files = [
        ("photo/0123456789abcdef", BlobKind::Original, vec![1; 900]),
        ("clip/0123456789abcdef", BlobKind::Clip, vec![2; 1_900]),
    ];
    for (entry, _, bytes) in &files {
        let sha256 = Sha256::of(bytes).to_string();
        let named = cells(&[
            (&format!("{entry}/sha256"), sha256.as_str().into()),
            (&format!("{entry}/size"), (bytes.len() as i64).into()),
        ]);
        let run = zhang.write(office.task, &named);
        office.push(&mut zhang, run).await;
    }
    let request = li.request();
    assert_eq!(office.sync(&mut li, &request).await.offered, []);
    let (mut stored, secret) = (Vec::new(), zhang.secret.clone());
    for (_, kind, bytes) in files {
        let sha256 = Sha256::of(&bytes);
        let (size, path) = (
            bytes.len() as u64,
            format!("/blobs/{}/{sha256}", office.task),
        );
        let response = office
            .send(&secret, "PATCH", &path, &[("upload-offset", "0")], bytes)
            .await;
        assert_eq!(response.headers()["upload-complete"], "?1");
        let task = office.task;
        stored.push(BlobRef {
            task,
            sha256,
            size,
            kind,
        });
    }
    let request = li.request();
    assert_eq!(office.sync(&mut li, &request).await.offered, stored);
}

#[tokio::test]
async fn lesson_11_an_upload_that_died_holds_no_lock() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let photo = vec![7; 10_000];
    let path = format!(
        "/blobs/{}/{}",
        office.task,
        name_photo(&office, &mut zhang, &photo).await
    );
    let patch = |part: std::ops::Range<usize>| {
        let (office, secret, path) = (&office, zhang.secret.clone(), path.clone());
        let (from, chunk) = (part.start.to_string(), photo[part].to_vec());
        async move {
            let at = [("upload-offset", &*from)];
            office.send(&secret, "PATCH", &path, &at, chunk).await
        }
    };
    // The connection breaks at each of the points where the server waits, and the photo is never whole.
    for waits in 1..=12 {
        let mut upload = std::pin::pin!(patch(0..4_000));
        for _ in 0..waits {
            if futures_util::poll!(&mut upload).is_ready() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
    }
    let head = office.send(&zhang.secret, "HEAD", &path, &[], vec![]).await;
    assert_eq!(head.headers()["upload-complete"], "?0");
    let rest = offset(&head) as usize..photo.len();
    let response = patch(rest).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["upload-complete"], "?1");
}

#[tokio::test]
async fn lesson_29_a_photo_that_is_not_what_its_name_says_is_never_published() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let sha256 = name_photo(&office, &mut zhang, b"what it should be").await;
    let path = format!("/blobs/{}/{sha256}", office.task);
    let response = office
        .send(
            &zhang.secret,
            "PATCH",
            &path,
            &[("upload-offset", "0")],
            b"something else 17".to_vec(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let response = office.send(&zhang.secret, "HEAD", &path, &[], vec![]).await;
    assert_eq!(
        (
            offset(&response),
            response.headers()["upload-complete"].to_str().unwrap()
        ),
        (0, "?0")
    );
    let unnamed = format!(
        "/blobs/{}/{}",
        office.task,
        Sha256::of(b"no record names this")
    );
    let response = office
        .send(
            &zhang.secret,
            "PATCH",
            &unnamed,
            &[("upload-offset", "0")],
            b"x".to_vec(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
