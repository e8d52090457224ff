//! `docs/overhead.md`, as it stands in the repository.

use crate::callgrind;
use crate::common::page;
use crate::figures::{Against, Comparison, Measure};
use crate::units::Way;

/// What stands above the table.
const HEAD: &str = "\
# What a unit of work costs

This page is written by `cargo bench --bench overhead -- --write`; do not edit it. `-- --check` instead fails when a target
is missed.

The unit inserts one row, selects it by its key, and commits; the statements are prepared before anything is counted. Every
figure is that of one unit, and what taking the connection from the pool and giving it back costs is in it.
";

/// What stands below it.
const FOOT: &str = "
* **unit**: `new` is `Database::new(&pool)`, the getters and `commit()`; `run` is `Database::options(&pool).run(…)`.
* **same protocol**: the same calls by hand. `pool.acquire()`, the very texts the unit begins and commits with, and the two
  statements, on the pooled connection. On SQLite BEGIN and COMMIT go through `sqlx::query` or `sqlx::raw_sql`, and the
  cheaper of the two is shown.
* **`pool.begin()`**: the same with sqlx's transaction, which looks at nothing and promises less. On SQLite it begins DEFERRED.
* **×**: ours divided by theirs. **±**: how far apart the ratios to the same protocol are that the single measurements
  give; for ns, those in the middle half.
* **instructions**, **allocations**: counted by callgrind, for ours and theirs alike: all that the client does on all of its
  threads, SQLite's and the waiting included, on one processor where the threads do not interrupt each other. It is the
  difference between a process of 200 units and one of 1200 (of a server: 600), by the unit; the median of 3. A server's
  answers are held back by 2 ms, so that each is waited for. Allocations are calls of malloc and its kin, SQLite's own
  included.
* **round_trips**: how often the client waits for the server, as a proxy in between counts them. Two of them are sqlx's
  pool, which pings a connection when it is taken and when it comes back.
* **ns**: the wall clock, the ways taking turns; the median of 200 readings of 20 units. It is that of the machine it was
  read on, and whatever else it was doing.

Targets, for `new` on SQLite, where the database is in memory and all but the library's own work is least: at most 1.03 × the
instructions of the same protocol, at most 1.15 × those of `pool.begin()`, and at most one allocation a statement and two a
unit more than the same protocol.
";

/// Writes the page.
pub(crate) fn write(comparisons: &[Comparison], engines: &[String], missed: &[String]) {
    let others = if callgrind::comes_first() { "alone" } else { "with other programs" };
    let engines = engines.join(", ");
    let with = format!(
        "{}, {engines}. Instructions were counted on a processor that the client had {others}.",
        callgrind::version().unwrap(),
    );
    let mut table =
        String::from("| engine | unit | measure | ours | same protocol | × | ± | `pool.begin()` | × |\n");
    table.push_str("|---|---|---|--:|--:|--:|--:|--:|--:|\n");
    for same in comparisons.iter().filter(|comparison| comparison.against == Against::SameProtocol) {
        let is_its_pair = |other: &&Comparison| {
            (other.engine, other.case, other.measure, other.against)
                == (same.engine, same.case, same.measure, Against::PoolBegin)
        };
        let begin = comparisons.iter().find(is_its_pair).unwrap();
        table.push_str(&row(same, begin));
    }
    page::write("overhead.md", [HEAD, &with, &table, FOOT], missed);
}

fn row(same: &Comparison, begin: &Comparison) -> String {
    let figure = |value: f64| match same.measure {
        Measure::Instructions | Measure::Nanoseconds => format!("{value:.0}"),
        Measure::Allocations | Measure::RoundTrips => format!("{value:.1}"),
    };
    let unit = if same.case == Way::Unit { "new" } else { "run" };
    format!(
        "| {} | {unit} | {} | {} | {} | {:.3} | {:.3} | {} | {:.3} |\n",
        same.engine,
        same.measure.name(),
        figure(same.ours),
        figure(same.hand_written),
        same.ratio(),
        same.spread,
        figure(begin.hand_written),
        begin.ratio(),
    )
}
