//! The story of a draw as a line of time in plain words: for the public, who knows nothing of ours. Told
//! from the transcript and the times of the steps; it says nothing before the rules allow it.

use super::DrawState;
use super::store;
use crate::db::Tx;
use crate::error::AppError;

/// How a step of a story looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It happened.
    Done,
    /// It comes next.
    Next,
    /// The draw became void.
    Void,
}

/// A step of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryStep {
    /// When, milliseconds since the Unix epoch; of steps to come none.
    pub at: Option<i64>,
    /// In few words.
    pub title: &'static str,
    /// In plain words.
    pub text: String,
    /// Details, a line each.
    pub lines: Vec<String>,
    /// A draw that comes before or after this one: its id and number.
    pub other: Option<(String, String)>,
    /// How it looks.
    pub tone: Tone,
}

/// What a story is told from.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The rules that were committed.
    pub rules: Option<::draw::Rules>,
    /// Title of the plan.
    pub plan: String,
    /// When it was defined.
    pub created_at: i64,
    /// When the pools were last looked through.
    pub checked_at: Option<i64>,
    /// Objects of the frame, inspectors, and those kept out.
    pub objects: usize,
    /// Inspectors of the pool.
    pub inspectors: usize,
    /// Objects and inspectors that were kept out.
    pub excluded: usize,
    /// When it was committed.
    pub committed_at: Option<i64>,
    /// Witnesses of the list.
    pub witnesses: usize,
    /// Of these, how many revealed.
    pub revealed: usize,
    /// Of these, how many did not.
    pub withheld: usize,
    /// When the list was closed.
    pub closed_at: Option<i64>,
    /// When all values were known.
    pub revealed_at: Option<i64>,
    /// The last line of `seed.txt`.
    pub last: Option<String>,
    /// When it was drawn.
    pub drawn_at: Option<i64>,
    /// Objects that were drawn, and reserves.
    pub drawn: usize,
    /// Reserves.
    pub reserves: usize,
    /// When tasks were sent.
    pub dispatched_at: Option<i64>,
    /// When each substitution was approved.
    pub substituted_at: Vec<i64>,
    /// Results that were published, of all tasks.
    pub published: (usize, usize),
    /// `draw` or a China date.
    pub public_from: String,
    /// Whether the whole transcript is public.
    pub public: bool,
    /// When it became void, and why.
    pub void: Option<(i64, String)>,
    /// The void draw that it follows.
    pub before: Option<(String, String)>,
    /// The draw that followed it when it was void.
    pub after: Option<(String, String)>,
}

/// The mode of a draw, in a word.
pub fn mode_word(mode: &::draw::Mode) -> &'static str {
    match mode {
        ::draw::Mode::Double => "双随机",
        ::draw::Mode::Objects { .. } => "单随机（只抽对象）",
        ::draw::Mode::Inspectors { .. } => "单随机（只抽人员）",
        ::draw::Mode::Census { .. } => "普查",
    }
}

fn done(at: Option<i64>, title: &'static str, text: String) -> StoryStep {
    StoryStep {
        at,
        title,
        text,
        lines: Vec::new(),
        other: None,
        tone: Tone::Done,
    }
}

fn next(title: &'static str, text: &str) -> StoryStep {
    StoryStep {
        tone: Tone::Next,
        ..done(None, title, text.to_owned())
    }
}

/// The story, from the definition to where it stands now, with the one step that comes next.
pub fn story(f: &Facts) -> Vec<StoryStep> {
    let mut steps = vec![defined(f)];
    if f.committed_at.is_some() {
        let text = format!(
            "名单内 {} 个对象、{} 名检查人员；{} 个不符合条件，逐个列出理由后排除。",
            f.objects, f.inspectors, f.excluded
        );
        steps.push(done(f.checked_at, "核对名单", text));
        let text = "规则和名单算出一个封存码，当即公布。从这时起改动一个字，封存码就对不上；而随机数还不存在。";
        steps.push(done(f.committed_at, "封存", text.into()));
    }
    chance(f, &mut steps);
    afterwards(f, &mut steps);
    steps
}

fn defined(f: &Facts) -> StoryStep {
    let mut text = format!("依据已锁定的计划《{}》发起，编号从此占用。", f.plan);
    let mut lines = Vec::new();
    if let Some(rules) = &f.rules {
        let departments: Vec<&str> = rules.departments.iter().map(|d| d.name.as_str()).collect();
        lines.push(format!("方式：{}", mode_word(&rules.mode)));
        if departments.len() > 1 {
            lines.push(format!("联合检查：{}", departments.join("、")));
        }
        let items: Vec<&str> = rules.items.iter().map(|i| i.name.as_str()).collect();
        lines.push(format!("事项：{}", items.join("、")));
        lines.push(match rules.seed.last {
            ::draw::Last::Dice { rolls, sides } => {
                format!("最后的随机来源：当众掷 {sides} 面骰 {rolls} 次")
            }
            ::draw::Last::Drand { round, .. } => {
                format!("最后的随机来源：国际公开随机源 drand 第 {round} 轮")
            }
        });
    }
    if f.before.is_some() {
        text.push_str("接替已作废的抽取：");
    }
    StoryStep {
        lines,
        other: f.before.clone(),
        ..done(Some(f.created_at), "定义", text)
    }
}

fn chance(f: &Facts, steps: &mut Vec<StoryStep>) {
    let going_on = f.void.is_none();
    if f.committed_at.is_none() {
        if going_on {
            steps.push(next("封存", "核对名单，公布封存码。"));
        }
        return;
    }
    match f.closed_at {
        Some(at) if f.witnesses == 0 => {
            let text = "没有见证人交来数值，名单截止。".to_owned();
            steps.push(done(Some(at), "见证人截止", text));
        }
        Some(at) => {
            let text = format!(
                "{} 名见证人各自想好一个数值，只交来它的指纹；名单截止，谁也不能再改、再加。",
                f.witnesses
            );
            steps.push(done(Some(at), "见证人截止", text));
        }
        None if going_on => {
            steps.push(next("见证人", "见证人交来数值的指纹，随后名单截止。"));
        }
        None => {}
    }
    match f.revealed_at {
        Some(at) => {
            let withheld = match f.withheld {
                0 => String::new(),
                n => format!("，{n} 名没有揭晓，记录在案"),
            };
            let text = format!(
                "服务器的随机数和 {} 名见证人的数值揭晓，与先前的指纹一一相符{withheld}。",
                f.revealed
            );
            steps.push(done(Some(at), "揭晓", text));
        }
        None if f.closed_at.is_some() && going_on => {
            steps.push(next("揭晓", "见证人和服务器揭晓数值。"));
        }
        None => {}
    }
    match (f.drawn_at, &f.last) {
        (Some(at), last) => {
            let what = last.as_deref().map_or_else(String::new, last_words);
            let text = format!("{what}至此合成随机种子，结果由名单和种子唯一算出。");
            steps.push(done(Some(at), "最后的随机来源", text));
            let text = format!("抽中 {} 户，另有候补 {} 户。", f.drawn, f.reserves);
            steps.push(done(Some(at), "抽取", text));
        }
        (None, _) if f.revealed_at.is_some() && going_on => {
            steps.push(next(
                "最后的随机来源",
                "它最后产生，之后再没有人能选择什么。",
            ));
        }
        _ => {}
    }
}

/// The last line of `seed.txt` in words.
fn last_words(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["dice", sides, rolls @ ..] => {
            format!(
                "当众掷 {sides} 面骰 {} 次：{}。",
                rolls.len(),
                rolls.join(" ")
            )
        }
        ["drand", round, ..] => format!("公开随机源 drand 第 {round} 轮如约产生。"),
        _ => String::new(),
    }
}

fn afterwards(f: &Facts, steps: &mut Vec<StoryStep>) {
    if let Some(at) = f.dispatched_at {
        let text = format!("{} 项检查任务发给抽中的检查组。", f.published.1);
        steps.push(done(Some(at), "派发", text));
    }
    if let (Some(first), Some(last)) = (f.substituted_at.first(), f.substituted_at.last()) {
        let mut step = done(
            Some(*last),
            "递补",
            format!(
                "{} 次递补，每次都由同一次抽取顺序中的下一个接替，谁也不能挑选。",
                f.substituted_at.len()
            ),
        );
        if first != last {
            step.text.push_str("这里是最近一次的时间。");
        }
        let where_to = match f.public {
            true => "理由和内容见下面的递补记录。",
            false => "内容随抽取文件公开。",
        };
        step.lines = vec![where_to.to_owned()];
        steps.push(step);
    }
    if let Some((at, why)) = &f.void {
        let mut text = format!("理由：{why}。编号、封存码和已经公开的内容永久保留。");
        if f.after.is_some() {
            text.push_str("接替它的抽取：");
        }
        steps.push(StoryStep {
            other: f.after.clone(),
            tone: Tone::Void,
            ..done(Some(*at), "作废", text)
        });
        return;
    }
    if f.drawn_at.is_none() {
        return;
    }
    steps.push(match (f.public, f.public_from.as_str()) {
        (true, "draw") => done(
            f.drawn_at,
            "公开",
            "抽取文件在抽取后立即公开，任何人都能重算。".into(),
        ),
        (true, date) => done(
            None,
            "公开",
            format!("抽取文件自 {date} 起公开，任何人都能重算。"),
        ),
        (false, date) => next(
            "公开",
            &format!("抽取文件自 {date} 起公开。检查结束前公布名单，会让被查对象提前得到消息。"),
        ),
    });
    if let (published @ 1.., all) = f.published {
        let text = format!("已公示 {published} 项检查结果，共 {all} 项任务。");
        steps.push(done(None, "公示结果", text));
    }
}

/// Reads what the story of a committed draw is told from.
///
/// # Errors
/// The database, or files that are not ours.
pub fn facts(tx: &mut Tx<'_>, id: &str, public: bool) -> Result<Option<Facts>, AppError> {
    let Some(draw) = store::find(tx, id)? else {
        return Ok(None);
    };
    let mut f = Facts {
        committed_at: draw.committed_at,
        drawn_at: draw.drawn_at,
        dispatched_at: draw.dispatched_at,
        public_from: draw.public_from,
        public,
        ..Facts::default()
    };
    times(tx, id, &mut f)?;
    lists(tx, id, &mut f)?;
    neighbours(tx, &draw.plan, id, draw.state, &mut f)?;
    Ok(Some(f))
}

fn times(tx: &mut Tx<'_>, id: &str, f: &mut Facts) -> Result<(), AppError> {
    tx.query_one(
        "SELECT d.created_at, d.closed_at, d.revealed_at, d.void_at, d.void_reason, p.title
         FROM draws d JOIN plans p ON p.id = d.plan WHERE d.id = $1",
        &[&id],
        |r| {
            f.created_at = r.get(0)?;
            f.closed_at = r.get(1)?;
            f.revealed_at = r.get(2)?;
            let (at, why): (Option<i64>, Option<String>) = (r.get(3)?, r.get(4)?);
            f.void = at.zip(why);
            f.plan = r.get(5)?;
            Ok(())
        },
    )?;
    let subject = format!("draw/{id}");
    f.checked_at = tx.query_one(
        "SELECT MAX(at) FROM journal WHERE subject = $1 AND act = 'draw.check'",
        &[&subject],
        |r| r.get(0),
    )?;
    f.substituted_at = tx.query(
        "SELECT decided_at FROM substitution_requests
         WHERE draw = $1 AND state = 'approved' AND decided_at IS NOT NULL ORDER BY decided_at",
        &[&id],
        |r| r.get(0),
    )?;
    Ok(())
}

/// How many lines a list of the transcript has below its header.
fn lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count().saturating_sub(1)
}

fn lists(tx: &mut Tx<'_>, id: &str, f: &mut Facts) -> Result<(), AppError> {
    let mut file = |name: &str| store::file(tx, id, name);
    let rules = file("rules.json")?;
    f.objects = lines(&file("objects.csv")?.unwrap_or_default());
    f.inspectors = lines(&file("inspectors.csv")?.unwrap_or_default());
    f.excluded = lines(&file("excluded.csv")?.unwrap_or_default());
    let seed = file("seed.txt")?.unwrap_or_default();
    f.last = String::from_utf8_lossy(&seed)
        .lines()
        .last()
        .map(str::to_owned);
    if let Some(rules) = rules {
        f.rules = Some(::draw::Rules::parse(&rules).map_err(AppError::internal)?);
    }
    let count = |n: i64| usize::try_from(n).unwrap_or(0);
    (f.drawn, f.reserves) = {
        let (drawn, reserves) = store::counts(tx, id)?;
        (count(drawn), count(reserves))
    };
    (f.witnesses, f.revealed, f.withheld) = tx.query_one(
        "SELECT COUNT(committed), COUNT(CASE WHEN state = 'revealed' THEN 1 END),
             COUNT(CASE WHEN state = 'withheld' THEN 1 END)
         FROM draw_witnesses WHERE draw = $1",
        &[&id],
        |r| Ok((count(r.get(0)?), count(r.get(1)?), count(r.get(2)?))),
    )?;
    f.published = tx.query_one(
        "SELECT COUNT(p.task), COUNT(*) FROM tasks t LEFT JOIN publication_index p ON p.task = t.id
         WHERE t.draw = $1 AND t.state <> 'withdrawn'",
        &[&id],
        |r| Ok((count(r.get(0)?), count(r.get(1)?))),
    )?;
    Ok(())
}

/// The draws of the same plan before and after this one; a plan has one that is not void.
fn neighbours(
    tx: &mut Tx<'_>,
    plan: &str,
    id: &str,
    state: DrawState,
    f: &mut Facts,
) -> Result<(), AppError> {
    let all: Vec<(String, String, bool)> = tx.query(
        "SELECT id, number, commitment IS NOT NULL OR state = 'void' FROM draws WHERE plan = $1 ORDER BY created_at, id",
        &[&plan],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
    )?;
    // What was neither committed nor made void is not public, and no step of this story.
    let public: Vec<(String, String)> = all
        .into_iter()
        .filter(|(other, _, committed)| *committed || other == id)
        .map(|(other, number, _)| (other, number))
        .collect();
    if let Some(at) = public.iter().position(|(other, _)| other == id) {
        f.before = at.checked_sub(1).and_then(|n| public.get(n)).cloned();
        f.after = public
            .get(at + 1)
            .filter(|_| state == DrawState::Void)
            .cloned();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Facts {
        Facts {
            plan: "食品销售".into(),
            objects: 100,
            inspectors: 8,
            excluded: 5,
            checked_at: Some(1),
            committed_at: Some(2),
            witnesses: 3,
            revealed: 2,
            withheld: 1,
            closed_at: Some(3),
            revealed_at: Some(4),
            last: Some("dice 6 3 1".into()),
            drawn_at: Some(5),
            drawn: 9,
            reserves: 4,
            dispatched_at: Some(6),
            published: (0, 9),
            public_from: "2026-12-01".into(),
            ..Facts::default()
        }
    }

    fn titles(f: &Facts) -> Vec<(&'static str, Tone)> {
        story(f).into_iter().map(|s| (s.title, s.tone)).collect()
    }

    // D3, D5: what has happened, and the one step that comes next.
    #[rstest::rstest]
    #[case::committed(Facts { closed_at: None, revealed_at: None, drawn_at: None, dispatched_at: None, ..whole() }, "见证人", Tone::Next)]
    #[case::closed(Facts { revealed_at: None, drawn_at: None, dispatched_at: None, ..whole() }, "揭晓", Tone::Next)]
    #[case::revealed(Facts { drawn_at: None, dispatched_at: None, ..whole() }, "最后的随机来源", Tone::Next)]
    #[case::dispatched(whole(), "公开", Tone::Next)]
    #[case::public(Facts { public: true, ..whole() }, "公开", Tone::Done)]
    #[case::published(Facts { public: true, published: (1, 9), ..whole() }, "公示结果", Tone::Done)]
    #[case::void_after_the_seed(Facts { void: Some((9, "程序违法".into())), dispatched_at: None, ..whole() }, "作废", Tone::Void)]
    #[case::void_before_the_seed(Facts { void: Some((9, "停电".into())), closed_at: None, revealed_at: None, drawn_at: None, dispatched_at: None, ..whole() }, "作废", Tone::Void)]
    fn the_story_ends_where_the_draw_stands(
        #[case] f: Facts,
        #[case] title: &'static str,
        #[case] tone: Tone,
    ) {
        let told = titles(&f);
        assert_eq!(told.last(), Some(&(title, tone)), "{told:?}");
        let next = told.iter().filter(|(_, t)| *t == Tone::Next).count();
        assert!(next <= 1, "{told:?}");
    }

    // D2, D4
    #[rstest::rstest]
    #[case(false, "内容随抽取文件公开。")]
    #[case(true, "理由和内容见下面的递补记录。")]
    fn substitutions_are_counted_and_told_when_the_transcript_is_public(
        #[case] public: bool,
        #[case] line: &str,
    ) {
        let f = Facts {
            substituted_at: vec![7, 8],
            public,
            ..whole()
        };
        let told = story(&f);
        let step = told.iter().find(|s| s.title == "递补").unwrap();
        assert_eq!((step.at, step.lines[0].as_str()), (Some(8), line));
    }
}
