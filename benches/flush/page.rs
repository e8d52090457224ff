//! `docs/flush.md`, as it stands in the repository.

use crate::common::page;
use crate::figures::{Figure, Measure};
use crate::targets;

/// What stands above the table.
const HEAD: &str = "\
# What a flush costs

This page is written by `cargo bench --bench flush -- --write`; do not edit it. `-- --check` instead fails when a target is
missed.

The entity is a row like a real one: a generated key, a title of 43 letters, a reference, a float and a version.
";

/// What stands below it.
const FOOT: &str = "
* **insert_1000**: makes 1,000 entities, has them inserted in one transaction, and knows their keys. Ours is `add`, 1,000
  times, and `commit`. **batch** is the best we know to write: PostgreSQL's `UNNEST … RETURNING`, MariaDB's rows of values
  with `RETURNING`, SQLite's rows of values with the keys told from `last_insert_rowid()`; **per_row** is
  `INSERT … RETURNING` in a loop.
* **change_100_of_1000**: loads the 1,000 rows of a table, changes the title of each tenth, and commits. **batch** is one
  `UPDATE` joined with the values (`UNNEST`, `VALUES`, `UNION ALL`), with the version in the join and the count looked at.
* **insert_100000**: the same as insert_1000 with more rows. All figures are those of one row: the time next to that of a row
  of insert_1000; the bytes next to those of the row itself, its title on the heap included (**rows**), and next to those of
  the batch, whose entities alone are kept.
* **get_tracked**: one `get` of a key that is tracked, next to `HashMap::get_mut`.
* **lend_10000**: loads 10,000 rows and lends each, which takes a copy of it to compare with: the bytes that are kept for one,
  next to those of the row itself. (A key with memory of its own on the heap, as a `String`, is kept once more.)
* **flush_10000_clean**: a `flush` where nothing changed, next to a loop that compares 10,000 pairs.
* **endpoint_insert**, **endpoint_add**: creates an entity, commits, refreshes it and tells its key. The create is `insert`,
  or `add`, which is written behind; **calls** are the same statements by hand, with a transaction and without.
* Every way begins and ends on the same pool of one connection; statements are prepared before anything is counted. By hand
  as with the library a work is one transaction; where a unit leaves BEGIN and COMMIT out, for it writes one statement, so do
  we by hand.
* **ns**: the wall clock, the ways taking turns; the median of 151 rounds (5 of per_row and of insert_100000). **×** is ours
  divided by theirs, **±** how far apart the ratios of the rounds' middle half are (of 5 rounds, all). It is that of the
  machine it was read on, and whatever else it was doing: client and server share two processors.
* **statements**: the messages to PostgreSQL that have a statement run, as a proxy in between counts them: Query (BEGIN,
  COMMIT, SAVEPOINT) and Execute (a prepared one). **round_trips**: how often the client waits for the server. Two of those
  are sqlx's pool, which pings a connection when it is taken and when it comes back.
* **bytes**: the most that was allocated at a time, beyond what there was before (of lend_10000: what is left of it). **allocations**: of 1,000 calls. Both are
  counted by the bench's allocator, on all threads; what SQLite's C takes is not in it.
* SQLite is a file with a write-ahead log, and `synchronous` off.

The targets are in the table.
";

/// Writes the page.
pub(crate) fn write(figures: &[Figure], engines: &[String], missed: &[String]) {
    let mut table = String::from("| case | engine | measure | ours | theirs | | × | ± | target | holds |\n");
    table.push_str("|---|---|---|--:|--:|---|--:|--:|---|---|\n");
    figures.iter().for_each(|figure| table.push_str(&row(figure)));
    let with = format!("{}.", engines.join(", "));
    page::write("flush.md", [HEAD, &with, &table, FOOT], missed);
}

fn row(figure: &Figure) -> String {
    let number = |value: f64| match figure.measure {
        Measure::Nanoseconds if value < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    let target = targets::of(figure);
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        figure.case.name(),
        figure.engine,
        figure.measure.name(),
        number(figure.ours),
        number(figure.hand_written),
        figure.against.name(),
        figure.ratio().map_or(String::new(), |ratio| format!("{ratio:.3}")),
        if figure.measure == Measure::Nanoseconds { format!("{:.3}", figure.spread) } else { String::new() },
        target.map_or(String::new(), targets::Target::text),
        target.map_or("", |target| if target.holds(figure) { "yes" } else { "**no**" }),
    )
}
