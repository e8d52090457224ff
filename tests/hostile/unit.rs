//! Units that hostile texts are sent through, and what is stored in the end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, IntoArguments};

use super::random::Random;
use super::texts::{Texts, pick};
use crate::common::*;

/// How many texts are drawn for an engine, if nobody says otherwise.
const TEXTS: u64 = 20_000;
/// How many of them a unit takes, at the most: the first that the engine refuses ends it.
const TEXTS_A_UNIT: u64 = 16;
/// A unit that takes longer hangs.
const HANGS: Duration = Duration::from_secs(30);

/// What became of the texts.
#[derive(Debug, Default)]
struct Counts {
    texts: AtomicU64,
    refused: AtomicU64,
    ran: AtomicU64,
    failed: AtomicU64,
    units: AtomicU64,
    /// Units whose transaction was ended by a text, and that said so.
    told: AtomicU64,
    /// Units whose rows others saw before they were committed.
    early: AtomicU64,
}

/// Sends texts until there are enough, or one shows a lie.
pub(crate) async fn storm<DB: Engine>(lab: &Lab<DB>)
where
    DB::Arguments: IntoArguments<DB>,
{
    let number = |variable: &str| std::env::var(variable).ok().map(|text| text.parse::<u64>().unwrap());
    let counts = Counts::default();
    let began = Instant::now();
    if let Some(seed) = number("UOW_HOSTILE_SEED") {
        let kept = unit(lab, seed, &counts).await;
        return compare(lab, vec![kept]).await;
    }
    let (first, texts) = (Random::seed(), number("UOW_HOSTILE_TEXTS").unwrap_or(TEXTS));
    println!("the first seed is {first}");
    let next = AtomicU64::new(first);
    // (SQLite lets one write at a time.)
    let workers = if DB::NAME == "SQLite" { 1 } else { 4 };
    let kept = join_all((0..workers).map(async |_| {
        let mut kept = Vec::new();
        while counts.texts.load(Relaxed) < texts {
            kept.push(unit(lab, next.fetch_add(1, Relaxed), &counts).await);
        }
        kept
    }))
    .await;
    compare(lab, kept.into_iter().flatten().collect()).await;
    println!("{} in {:?}: {counts:?}", DB::NAME, began.elapsed());
    // Else the texts are not what they are meant to be.
    let (sent, refused) = (counts.ran.load(Relaxed), counts.refused.load(Relaxed));
    assert!(sent > texts / 5 && refused > texts / 20, "{counts:?}");
}

/// What a unit has stored, by what its end answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    seed: u64,
    /// `None` if nobody knows.
    rows: Option<usize>,
}

/// Compares what is stored with what the units' ends answered. (One look at all of them, for a look at each would take longer than
/// the texts. What a text has committed stays stored, whatever the unit does then.)
async fn compare<DB: Engine>(lab: &Lab<DB>, kept: Vec<Kept>) {
    let names = DB::texts(&lab.outside, "SELECT name FROM blog").await;
    let mut stored: HashMap<u64, usize> = HashMap::new();
    for name in names {
        let seed = name.split(' ').next().unwrap().parse().unwrap();
        *stored.entry(seed).or_default() += 1;
    }
    for Kept { seed, rows } in kept {
        let found = stored.get(&seed).copied().unwrap_or(0);
        let (engine, rows) = (DB::NAME, rows.unwrap_or(found));
        assert_eq!(found, rows, "not the rows that the end answered; on {engine}: UOW_HOSTILE_SEED={seed}");
    }
}

async fn unit<DB: Engine>(lab: &Lab<DB>, seed: u64, counts: &Counts) -> Kept
where
    DB::Arguments: IntoArguments<DB>,
{
    let mut sent = Vec::new();
    let played = tokio::time::timeout(HANGS, play(lab, seed, counts, &mut sent)).await;
    match played.unwrap_or_else(|_| Err("it hangs".to_owned())) {
        Ok(rows) => Kept { seed, rows },
        Err(lie) => {
            panic!("{lie}\n\non {} after these texts:\n{sent:#?}\n\nagain: UOW_HOSTILE_SEED={seed}", DB::NAME)
        }
    }
}

/// One unit: a row, texts, perhaps another row, and its end. Answers how many rows are stored by it.
async fn play<DB: Engine>(
    lab: &Lab<DB>,
    seed: u64,
    counts: &Counts,
    sent: &mut Vec<String>,
) -> Result<Option<usize>, String>
where
    DB::Arguments: IntoArguments<DB>,
{
    let (mut random, texts) = (Random::new(seed), Texts::of(DB::NAME));
    let commits = random.percent(50);
    let mut db = Library::new(&lab.pool);
    let row = |which| AssertSqlSafe(format!("INSERT INTO blog (name) VALUES ('{seed} {which}')"));
    let setup = pick(&mut random, &[texts.setups]);
    if !setup.is_empty() {
        db.session().execute(sqlx::raw_sql(setup)).await.map_err(|error| format!("{setup}: {error}"))?;
    }
    sent.push(setup.to_owned());
    db.session().execute(row('a')).await.map_err(|error| format!("the first row: {error}"))?;
    let mut is_whole = true;
    for _ in 0..1 + random.below(TEXTS_A_UNIT) {
        let (text, way) = (texts.draw(&mut random), random.below(10));
        counts.texts.fetch_add(1, Relaxed);
        let answer = send(db.session(), &text, way).await.map_err(Error::from);
        if let Err(Error::Refused { .. }) = answer {
            counts.refused.fetch_add(1, Relaxed);
            continue;
        }
        if text.contains('\0') {
            return Err(format!("a NUL byte was sent: {text:?}"));
        }
        sent.push(text);
        is_whole = answer.is_ok();
        let counter = if is_whole { &counts.ran } else { &counts.failed };
        counter.fetch_add(1, Relaxed);
        if !is_whole {
            break;
        }
    }
    is_whole = is_whole && db.session().execute(row('b')).await.is_ok();
    if commits && is_whole {
        let text = format!("SELECT name FROM blog WHERE name IN ('{seed} a', '{seed} b')");
        let early = DB::texts(&lab.outside, &text).await;
        counts.early.fetch_add(u64::from(!early.is_empty()), Relaxed);
        is_whole = early.is_empty();
    }
    let ended = if commits { db.commit().await } else { db.rollback().await };
    counts.units.fetch_add(1, Relaxed);
    let _ = db.rollback().await;
    let is_odd = DB::NAME == "MySQL" || !setup.is_empty();
    let may_end_it = is_odd && sent.iter().skip(1).any(|text| may_end_it::<DB>(text));
    match ended {
        Ok(()) if commits && is_whole => Ok(Some(2)),
        Ok(()) if !commits => Ok(Some(0)),
        Err(error) if error.is_rolled_back() => Ok(Some(0)),
        Err(error) if error.is_ended_early() && may_end_it => {
            counts.told.fetch_add(1, Relaxed);
            Ok(None)
        }
        // The connection was lost behind a text that may have been read in another way.
        Err(error) if error.is_outcome_unknown() => Ok(if may_end_it { None } else { Some(0) }),
        ended => Err(format!("commit {commits}, whole {is_whole}: {ended:?}")),
    }
}

/// Whether a text is one of those that MySQL runs other statements for, out of sight; or that the session's setup gives another
/// meaning.
fn may_end_it<DB: Engine>(text: &str) -> bool {
    let text = text.to_uppercase();
    let mysql: &[&str] = match DB::NAME {
        "MySQL" => &["/*!", "/*M!", "CALL", "EXECUTE", "ATOMIC", "IF", "縗`", "\""],
        _ => &[],
    };
    text.contains('\\') || mysql.iter().any(|word| text.contains(word))
}

/// Sends a text in one of the ways there are.
async fn send<DB: Engine>(session: &mut Session<DB>, text: &str, way: u64) -> sqlx::Result<()>
where
    DB::Arguments: IntoArguments<DB>,
{
    let raw = sqlx::raw_sql(AssertSqlSafe(text));
    let query = sqlx::query::<DB>(AssertSqlSafe(text)).persistent(false);
    match way {
        0 | 1 => raw.execute(session).await.map(drop),
        2 | 3 => session.fetch_all(raw).await.map(drop),
        4 | 5 => session.fetch_optional(raw).await.map(drop),
        8 => session.execute(query).await.map(drop),
        9 => session.fetch_optional(query).await.map(drop),
        _ => session.fetch_many(raw).try_collect::<Vec<_>>().await.map(drop),
    }
}
