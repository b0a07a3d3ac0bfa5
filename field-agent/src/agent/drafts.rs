//! Drafts: what was typed and not yet saved.

use sync::ids::TaskId;

use super::{Agent, storage};
use crate::api::Problem;
use crate::api::drafts::{DraftList, DraftPut, DraftView, MAX_DRAFT};
use crate::store::drafts;

const MAX_PLACE: usize = 200;

impl Agent {
    /// What `me` has typed on this tablet without its being saved.
    pub fn drafts(&self, me: &str) -> Result<DraftList, Problem> {
        let (rows, seq) =
            self.with_open(|open| drafts::of_person(&open.db, me).map_err(storage))?;
        let rows = rows
            .into_iter()
            .map(|d| DraftView {
                task: d.task,
                place: d.place,
                text: d.text,
                at: d.at,
            })
            .collect();
        Ok(DraftList { rows, seq })
    }

    /// Keeps a draft of `me`; the answer is its `seq`.
    pub fn keep_draft(&self, me: &str, draft: DraftPut) -> Result<i64, Problem> {
        let task_named = draft.task.is_empty() || draft.task.parse::<TaskId>().is_ok();
        let text = draft.text.as_ref().map_or(0, String::len);
        if !task_named
            || draft.place.is_empty()
            || draft.place.len() > MAX_PLACE
            || text > MAX_DRAFT
        {
            return Err(Problem::field(
                "bad_draft",
                "place",
                "草稿无法保存：位置不明或内容过长。",
            ));
        }
        let now = self.now();
        let place = (draft.task.as_str(), draft.place.as_str());
        self.with_open(|open| {
            drafts::keep(&open.db, me, place, draft.text, (draft.seq, now)).map_err(storage)
        })?;
        Ok(draft.seq)
    }
}
