//! Rows of the registers as the office sees them. A citizen ID is always masked here (S3).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::history::{self, RowChange};
use super::{FacetCount, Inspector, Leave, Object, industry, region, words};
use crate::error::FieldError;

/// An object.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectRow {
    pub id: String,
    /// `organisation`, `person` or `area`.
    pub kind: String,
    pub name: String,
    pub code: String,
    pub address: String,
    pub district: Option<String>,
    pub industry: String,
    pub responsible: String,
    pub contact: String,
    /// `A` to `D`; internal, never public.
    pub risk_class: Option<String>,
    pub credit_status: String,
    /// `active`, `moved`, `revoked` or `cancelled`.
    pub status: String,
    pub tags: Vec<String>,
}

impl From<Object> for ObjectRow {
    fn from(o: Object) -> Self {
        ObjectRow {
            code: history::shown_code(&o.kind, o.code.as_deref()),
            id: o.id,
            kind: o.kind,
            name: o.name,
            address: o.address,
            district: o.district,
            industry: o.industry,
            responsible: o.responsible,
            contact: o.contact,
            risk_class: o.risk_class,
            credit_status: o.credit_status,
            status: o.status,
            tags: o.tags,
        }
    }
}

/// An object with what was changed in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectView {
    #[serde(flatten)]
    pub object: ObjectRow,
    /// The year that it is in China.
    pub year: i32,
    /// Visits of this year, of all departments, those that are planned included (K3).
    pub visits: u32,
    pub history: Vec<RowChange>,
}

/// An object as it is entered or changed by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectInput {
    pub name: String,
    /// Credit code or citizen ID; left out when an object is changed: as it is.
    pub code: Option<String>,
    pub address: Option<String>,
    pub district: Option<String>,
    pub industry: Option<String>,
    pub responsible: Option<String>,
    pub contact: Option<String>,
    pub risk_class: Option<String>,
    pub status: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// Why.
    pub reason: String,
}

impl ObjectInput {
    /// The object that this makes of `old`; the fields that are wrong.
    pub fn object(&self, old: Option<&Object>) -> Result<Object, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut object = old.cloned().unwrap_or_default();
        self.identity(&mut object, &mut wrong);
        let text = |value: &Option<String>| value.clone().unwrap_or_default().trim().to_owned();
        object.name = self.name.trim().to_owned();
        object.address = text(&self.address);
        object.responsible = text(&self.responsible);
        object.contact = text(&self.contact);
        object.tags = words(&self.tags.join("、"));
        object.district = self.district.clone().filter(|d| !d.is_empty());
        object.risk_class = self.risk_class.clone().filter(|r| !r.is_empty());
        object.status = self
            .status
            .clone()
            .filter(|s| !s.is_empty())
            .unwrap_or_else(|| "active".into());
        let industry = text(&self.industry);
        object.industry = industry::parse(&industry).unwrap_or_default().to_owned();
        for (field, ok, message) in [
            (
                "name",
                !object.name.is_empty() && object.name.chars().count() <= 100,
                "名称不能为空，且不超过 100 字",
            ),
            ("reason", !self.reason.trim().is_empty(), "请写明原因"),
            (
                "industry",
                industry.is_empty() || !object.industry.is_empty(),
                "无此行业：请填写 GB/T 4754 的代码或名称",
            ),
            (
                "district",
                object
                    .district
                    .as_deref()
                    .is_none_or(|d| region::parse_district(d) == Some(d)),
                "无此行政区",
            ),
            (
                "risk_class",
                object
                    .risk_class
                    .as_deref()
                    .is_none_or(|r| matches!(r, "A" | "B" | "C" | "D")),
                "风险等级应为 A 至 D",
            ),
            (
                "status",
                matches!(
                    &*object.status,
                    "active" | "moved" | "revoked" | "cancelled"
                ),
                "无此状态",
            ),
        ] {
            if !ok {
                wrong.push(FieldError::new(field, message));
            }
        }
        if wrong.is_empty() {
            Ok(object)
        } else {
            Err(wrong)
        }
    }

    fn identity(&self, object: &mut Object, wrong: &mut Vec<FieldError>) {
        let code = self.code.clone().unwrap_or_default().trim().to_owned();
        // What is shown of a citizen ID is masked; sent back, it means: as it was.
        let as_it_was =
            code.contains('*') || code.is_empty() || object.code.as_deref() == Some(&code);
        if as_it_was && object.code.is_some() {
            return;
        }
        match super::identity("", &code) {
            Ok((kind, code)) => (object.kind, object.code) = (kind, code),
            Err(message) => wrong.push(FieldError::new("code", message)),
        }
    }
}

/// How many rows have each value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectFacets {
    pub district: Vec<FacetCount>,
    pub industry: Vec<FacetCount>,
    pub risk_class: Vec<FacetCount>,
    pub status: Vec<FacetCount>,
}

/// An inspector with what was changed in the row.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InspectorView {
    #[serde(flatten)]
    pub inspector: Inspector,
    /// Leave that is entered, the latest first (I4).
    pub leaves: Vec<Leave>,
    /// Tasks that are not finished.
    pub open_tasks: u32,
    pub history: Vec<RowChange>,
}

/// An inspector as they are entered or changed by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InspectorInput {
    pub name: String,
    pub certificate: String,
    /// China date.
    pub certificate_until: Option<String>,
    pub department: String,
    pub unit: Option<String>,
    pub post: Option<String>,
    #[serde(default)]
    pub districts: Vec<String>,
    #[serde(default)]
    pub expertise: Vec<String>,
    /// Open tasks at the same time; none: no limit of their own.
    pub capacity: Option<u32>,
    /// Fixed group within the department.
    pub group: Option<String>,
    /// An expert assists, and never counts towards the two.
    #[serde(default)]
    pub expert: bool,
    pub status: Option<String>,
    /// Why.
    pub reason: String,
}

impl InspectorInput {
    /// The inspector that this makes of `old`; the fields that are wrong.
    pub fn inspector(&self, old: Option<&Inspector>) -> Result<Inspector, Vec<FieldError>> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default().trim().to_owned();
        let mut districts = self.districts.clone();
        districts.sort();
        districts.dedup();
        let status = self
            .status
            .clone()
            .filter(|s| !s.is_empty())
            .unwrap_or_else(|| "active".into());
        let new = Inspector {
            name: self.name.trim().to_owned(),
            certificate: self.certificate.trim().to_owned(),
            certificate_until: self.certificate_until.clone().filter(|d| !d.is_empty()),
            department: self.department.clone(),
            unit: text(&self.unit),
            post: text(&self.post),
            districts,
            expertise: words(&self.expertise.join("、")),
            capacity: self.capacity,
            group: text(&self.group),
            expert: self.expert,
            status,
            ..old.cloned().unwrap_or_default()
        };
        let date = |d: &String| chrono::NaiveDate::parse_from_str(d, "%Y-%m-%d").is_ok();
        let mut wrong = Vec::new();
        for (field, ok, message) in [
            (
                "name",
                !new.name.is_empty() && new.name.chars().count() <= 40,
                "姓名不能为空，且不超过 40 字",
            ),
            (
                "certificate",
                !new.certificate.is_empty(),
                "执法证号不能为空",
            ),
            (
                "certificate_until",
                new.certificate_until.as_ref().is_none_or(date),
                "日期应写作 2026-12-31",
            ),
            (
                "capacity",
                new.capacity.is_none_or(|n| (1..=1000).contains(&n)),
                "同时承担的任务数应为 1 至 1000，或留空",
            ),
            (
                "group",
                new.group.chars().count() <= 40 && !new.group.chars().any(char::is_control),
                "小组名称不超过 40 字",
            ),
            (
                "group",
                !new.expert || new.group.is_empty(),
                "专家不编入固定小组",
            ),
            (
                "districts",
                new.districts
                    .iter()
                    .all(|d| region::parse_district(d) == Some(d.as_str())),
                "无此行政区",
            ),
            (
                "status",
                matches!(&*new.status, "active" | "on_leave" | "left"),
                "无此状态",
            ),
            ("reason", !self.reason.trim().is_empty(), "请写明原因"),
        ] {
            if !ok {
                wrong.push(FieldError::new(field, message));
            }
        }
        if wrong.is_empty() {
            Ok(new)
        } else {
            Err(wrong)
        }
    }
}

/// A leave as it is entered (I4).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LeaveInput {
    /// First day, China date.
    pub from: String,
    /// Last day; none: until further notice.
    pub until: Option<String>,
    /// Why: leave, posting, training.
    pub reason: String,
}

impl LeaveInput {
    /// First and last day; the fields that are wrong.
    pub fn days(&self) -> Result<(String, Option<String>), Vec<FieldError>> {
        let until = self.until.clone().filter(|d| !d.is_empty());
        let date = |d: &String| crate::plan::date(d).is_some();
        let mut wrong = Vec::new();
        if !date(&self.from) {
            wrong.push(FieldError::new("from", "日期应写作 2026-12-31"));
        }
        if until.as_ref().is_some_and(|d| !date(d) || *d < self.from) {
            wrong.push(FieldError::new("until", "结束日期不能早于开始日期"));
        }
        if !(1..=200).contains(&self.reason.trim().chars().count()) {
            wrong.push(FieldError::new("reason", "请写明休假或外派的事由"));
        }
        if wrong.is_empty() {
            Ok((self.from.clone(), until))
        } else {
            Err(wrong)
        }
    }
}

/// A relation as it is entered.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AvoidanceInput {
    /// Id of the inspector.
    pub inspector: String,
    /// Id of the object.
    pub object: String,
    pub ground: String,
    /// Last day on which it holds.
    pub until: Option<String>,
}
