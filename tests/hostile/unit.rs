//! Units that hostile texts are sent through, and what is stored in the end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, IntoArguments};

use super::random::Random;
use super::texts::Texts;
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
        unit(lab, seed, &counts).await;
        return;
    }
    let (first, texts) = (Random::seed(), number("UOW_HOSTILE_TEXTS").unwrap_or(TEXTS));
    println!("the first seed is {first}");
    let next = AtomicU64::new(first);
    // (SQLite lets one write at a time.)
    let workers = if DB::NAME == "SQLite" { 1 } else { 4 };
    join_all((0..workers).map(async |_| {
        while counts.texts.load(Relaxed) < texts {
            unit(lab, next.fetch_add(1, Relaxed), &counts).await;
        }
    }))
    .await;
    println!("{} in {:?}: {counts:?}", DB::NAME, began.elapsed());
    // Else the texts are not what they are meant to be.
    let (sent, refused) = (counts.ran.load(Relaxed), counts.refused.load(Relaxed));
    assert!(sent > texts / 20 && refused > texts / 20, "{counts:?}");
}

async fn unit<DB: Engine>(lab: &Lab<DB>, seed: u64, counts: &Counts)
where
    DB::Arguments: IntoArguments<DB>,
{
    let mut sent = Vec::new();
    let lie = tokio::time::timeout(HANGS, play(lab, seed, counts, &mut sent)).await;
    let lie = lie.unwrap_or_else(|_| Err("it hangs".to_owned()));
    if let Err(lie) = lie {
        panic!("{lie}\n\non {} after these texts:\n{sent:#?}\n\nagain: UOW_HOSTILE_SEED={seed}", DB::NAME);
    }
}

/// One unit: a row, texts, perhaps another row, and its end.
async fn play<DB: Engine>(
    lab: &Lab<DB>,
    seed: u64,
    counts: &Counts,
    sent: &mut Vec<String>,
) -> Result<(), String>
where
    DB::Arguments: IntoArguments<DB>,
{
    let (mut random, texts) = (Random::new(seed), Texts::of(DB::NAME));
    let mut db = Library::new(&lab.pool);
    let row = |which| AssertSqlSafe(format!("INSERT INTO blog (name) VALUES ('{seed} {which}')"));
    let others_see = || {
        let text = format!("SELECT name FROM blog WHERE name IN ('{seed} a', '{seed} b') ORDER BY name");
        async move { DB::texts(&lab.outside, &text).await }
    };
    db.session().execute(row('a')).await.map_err(|error| format!("the first row: {error}"))?;
    let mut is_whole = true;
    for _ in 0..1 + random.below(TEXTS_A_UNIT) {
        let text = texts.draw(&mut random);
        counts.texts.fetch_add(1, Relaxed);
        let way = random.below(6);
        let counter = match send(db.session(), &text, way).await.map_err(Error::from) {
            Ok(()) => &counts.ran,
            Err(Error::Refused { .. }) => &counts.refused,
            Err(_) => {
                is_whole = false;
                &counts.failed
            }
        };
        counter.fetch_add(1, Relaxed);
        if !std::ptr::eq(counter, &counts.refused) {
            if text.contains('\0') {
                return Err(format!("a NUL byte was sent: {text:?}"));
            }
            sent.push(text);
        }
        if !is_whole {
            break;
        }
    }
    is_whole = is_whole && db.session().execute(row('b')).await.is_ok();
    let early = others_see().await;
    let commits = random.percent(50);
    let ended = if commits { db.commit().await } else { db.rollback().await };
    let stored = others_see().await;
    counts.units.fetch_add(1, Relaxed);
    let told = ended.as_ref().is_err_and(|error| error.is_ended_early() || error.is_outcome_unknown());
    counts.told.fetch_add(u64::from(told), Relaxed);
    let holds = match &ended {
        Ok(()) if commits => is_whole && early.is_empty() && stored.len() == 2,
        Err(_) if told => DB::NAME == "MySQL" && sent.iter().any(|text| may_end_it(text)),
        Ok(()) => early.is_empty() && stored.is_empty(),
        Err(error) => error.is_rolled_back() && early.is_empty() && stored.is_empty(),
    };
    let _ = db.rollback().await;
    if holds {
        return Ok(());
    }
    let end = if commits { "commit" } else { "rollback" };
    Err(format!("{end}: {ended:?}; others saw {early:?} before, and {stored:?} behind it"))
}

/// Whether a text is one of those that MySQL runs other statements for, out of sight.
fn may_end_it(text: &str) -> bool {
    let text = text.to_uppercase();
    ["/*!", "/*M!", "CALL", "EXECUTE", "ATOMIC", "IF", "\\"].iter().any(|word| text.contains(word))
}

/// Sends a text in one of the ways there are.
async fn send<DB: Engine>(session: &mut Session<DB>, text: &str, way: u64) -> sqlx::Result<()>
where
    DB::Arguments: IntoArguments<DB>,
{
    let raw = sqlx::raw_sql(AssertSqlSafe(text));
    let query = sqlx::query::<DB>(AssertSqlSafe(text)).persistent(false);
    match way {
        0 => raw.execute(session).await.map(drop),
        1 => session.fetch_all(raw).await.map(drop),
        2 => session.fetch_optional(raw).await.map(drop),
        3 => session.fetch_many(raw).try_collect::<Vec<_>>().await.map(drop),
        4 => session.execute(query).await.map(drop),
        _ => session.fetch_optional(query).await.map(drop),
    }
}
