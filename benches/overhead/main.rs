//! What a unit of work costs, next to the same statements written by hand on sqlx.
//!
//! ```text
//! cargo bench --bench overhead               one JSON line for each comparison
//! cargo bench --bench overhead -- --check    the same; fails when a target is missed, and names it
//! cargo bench --bench overhead -- --write    the same; writes docs/overhead.md
//! ```
//!
//! SQLite is measured always, PostgreSQL and MySQL where `UOW_POSTGRES_URL` and `UOW_MYSQL_URL` name a server:
//! `scripts/servers run cargo bench --bench overhead`. It needs Linux and valgrind.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints, and has nobody to hand an error to"
)]

mod callgrind;
mod clock;
#[path = "../common/mod.rs"]
mod common;
mod database;
mod figures;
mod page;
mod relay;
mod targets;
mod units;

use std::process::ExitCode;

use sqlx::{MySql, Postgres, Sqlite};

use crate::database::{Measured, with_pool};
use crate::figures::Comparison;
use crate::units::Way;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--units", engine, way, count] => {
            run_units(engine, Way::named(way).unwrap(), count.parse().unwrap());
            ExitCode::SUCCESS
        }
        // Cargo adds its own word at the end.
        ["--bench"] => measure(false, false),
        ["--check", "--bench"] => measure(true, false),
        ["--write", "--bench"] => measure(false, true),
        // `cargo test --benches`: that it runs is all there is to see.
        [] => {
            Way::ALL.into_iter().for_each(|way| run_units("sqlite", way, 2));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("cargo bench --bench overhead [-- --check | --write]");
            ExitCode::FAILURE
        }
    }
}

/// Runs units and nothing else: what callgrind looks at.
fn run_units(engine: &str, way: Way, count: i64) {
    fn run<DB: Measured>(way: Way, count: i64) {
        with_pool::<DB, _>(async |pool| DB::units(way, pool, 0..count).await.unwrap());
    }
    match engine {
        "postgres" => run::<Postgres>(way, count),
        "mysql" => run::<MySql>(way, count),
        _ => run::<Sqlite>(way, count),
    }
}

/// Measures what is here, and prints, checks or writes it.
fn measure(check: bool, write: bool) -> ExitCode {
    if let Err(missing) = callgrind::version() {
        eprintln!("{missing}");
        return ExitCode::FAILURE;
    }
    let mut comparisons = Vec::new();
    let mut versions = Vec::new();
    measure_engine::<Sqlite>(&mut comparisons, &mut versions);
    measure_engine::<Postgres>(&mut comparisons, &mut versions);
    measure_engine::<MySql>(&mut comparisons, &mut versions);
    let missed: Vec<_> = comparisons.iter().filter_map(targets::missed).collect();
    if write {
        page::write(&comparisons, &versions, &missed);
    }
    for target in &missed {
        eprintln!("missed: {target}");
    }
    if check && !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn measure_engine<DB: Measured>(comparisons: &mut Vec<Comparison>, versions: &mut Vec<String>) {
    if !DB::is_here() {
        eprintln!("{} is not measured: no server is named in the environment", DB::ENGINE);
        return;
    }
    versions.push(common::page::version::<DB>());
    let measured = figures::compare::<DB>();
    measured.iter().for_each(|comparison| println!("{comparison}"));
    comparisons.extend(measured);
}
