use super::*;

fn open(folder: &Path, synchronous: &str) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(folder.join("a.db")).expect("opens");
    db.pragma_update(None, "journal_mode", "WAL").expect("wal");
    db.pragma_update(None, "synchronous", synchronous)
        .expect("synchronous");
    db.execute_batch("CREATE TABLE IF NOT EXISTS t(n INTEGER)")
        .expect("table");
    db
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("faulty-disk-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("folder");
    folder
}

fn rows(folder: &Path) -> i64 {
    open(folder, "FULL")
        .query_row("SELECT count(*) FROM t", [], |r| r.get(0))
        .expect("counts")
}

#[test]
fn a_dead_disk_takes_nothing_and_keeps_what_it_had() {
    let folder = folder("dead");
    let disk = Disk::watch(&folder).expect("watches");
    {
        let db = open(&folder, "FULL");
        db.execute("INSERT INTO t VALUES (1)", []).expect("first");
        disk.die_at(1);
        assert!(db.execute("INSERT INTO t VALUES (2)", []).is_err());
    }
    assert!(disk.was_hit());
    disk.works_again();
    assert_eq!(rows(&folder), 1);
}

#[test]
fn a_full_disk_says_so_and_works_again() {
    let folder = folder("full");
    let disk = Disk::watch(&folder).expect("watches");
    let db = open(&folder, "FULL");
    disk.full_at(1);
    let error = db
        .execute("INSERT INTO t VALUES (1)", [])
        .expect_err("full");
    assert_eq!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DiskFull)
    );
    disk.works_again();
    db.execute("INSERT INTO t VALUES (1)", []).expect("room");
}

// The simulation must be able to lose: without syncs a power cut takes commits back.
#[test]
fn a_power_cut_takes_back_only_what_was_not_synced() {
    for (synchronous, may_lose) in [("FULL", false), ("OFF", true)] {
        let mut lost = false;
        for seed in 0..24 {
            let folder = folder(&format!("cut-{synchronous}-{seed}"));
            let disk = Disk::watch(&folder).expect("watches");
            {
                let db = open(&folder, synchronous);
                db.execute("INSERT INTO t VALUES (1)", []).expect("first");
                db.execute("INSERT INTO t VALUES (2)", []).expect("second");
                disk.die_at(1);
            }
            disk.cut_power(seed).expect("cuts");
            lost |= rows(&folder) < 2;
            let _ = fs::remove_dir_all(&folder);
        }
        assert_eq!(lost, may_lose, "{synchronous}");
    }
}
