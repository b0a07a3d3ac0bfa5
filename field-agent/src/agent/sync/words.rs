//! Failures in words that say what to do (lesson 13: for good, or for now).

use sync::message::QUARANTINE_FULL;
use sync::session::Failure;

use super::StepFailure;
use crate::api::fault::{Fault, RecordFault};
use crate::ports::{FetchAnswer, FetchError};

pub fn network(error: &FetchError) -> StepFailure {
    match error {
        FetchError::Offline(_) => StepFailure {
            failure: Failure::Offline,
            ..StepFailure::passing("offline", "连不上服务器；有网络时会自动继续。")
        },
        FetchError::Stalled(_) => StepFailure {
            failure: Failure::Stalled,
            ..StepFailure::passing("timeout", "传输停住了，没有进展；会自动重试。")
        },
        FetchError::Certificate(_) => StepFailure::passing(
            "bad_certificate",
            "服务器证书不可信，没有发送任何内容；请联系管理员。",
        ),
        FetchError::BadAnswer(_) => {
            StepFailure::passing("bad_answer", "服务器的回应不完整；会自动重试。")
        }
    }
}

/// The office had the tablet wipe itself.
pub fn wiped() -> StepFailure {
    StepFailure::lasting(
        "revoked",
        "这台平板已被停用，本机的记录、照片和密钥已经清除；停用前已上传的内容都在服务器上。",
    )
}

/// Tablet and office do not understand each other.
pub fn other_version() -> StepFailure {
    StepFailure::lasting(
        "upgrade_needed",
        "平板与服务器的版本不相配；请联系管理员升级。",
    )
}

/// The stable code of a problem that the server sent.
pub fn problem_code(answer: &FetchAnswer) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    Some(value.get("code")?.as_str()?.to_owned())
}

pub fn status(answer: &FetchAnswer) -> StepFailure {
    let code = problem_code(answer);
    match (answer.status, code.as_deref()) {
        (_, Some("device_revoked")) => StepFailure::lasting(
            "revoked",
            "服务器说这台平板已被停用，但没有给出可核对的凭据；内容仍在本机，请联系管理员。",
        ),
        (401 | 403, _) => StepFailure::lasting("refused", "服务器不接受这台平板；请联系管理员。"),
        (400 | 404 | 405 | 415 | 422 | 426, _) => other_version(),
        (413, _) => StepFailure::passing("too_large", "一次发送的内容过大；会分批重试。"),
        (507, _) | (_, Some("server_full")) => StepFailure::passing(
            "server_full",
            "服务器存储空间不足；请联系管理员。会自动重试。",
        ),
        // An office of before refused everything then, not only what would have gone to quarantine.
        (429, Some(QUARANTINE_FULL)) => {
            StepFailure::passing(QUARANTINE_FULL, &RecordFault::QuarantineFull.words(""))
        }
        (429 | 503, _) => StepFailure::passing("busy", "服务器正忙；会自动重试。"),
        (status, _) => StepFailure::passing(
            "server_error",
            &format!("服务器出错（{status}）；会自动重试。"),
        ),
    }
}

/// Why something that another tablet or a file handed over was kept out, and what to do.
pub fn kept_out(code: &str) -> &'static str {
    match code {
        "not_on_team" => {
            "作者不在检查组内，或未在那台平板登记；内容已隔离，联网取得最新名单后会再核验。"
        }
        "relieved" => "作者已被替换，且在得知替换之后仍有写入；内容已隔离备查。",
        "device_revoked" => "作者的平板已被停用；内容已隔离，由单位处理。",
        "fork" => "作者的平板可能由备份恢复，编号重复；内容已隔离，待作者平板重新提交。",
        "record_full" => "记录的修改次数已到上限；内容已隔离，请联系管理员。",
        "bad_signature" | "foreign_actor" => {
            "签名与作者不符，内容可能被篡改；已隔离，请与作者当面核实。"
        }
        "bad_statement" => "签字与名单上的密钥或笔迹不符，没有收入；请与签字人当面核实。",
        code if code.starts_with("office:") => {
            "服务器没有接收这项内容，已从本机记录中移出并隔离；请与作者核实，由作者重新填写。"
        }
        _ => "内容已损坏或不符合记录的格式；已隔离，请升级程序或联系管理员。",
    }
}
