//! Spreadsheets in and out.

/// Disarms text that a spreadsheet program would take for a formula: what begins with `=`, `+`,
/// `-`, `@`, a tab or a carriage return gets an apostrophe in front. Plain numbers stay as they are.
pub fn csv_safe(text: &str) -> std::borrow::Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula && text.parse::<f64>().is_err() {
        return format!("'{text}").into();
    }
    text.into()
}

/// Takes back the apostrophe of [`csv_safe`], so that a file that was exported can be imported.
pub fn csv_unsafe(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S2: formula injection
    #[rstest::rstest]
    #[case::formula("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")")]
    #[case::at("@SUM(A1)", "'@SUM(A1)")]
    #[case::tab("\t=1", "'\t=1")]
    #[case::number("-12.5", "-12.5")]
    #[case::phone("+86 755 1234", "'+86 755 1234")]
    #[case::plain("深圳市某某公司", "深圳市某某公司")]
    fn formulas_are_disarmed(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(csv_safe(text), expected);
        assert_eq!(csv_unsafe(&csv_safe(text)), text);
    }
}
