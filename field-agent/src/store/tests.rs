use super::*;

// F8
#[test]
fn the_store_is_encrypted_and_another_key_does_not_open_it() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("store.sqlite");
    {
        let db = open(&path, &[1; 32]).expect("opens");
        assert!(cipher_version(&db).expect("asks").is_some());
        set_meta(&db, "secret", "深圳市某某餐饮有限公司".as_bytes()).expect("writes");
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .expect("checkpoint");
    }
    let bytes = std::fs::read(&path).expect("file");
    assert!(!bytes.starts_with(b"SQLite format 3"));
    assert!(!bytes.windows(12).any(|w| w == "深圳市某".as_bytes()));
    assert!(matches!(open(&path, &[2; 32]), Err(OpenError::Sqlite(_))));
    let db = open(&path, &[1; 32]).expect("opens again");
    assert!(get_meta(&db, "secret").expect("reads").is_some());
}

// F8: a flat battery. FULL means that a commit waits for the disk.
#[test]
fn commits_wait_for_the_disk() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir.path().join("store.sqlite"), &[1; 32]).expect("opens");
    let synchronous: i64 = db
        .query_row("PRAGMA synchronous", [], |r| r.get(0))
        .expect("asks");
    let journal: String = db
        .query_row("PRAGMA journal_mode", [], |r| r.get(0))
        .expect("asks");
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("store.sqlite");
    open(&path, &[1; 32])
        .expect("opens")
        .pragma_update(None, "user_version", 999)
        .expect("writes");
    assert!(open(&path, &[1; 32]).is_err());
}

// What is asked at each tap is not planned anew when it is asked again.
#[test]
fn a_statement_is_planned_once() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir.path().join("store.sqlite"), &[1; 32]).expect("opens");
    let sql = "SELECT row, round, at FROM statement WHERE task = ?1 ORDER BY at, rowid";
    for task in ["a", "a", "b"] {
        let mut ask = db.prepare_cached(sql).expect("prepares");
        let mut rows = ask.query([task]).expect("asks");
        assert!(rows.next().expect("reads").is_none());
    }
    let ask = db.prepare_cached(sql).expect("prepares");
    assert_eq!(ask.get_status(rusqlite::StatementStatus::RePrepare), 0);
}

// F7: the least far of its changes, statements and of what was taken out of it
#[test]
fn what_is_on_the_way_is_known_without_counting() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir.path().join("store.sqlite"), &[1; 32]).expect("opens");
    let asked = |sql: &str| {
        db.execute_batch(sql).expect("writes");
        changes::on_the_way(&db, "t").expect("asks")
    };
    let change = |n: u32, task: &str, delivery: i64| {
        format!(
            "INSERT INTO change(task, hash, actor, bytes, delivery, at)
             VALUES ('{task}', x'0{n}', 'a', x'', {delivery}, 1)"
        )
    };
    assert_eq!(asked(""), [false; 3]);
    assert_eq!(asked(&change(1, "t", delivery::CONFIRMED)), [false; 3]);
    assert_eq!(asked(&change(1, "another", delivery::HERE)), [false; 3]);
    assert_eq!(asked(&change(2, "t", delivery::SENT)), [false, true, false]);
    assert_eq!(asked(&change(3, "t", delivery::HERE)), [true, true, false]);
    assert_eq!(
        asked(&change(4, "t", delivery::REFUSED)),
        [true, true, true]
    );
    let statement = "INSERT INTO statement(id, task, row, round, delivery, at) VALUES (x'01', 't', x'', 1, 0, 1)";
    assert_eq!(
        asked(&format!("DELETE FROM change; {statement}")),
        [true, false, false]
    );
    let own = "INSERT INTO aside(task, hash, author, bytes, code, detail, at) VALUES ('t', x'01', x'', x'', 'own:relieved', '', 1)";
    assert_eq!(
        asked(&format!("DELETE FROM statement; {own}")),
        [false, false, true]
    );
}

// A damaged store is kept as it is (lesson 8).
#[test]
fn lesson_08_a_damaged_store_is_not_deleted() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("store.sqlite");
    std::fs::write(&path, vec![0x42; 8192]).expect("writes");
    assert!(open(&path, &[1; 32]).is_err());
    assert_eq!(std::fs::read(&path).expect("still there"), vec![0x42; 8192]);
}

// F6: of its size a record only claims
#[test]
fn only_what_is_small_comes_by_itself() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir.path().join("store.sqlite"), &[1; 32]).expect("opens");
    for (form, most) in [(1, queue::MOST_THUMBNAIL), (2, queue::MOST_RENDITION)] {
        for (name, size) in [("fits", most), ("too long", most + 1)] {
            let name = format!("{name} {form}");
            let size_here = size as i64;
            queue::put(
                &db,
                "t",
                &name,
                form,
                size_here,
                false,
                delivery::CONFIRMED,
                0,
            )
            .expect("puts");
            assert_eq!(queue::comes_by_itself(form, size), name.starts_with("fits"));
        }
    }
    let fetched = queue::to_fetch(&db, 0, 10).expect("asks");
    let fetched: Vec<&str> = fetched.iter().map(|r| r.sha256.as_str()).collect();
    assert_eq!(fetched, ["fits 1", "fits 2"]);
    assert!(!queue::comes_by_itself(3, 1) && !queue::comes_by_itself(4, 1));
}
