//! The core behind the API.

use crate::api::Problem;
use crate::api::access::Access;
use crate::api::photos::*;
use crate::api::record::*;
use crate::api::sign::*;
use crate::api::sync::*;
use crate::api::tasks::*;
use crate::api::unlock::*;

/// One tablet.
pub struct Agent {
    access: Access,
}

fn locked<T>() -> Result<T, Problem> {
    Err(Problem::new(
        axum::http::StatusCode::UNAUTHORIZED,
        "locked",
        "平板已锁定，请输入 PIN 解锁。",
    ))
}

#[allow(unused_variables, missing_docs)]
impl Agent {
    pub fn access(&self) -> &Access {
        &self.access
    }
    pub fn state(&self, me: Option<&str>) -> Result<AgentState, Problem> {
        locked()
    }
    pub fn unlock(&self, person: &str, pin: &str) -> Result<(String, AgentState), Problem> {
        locked()
    }
    pub fn lock(&self, token: Option<&str>) -> Result<AgentState, Problem> {
        locked()
    }
    pub async fn enrol_lookup(&self, r: EnrolLookup) -> Result<EnrolOffer, Problem> {
        locked()
    }
    pub async fn enrol(&self, r: EnrolRequest) -> Result<AgentState, Problem> {
        locked()
    }
    pub fn tasks(&self, me: &str, q: &TaskQuery) -> Result<TaskList, Problem> {
        locked()
    }
    pub fn task(&self, me: &str, task: &str) -> Result<TaskDetail, Problem> {
        locked()
    }
    pub fn record(&self, me: &str, task: &str) -> Result<RecordView, Problem> {
        locked()
    }
    pub fn edit(&self, me: &str, task: &str, r: EditRequest) -> Result<EditAnswer, Problem> {
        locked()
    }
    pub fn entries(&self, me: &str, task: &str) -> Result<EntryList, Problem> {
        locked()
    }
    pub fn add_entry(&self, me: &str, task: &str, r: NewEntry) -> Result<EntryView, Problem> {
        locked()
    }
    pub fn withdraw_entry(
        &self,
        me: &str,
        task: &str,
        kind: EntryKind,
        entry: &str,
    ) -> Result<EntryView, Problem> {
        locked()
    }
    pub fn missing(&self, me: &str, task: &str) -> Result<MissingList, Problem> {
        locked()
    }
    pub fn conflicts(&self, me: &str, task: &str) -> Result<ConflictList, Problem> {
        locked()
    }
    pub fn settle(&self, me: &str, task: &str, r: SettleRequest) -> Result<EditAnswer, Problem> {
        locked()
    }
    pub fn history(&self, me: &str, task: &str) -> Result<HistoryList, Problem> {
        locked()
    }
    pub fn done(&self, me: &str, task: &str) -> Result<EditAnswer, Problem> {
        locked()
    }
    pub fn photos(&self, me: &str, task: &str) -> Result<PhotoList, Problem> {
        locked()
    }
    pub fn add_photo(&self, me: &str, task: &str, u: Upload) -> Result<PhotoView, Problem> {
        locked()
    }
    pub fn edit_photo(
        &self,
        me: &str,
        task: &str,
        photo: &str,
        e: PhotoEdit,
    ) -> Result<PhotoView, Problem> {
        locked()
    }
    pub fn withdraw_photo(&self, me: &str, task: &str, photo: &str) -> Result<PhotoView, Problem> {
        locked()
    }
    pub fn photo_bytes(
        &self,
        me: &str,
        task: &str,
        photo: &str,
        form: PhotoFormKind,
    ) -> Result<(String, Vec<u8>), Problem> {
        locked()
    }
    pub fn sign_off(&self, me: &str, task: &str) -> Result<SignOff, Problem> {
        locked()
    }
    pub fn preview(&self, me: &str, task: &str) -> Result<Preview, Problem> {
        locked()
    }
    pub fn begin_sign_off(
        &self,
        me: &str,
        task: &str,
        r: BeginSignOff,
    ) -> Result<SignOff, Problem> {
        locked()
    }
    pub fn cancel_sign_off(&self, me: &str, task: &str) -> Result<SignOff, Problem> {
        locked()
    }
    pub fn party_statement(
        &self,
        me: &str,
        task: &str,
        r: PartyStatement,
    ) -> Result<SignOff, Problem> {
        locked()
    }
    pub fn inspector_signature(
        &self,
        me: &str,
        task: &str,
        r: InspectorSignature,
    ) -> Result<SignOff, Problem> {
        locked()
    }
    pub fn sync_status(&self) -> Result<SyncStatus, Problem> {
        locked()
    }
    pub fn sync_now(&self) -> Result<SyncStatus, Problem> {
        locked()
    }
    pub fn set_sync_policy(&self, p: SyncPolicy) -> Result<SyncStatus, Problem> {
        locked()
    }
    pub fn retry_photo(&self, task: &str, photo: &str) -> Result<SyncStatus, Problem> {
        locked()
    }
    pub fn diagnostics(&self) -> Result<Diagnostics, Problem> {
        locked()
    }
}
