//! `docs/hazards.md`: what the run observed, side by side. Each engine's test answers for its own rows.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, fs, thread};

use uow_test_support::engines;

use super::record::Row;
use super::steps::Steps;
use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hazards.md");

const HEAD: &str = "\
# Hazards, side by side

The same steps on plain sqlx 0.9 and on a unit of work, as the tests in `tests/hazards` saw them. The run writes this table
(`UPDATE_DOCS=1 scripts/servers run cargo test --test hazards`), and fails when it sees something else. An engine that a
hazard does not concern has no row.

| hazard | engine | plain sqlx 0.9 | unit of work |
|---|---|---|---|
";

/// What no run can show, and where it stands in the table: in front of the row that has this number.
const COMPILE_TIME: [(&str, &str); 3] = [
    (
        "H16",
        "| H15 `Executor` is not implemented for `&mut Transaction` | all | n/a: compile time, `&mut *tx` | n/a: compile time, \
         `&mut Session` is one |",
    ),
    (
        "H24",
        "| H23 SQL is `&'static str` or `AssertSqlSafe` | all | n/a: compile time | n/a: compile time, the same |",
    ),
    (
        "H27",
        "| H26 on a Galera cluster another node aborts the transaction between two statements of one message, the second of \
         which is COMMIT | Galera | `SELECT 1; COMMIT`: Ok; stored: nothing (24 of 29,018 units; with COMMIT alone 0 of 99,945) | \
         COMMIT is alone in its message; `scripts/clusters` counts |",
    ),
];

/// Every row, in the order of the table.
fn rows() -> Vec<&'static dyn Row> {
    [
        h01_cancelled_begin::ROWS,
        h02_nested_begin::cancelled::ROWS,
        h02_nested_begin::begin_with::ROWS,
        h02_nested_begin::after_a_failure::ROWS,
        h03_commit_after_a_failure::ROWS,
        h04_ended_by_mysql::ddl::ROWS,
        h04_ended_by_mysql::deadlock::ROWS,
        h04_ended_by_mysql::deadlock_in_a_savepoint::ROWS,
        h04_hidden_ddl::alone::ROWS,
        h04_hidden_ddl::then_a_failure::ROWS,
        h04_hidden_ddl::then_a_deadlock::ROWS,
        h04_hidden_ddl::in_a_savepoint::ROWS,
        h05_rolled_back_by_sqlite::statement::ROWS,
        h05_rolled_back_by_sqlite::savepoint::ROWS,
        h05_rolled_back_by_sqlite::connection::ROWS,
        h06_commit_without_answer::dropped::ROWS,
        h06_commit_without_answer::cut_off::ROWS,
        h07_cancelled_release::ROWS,
        h08_raw_commit::text::ROWS,
        h08_raw_commit::raw_connection::ROWS,
        h08_raw_commit::then_a_failure::ROWS,
        h08_raw_commit::in_a_savepoint::ROWS,
        h09_deferred_upgrade::ROWS,
        h10_queued_rollback::ROWS,
        h11_dropped_outside_of_tokio::ROWS,
        h12_begin_inside_a_unit::ROWS,
        h13_cancelled_statement::committed::ROWS,
        h13_cancelled_statement::stuck::ROWS,
        h14_savepoints_left::ROWS,
        h16_masked_error::of_a_lost_connection::ROWS,
        h16_masked_error::of_a_transaction_gone::ROWS,
        h17_is_in_transaction::after_commit::ROWS,
        h17_is_in_transaction::after_a_deadlock::ROWS,
        h17_is_in_transaction::after_or_rollback::ROWS,
        h18_transient_errors::ROWS,
        h19_named_statements::ROWS,
        h20_cancelled_acquire::ROWS,
        h21_blocking_drop::ROWS,
        h22_round_trips::ROWS,
        h24_silent_network::a_place::ROWS,
        h24_silent_network::a_commit::ROWS,
        h27_stale_plan::ROWS,
        h28_dead_worker::ROWS,
        h30_given_up::ROWS,
        h32_maintenance_of_the_pool::ROWS,
    ]
    .concat()
}

engines! {
    async fn the_table_is_what_was_observed(_lab) {
        // Off the runtime: a row that was not observed yet makes a lab of its own, with a runtime of its own.
        if let Err(panic) = thread::spawn(compare::<Db>).join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Compares the rows of one engine with the file, or writes them.
fn compare<DB: Steps>() {
    let ours: Vec<_> = rows().into_iter().filter(|row| row.engine() == DB::TITLE).collect();
    let observed = observe(&ours);

    // The engines' tests run beside each other.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let committed = fs::read_to_string(FILE).unwrap_or_default();
    let table = table(&committed, DB::TITLE, &observed);
    if table == committed {
        return;
    }
    let first_time = !committed.contains(&format!("| {} |", DB::TITLE));
    if first_time || env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(Path::new(FILE).parent().expect("it is in a folder"))
            .expect("the folder can be made");
        fs::write(FILE, table).expect("the table can be written");
        return;
    }
    let mut difference = String::new();
    for line in committed.lines().filter(|line| !table.lines().any(|new| new == *line)) {
        let _ = write!(difference, "\n- {line}");
    }
    for line in table.lines().filter(|line| !committed.lines().any(|old| old == *line)) {
        let _ = write!(difference, "\n+ {line}");
    }
    panic!("docs/hazards.md is not what was observed: run with UPDATE_DOCS=1 to rewrite it{difference}");
}

/// The lines of these rows, a few at a time: they mostly wait.
fn observe(rows: &[&dyn Row]) -> Vec<String> {
    let observing = |rows: &[&dyn Row]| rows.iter().map(|row| line(*row)).collect::<Vec<_>>();
    thread::scope(|scope| {
        let parts: Vec<_> = rows.chunks(6).map(|part| scope.spawn(move || observing(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a row that does not hold says so")).collect()
    })
}

/// The whole file, with these rows of one engine and those of the others as they stand in `committed`.
fn table(committed: &str, engine: &str, observed: &[String]) -> String {
    let mut table = HEAD.to_owned();
    let (mut observed, mut compile_time) = (observed.iter(), COMPILE_TIME.iter().peekable());
    for row in rows() {
        if let Some((_, line)) =
            compile_time.next_if(|(before, _)| row.hazard().split(' ').next() == Some(before))
        {
            let _ = writeln!(table, "{line}");
        }
        let line = if row.engine() == engine {
            observed.next().map(String::as_str)
        } else {
            committed.lines().find(|line| line.starts_with(&front(row)))
        };
        if let Some(line) = line {
            let _ = writeln!(table, "{line}");
        }
    }
    for (_, line) in compile_time {
        let _ = writeln!(table, "{line}");
    }
    table
}

fn line(row: &dyn Row) -> String {
    let [plain, unit] = row.observed();
    format!("{}{plain} | {unit} |", front(row))
}

/// What a row is known by.
fn front(row: &dyn Row) -> String {
    format!("| {} | {} | ", row.hazard(), row.engine())
}
