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
        .add_slots(&slots, &[7; 32], CHEAP, &mut Counting(2))
        .expect("slots are made");
    vault
}

// F8, S2
#[test]
fn lesson_23_each_inspector_of_a_shared_tablet_opens_the_store_and_only_their_own_key() {
    let dir = tempfile::tempdir().expect("dir");
    let mut vault = with_two(dir.path());
    let zhang = vault.unlock("zhang", "135790", 0).expect("opens");
    let li = vault.unlock("li", "246801", 0).expect("opens");
    assert_eq!(zhang.data_key, li.data_key);
    assert_eq!((zhang.signing_seed, li.signing_seed), ([1; 32], [2; 32]));
    assert!(
        matches!(
            vault.unlock("zhang", "246801", 0),
            Err(UnlockError::WrongPin { .. })
        ),
        "a colleague's PIN does not open"
    );
}

// F8
#[test]
fn wrong_pins_are_counted_on_disk_slowed_and_at_last_close_the_slot() {
    let dir = tempfile::tempdir().expect("dir");
    let mut now = 0;
    drop(with_two(dir.path()));
    for failure in 1..MAX_FAILURES {
        let mut vault = vault(dir.path()); // opened anew: the count survives a restart
        match vault.unlock("zhang", "000000", now) {
            Err(UnlockError::WrongPin {
                tries_left,
                wait_ms,
            }) => {
                assert_eq!(tries_left, MAX_FAILURES - failure);
                assert_eq!(wait_ms > 0, failure >= FREE_FAILURES);
                if wait_ms > 0 {
                    assert!(matches!(
                        vault.unlock("zhang", "135790", now + wait_ms - 1),
                        Err(UnlockError::Wait { .. })
                    ));
                    assert!(
                        matches!(
                            vault.unlock("zhang", "135790", now - 86_400_000),
                            Err(UnlockError::Wait { .. })
                        ),
                        "setting the clock back does not help"
                    );
                }
                now += wait_ms;
            }
            other => panic!("failure {failure}: {other:?}"),
        }
    }
    let mut vault = vault(dir.path());
    assert!(matches!(
        vault.unlock("zhang", "000000", now),
        Err(UnlockError::Closed)
    ));
    assert!(matches!(
        vault.unlock("zhang", "135790", now + 1_000_000_000),
        Err(UnlockError::Closed)
    ));
    assert!(
        vault.unlock("li", "246801", now).is_ok(),
        "the colleague is not locked out"
    );
}

// F8
#[test]
fn a_right_pin_resets_the_count() {
    let dir = tempfile::tempdir().expect("dir");
    let mut vault = with_two(dir.path());
    assert!(vault.unlock("zhang", "000000", 0).is_err());
    assert!(vault.unlock("zhang", "135790", 0).is_ok());
    assert_eq!(vault.cards(0).expect("cards")[0].failures, 0);
}

// F8: the PIN alone is not enough
#[test]
fn another_device_secret_does_not_open() {
    let dir = tempfile::tempdir().expect("dir");
    drop(with_two(dir.path()));
    let mut copied =
        Vault::open(&dir.path().join("vault.sqlite"), [8; 32], &mut Counting(1)).expect("opens");
    assert!(matches!(
        copied.unlock("zhang", "135790", 0),
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
