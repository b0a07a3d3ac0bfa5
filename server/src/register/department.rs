//! Departments 部门 and their names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::{Result, Tx};

/// A department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Department {
    /// Small letters, digits, `-`; never changed.
    pub code: String,
    /// 市场监督管理局.
    pub name: String,
    /// `city` or `district`.
    pub level: String,
}

/// All departments, by code.
pub fn departments(tx: &mut Tx<'_>) -> Result<Vec<Department>> {
    tx.query(
        "SELECT code, name, level FROM departments ORDER BY code",
        &[],
        |r| {
            Ok(Department {
                code: r.get(0)?,
                name: r.get(1)?,
                level: r.get(2)?,
            })
        },
    )
}

/// Name of the department with this code.
pub fn department_name(tx: &mut Tx<'_>, code: &str) -> Result<Option<String>> {
    tx.query_opt(
        "SELECT name FROM departments WHERE code = $1",
        &[&code],
        |r| r.get(0),
    )
}

/// Whether it was not there before.
pub(crate) fn put(tx: &mut Tx<'_>, department: &Department) -> Result<bool> {
    let known = department_name(tx, &department.code)?.is_some();
    tx.execute(
        "INSERT INTO departments (code, name, level) VALUES ($1, $2, $3)
         ON CONFLICT (code) DO UPDATE SET name = excluded.name, level = excluded.level",
        &[&department.code, &department.name, &department.level],
    )?;
    Ok(!known)
}
