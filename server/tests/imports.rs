//! Registers from spreadsheets, row by row (O4), on a database of their own.

use std::sync::Arc;

use server::account::Scope;
use server::clock::ManualClock;
use server::config::Config;
use server::import::{ImportKind, Outcome, Source, read, run};
use server::register::{Object, Trace, by_code, inspector_by_certificate};
use server::rng::SeededRng;
use server::state::AppState;

const NOW: i64 = 1_764_000_000_000;
const CODE: &str = "91350100M000100Y43";

async fn office() -> (tempfile::TempDir, AppState) {
    let folder = tempfile::tempdir().unwrap();
    let state = AppState::open(
        Config::local(folder.path()),
        Arc::new(ManualClock::new(NOW)),
        Arc::new(SeededRng::new(1)),
    )
    .await
    .unwrap();
    (folder, state)
}

async fn import(state: &AppState, kind: ImportKind, text: &str) -> Outcome {
    import_by(state, Scope::Everywhere, kind, text).await
}

async fn import_by(state: &AppState, scope: Scope, kind: ImportKind, text: &str) -> Outcome {
    let tables = read(text.as_bytes()).unwrap();
    let rng = state.rng.clone();
    state
        .db
        .write(move |tx| {
            let trace = Trace {
                at: NOW,
                actor: "a1".into(),
                actor_name: "王某".into(),
                source: "test.csv".into(),
                reason: "表格导入".into(),
            };
            let source = Source {
                kind,
                tables: &tables,
                chosen: None,
                scope,
                trace,
                rng: rng.as_ref(),
            };
            run(tx, source, true, &|_, _| {})
        })
        .await
        .unwrap()
}

async fn object(state: &AppState) -> Object {
    state
        .db
        .read(|tx| Ok(by_code(tx, CODE)?.unwrap()))
        .await
        .unwrap()
}

// O4: what a file does not say stays
#[tokio::test]
async fn a_file_without_states_revives_nobody() {
    let (_folder, state) = office().await;
    let text = format!("名称,统一社会信用代码,状态\n示例甲公司,{CODE},注销\n");
    assert_eq!(import(&state, ImportKind::Objects, &text).await.accepted, 1);
    let text = format!("名称,统一社会信用代码,地址\n示例甲公司,{CODE},深圳市盐田区海山路\n");
    assert_eq!(import(&state, ImportKind::Objects, &text).await.accepted, 1);
    let after = object(&state).await;
    assert_eq!(
        (after.status.as_str(), after.district.as_deref()),
        ("cancelled", Some("440308"))
    );
    let text = format!("名称,统一社会信用代码,状态\n示例甲公司,{CODE},存续\n");
    import(&state, ImportKind::Objects, &text).await;
    assert_eq!(object(&state).await.status, "active");
}

// I1 I4
#[tokio::test]
async fn an_inspector_who_left_is_not_brought_back_by_a_short_list() {
    let (_folder, state) = office().await;
    let long = "姓名,执法证号,部门,部门编码,证件有效期,业务专长,状态\n\
                示例一,示例0001,示例局,market,长期,食品、计量,调离\n";
    assert_eq!(
        import(&state, ImportKind::Inspectors, long).await.refused,
        0
    );
    let short = "姓名,执法证号,部门\n示例壹,示例0001,示例局\n";
    assert_eq!(
        import(&state, ImportKind::Inspectors, short).await.refused,
        0
    );
    let after = state
        .db
        .read(|tx| Ok(inspector_by_certificate(tx, "示例0001")?.unwrap()))
        .await
        .unwrap();
    assert_eq!(after.name, "示例壹");
    assert_eq!(after.status, "left");
    assert_eq!(after.certificate_until.as_deref(), Some("9999-12-31"));
    assert_eq!(after.expertise.len(), 2);
}

// S1: rights by department
#[tokio::test]
async fn a_registrar_imports_only_inspectors_of_the_own_department() {
    let (_folder, state) = office().await;
    let market = "姓名,执法证号,部门,部门编码\n示例一,示例0001,示例局,market\n";
    let kind = ImportKind::Inspectors;
    let fire = || Scope::In(vec!["fire".into()]);
    assert_eq!(import_by(&state, fire(), kind, market).await.refused, 1);
    let own = || Scope::In(vec!["market".into()]);
    assert_eq!(import_by(&state, own(), kind, market).await.accepted, 1);
    // Nor can another department take the inspector over.
    let taken = "姓名,执法证号,部门,部门编码\n示例一,示例0001,示例队,fire\n";
    assert_eq!(import_by(&state, fire(), kind, taken).await.refused, 1);
}

// O4: nobody can say which holder is right
#[tokio::test]
async fn all_holders_of_one_code_are_refused_and_name_each_other() {
    let (_folder, state) = office().await;
    let text = format!("名称,统一社会信用代码\n示例甲公司,{CODE}\n示例乙公司,{CODE}\n");
    let outcome = import(&state, ImportKind::Objects, &text).await;
    assert_eq!((outcome.accepted, outcome.refused), (0, 2));
    assert!(outcome.errors[0].message.contains("第 3 行“示例乙公司”"));
    assert!(outcome.errors[1].message.contains("第 2 行“示例甲公司”"));
}

// O4: the error file can be corrected and imported again
#[tokio::test]
async fn the_error_file_is_corrected_and_imported_again() {
    let (_folder, state) = office().await;
    let text = "名称,统一社会信用代码,区\n=示例甲公司,91350100M000100Y44,南山区\n";
    let outcome = import(&state, ImportKind::Objects, text).await;
    assert_eq!(outcome.refused, 1);
    assert!(
        outcome.errors[0].message.contains('3'),
        "the right digit is named"
    );
    let file = String::from_utf8(outcome.error_file).unwrap();
    assert!(file.contains("错误说明") && file.contains("'=示例甲公司"));
    let outcome = import(
        &state,
        ImportKind::Objects,
        &file.replace("91350100M000100Y44", CODE),
    )
    .await;
    assert_eq!((outcome.accepted, outcome.refused), (1, 0));
    assert_eq!(object(&state).await.name, "=示例甲公司");
}

// O4: the real register, when it is there
#[tokio::test]
async fn the_real_register_is_imported_but_for_the_codes_held_twice() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/registers/shenzhen-companies.csv"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let (_folder, state) = office().await;
    let outcome = import(&state, ImportKind::Objects, &text).await;
    assert_eq!((outcome.accepted, outcome.refused), (18_836, 16));
}
