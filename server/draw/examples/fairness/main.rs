//! `make fairness`: many draws, what is counted of them, and how far it is from what chance alone would give. Writes
//! `fairness.md` and `fairness.svg` into the folder given. The seeds are numbers, so everybody gets the same figures.

mod plot;
mod stats;
mod study;

use std::fmt::Write;
use std::path::Path;
use study::{Done, Row};

const DRAWS: usize = 20_000;
/// Of the selection alone.
const MANY: usize = 100_000;

fn main() -> Done<()> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    let (mut rows, ours) = study::selection(MANY)?;
    rows.extend(study::positions(DRAWS)?);
    rows.extend(study::cells(DRAWS)?);
    rows.extend(study::dealing(DRAWS)?);
    rows.extend(study::modes(DRAWS)?);
    rows.extend(study::large(100_000, 400)?);
    let (theirs, systematic) = study::systematic(MANY);
    std::fs::write(
        folder.join("fairness.svg"),
        plot::svg(&ours, &systematic, MANY),
    )?;
    std::fs::write(
        folder.join("fairness.md"),
        text(&rows, &theirs, &systematic),
    )?;
    print!("{}", table(&rows));
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| 检验 · test | 抽查次数 draws | χ² | 自由度 df | p |\n|---|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let p = row.chi.p();
        let p = if p < 1e-6 {
            "< 0.000001".into()
        } else {
            format!("{p:.3}")
        };
        let _ = writeln!(
            text,
            "| {} · {} | {} | {:.1} | {} | {p} |",
            row.zh, row.en, row.draws, row.chi.square, row.chi.df
        );
    }
    text
}

fn text(rows: &[Row], theirs: &[Row], systematic: &study::Picture) -> String {
    let never = systematic
        .share
        .iter()
        .filter(|share| **share == 0.0)
        .count();
    let low = rows.iter().map(|row| row.chi.p()).fold(1.0, f64::min);
    let high = rows.iter().map(|row| row.chi.p()).fold(0.0, f64::max);
    format!(
        "# 公平性检验 · Fairness, shown\n\n\
        `make fairness` 重新计算本页和图；种子是 `SHA-256(\"fairness 0\")`、`SHA-256(\"fairness 1\")`……，人人得到同样的数字。\n\
        *`make fairness` computes this page and its picture again. The seeds are the SHA-256 of `fairness 0`, `fairness 1`, …, so everybody gets the same figures.*\n\n\
        ![公平性](fairness.svg)\n\n\
        ## 本系统 · This system\n\n{}\n\
        **怎么看**：p 是“完全公平的抽查也会出现这么大偏差”的概率；公平时 p 在 0 与 1 之间均匀分布，过小（如低于 0.001）说明有偏，过于接近 1 说明凑得太齐。这里共 {} 项（第三项在 20,000 次时 p = 0.003，因此前三项加到 100,000 次：p 没有变小，而是回到中间，不是偏差），最小 {low:.3}，最大 {high:.3}；{} 项检验中最小的 p 低于 0.01 的概率本身约为 {:.0}%。\n\
        *p is how likely a fair draw is to be at least so far off. If nothing is wrong it is anywhere between 0 and 1 with equal chance. With 20,000 draws the third was 0.003; with 100,000, where a bias would show more, it is not.*\n\n\
        **方法**：改名不应改变结果的分布（可交换性），所以计数减去均值后在各个方向上的方差相同，它由每次抽查内部估计；平方和除以它服从 χ² 分布。“每两个”“相遇”类检验先减去各自的次数，只看相遇本身。前后两次抽查两两取对，重合数应服从超几何分布 H(105, 50, 50)。例子是 105 个对象抽 50 个；派组是 30 人、每组 2 人；每次派组都另外检查了各人分到的对象数相差不超过 1。\n\
        *Method: renaming must not change the distribution (exchangeability), so counts less their mean have one variance in every direction, estimated within the draws; the sum of squares divided by it is chi-square. Pairs are counted beyond how often each comes. Successive draws are taken two by two. Loads never differed by more than one.*\n\n\
        ## 等距抽取 · Systematic sampling\n\n\
        可以读到源码的一个同类平台：由线性同余发生器取一个起点，然后每隔 ⌊N/n⌋ 行取一个。N = 105、n = 50 时只有 {} 种可能的结果，{never} 个对象永远抽不到，相邻的两个对象永远不会同时抽中；前后两次抽查不是完全相同就是毫无重合。\n\
        *A platform of this kind whose source can be read takes one start from a linear generator, then every ⌊N/n⌋-th row: {} possible samples, {never} objects that can never be drawn, neighbours never together, and two draws are either the same or have nothing in common.*\n\n{}\n\
        ## 快速版 · In the tests\n\n\
        `server/draw/tests/fairness.rs` 用固定的种子做同样的检验（次数较少），并确认它们认得出等距抽取。*The same with fewer draws and fixed seeds, and that it would recognise systematic sampling.*\n",
        table(rows),
        rows.len(),
        rows.len(),
        100.0 * (1.0 - 0.99_f64.powi(rows.len() as i32)),
        study::OBJECTS / study::DRAWN,
        study::OBJECTS / study::DRAWN,
        table(theirs),
    )
}
