//! What went wrong, as a stable code for programs and the Chinese words that are made from it.
//!
//! The store keeps the code and not the words, so that text and code cannot differ and a page in another
//! language finds words of its own.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sync::admit::Code;
use sync::bundle::{BundleError, MAX_TASKS};
use sync::cells::CellError;
use sync::message::QUARANTINE_FULL;
use utoipa::ToSchema;

/// A family of faults that are told in one place.
pub trait Fault: Serialize + DeserializeOwned {
    /// In plain Chinese, with what to do. `detail` is what else is known, such as the status of an answer; most
    /// faults have none.
    fn words(&self, detail: &str) -> String;

    /// The stable word.
    fn code(&self) -> String {
        let word = serde_json::to_value(self).ok();
        word.as_ref()
            .and_then(|word| word.as_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// As it is kept in a column of text.
    fn kept(&self, detail: &str) -> String {
        match detail {
            "" => self.code(),
            detail => format!("{}:{detail}", self.code()),
        }
    }
}

/// A fault as an answer has it: text, and code beside it.
pub type Told<F> = (Option<String>, Option<F>);

/// What a column of text says. Rows of before hold the Chinese text: it is told as it is, and has no code.
pub fn told<F: Fault>(kept: Option<&str>) -> Told<F> {
    let Some(kept) = kept else {
        return (None, None);
    };
    let (word, detail) = kept.split_once(':').unwrap_or((kept, ""));
    match serde_json::from_value::<F>(word.into()) {
        Ok(fault) => (Some(fault.words(detail)), Some(fault)),
        Err(_) => (Some(kept.to_owned()), None),
    }
}

/// Why the office has not taken something of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordFault {
    NotOnTeam,
    DeviceRevoked,
    Relieved,
    Fork,
    RecordFull,
    TooLarge,
    /// For any other reason; it lies in the office's quarantine.
    Held,
    /// A signature or the party's statement.
    Signature,
    /// The office's quarantine has no room for more of this tablet: it waits here.
    QuarantineFull,
    /// The office could not take it now: it waits here.
    NotNow,
}

impl RecordFault {
    /// Why the office held back a change.
    pub fn held(code: Code) -> Self {
        match code {
            Code::NotOnTeam => Self::NotOnTeam,
            Code::DeviceRevoked => Self::DeviceRevoked,
            Code::Relieved => Self::Relieved,
            Code::Fork => Self::Fork,
            Code::RecordFull => Self::RecordFull,
            Code::TooLarge => Self::TooLarge,
            _ => Self::Held,
        }
    }

    /// Why it has not taken something now, by the word of its answer.
    pub fn not_now(word: &str) -> Self {
        match word {
            QUARANTINE_FULL => Self::QuarantineFull,
            _ => Self::NotNow,
        }
    }
}

impl Fault for RecordFault {
    fn words(&self, detail: &str) -> String {
        let text = match self {
            Self::NotOnTeam => "作者不在检查组内，内容留在隔离区，由管理员处理。",
            Self::DeviceRevoked => "这台平板已被停用，之后的内容留在隔离区，由主管处理。",
            Self::Relieved => "您已被替换，此后写入的内容没有并入记录，留在隔离区备查。",
            Self::Fork => "这台平板可能由备份恢复，序号重复；请联系管理员。",
            Self::RecordFull => "记录的修改次数已到上限；请联系管理员。",
            Self::TooLarge => "内容过大，服务器没有接收；请联系管理员。",
            Self::Held => "服务器没有接收这项内容，已放入隔离区；请联系管理员。",
            Self::Signature if detail.is_empty() => "服务器没有接收签字；请联系管理员。",
            Self::Signature => return format!("服务器没有接收签字：{detail}"),
            Self::QuarantineFull => {
                "服务器隔离区里这台平板的内容已满，这部分仍在本机；请联系管理员处理隔离区，之后会自动重试。"
            }
            Self::NotNow => "服务器暂时没有接收这项内容，它仍在本机；会自动重试。",
        };
        text.into()
    }
}

/// Why a photo or clip has not come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFault {
    /// No change that the office has taken names it yet.
    RecordNotThere,
    CameDamaged,
    /// The file on this tablet cannot be read.
    DamagedHere,
    TooLarge,
    UnknownThere,
    /// The office answered with another status, which is the detail.
    NotTaken,
    /// What came is not what the record names.
    Differs,
}

impl Fault for FileFault {
    fn words(&self, detail: &str) -> String {
        let text = match self {
            Self::RecordNotThere => "服务器暂不接收：文件所属的记录还没有被接收。",
            Self::CameDamaged => "服务器收到的文件不完整，将重新发送。",
            Self::DamagedHere => "本机的文件已损坏或丢失；请联系管理员。",
            Self::TooLarge => "文件过大，服务器不接收。",
            Self::UnknownThere => "服务器还不认识这个文件，稍后再试。",
            Self::NotTaken if detail.is_empty() => "服务器没有接收这个文件，稍后再试。",
            Self::NotTaken => return format!("服务器没有接收这个文件（{detail}），稍后再试。"),
            Self::Differs => "收到的文件与登记的不一致，将重新获取。",
        };
        text.into()
    }
}

/// What could not be read of a photo that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhotoRemark {
    ExifDamaged,
}

impl Fault for PhotoRemark {
    fn words(&self, _: &str) -> String {
        match self {
            Self::ExifDamaged => "照片的拍摄信息（EXIF）已损坏，时间和地点以平板为准。".into(),
        }
    }
}

/// Why nothing, or not all, was exchanged with a colleague's tablet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NearbyFault {
    NotReached,
    NoAnswer,
    /// Its certificate is none of a colleague.
    OtherTeam,
    BadAnswer,
    /// Its program speaks another version of the protocol.
    OtherVersion,
    /// Not the one whose QR code was scanned.
    OtherTablet,
    MuchRefused,
    NoCommonTask,
    /// Locked, or its inspectors do not want it to be found.
    Closed,
    /// It answered with another status, which is the detail.
    NotTaken,
}

impl Fault for NearbyFault {
    fn words(&self, detail: &str) -> String {
        let text = match self {
            Self::NotReached => {
                "连不上这台平板：请确认两台平板在同一网络，对方已打开“附近的平板”。"
            }
            Self::NoAnswer => "这台平板没有回应，稍后自动重试。",
            Self::OtherTeam => "这台平板不属于同一检查组，没有与它交换任何内容。",
            Self::BadAnswer => "这台平板的回应无法读取。",
            Self::OtherVersion => "两台平板的程序版本不相配，没有交换记录；请联系管理员升级。",
            Self::OtherTablet => {
                "这个地址上的平板不是扫码的那一台，没有与它交换任何内容；请重新扫描对方的二维码。"
            }
            Self::MuchRefused => {
                "这台平板交来的内容大量不合格，已停止接收；请与其使用人当面核实，并报告管理员。"
            }
            Self::NoCommonTask => "对方平板上没有与这台平板共同的任务。",
            Self::Closed => "对方平板还没有解锁，或没有打开“附近的平板”。",
            Self::NotTaken => return format!("对方平板没有接受请求（{detail}）。"),
        };
        text.into()
    }
}

/// Why a bundle was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundleFault {
    CutOff,
    TooManyTasks,
    /// From here on it speaks a later version of the protocol.
    UnknownVersion,
    /// From somewhere behind its beginning.
    DamagedLater,
}

impl From<&BundleError> for BundleFault {
    fn from(error: &BundleError) -> Self {
        match error {
            BundleError::CutOff => Self::CutOff,
            BundleError::TooManyTasks => Self::TooManyTasks,
            BundleError::UnknownMessage(_) => Self::UnknownVersion,
            _ => Self::DamagedLater,
        }
    }
}

impl Fault for BundleFault {
    fn words(&self, _: &str) -> String {
        match self {
            Self::CutOff => {
                "数据包不完整，文件末尾缺失；完整的部分已导入。请重新拷贝后再导入一次。".into()
            }
            Self::TooManyTasks => format!(
                "数据包里的任务超过 {MAX_TASKS} 个，此后的部分没有导入。这不是本程序导出的数据包，请与制作方核实。"
            ),
            Self::UnknownVersion => {
                "数据包由更新版本的程序制作，能读取的部分已导入；请先升级本平板的程序再导入一次。"
                    .into()
            }
            Self::DamagedLater => {
                "数据包从中间起已损坏；损坏之前的部分已导入。请重新拷贝或重新导出后再导入一次。"
                    .into()
            }
        }
    }
}

/// Why a cell cannot be written so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CellFault {
    NoSuchCell,
    /// The detail is what may stand there.
    BadValue,
    NotYours,
    WrittenOnce,
    NotInForm,
    /// None of the answers that the check point knows.
    NoSuchAnswer,
}

impl From<&CellError> for CellFault {
    fn from(error: &CellError) -> Self {
        match error {
            CellError::NoSuchCell(_) => Self::NoSuchCell,
            CellError::BadValue { .. } => Self::BadValue,
            CellError::NotYours { .. } => Self::NotYours,
            CellError::WrittenOnce { .. } => Self::WrittenOnce,
            CellError::NotInForm { .. } => Self::NotInForm,
        }
    }
}

impl Fault for CellFault {
    fn words(&self, detail: &str) -> String {
        let text = match self {
            Self::NoSuchCell => "记录里没有这一栏。",
            Self::BadValue => return format!("内容不符合要求（{detail}）。"),
            Self::NotYours => "这一栏不能由您填写。",
            Self::WrittenOnce => {
                "照片和音视频本身的信息只写一次；填写不一致时，从已有的填写中选择。"
            }
            Self::NotInForm => "检查表里没有这个项目或检查要点。",
            Self::NoSuchAnswer => "答案不在这个检查要点允许的范围内。",
        };
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // what is kept, what is told, and by which code
    #[rstest]
    #[case::of_a_code("too_large", "文件过大，服务器不接收。", Some(FileFault::TooLarge))]
    #[case::with_its_detail(
        "not_taken:418",
        "服务器没有接收这个文件（418），稍后再试。",
        Some(FileFault::NotTaken)
    )]
    #[case::of_an_older_program("文件过大：请联系管理员。", "文件过大：请联系管理员。", None)]
    #[case::of_an_older_program_in_latin("error: 418", "error: 418", None)]
    fn a_column_is_told(#[case] kept: &str, #[case] text: &str, #[case] code: Option<FileFault>) {
        assert_eq!(told(Some(kept)), (Some(text.to_owned()), code));
    }

    #[test]
    fn what_is_kept_is_told_again() {
        let detail = "bad: the ink";
        let kept = RecordFault::Signature.kept(detail);
        assert_eq!(kept, "signature:bad: the ink");
        let (text, code) = told::<RecordFault>(Some(&kept));
        assert_eq!(text.as_deref(), Some("服务器没有接收签字：bad: the ink"));
        assert_eq!(code, Some(RecordFault::Signature));
        assert_eq!(told::<RecordFault>(None), (None, None));
    }
}
