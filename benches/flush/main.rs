//! What a flush costs, next to the best batch written by hand on sqlx, and next to a loop of single statements.
//!
//! ```text
//! cargo bench --bench flush               one JSON line for each case
//! cargo bench --bench flush -- --check    the same; fails when a target is missed, and names it
//! cargo bench --bench flush -- --write    the same; writes docs/flush.md
//! ```
//!
//! SQLite is measured always, PostgreSQL and MariaDB where `UOW_POSTGRES_URL` and `UOW_MYSQL_URL` name a server:
//! `scripts/servers run cargo bench --bench flush`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints, and has nobody to hand an error to"
)]

#[path = "../common/mod.rs"]
mod common;
mod figures;
mod hand;
mod memory;
mod page;
mod post;
mod targets;
mod times;
mod wire;

use std::process::ExitCode;

use sqlx::{MySql, Postgres, Sqlite};
use unit_of_work::Entity;

use crate::common::database::Reach as _;
use crate::figures::Figure;
use crate::hand::Hand;
use crate::post::Post;

#[global_allocator]
static ALLOCATOR: uow_bench_allocator::Counting = uow_bench_allocator::Counting;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// What is inserted, or loaded, at once.
    pub(crate) rows: usize,
    /// Every so many of them is changed.
    pub(crate) changed: usize,
    pub(crate) many: usize,
    /// What is tracked and did not change.
    pub(crate) clean: usize,
    /// How many times a tracked one is asked for in one reading.
    pub(crate) gets: usize,
    /// How often the ways take turns.
    pub(crate) rounds: usize,
    /// The same where a round takes seconds.
    pub(crate) few_rounds: usize,
}

const WHOLE: Size =
    Size { rows: 1000, changed: 10, many: 100_000, clean: 10_000, gets: 100_000, rounds: 151, few_rounds: 5 };

/// As much as shows that it runs.
const SMALL: Size = Size { rows: 20, changed: 4, many: 40, clean: 20, gets: 20, rounds: 1, few_rounds: 1 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // Cargo adds its own word at the end.
        ["--bench"] => measure(WHOLE, false, false),
        ["--check", "--bench"] => measure(WHOLE, true, false),
        ["--write", "--bench"] => measure(WHOLE, false, true),
        // `cargo test --benches`: that it runs is all there is to see.
        [] => measure(SMALL, false, false),
        _ => {
            eprintln!("cargo bench --bench flush [-- --check | --write]");
            ExitCode::FAILURE
        }
    }
}

/// Measures what is here, and prints, checks or writes it.
fn measure(size: Size, check: bool, write: bool) -> ExitCode {
    let mut figures = Vec::new();
    let mut engines = Vec::new();
    measure_engine::<Sqlite>(size, &mut figures, &mut engines);
    measure_engine::<Postgres>(size, &mut figures, &mut engines);
    measure_engine::<MySql>(size, &mut figures, &mut engines);
    let missed: Vec<_> = figures.iter().filter_map(targets::missed).collect();
    if write {
        page::write(&figures, &engines, &missed);
    }
    // Of a small size there is nothing to miss.
    if size.rows == WHOLE.rows {
        missed.iter().for_each(|target| eprintln!("missed: {target}"));
    }
    if check && !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn measure_engine<DB: Hand>(size: Size, figures: &mut Vec<Figure>, engines: &mut Vec<String>)
where
    Post: Entity<DB>,
{
    if !DB::is_here() {
        eprintln!("{} is not measured: no server is named in the environment", DB::ENGINE);
        return;
    }
    engines.push(common::page::version::<DB>());
    let mut tell = |figure: Figure| {
        println!("{figure}");
        figures.push(figure);
    };
    times::measure::<DB>(size, &mut tell);
    memory::measure::<DB>(size, &mut tell);
    if DB::ENGINE == Postgres::ENGINE {
        wire::measure(size, &mut tell);
    }
}
