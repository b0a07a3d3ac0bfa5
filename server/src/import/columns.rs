//! Which column is which: headers as officials write them, in any order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ImportKind;
use super::table::{Table, TableRow};

/// A field that a kind of import knows.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    /// The header that we write; then what else is understood.
    pub headers: &'static [&'static str],
    pub required: bool,
}

const fn field(name: &'static str, required: bool, headers: &'static [&'static str]) -> Field {
    Field {
        name,
        headers,
        required,
    }
}

const OBJECTS: &[Field] = &[
    field(
        "name",
        true,
        &[
            "名称",
            "企业名称",
            "检查对象名称",
            "对象名称",
            "单位名称",
            "主体名称",
            "姓名",
        ],
    ),
    field(
        "code",
        false,
        &[
            "统一社会信用代码",
            "社会信用代码",
            "信用代码",
            "统一信用代码",
            "证件号码",
            "身份证号码",
            "统一社会信用代码/身份证号码",
        ],
    ),
    field(
        "address",
        false,
        &[
            "地址",
            "注册地址",
            "住所",
            "经营地址",
            "经营场所",
            "住所（经营场所）",
            "检查地址",
        ],
    ),
    field(
        "district",
        false,
        &["所属区", "行政区", "区", "区划", "行政区划", "辖区", "区域"],
    ),
    field(
        "industry",
        false,
        &["行业", "行业类别", "所属行业", "行业代码"],
    ),
    field(
        "responsible",
        false,
        &["负责人", "法定代表人", "法定代表人（负责人）", "经营者"],
    ),
    field("contact", false, &["联系电话", "联系方式", "电话", "手机"]),
    field("latitude", false, &["纬度", "WGS84纬度", "北纬"]),
    field("longitude", false, &["经度", "WGS84经度", "东经"]),
    field(
        "risk_class",
        false,
        &[
            "风险等级",
            "信用风险等级",
            "信用风险分类",
            "风险分类",
            "风险类别",
        ],
    ),
    field("credit_status", false, &["信用状况", "信用状态"]),
    field("status", false, &["状态", "经营状态", "登记状态"]),
    field("tags", false, &["标签"]),
    field("kind", false, &["对象类型", "主体类型"]),
];

const INSPECTORS: &[Field] = &[
    field("name", true, &["姓名", "检查人员姓名", "执法人员姓名"]),
    field("sex", false, &["性别"]),
    field(
        "certificate",
        true,
        &["执法证号", "执法证件号", "执法证编号", "证件编号"],
    ),
    field(
        "certificate_until",
        false,
        &["执法证有效期至", "证件有效期", "有效期至", "执法证有效期"],
    ),
    field("department", true, &["部门", "所属部门", "执法部门"]),
    field("department_code", false, &["部门编码", "部门代码"]),
    field("unit", false, &["工作单位", "所在单位", "科室", "所"]),
    field("post", false, &["职务", "岗位"]),
    field(
        "districts",
        false,
        &["执法区域", "可执法区", "管辖区域", "辖区"],
    ),
    field("expertise", false, &["业务专长", "专长", "专业"]),
    field("languages", false, &["工作语言", "语言"]),
    field("capacity", false, &["工作量上限", "任务上限", "承担任务数"]),
    field("group", false, &["固定小组", "小组", "执法小组"]),
    field("expert", false, &["是否专家", "专家"]),
    field("leave_from", false, &["休假自", "休假开始", "休假开始日期"]),
    field(
        "leave_until",
        false,
        &["休假至", "休假截止", "休假结束日期"],
    ),
    field("leave_reason", false, &["休假事由", "休假原因"]),
    field("status", false, &["状态", "在岗状态"]),
];

const ITEMS: &[Field] = &[
    field("code", true, &["事项编码", "抽查事项编码", "事项代码"]),
    field("name", true, &["事项名称", "抽查事项", "抽查事项名称"]),
    field("department", true, &["部门", "实施部门", "检查主体"]),
    field("department_code", false, &["部门编码", "部门代码"]),
    field("basis", true, &["检查依据", "抽查依据", "依据"]),
    field("object_kind", false, &["检查对象", "抽查对象"]),
    field("content", false, &["检查内容", "抽查内容"]),
    field("method", false, &["检查方式", "抽查方式"]),
    field("ratio", false, &["抽查比例", "比例"]),
    field("frequency", false, &["抽查频次", "频次"]),
    field("level", false, &["层级", "实施层级"]),
    field("power_code", false, &["权责清单编码", "权力清单编码"]),
    field("needs", false, &["所需专长", "专长要求"]),
    field("priority", false, &["重点检查事项", "是否重点", "事项类别"]),
    field("point", false, &["要点序号", "序号", "要点编号"]),
    field("point_content", false, &["检查要点", "要点内容"]),
    field("point_basis", false, &["要点依据"]),
    field("requirement", false, &["检查要求", "合格要求", "检查标准"]),
    field("point_method", false, &["检查方法"]),
    field("answer", false, &["答案类型", "填写方式"]),
    field("options", false, &["选项", "单位或选项", "计量单位"]),
    field("photo", false, &["拍照要求", "照片"]),
    field("note", false, &["说明要求", "备注要求"]),
];

const AVOID: &[Field] = &[
    field("certificate", true, &["执法证号", "检查人员执法证号"]),
    field(
        "object_code",
        false,
        &["统一社会信用代码", "对象代码", "信用代码"],
    ),
    field("object_name", false, &["检查对象", "对象名称", "企业名称"]),
    field("legal_person", false, &["法定代表人", "负责人", "法人代表"]),
    field("kind", false, &["回避类型", "关系类型", "关系"]),
    field("ground", true, &["回避事由", "事由", "原因"]),
    field("until", false, &["回避期限至", "截止日期", "有效期至"]),
];

/// The fields of a kind.
pub fn fields(kind: ImportKind) -> &'static [Field] {
    match kind {
        ImportKind::Objects => OBJECTS,
        ImportKind::Inspectors => INSPECTORS,
        ImportKind::Items => ITEMS,
        ImportKind::Avoid => AVOID,
    }
}

/// A column of the file, and what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Column {
    pub header: String,
    /// `None`: not used.
    pub field: Option<String>,
    /// What stands in the first row.
    pub sample: String,
}

/// What each column of a table is.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub columns: Vec<Column>,
    places: Vec<(&'static str, usize)>,
}

impl Mapping {
    /// Maps headers to fields; the first column that fits wins, unless a person has `chosen`. `Err`
    /// names what is missing.
    pub fn of(kind: ImportKind, table: &Table, chosen: Option<&[Column]>) -> Result<Self, String> {
        let known = fields(kind);
        let mut mapping = Mapping {
            columns: Vec::new(),
            places: Vec::new(),
        };
        for (index, header) in table.headers.iter().enumerate() {
            let plain = plain(header);
            let fits = |f: &&Field| match chosen {
                Some(columns) => columns
                    .iter()
                    .any(|c| c.header == *header && c.field.as_deref() == Some(f.name)),
                None => f.headers.iter().any(|h| self::plain(h) == plain),
            };
            let taken = |name: &str| mapping.places.iter().any(|(n, _)| *n == name);
            let found = known.iter().filter(fits).find(|f| !taken(f.name));
            if let Some(field) = found {
                mapping.places.push((field.name, index));
            }
            let sample = table
                .rows
                .first()
                .and_then(|r| r.cells.get(index))
                .cloned()
                .unwrap_or_default();
            mapping.columns.push(Column {
                header: header.clone(),
                field: found.map(|f| f.name.to_owned()),
                sample: sample.chars().take(40).collect(),
            });
        }
        let missing: Vec<&str> = known
            .iter()
            .filter(|f| f.required && !mapping.places.iter().any(|(n, _)| *n == f.name))
            .map(|f| f.headers[0])
            .collect();
        if missing.is_empty() {
            return Ok(mapping);
        }
        Err(format!(
            "缺少必需的列：{}。表头可用的写法见导入说明",
            missing.join("、")
        ))
    }

    /// The cell of a field in a row; empty when there is none.
    pub fn get<'r>(&self, row: &'r TableRow, field: &str) -> &'r str {
        let place = self.places.iter().find(|(name, _)| *name == field);
        place
            .and_then(|(_, index)| row.cells.get(*index))
            .map_or("", String::as_str)
    }

    /// The header under which a field stands in this file, or the usual one.
    pub fn header(&self, kind: ImportKind, field: &str) -> String {
        let place = self.places.iter().find(|(name, _)| *name == field);
        let own = place
            .and_then(|(_, index)| self.columns.get(*index))
            .map(|c| c.header.clone());
        let usual = || {
            fields(kind)
                .iter()
                .find(|f| f.name == field)
                .map(|f| f.headers[0].to_owned())
        };
        own.or_else(usual).unwrap_or_default()
    }
}

/// Without spaces, stars and what stands in brackets behind: `企业名称（必填）*` is `企业名称`.
fn plain(header: &str) -> String {
    let kept: String = header
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '*')
        .collect();
    match kept
        .strip_suffix("（必填）")
        .or_else(|| kept.strip_suffix("(必填)"))
    {
        Some(rest) => rest.to_owned(),
        None => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_a_real_register_are_understood_in_any_order() {
        // O4
        let headers = "企业名称,统一社会信用代码,注册日期,企业类型,注册资金,经营范围,地区,注册地址";
        let headers: Vec<String> = headers.split(',').rev().map(str::to_owned).collect();
        let table = Table {
            name: String::new(),
            headers,
            rows: vec![],
        };
        let mapping = Mapping::of(ImportKind::Objects, &table, None).unwrap();
        let row = TableRow {
            line: 2,
            cells: (0..8).map(|n| n.to_string()).collect(),
        };
        assert_eq!(mapping.get(&row, "name"), "7");
        assert_eq!(mapping.get(&row, "code"), "6");
        assert_eq!(mapping.get(&row, "address"), "0");
        assert_eq!(mapping.get(&row, "district"), "");
    }

    #[test]
    fn a_missing_column_is_named() {
        let table = Table {
            name: String::new(),
            headers: vec!["姓名*".into()],
            rows: vec![],
        };
        let error = Mapping::of(ImportKind::Inspectors, &table, None).unwrap_err();
        assert!(
            error.contains("执法证号") && error.contains("部门") && !error.contains("姓名"),
            "{error}"
        );
    }
}
