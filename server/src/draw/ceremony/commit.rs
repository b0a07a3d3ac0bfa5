//! 封存: the pools and the rules are fixed, their hash is public.

use axum::extract::State;
use serde_json::json;

use super::{begin, load, noted, refused, take};
use crate::account::Actor;
use crate::draw::pools::Loaded;
use crate::draw::store::Draw;
use crate::draw::view::DrawView;
use crate::draw::{Step, store};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Commits to rules and pools: from here on nothing of them can be changed, and no chance exists yet
/// (D2). Refused when the registers have changed since the pools were checked.
#[utoipa::path(post, path = "/api/draws/{id}/commit", operation_id = "commit_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn commit(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by) = (id.clone(), actor.clone());
    let (sealed, names, frame) = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Commit, now)?;
            let (plan, loaded) = load(tx, &draw, now)?;
            let key = key(&draw)?;
            let codes = loaded.codes();
            let pools = loaded.pools(&codes);
            let forecast = ::draw::forecast(&loaded.rules, &pools).map_err(|e| refused(&e))?;
            let frame = Some(loaded.frame(&plan, &forecast));
            if frame != draw.frame {
                return Err(changed());
            }
            let sealed = ::draw::commit(&loaded.rules, &key, &pools).map_err(|e| refused(&e))?;
            Ok((sealed, names_of(&loaded, &codes, &key), frame))
        })
        .await?;
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Commit, now)?;
        if frame != draw.frame {
            return Err(changed());
        }
        let mut files = sealed.committed().named().to_vec();
        files.push(("manifest.txt", &sealed.manifest));
        files.push(("openings.csv", &sealed.openings));
        files.push(("names.tsv", names.as_bytes()));
        store::keep_files(tx, &id, &files)?;
        store::committed(tx, &id, &sealed.commitment, now)?;
        let detail = json!({ "commitment": sealed.commitment,
                "nonce_sha256": draw.nonce_sha256() });
        noted(tx, &actor, now, "draw.commit", &draw, detail)
    })
    .await
}

fn changed() -> AppError {
    AppError::conflict(
        "registers_changed",
        "核对之后名录有了变化，请重新核对名单再封存",
    )
}

fn key(draw: &Draw) -> Result<[u8; 32], AppError> {
    draw.salt_key
        .as_slice()
        .try_into()
        .map_err(AppError::internal)
}

/// Who is behind each blinded id, with the names of that day: sealed, for showing the result.
fn names_of(loaded: &Loaded, codes: &[String], key: &[u8; 32]) -> String {
    let blinder = ::draw::Blinder::new(key);
    let clean = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    let mut text = String::new();
    for n in loaded.named(codes) {
        let blinded = blinder.blind(n.kind, n.code).hash;
        let (kind, name, place) = (n.kind.name(), clean(n.name), clean(n.place));
        text.push_str(&format!("{blinded}\t{kind}\t{}\t{name}\t{place}\n", n.id));
    }
    text
}
