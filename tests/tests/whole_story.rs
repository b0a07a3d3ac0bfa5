//! The story that `make demo` plays, with the real programs: registers, plan, draw, two tablets
//! without network, sign-off, review with a return, publication.

use tests::story;

#[tokio::test(flavor = "multi_thread")]
async fn from_the_register_to_the_public_page() {
    // O1, O4, P1, D1, D2, D6, F1, F2, F4, F5, F7, V1, V2, U1, S1
    let data = tempfile::tempdir().unwrap();
    let tell = |step: &str| println!("{step}");
    let stage = story::play(data.path(), "127.0.0.1:0", &tell)
        .await
        .unwrap();
    let outcome = &stage.outcome;
    assert!(outcome.objects >= 5_000, "{outcome:?}");
    assert_eq!(outcome.inspectors, 126);
    assert_eq!(outcome.drawn, 10);
    assert_eq!(outcome.records_sealed, 2);
    assert!(outcome.photos_stored >= 6, "{outcome:?}");
    assert!(outcome.signatures_verified >= 4);
    assert_eq!(outcome.published, 2);
    assert!(outcome.draw_verified);
}
