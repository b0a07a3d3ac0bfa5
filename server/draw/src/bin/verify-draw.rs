//! `verify-draw TRANSCRIPT`: checks a published transcript, a .zip or a folder, and says what it found.
//! Exit code 0: everything follows from what was committed. 1: the first thing that is wrong.

use clap::Parser;
use draw::{Chance, Fault, Files, Mode, Summary, What};
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

/// 验证一次随机抽查 · Verify a random draw
#[derive(Parser)]
#[command(name = "verify-draw", version)]
struct Args {
    /// 公开的抽查记录包（.zip）或解压后的文件夹 · The transcript: a .zip or a folder
    transcript: PathBuf,
    /// 解压后允许的总大小（MiB） · Most MiB that the files may have together
    #[arg(long, default_value_t = 4096)]
    max_mib: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let checked = read(&args).and_then(|files| draw::verify(&files.transcript()?));
    match checked {
        Ok(summary) => {
            print(&summary);
            ExitCode::SUCCESS
        }
        Err(fault) => {
            println!("不通过 FAILED");
            let line = if fault.line == 0 {
                String::new()
            } else {
                format!(" 第 {} 行", fault.line)
            };
            println!("{}{line}：{}", fault.file, fault.what.zh());
            println!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn read(args: &Args) -> Result<Files, Fault> {
    let fault = |e: std::io::Error| Fault {
        file: "TRANSCRIPT",
        line: 0,
        what: What::Archive,
        detail: format!("{}: {e}", args.transcript.display()),
    };
    let total = args.max_mib.saturating_mul(1 << 20);
    if args.transcript.is_dir() {
        return draw::read_folder(&args.transcript, total);
    }
    let file = File::open(&args.transcript).map_err(fault)?;
    draw::read_zip(std::io::BufReader::new(file), total)
}

fn print(s: &Summary) {
    println!("通过 VERIFIED");
    let departments: Vec<&str> = s
        .rules
        .departments
        .iter()
        .map(|d| d.name.as_str())
        .collect();
    println!(
        "抽查 draw          {} · {} · {}",
        s.rules.draw,
        departments.join("、"),
        s.rules.title
    );
    println!("方式 mode          {}", mode(&s.rules.mode));
    println!("承诺 commitment    {}", s.commitment);
    println!(
        "名录 pools         对象 objects {} · 人员 inspectors {} · 排除 excluded {}",
        s.objects, s.inspectors, s.excluded
    );
    match &s.chance {
        None => println!("种子 seed          没有产生 there is none"),
        Some(chance) => print_chance(chance),
    }
    if let Some(void) = &s.void {
        println!("作废 void          {} · {}", void.at, void.reason);
    }
    match s.opened {
        Some(n) => println!("开封 openings      {n}"),
        None => println!("开封 openings      未公开 sealed"),
    }
}

fn print_chance(c: &Chance) {
    println!("种子 seed          {}", c.seed);
    println!(
        "见证 witnesses     揭示 revealed {} · 未揭示 withheld {} · 名单 list {}",
        c.revealed, c.withheld, c.witness_list
    );
    println!("随机 chance        {} bit", c.millibits / 1000);
    println!(
        "结果 result        抽中 drawn {} · 候补 reserves {} · 递补 substitutions {}",
        c.drawn, c.reserves, c.substitutions
    );
}

fn mode(mode: &Mode) -> String {
    match mode {
        Mode::Double => "双随机 double".into(),
        Mode::Census { basis, weeks, .. } => format!("普查 census · {basis} · {weeks} 周 weeks"),
        Mode::Objects { reason, review_by } => {
            format!("单随机：只抽对象 objects only · {reason} · 复核 review {review_by}")
        }
        Mode::Inspectors { reason, review_by } => {
            format!("单随机：只抽人员 inspectors only · {reason} · 复核 review {review_by}")
        }
    }
}
