//! What `make bench` measures of server and tablets together.

pub mod automerge;
pub mod crowd;
pub mod idle;
pub mod link;

/// One line of `make bench`.
pub fn print(name: &str, value: impl std::fmt::Display, unit: &str) {
    println!("bench {name} {value} {unit}");
}

/// One answer or note, as an inspector writes them.
pub fn work(task: usize, point: usize) -> (String, sync::cells::Value) {
    if point.is_multiple_of(4) {
        let note = format!(
            "货架第{}层有{}件商品未标明价格，已现场告知负责人。",
            task % 7 + 1,
            point
        );
        return (format!("point/A1/p{point}/note"), note.into());
    }
    let answer = if (task + point).is_multiple_of(9) {
        "non_compliant"
    } else {
        "compliant"
    };
    (format!("point/A1/p{point}/answer"), answer.into())
}
