//! What is wrong with a transcript: the first thing, in the fixed order of SPEC.md §10.

use std::fmt;

/// The kinds of wrong, each with a stable code that every verifier of SPEC.md uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The archive cannot be read, or holds what a transcript does not hold.
    Archive,
    /// A file is not there.
    Missing,
    /// A file, line or list is longer than SPEC.md §1 allows.
    TooLarge,
    /// Bytes that are not UTF-8.
    NotText,
    /// The last line does not end with LF, or the file is empty.
    NoFinalNewline,
    /// A carriage return; lines end with LF alone.
    CarriageReturn,
    /// A space at the end of a line.
    TrailingSpace,
    /// The header line is not the one of SPEC.md.
    Header,
    /// A line that does not follow the file's grammar.
    Form,
    /// Lines that are not in bytewise order.
    Unsorted,
    /// The same id, name or pair twice.
    Duplicate,
    /// A reference to something that is not listed where it should be.
    Unknown,
    /// A SHA-256 that differs from the file it stands for.
    Hash,
    /// JSON that is not in the canonical form of RFC 8785.
    NotCanonical,
    /// A rule whose value the draw does not allow.
    Rule,
    /// An algorithm, mode or seed source that this verifier does not know.
    Unsupported,
    /// An object that no team can serve stands in the frame.
    Unservable,
    /// `seed.txt` (or `void.json`) does not name this transcript's commitment.
    Commitment,
    /// A revealed value that does not match what was committed.
    Reveal,
    /// A signature that is not the one of the announced drand round.
    Drand,
    /// Too little chance in the seed.
    Entropy,
    /// A line that differs from what follows from the files before it.
    Differs,
}

impl What {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            What::Archive => "archive",
            What::Missing => "missing",
            What::TooLarge => "too-large",
            What::NotText => "not-text",
            What::NoFinalNewline => "no-final-newline",
            What::CarriageReturn => "carriage-return",
            What::TrailingSpace => "trailing-space",
            What::Header => "header",
            What::Form => "form",
            What::Unsorted => "unsorted",
            What::Duplicate => "duplicate",
            What::Unknown => "unknown",
            What::Hash => "hash",
            What::NotCanonical => "not-canonical",
            What::Rule => "rule",
            What::Unsupported => "unsupported",
            What::Unservable => "unservable",
            What::Commitment => "commitment",
            What::Reveal => "reveal",
            What::Drand => "drand",
            What::Entropy => "entropy",
            What::Differs => "differs",
        }
    }

    /// One line for people, in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            What::Archive => "压缩包无法读取或含有多余文件",
            What::Missing => "缺少文件",
            What::TooLarge => "超出允许的大小",
            What::NotText => "不是 UTF-8 文本",
            What::NoFinalNewline => "文件末尾没有换行",
            What::CarriageReturn => "含有回车符（应只用换行符）",
            What::TrailingSpace => "行尾有空格",
            What::Header => "表头不符",
            What::Form => "格式不符",
            What::Unsorted => "未按字节顺序排序",
            What::Duplicate => "重复",
            What::Unknown => "引用了未列出的内容",
            What::Hash => "文件与清单中的 SHA-256 不一致",
            What::NotCanonical => "JSON 不是规范形式",
            What::Rule => "规则取值不合法",
            What::Unsupported => "本验证程序不支持",
            What::Unservable => "名录中有无法组队检查的对象",
            What::Commitment => "所写的承诺值不是本次抽查的承诺值",
            What::Reveal => "揭示的数值与事先承诺不一致",
            What::Drand => "不是所公布轮次的 drand 签名",
            What::Entropy => "种子的随机性不足",
            What::Differs => "与重新计算的结果不一致",
        }
    }
}

/// Most bytes of a message.
const DETAIL_MAX: usize = 600;

/// The first thing wrong: where and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// File name inside the transcript.
    pub file: &'static str,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: u64,
    /// Kind.
    pub what: What,
    /// For people, in English: the thing and what would be right.
    pub detail: String,
}

impl Fault {
    pub(crate) fn new(
        file: &'static str,
        line: u64,
        what: What,
        detail: impl Into<String>,
    ) -> Self {
        let mut detail = detail.into();
        // Some messages quote what they found, and a stranger may have made it long.
        if detail.len() > DETAIL_MAX {
            detail.truncate(detail.floor_char_boundary(DETAIL_MAX));
            detail.push('…');
        }
        Fault {
            file,
            line,
            what,
            detail,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}: {}", self.file, self.what.code(), self.detail),
            n => write!(
                f,
                "{} line {}: {}: {}",
                self.file,
                n,
                self.what.code(),
                self.detail
            ),
        }
    }
}

impl std::error::Error for Fault {}
