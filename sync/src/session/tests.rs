use super::*;
use crate::message::BlobKind;

fn name(size: u64) -> BlobName {
    (TaskId([1; 16]), Sha256([size as u8; 32]))
}

fn up(kind: BlobKind, size: u64, offset: u64) -> Transfer {
    let (task, sha256) = name(size);
    let blob = BlobRef {
        task,
        sha256,
        size,
        kind,
    };
    Transfer {
        direction: Direction::Up,
        blob,
        offset,
    }
}

fn moved(size: u64, offset: u64) -> Event {
    let blob = name(size);
    Event::Moved { blob, offset }
}

/// A session that has just applied an answer.
fn applied(transfers: Vec<Transfer>) -> (Session, Vec<Effect>) {
    let mut s = Session::new(Settings::default());
    s.handle(0, Event::Woken);
    s.handle(0, Event::Packed(vec![]));
    s.handle(0, Event::Answered(vec![]));
    let more = false;
    let effects = s.handle(0, Event::Applied { more, transfers });
    (s, effects)
}

fn moves(effects: &[Effect]) -> Vec<(BlobKind, u64, u64)> {
    let one = |e: &Effect| match e {
        Effect::Move { transfer, length } => Some((transfer.blob.kind, transfer.offset, *length)),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

fn packs(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Pack { .. }])
}

#[test]
fn thumbnails_move_before_originals() {
    // F7
    let big = 10_000_200;
    let (mut s, first) = applied(vec![
        up(BlobKind::Original, big, 0),
        up(BlobKind::Original, big + 1, 0),
        up(BlobKind::Thumbnail, 100, 40),
    ]);
    let want = [
        (BlobKind::Thumbnail, 40, 60),
        (BlobKind::Original, 0, 65_536),
    ];
    assert_eq!(moves(&first), want);
    let next = s.handle(1, moved(100, 100));
    assert_eq!(moves(&next), [(BlobKind::Original, 0, 65_536)]);
    s.handle(2, moved(big, big));
    let done = s.handle(2, moved(big + 1, big + 1));
    assert!(packs(&done), "asks for the receipts");
}

#[test]
fn a_long_delay_does_not_idle_the_link() {
    // F7: small things, several at a time
    let small = (1..=9).map(|n| up(BlobKind::Thumbnail, n, 0)).collect();
    let (mut s, first) = applied(small);
    assert_eq!(moves(&first).len(), MAX_FLYING);
    assert_eq!(moves(&s.handle(1, moved(1, 1))).len(), 1);
}

#[test]
fn lesson_12_what_is_written_during_a_pass_goes_at_once() {
    let (mut s, _) = applied(vec![up(BlobKind::Original, 10_000_000, 0)]);
    assert!(packs(&s.handle(1, Event::Woken)), "beside the photo");
    s.handle(2, Event::Packed(vec![]));
    assert_eq!(s.handle(2, Event::Woken), [], "while that is under way");
    s.handle(3, Event::Answered(vec![]));
    let done = Event::Applied {
        more: false,
        transfers: vec![],
    };
    assert!(packs(&s.handle(3, done)), "looks again after the pass");
}

#[test]
fn lesson_11_who_asks_is_not_left_waiting_for_what_hangs() {
    // F7: a request is lost on its way; the network may be another by now.
    let mut s = Session::new(Settings::default());
    s.handle(0, Event::Woken);
    assert_eq!(s.handle(HUNG_MS, Event::Asked), [], "it is being packed");
    s.handle(HUNG_MS, Event::Packed(vec![1]));
    let sent = HUNG_MS;
    assert_eq!(
        s.handle(sent + HUNG_MS - 1, Event::Asked),
        [],
        "it may come"
    );
    let anew = s.handle(sent + HUNG_MS, Event::Asked);
    assert!(
        matches!(anew[..], [Effect::Abandon, Effect::Pack { .. }]),
        "it is given up: {anew:?}"
    );
    assert_eq!(s.handle(sent + HUNG_MS, Event::Answered(vec![])), []);
}

#[test]
fn lesson_11_who_asks_cuts_no_photo_that_moves() {
    let (mut s, first) = applied(vec![
        up(BlobKind::Original, 10_000_000, 0),
        up(BlobKind::Thumbnail, 100, 0),
    ]);
    assert_eq!(moves(&first).len(), 2);
    // The link is slow, but it brings something.
    s.handle(HUNG_MS - 1, moved(100, 100));
    let beside = s.handle(HUNG_MS + 1, Event::Asked);
    assert!(packs(&beside), "it goes on: {beside:?}");
    s.handle(HUNG_MS + 1, Event::Packed(vec![]));
    let anew = s.handle(3 * HUNG_MS, Event::Asked);
    assert!(matches!(anew[..], [Effect::Abandon, Effect::Pack { .. }]));
    assert_eq!(s.doubted().count(), 1, "how much of it came is asked");
}

#[test]
fn lesson_28_a_photo_that_others_overtake_again_and_again_goes_anew() {
    // F7: a connection on the way is stuck, another is not
    let (mut s, first) = applied(vec![
        up(BlobKind::Thumbnail, 50, 0),
        up(BlobKind::Rendition, 200_000, 0),
    ]);
    assert_eq!(moves(&first).len(), 2);
    let once = s.handle(1_000, moved(200_000, 65_536));
    assert_eq!(moves(&once).len(), 1, "unlucky, perhaps");
    let again = s.handle(2_000, moved(200_000, 65_536 + 65_536));
    let blob = name(50);
    assert!(
        matches!(again[..], [Effect::Drop { blob: stuck }, Effect::Pack { .. }] if stuck == blob),
        "how much of it came is asked: {again:?}"
    );
    assert_eq!(s.doubted().collect::<Vec<_>>(), [blob]);
    s.handle(2_000, Event::Packed(vec![]));
    s.handle(2_500, Event::Answered(vec![]));
    let transfers = vec![
        up(BlobKind::Rendition, 200_000, 131_072),
        up(BlobKind::Thumbnail, 50, 20),
    ];
    let anew = s.handle(
        2_500,
        Event::Applied {
            more: false,
            transfers,
        },
    );
    assert_eq!(moves(&anew)[0], (BlobKind::Thumbnail, 20, 30));
}

#[test]
fn lesson_28_a_photo_that_hangs_holds_neither_records_nor_photos_up() {
    let (mut s, first) = applied(vec![
        up(BlobKind::Thumbnail, 50, 0),
        up(BlobKind::Original, 10_000_000, 0),
        up(BlobKind::Original, 20_000_000, 0),
    ]);
    assert_eq!(moves(&first).len(), 2);
    // The thumbnail hangs; the others move, and a record is written.
    assert_eq!(moves(&s.handle(5, moved(10_000_000, 65_536))).len(), 1);
    assert!(packs(&s.handle(6, Event::Woken)));
    s.handle(6, Event::Packed(vec![]));
    s.handle(7, Event::Answered(vec![]));
    let transfers = vec![up(BlobKind::Thumbnail, 50, 0)];
    let more = false;
    s.handle(8, Event::Applied { more, transfers });
    let failure = Failure::Stalled;
    let blob = name(50);
    let after = s.handle(30_000, Event::MoveFailed { blob, failure });
    assert!(
        !after.contains(&Effect::Abandon),
        "the link is not to blame"
    );
    assert!(packs(&after), "it is asked how much of it came: {after:?}");
    assert_eq!(s.doubted().collect::<Vec<_>>(), [blob]);
}

#[test]
fn passing_failures_back_off_and_lasting_ones_stop() {
    // lesson 13
    let mut s = Session::new(Settings::default());
    let mut pauses = Vec::new();
    for _ in 0..14 {
        s.handle(0, Event::TimerFired);
        match &s.handle(0, Event::Failed(Failure::Passing))[..] {
            [Effect::Abandon, Effect::Timer { at }] => pauses.push(*at),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pauses[..4], [250, 500, 1_000, 2_000]);
    assert_eq!(pauses[13], MAX_BACKOFF_MS);
    // A network that comes and goes is not missed for minutes.
    s.handle(0, Event::TimerFired);
    assert_eq!(
        s.handle(0, Event::Failed(Failure::Offline)),
        [Effect::Abandon, Effect::Timer { at: OFFLINE_MS }]
    );
    s.handle(0, Event::Woken);
    assert_eq!(
        s.handle(0, Event::Failed(Failure::Lasting)),
        [Effect::Abandon]
    );
    assert!(s.is_stopped());
    assert_eq!(s.handle(0, Event::TimerFired), []);
    assert!(packs(&s.handle(0, Event::Woken)));
}

#[test]
fn a_server_that_answers_but_takes_no_photo_is_left_in_peace() {
    // lesson 13: an answer to the round trip alone is no progress
    let mut s = Session::new(Settings::default());
    let mut pauses = Vec::new();
    for _ in 0..4 {
        s.handle(0, Event::TimerFired);
        s.handle(0, Event::Packed(vec![]));
        s.handle(0, Event::Answered(vec![]));
        let transfers = vec![up(BlobKind::Thumbnail, 9, 0)];
        let more = false;
        s.handle(0, Event::Applied { more, transfers });
        let (blob, failure) = (name(9), Failure::Passing);
        match &s.handle(0, Event::MoveFailed { blob, failure })[..] {
            [Effect::Abandon, Effect::Timer { at }] => pauses.push(*at),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000]);
}

#[test]
fn after_a_cut_what_is_in_no_doubt_goes_on_at_once() {
    // F7
    let small = (1..=9).map(|n| up(BlobKind::Thumbnail, n, 0)).collect();
    let (mut s, _) = applied(small);
    let (blob, failure) = (name(1), Failure::Passing);
    s.handle(9, Event::MoveFailed { blob, failure });
    let next = s.handle(300, Event::TimerFired);
    assert!(matches!(next[0], Effect::Pack { .. }));
    let sizes: Vec<u64> = moves(&next).iter().map(|m| m.2).collect();
    assert_eq!(sizes, [5, 6, 7, 8], "not the four that were on their way");
}

#[test]
fn a_cut_chunk_of_which_something_came_is_progress() {
    // F7: a link that never passes a whole chunk is no reason to wait for minutes
    let mut s = Session::new(Settings::default());
    for offset in (0..50_000).step_by(10_000) {
        s.handle(0, Event::TimerFired);
        s.handle(0, Event::Packed(vec![]));
        s.handle(0, Event::Answered(vec![]));
        let transfers = vec![up(BlobKind::Thumbnail, 65_000, offset)];
        let more = false;
        s.handle(0, Event::Applied { more, transfers });
        let (blob, failure) = (name(65_000), Failure::Passing);
        let rest = s.handle(0, Event::MoveFailed { blob, failure });
        assert_eq!(rest[1], Effect::Timer { at: 250 });
    }
}

#[test]
fn one_bad_photo_does_not_hold_up_the_others() {
    // lesson 4, lesson 14
    let small = (1..=6).map(|n| up(BlobKind::Thumbnail, n, 0)).collect();
    let (mut s, _) = applied(small);
    let (blob, failure) = (name(1), Failure::ThisBlob);
    let next = s.handle(1, Event::MoveFailed { blob, failure });
    assert_eq!(moves(&next), [(BlobKind::Thumbnail, 0, 5)]);
}

#[test]
fn chunks_follow_the_link() {
    // F7: what takes about four seconds, 16 KiB to 1 MiB
    let huge = 1 << 40;
    let (mut s, first) = applied(vec![up(BlobKind::Original, huge, 0)]);
    let (mut now, mut offset) = (0, 0);
    let mut length = moves(&first)[0].2;
    assert_eq!(length, FIRST_CHUNK);
    for (bytes_a_ms, expected) in [
        (2_000, MAX_CHUNK..=MAX_CHUNK),
        (8, 28_000..=36_000),
        (1, MIN_CHUNK..=MIN_CHUNK),
        (20, 72_000..=88_000),
    ] {
        for _ in 0..40 {
            now += (length / bytes_a_ms).max(1) as i64;
            offset += length;
            length = moves(&s.handle(now, moved(huge, offset)))[0].2;
        }
        assert!(expected.contains(&length), "{length} at {bytes_a_ms}");
    }
}

#[test]
fn a_chunk_of_which_nothing_comes_is_tried_smaller() {
    let big = 10_000_000;
    let mut lengths = Vec::new();
    let mut s = Session::new(Settings::default());
    for _ in 0..4 {
        s.handle(0, Event::TimerFired);
        s.handle(0, Event::Packed(vec![]));
        s.handle(0, Event::Answered(vec![]));
        let transfers = vec![up(BlobKind::Original, big, 0)];
        let more = false;
        lengths.push(moves(&s.handle(0, Event::Applied { more, transfers }))[0].2);
        let (blob, failure) = (name(big), Failure::Passing);
        s.handle(0, Event::MoveFailed { blob, failure });
    }
    assert_eq!(lengths, [65_536, 32_768, 16_384, 16_384]);
}

#[test]
fn nothing_overtakes_a_thumbnail_that_was_cut() {
    // F7: the order of kinds holds after a cut as well, and the cut one is asked about first
    let (mut s, _) = applied(vec![
        up(BlobKind::Thumbnail, 50, 0),
        up(BlobKind::Rendition, 60, 0),
        up(BlobKind::Rendition, 61, 0),
        up(BlobKind::Rendition, 62, 0),
        up(BlobKind::Rendition, 63, 0),
        up(BlobKind::Rendition, 64, 0),
    ]);
    let (blob, failure) = (name(50), Failure::Passing);
    s.handle(9, Event::MoveFailed { blob, failure });
    assert!(s.doubted().any(|doubted| doubted == name(50)));
    let next = s.handle(300, Event::TimerFired);
    assert!(packs(&next), "{next:?}");
}

// F7, lesson 3: after a cut chunks go beside the round; what it then says should move may be older
#[rstest::rstest]
#[case::whole(60, vec![(BlobKind::Thumbnail, 50, 16)])]
#[case::a_part(20, vec![(BlobKind::Thumbnail, 50, 16), (BlobKind::Thumbnail, 20, 40)])]
fn what_lands_beside_a_round_does_not_go_up_again(
    #[case] offset: u64,
    #[case] expected: Vec<(BlobKind, u64, u64)>,
) {
    let thumbnails = || {
        vec![
            up(BlobKind::Thumbnail, 66, 0),
            up(BlobKind::Thumbnail, 60, 0),
        ]
    };
    let mut s = Session::new(Settings::default());
    s.queue = thumbnails().into();
    s.failures = 1;
    s.handle(0, Event::Woken);
    s.handle(0, Event::Packed(vec![]));
    s.handle(
        0,
        Event::Moved {
            blob: name(66),
            offset: 50,
        },
    );
    s.handle(
        0,
        Event::Moved {
            blob: name(60),
            offset,
        },
    );
    s.handle(0, Event::Answered(vec![]));
    let (more, transfers) = (false, thumbnails());
    let next = s.handle(0, Event::Applied { more, transfers });
    assert_eq!(moves(&next), expected);
}

#[test]
fn bodies_follow_the_link() {
    // F7: what is cut off of a request with records is sent again, so it is small where that hurts
    let mut s = Session::new(Settings::default());
    let mut limits = Vec::new();
    let mut now = 0;
    for _ in 0..4 {
        let Some(Effect::Pack { limit }) = s.handle(now, Event::Woken).pop() else {
            panic!("packs");
        };
        limits.push(limit);
        s.handle(now, Event::Packed(vec![0; limit]));
        now += limit as i64 / 8; // 64 kbit/s
        s.handle(now, Event::Answered(vec![]));
        s.handle(
            now,
            Event::Applied {
                more: false,
                transfers: vec![],
            },
        );
    }
    assert_eq!(limits[0], FIRST_BODY);
    assert!(limits[3] <= 24_000 && limits[3] > 10_000, "{limits:?}");
    let mut fast = Session::new(Settings::default());
    fast.handle(0, Event::Woken);
    fast.handle(0, Event::Packed(vec![0; FIRST_BODY]));
    fast.handle(20, Event::Answered(vec![]));
    fast.handle(
        20,
        Event::Applied {
            more: true,
            transfers: vec![],
        },
    );
    assert_eq!(fast.body, FIRST_BODY * 8);
}

#[test]
fn lesson_31_a_request_that_does_not_get_through_becomes_smaller() {
    let mut s = Session::new(Settings::default());
    let mut limits = Vec::new();
    for _ in 0..4 {
        let Some(Effect::Pack { limit }) = s.handle(0, Event::Woken).pop() else {
            panic!("packs");
        };
        limits.push(limit);
        s.handle(0, Event::Packed(vec![0; limit]));
        s.handle(0, Event::Failed(Failure::Passing));
    }
    assert_eq!(limits, [65_536, 16_384, 4_096, 4_096]);
}

#[test]
fn a_short_cut_is_over_soon_and_a_long_one_is_asked_after_every_ten_seconds() {
    // F7
    let mut s = Session::new(Settings::default());
    let mut pauses = Vec::new();
    for _ in 0..32 {
        s.handle(0, Event::TimerFired);
        match &s.handle(0, Event::Failed(Failure::Offline))[..] {
            [Effect::Abandon, Effect::Timer { at }] => pauses.push(*at),
            other => panic!("{other:?}"),
        }
    }
    assert!(pauses[..21].iter().all(|p| *p == 100), "{pauses:?}");
    assert_eq!(pauses[21..24], [200, 400, 800]);
    assert_eq!(pauses[31], MAX_OFFLINE_MS);
}

#[test]
fn tablets_that_were_sent_away_together_come_back_one_by_one() {
    let pauses = |spread: u64| -> Vec<i64> {
        let settings = Settings {
            spread,
            ..Settings::default()
        };
        let mut s = Session::new(settings);
        let mut pause = || {
            s.handle(0, Event::TimerFired);
            match &s.handle(0, Event::Failed(Failure::Passing))[..] {
                [Effect::Abandon, Effect::Timer { at }] => *at,
                other => panic!("{other:?}"),
            }
        };
        (0..12).map(|_| pause()).collect()
    };
    let even = pauses(0);
    let mut twelfth: Vec<i64> = (1..=100).map(|n| pauses(n * 0x9e37_79b9)[11]).collect();
    for n in 1..=100 {
        for (spread, even) in pauses(n).into_iter().zip(&even) {
            assert!((even * 3 / 4..=even * 5 / 4).contains(&spread));
        }
    }
    twelfth.sort_unstable();
    twelfth.dedup();
    assert!(twelfth.len() > 60, "{twelfth:?}");
}

/// A session that moves originals on such links only, and a round trip of it.
fn choosy(originals: Originals) -> Session {
    Session::new(Settings {
        originals,
        ..Settings::default()
    })
}

fn round(s: &mut Session, now: i64, event: Event, transfers: &[Transfer]) -> Vec<Effect> {
    s.handle(now, event);
    s.handle(now, Event::Packed(vec![]));
    s.handle(now, Event::Answered(vec![]));
    let (more, transfers) = (false, transfers.to_vec());
    s.handle(now, Event::Applied { more, transfers })
}

// F7
#[test]
fn originals_wait_for_a_link_that_the_user_allows() {
    let mut s = choosy(Originals::Never);
    let waits = [up(BlobKind::Original, 5, 0), up(BlobKind::Clip, 6, 0)];
    let effects = round(&mut s, 0, Event::Woken, &waits);
    assert_eq!(effects, [Effect::Timer { at: 30_000 }]);
    s.set_originals(Originals::Any);
    let effects = round(&mut s, 1, Event::Woken, &waits);
    assert_eq!(moves(&effects).len(), 2);
}

/// Lets chunks land, each at so many bytes a millisecond, `times` times or until none is on its way; how
/// many bytes that were.
fn land(s: &mut Session, now: &mut i64, rate: u64, times: u32) -> u64 {
    let mut bytes = 0;
    for _ in 0..times {
        let Some(Flight {
            transfer, length, ..
        }) = s.flying.first()
        else {
            break;
        };
        let (blob, offset) = (transfer.name(), transfer.offset + length);
        *now += (length / rate) as i64;
        bytes += length;
        s.handle(*now, Event::Moved { blob, offset });
    }
    bytes
}

// F7
#[test]
fn originals_move_while_the_link_is_fast_and_do_not_flap() {
    let mut s = choosy(Originals::Fast);
    let original = [up(BlobKind::Original, 500_000_000, 0)];
    let mut now = 0;
    // Nothing is known of the link: it is measured, and 40 KB a second are slow.
    assert_eq!(moves(&round(&mut s, now, Event::Woken, &original)).len(), 1);
    assert!(land(&mut s, &mut now, 40, 100) < 512 * 1024);
    assert!(!s.originals_may_move());
    // What is small goes, and its receipt is asked for.
    let both = [original[0].clone(), up(BlobKind::Rendition, 9_000, 0)];
    let small = round(&mut s, now, Event::Woken, &both);
    assert_eq!(moves(&small), [(BlobKind::Rendition, 0, 9_000)]);
    now += 100;
    assert!(packs(&s.handle(now, moved(9_000, 9_000))));
    s.handle(now, Event::Packed(vec![]));
    s.handle(now, Event::Answered(vec![]));
    let (more, transfers) = (false, original.to_vec());
    let rests = s.handle(now, Event::Applied { more, transfers });
    assert_eq!(rests, [Effect::Timer { at: now + 30_000 }]);
    // Minutes later it is measured anew, by little.
    now += FRESH_MS;
    assert_eq!(
        moves(&round(&mut s, now, Event::TimerFired, &original)).len(),
        1
    );
    assert!(land(&mut s, &mut now, 40, 100) < 512 * 1024);
    assert_eq!(moves(&round(&mut s, now, Event::Woken, &original)), []);
    // The tablet comes home, and a person asks.
    assert_eq!(moves(&round(&mut s, now, Event::Asked, &original)).len(), 1);
    land(&mut s, &mut now, 1_000, 20);
    assert_eq!(s.flying.len(), 1, "it goes on");
    // Somewhat slower than where it began it goes on; slower than half of that it stops.
    land(&mut s, &mut now, 100, 20);
    assert_eq!(s.flying.len(), 1);
    land(&mut s, &mut now, 20, 20);
    assert!(s.flying.is_empty() && !s.originals_may_move());
}

#[test]
fn events_out_of_turn_are_ignored() {
    let mut s = Session::new(Settings::default());
    assert_eq!(s.handle(0, Event::Answered(vec![])), []);
    assert_eq!(s.handle(0, moved(1, 1)), []);
    assert_eq!(s.handle(0, Event::Failed(Failure::Passing)), []);
    assert!(packs(&s.handle(0, Event::Woken)));
}
