//! What the units said of themselves, and what of it is true.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{MySqlConnection, Row as _};
use unit_of_work::{Cause, Error};

use crate::work::Job;

/// What a unit said of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Stored,
    RolledBack(String),
    /// No connection was to be had, or BEGIN failed.
    NotBegun(String),
    Unknown(String),
    EndedEarly(String),
    /// What it must not say.
    Other(String),
}

impl Answer {
    pub(crate) fn not_begun(error: &Error) -> Self {
        Self::NotBegun(reason(error))
    }

    /// A unit ended by `run` hands on the closure's error as it is. Unless that says otherwise, it was rolled back.
    pub(crate) fn of_run(job: Job, outcome: Result<(), Error>) -> Self {
        match outcome {
            Err(error)
                if !(error.is_outcome_unknown() || error.is_ended_early())
                    && (error.is_transient() || !is_conflict(&error)) =>
            {
                Self::RolledBack(reason(&error))
            }
            outcome => Self::of_commit(job, outcome),
        }
    }

    pub(crate) fn of_commit(job: Job, outcome: Result<(), Error>) -> Self {
        let Err(error) = outcome else { return Self::Stored };
        let reason = reason(&error);
        if error.is_outcome_unknown() {
            Self::Unknown(reason)
        } else if error.is_ended_early() && job.kind.is_unseen() {
            Self::EndedEarly(reason)
        } else if error.is_conflict()
            || (error.is_rolled_back() && (error.is_transient() || !is_conflict(&error)))
        {
            Self::RolledBack(reason)
        } else {
            let claim = if error.is_ended_early() { "ended early" } else { "not known as a conflict" };
            Self::Other(format!("{claim}, {:?}: {reason}", job.kind))
        }
    }
}

/// Whether it is what Galera says of a unit that another node was faster than: nothing of it is stored, and it may be tried again.
pub(crate) fn is_conflict(error: &Error) -> bool {
    let database = error.sqlx().and_then(sqlx::Error::as_database_error);
    database.is_some_and(|error| error.code().as_deref() == Some("40001"))
}

/// In few words, to be counted by.
fn reason(error: &Error) -> String {
    let transient = if error.is_transient() { "transient" } else { "not transient" };
    let during = match error.cause() {
        Some(Cause::Failed { during, .. }) => during,
        _ => "",
    };
    match error.sqlx() {
        Some(sqlx) => {
            let text: String = sqlx.to_string().chars().take(90).collect();
            format!("{during} {text} ({transient})")
        }
        None if error.is_conflict() => "a version did not match".into(),
        None => error.cause().map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// The answers of all units.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    answers: Vec<(Job, Answer)>,
}

/// What a node has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stored {
    works: BTreeMap<i64, (i64, i64)>,
    touched: BTreeMap<i64, i64>,
    markers: Vec<i64>,
}

impl Stored {
    async fn on(node: &mut MySqlConnection) -> sqlx::Result<Self> {
        // Before it answers, the node applies whatever any of them has committed by now.
        sqlx::raw_sql("SET SESSION wsrep_sync_wait = 15").execute(&mut *node).await?;
        let works = sqlx::query("SELECT id, a, b FROM work").fetch_all(&mut *node).await?;
        let touched = sqlx::query("SELECT id, touched FROM hot").fetch_all(&mut *node).await?;
        let markers = "SELECT coalesce(work, -1) FROM uow_marker WHERE NOT void ORDER BY 1";
        Ok(Self {
            works: works.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect(),
            touched: touched.iter().map(|row| (row.get(0), row.get(1))).collect(),
            markers: sqlx::query_scalar(markers).fetch_all(node).await?,
        })
    }
}

impl Ledger {
    pub(crate) fn note(&mut self, job: Job, answer: Answer) {
        self.answers.push((job, answer));
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.answers.extend(other.answers);
    }

    /// How often each was answered.
    pub(crate) fn print(&self) {
        let mut counts = BTreeMap::<_, usize>::new();
        for (_, answer) in &self.answers {
            let (name, reason) = match answer {
                Answer::Stored => ("Ok", ""),
                Answer::RolledBack(reason) => ("rolled back", &**reason),
                Answer::NotBegun(reason) => ("not begun", &**reason),
                Answer::Unknown(reason) => ("unknown", &**reason),
                Answer::EndedEarly(reason) => ("ended early after unseen work", &**reason),
                Answer::Other(reason) => ("NOT TRUE", &**reason),
            };
            *counts.entry((name, reason)).or_default() += 1;
        }
        for ((name, reason), count) in counts {
            println!("  {count:>8} {name}: {reason}");
        }
    }

    fn ids(&self, is: impl Fn(&Answer) -> bool) -> BTreeSet<i64> {
        self.answers.iter().filter(|(_, answer)| is(answer)).map(|(job, _)| job.id).collect()
    }

    /// What is not as the units said, in words; nothing, if they told the truth.
    pub(crate) async fn untrue(&self, nodes: &mut [MySqlConnection], marked: bool) -> Vec<String> {
        let mut first = None;
        let mut untrue = Vec::new();
        let other = self.ids(|answer| matches!(answer, Answer::Other(_)));
        if !other.is_empty() {
            untrue.push(format!("{} units answered what is not true", other.len()));
        }
        // Of work that it cannot look into a unit may not know even then: the marker tells of its last transaction alone.
        let in_doubt =
            |(job, answer): &&(Job, Answer)| matches!(answer, Answer::Unknown(_)) && !job.kind.is_unseen();
        let in_doubt = self.answers.iter().filter(in_doubt).count();
        if marked && in_doubt > 0 {
            untrue.push(format!(
                "{in_doubt} units did not find out what became of them, and they left markers"
            ));
        }
        for (number, node) in (1..).zip(nodes) {
            let stored = Stored::on(node).await.expect("the node answers");
            untrue.extend(
                self.untrue_of(&stored, marked).into_iter().map(|text| format!("node {number}: {text}")),
            );
            if *first.get_or_insert_with(|| stored.clone()) != stored {
                untrue.push(format!("node {number} does not have what node 1 has"));
            }
        }
        untrue
    }

    fn untrue_of(&self, stored: &Stored, marked: bool) -> Vec<String> {
        let there: BTreeSet<i64> = stored.works.keys().copied().collect();
        let ok = self.ids(|answer| *answer == Answer::Stored);
        let gone = self.ids(|answer| matches!(answer, Answer::RolledBack(_) | Answer::NotBegun(_)));
        let unknown = self.ids(|answer| matches!(answer, Answer::Unknown(_)));
        let markers: BTreeSet<i64> = stored.markers.iter().copied().collect();
        let expected = if marked { &there } else { &BTreeSet::new() };
        println!(
            "  {} stored: {} of {} Ok, {} of {} unknown, {} of {} rolled back; {} markers",
            there.len(),
            ok.intersection(&there).count(),
            ok.len(),
            unknown.intersection(&there).count(),
            unknown.len(),
            gone.intersection(&there).count(),
            gone.len(),
            stored.markers.len(),
        );
        let mut untrue = vec![
            ("were Ok and are not stored", ok.difference(&there).copied().collect()),
            ("were rolled back and are stored", gone.intersection(&there).copied().collect()),
            ("have left a marker without their rows", markers.difference(&there).copied().collect()),
            ("have left no marker", expected.difference(&markers).copied().collect()),
        ];
        if stored.markers.len() != markers.len() {
            untrue.push(("have left two markers", stored.markers.clone()));
        }
        untrue.retain(|(_, ids): &(_, Vec<i64>)| !ids.is_empty());
        let text = |(what, ids): (&str, Vec<i64>)| {
            let mut kinds = BTreeMap::<_, usize>::new();
            ids.iter().for_each(|id| *kinds.entry(Job::of(*id).kind).or_default() += 1);
            format!("{} units {what}: {kinds:?}, the first is {:?}", ids.len(), ids.first())
        };
        let mut texts: Vec<String> = untrue.into_iter().map(text).collect();
        let half = self.half_touched(stored);
        if !half.is_empty() {
            texts.push(format!("{} rows are not touched as often as stored units did: {half:?}", half.len()));
        }
        texts
    }

    /// The rows that were touched more or less often than the stored units did: something is stored in part. (A unit that
    /// ended early says so, and what it has touched may be there.)
    fn half_touched(&self, stored: &Stored) -> Vec<i64> {
        let mut least = BTreeMap::<i64, i64>::new();
        for (a, b) in stored.works.values() {
            *least.entry(*a).or_default() += 1;
            *least.entry(*b).or_default() += 1;
        }
        let mut most = least.clone();
        for (job, answer) in &self.answers {
            if matches!(answer, Answer::EndedEarly(_)) {
                *most.entry(job.a).or_default() += 1;
                *most.entry(job.b).or_default() += 1;
            }
        }
        let of = |counts: &BTreeMap<i64, i64>, row: i64| counts.get(&row).copied().unwrap_or_default();
        let is_half =
            |(row, touched): &(&i64, &i64)| !(of(&least, **row)..=of(&most, **row)).contains(*touched);
        stored.touched.iter().filter(is_half).map(|(row, _)| *row).collect()
    }
}
