use super::*;

struct Counting(u8);
impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(17);
            *byte = self.0;
        }
    }
}

const CHEAP: PinCost = PinCost {
    m_kib: 64,
    passes: 1,
};

fn vault(dir: &Path) -> Vault {
    Vault::open(&dir.join("vault.sqlite"), [9; 32], &mut Counting(1)).expect("opens")
}

fn with_two(dir: &Path) -> Vault {
    let mut vault = vault(dir);
    let slot = |person, pin, seed| NewSlot {
        person,
        name: person,
        unit: "",
        certificate: "",
        pin,
        public_key: [0; 32],
        signing_seed: seed,
    };
    let slots = [
        slot("zhang", "135790", &[1; 32]),
        slot("li", "246801", &[2; 32]),
    ];
    vault
        .set_slots(&slots, &[7; 32], CHEAP, &mut Counting(2))
        .expect("slots are made");
    vault
}

// F8, S2
#[test]
fn lesson_23_each_inspector_of_a_shared_tablet_opens_the_store_and_only_their_own_key() {
    let dir = tempfile::tempdir().expect("dir");
    let mut vault = with_two(dir.path());
    let zhang = vault.unlock("zhang", "135790", 0, 0).expect("opens");
    let li = vault.unlock("li", "246801", 0, 0).expect("opens");
    assert_eq!(zhang.data_key, li.data_key);
    assert_eq!((zhang.signing_seed, li.signing_seed), ([1; 32], [2; 32]));
    assert!(
        matches!(
            vault.unlock("zhang", "246801", 0, 0),
            Err(UnlockError::WrongPin { .. })
        ),
        "a colleague's PIN does not open"
    );
}

// F8
#[test]
fn wrong_pins_are_counted_on_disk_slowed_and_at_last_close_the_slot() {
    let dir = tempfile::tempdir().expect("dir");
    let mut monotonic = 0;
    let mut vault = with_two(dir.path());
    for failure in 1..MAX_FAILURES {
        // The tablet's clock says what somebody set; it helps nobody.
        let clock = [0, 1 << 45, -(1 << 45)][failure as usize % 3];
        match vault.unlock("zhang", "000000", clock, monotonic) {
            Err(UnlockError::WrongPin {
                tries_left,
                wait_ms,
            }) => {
                assert_eq!(tries_left, MAX_FAILURES - failure);
                assert_eq!(wait_ms > 0, failure >= FREE_FAILURES);
                if wait_ms > 0 {
                    for clock in [clock, clock + 86_400_000, clock - 86_400_000] {
                        assert!(matches!(
                            vault.unlock("zhang", "135790", clock, monotonic + wait_ms - 1),
                            Err(UnlockError::Wait { .. })
                        ));
                    }
                }
                monotonic += wait_ms;
            }
            other => panic!("failure {failure}: {other:?}"),
        }
    }
    assert!(matches!(
        vault.unlock("zhang", "000000", 0, monotonic),
        Err(UnlockError::Closed)
    ));
    drop(vault);
    let mut vault = self::vault(dir.path());
    assert!(matches!(
        vault.unlock("zhang", "135790", 1 << 40, 1 << 40),
        Err(UnlockError::Closed)
    ));
    assert!(
        vault.unlock("li", "246801", 0, 0).is_ok(),
        "the colleague is not locked out"
    );
}

// F8: starting the tablet anew wins no time
#[test]
fn a_restart_begins_the_wait_anew() {
    let dir = tempfile::tempdir().expect("dir");
    let mut vault = with_two(dir.path());
    for _ in 0..FREE_FAILURES {
        assert!(vault.unlock("zhang", "000000", 0, 0).is_err());
    }
    for start in [0, 10_000, 3] {
        drop(vault);
        vault = self::vault(dir.path());
        let wait = match vault.unlock("zhang", "135790", 1 << 45, start) {
            Err(UnlockError::Wait { wait_ms }) => wait_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait, 5_000);
    }
    assert!(vault.unlock("zhang", "135790", 0, 5_003).is_ok());
}

// F8: what a wiped tablet's disk still holds opens nothing
#[test]
fn destroyed_keys_are_not_on_the_disk_any_more() {
    let dir = tempfile::tempdir().expect("dir");
    let mut vault = with_two(dir.path());
    let sealed: Vec<u8> = vault
        .db
        .query_row("SELECT sealed FROM slot WHERE person = 'zhang'", [], |r| {
            r.get(0)
        })
        .expect("sealed");
    vault.destroy_keys(Some(7)).expect("destroys");
    assert!(vault.is_wiping().expect("asks"));
    for name in ["vault.sqlite", "vault.sqlite-wal"] {
        let bytes = std::fs::read(dir.path().join(name)).unwrap_or_default();
        assert!(!bytes.windows(32).any(|w| w == &sealed[..32]), "{name}");
    }
    assert!(vault.cards(0, 0).expect("cards").is_empty());
}

// F8
#[test]
fn a_right_pin_resets_the_count() {
    let dir = tempfile::tempdir().expect("dir");
    let mut vault = with_two(dir.path());
    assert!(vault.unlock("zhang", "000000", 0, 0).is_err());
    assert!(vault.unlock("zhang", "135790", 0, 0).is_ok());
    assert_eq!(vault.cards(0, 0).expect("cards")[0].failures, 0);
}

// F8: the PIN alone is not enough
#[test]
fn another_device_secret_does_not_open() {
    let dir = tempfile::tempdir().expect("dir");
    drop(with_two(dir.path()));
    let mut copied =
        Vault::open(&dir.path().join("vault.sqlite"), [8; 32], &mut Counting(1)).expect("opens");
    assert!(matches!(
        copied.unlock("zhang", "135790", 0, 0),
        Err(UnlockError::WrongPin { .. })
    ));
}

#[test]
fn pins_that_anybody_guesses_are_refused() {
    for weak in ["12345", "111111", "123456", "654321", "abcdef", ""] {
        assert!(check_new_pin(weak).is_err(), "{weak}");
    }
    for good in ["135790", "19-检查-07", "582047"] {
        assert!(check_new_pin(good).is_ok(), "{good}");
    }
}
