//! Runs a program against a unit and against the model, and compares the two after each operation.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::Pool;
use unit_of_work::{Error, Isolation, SessionState, UnitOfWork as _, Verification};

use super::cut::{Cut, Ran};
use super::expect::{Ends, Harm, InFlight, Model, Phase, Poison, Rows, Why};
use super::program::{End, Op, Program, Units};
use super::unit::{Target, Unit};
use super::{seen, statement};

/// Why a program ended before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The library said or did what the model does not allow.
    Lie(String),
    /// A deadlock with a connection that was dying, on the raw connection, where the unit could not see it. What comes
    /// after that is no test of the unit.
    UnseenDeadlock,
}

macro_rules! ensure {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            return Err($crate::model::play::Stop::Lie(format!($($message)*)));
        }
    };
}
pub(crate) use ensure;

/// Where a program is run.
#[derive(Debug)]
pub(crate) struct Place<T: Target> {
    pub(crate) pool: Pool<T>,
    pub(crate) outside: Pool<T>,
    /// The number its rows go by.
    pub(crate) number: i64,
    pub(crate) units: Units,
    /// Whether the server's INSERT can return rows.
    pub(crate) returning: bool,
    /// What was done so far, for the report.
    trace: Mutex<Vec<String>>,
}

impl<T: Target> Place<T> {
    pub(crate) fn new(pool: Pool<T>, outside: Pool<T>, number: i64, units: Units, returning: bool) -> Self {
        Self { pool, outside, number, units, returning, trace: Mutex::default() }
    }

    /// Whether its units have a deadline, which passes at a moment of its own choice.
    pub(crate) fn may_be_late(&self) -> bool {
        matches!(self.units, Units::Deadline(_))
    }

    pub(crate) fn note(&self, what: String) {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub(crate) fn trace(&self) -> String {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).join("\n    ")
    }
}

/// Why a scope's closure ended with `Err`.
#[derive(Debug)]
enum Left {
    /// Because the program said so.
    Own,
    Stop(Stop),
    Unit(Error),
}

impl From<Error> for Left {
    fn from(error: Error) -> Self {
        Self::Unit(error)
    }
}

/// Runs the whole program, and compares what is stored in the end.
pub(crate) async fn play<T: Target>(place: &Place<T>, program: &Program) -> Result<(), Stop> {
    let mut model = Model::new();
    let mut unit = make(place, &mut model).await?;
    for op in &program.ops {
        match op {
            Op::Commit(cut) => commit(&mut unit, &mut model, *cut, place).await?,
            Op::Rollback(cut) => rollback(&mut unit, &mut model, *cut, place).await?,
            Op::Renew => {
                drop(unit);
                model.rolled_back();
                unit = make(place, &mut model).await?;
            }
            other => step(&mut unit, &mut model, other, place).await?,
        }
        check(&mut unit, &model, place)?;
    }
    drop(unit);
    stored(&model.stored, place).await
}

async fn make<T: Target>(place: &Place<T>, model: &mut Model) -> Result<Unit<T>, Stop> {
    let pool = &place.pool;
    let options = Unit::options(pool);
    let built = match place.units {
        Units::Lazy => Ok(Unit::new(pool)),
        Units::Begun(cut) => {
            return Ok(match cut.apply(Unit::begin(pool)).await {
                Ran::Done(unit) => {
                    model.statement_sent();
                    unit.map_err(|error| Stop::Lie(format!("BEGIN failed: {error}")))?
                }
                Ran::Cut | Ran::Unstarted => Unit::new(pool),
            });
        }
        Units::Isolated if T::NAME == "SQLite" => options.isolation(Isolation::Serializable).build(),
        Units::Isolated => options.isolation(Isolation::ReadCommitted).build(),
        Units::Timeouts if T::NAME == "SQLite" => options.lock_timeout(Duration::from_secs(19)).build(),
        Units::Timeouts => {
            let long = Duration::from_secs(19);
            options.lock_timeout(long).statement_timeout(long).isolation(Isolation::RepeatableRead).build()
        }
        Units::Marked => options.verify(Verification::marker()).build(),
        Units::Deadline(deadline) => options.deadline(deadline).build(),
    };
    built.map_err(|error| Stop::Lie(format!("the options were refused: {error}")))
}

/// One operation at whatever depth.
fn step<'a, T: Target>(
    unit: &'a mut Unit<T>,
    model: &'a mut Model,
    op: &'a Op,
    place: &'a Place<T>,
) -> BoxFuture<'a, Result<(), Stop>> {
    Box::pin(async move {
        match op {
            Op::Statement(wish, cut) => statement::run(unit, model, *wish, *cut, place).await,
            Op::Scope { ops, end, cut } => scope(unit, model, (ops, *end), *cut, place).await,
            Op::Commit(_) => inside(&unit.commit().await, place),
            Op::Rollback(_) => inside(&unit.rollback().await, place),
            Op::Renew => Ok(()),
            Op::Wait(0) => {
                tokio::task::yield_now().await;
                Ok(())
            }
            Op::Wait(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
                Ok(())
            }
        }
    })
}

/// `commit` and `rollback` in a scope are refused and change nothing.
fn inside<T: Target>(answer: &Result<(), Error>, place: &Place<T>) -> Result<(), Stop> {
    place.note("the end of the unit, asked for inside of a scope".into());
    ensure!(matches!(answer, Err(Error::InsideScope { .. })), "inside of a scope it answered {answer:?}");
    Ok(())
}

async fn scope<T: Target>(
    unit: &mut Unit<T>,
    model: &mut Model,
    (ops, end): (&[Op], End),
    cut: Cut,
    place: &Place<T>,
) -> Result<(), Stop> {
    if matches!(model.phase, Phase::Poisoned(_) | Phase::Unknown) {
        place.note("a scope, to be refused".into());
        let answer = unit.savepoint(async |_| Ok::<_, Left>(())).await;
        ensure!(
            matches!(&answer, Err(Left::Unit(error)) if model.refuses(error)),
            "a scope was not refused: {answer:?}"
        );
        return Ok(());
    }
    let before = model.work.clone();
    let depth = model.depth + 1;
    let inner = &mut *model;
    let scope = unit.savepoint(async |db| {
        place.note(format!("scope {depth} opens, cut {cut:?}"));
        inner.depth = depth;
        check(db, inner, place).map_err(Left::Stop)?;
        for op in ops {
            step(db, inner, op, place).await.map_err(Left::Stop)?;
            check(db, inner, place).map_err(Left::Stop)?;
        }
        place.note(format!("scope {depth} ends with {end:?}"));
        match end {
            End::Ok | End::Err => inner.in_flight = InFlight::Statement, // the end of the scope itself
            // (Not `panic!`, which would write to the test's output.)
            End::Panic => resume_unwind(Box::new("on purpose")),
        }
        if end == End::Ok { Ok(()) } else { Err(Left::Own) }
    });
    let ran = cut.apply(AssertUnwindSafe(scope).catch_unwind()).await;
    let answer = match ran {
        Ran::Unstarted => return Ok(()),
        Ran::Cut => {
            statement::note_unseen(unit, model);
            model.scope_abandoned(depth);
            place.note(format!("scope {depth} was cut off: {:?}", model.phase));
            return Ok(());
        }
        Ran::Done(Err(_)) => {
            ensure!(end == End::Panic, "the library panicked");
            model.scope_abandoned(depth);
            return Ok(());
        }
        Ran::Done(Ok(Err(Left::Stop(stop)))) => return Err(stop),
        Ran::Done(Ok(answer)) => answer,
    };
    model.in_flight = InFlight::Nothing;
    let phase = model.phase;
    let expected = model.scope_ended(end == End::Ok, before);
    if place.may_be_late() && model.phase != Phase::Unknown && is_late(unit).await {
        statement::deadline(unit, model);
        return Ok(());
    }
    let agrees = match (&answer, expected) {
        (Ok(()), Ends::Kept) | (Err(Left::Own), Ends::Own) => true,
        (Err(Left::Unit(error)), Ends::RolledBack) => {
            matches!(error, Error::ScopeUndone { .. }) && cause_of(phase).is_told_by(error)
        }
        (Err(Left::Unit(error)), Ends::Poisoned) => model.refuses(error),
        _ => false,
    };
    ensure!(agrees, "scope {depth} ended with {answer:?}, expected: {expected:?}");
    Ok(())
}

/// Whether the unit is poisoned by its deadline; a scope in which nothing is sent tells.
async fn is_late<T: Target>(unit: &mut Unit<T>) -> bool {
    let answer = unit.savepoint(async |_| Ok::<_, Left>(())).await;
    matches!(answer, Err(Left::Unit(error)) if statement::names_deadline(&error))
}

fn cause_of(phase: Phase) -> Why {
    match phase {
        Phase::Poisoned(poison) => poison.why,
        _ => Why::Failed,
    }
}

async fn commit<T: Target>(
    unit: &mut Unit<T>,
    model: &mut Model,
    cut: Cut,
    place: &Place<T>,
) -> Result<(), Stop> {
    let ran = cut.apply(unit.commit()).await;
    place.note(format!("commit, cut {cut:?}: {ran:?}"));
    match (model.phase, ran) {
        (_, Ran::Unstarted) => {}
        // It was refused already, and its connection being rolled back.
        (Phase::Open, Ran::Cut) if unit.session().state() == SessionState::Poisoned => {
            model.refused_to_commit(why_refused(unit.commit().await, model, place)?);
        }
        (Phase::Open, Ran::Cut) => {
            let seen = seen::wait_for_outcome(&place.outside, place.number, &model.stored, &model.work).await;
            place.note(format!("the outcome was not waited for, and is {seen:?}"));
            ensure!(
                seen == model.stored || (seen == model.work && model.harm == Harm::None),
                "neither {:?} nor {:?} is stored, but {seen:?}",
                model.stored,
                model.work
            );
            model.commit_unknown(seen);
        }
        (Phase::Poisoned(_), Ran::Cut) if model.has_to_ask() => model.nobody_knows(),
        (Phase::Poisoned(poison), Ran::Cut) => model.refused_to_commit(poison.why),
        (Phase::Idle, Ran::Done(Ok(()))) => {}
        (Phase::Open, Ran::Done(Ok(()))) if model.harm == Harm::None => model.committed(),
        (Phase::Open, Ran::Done(answer @ Err(Error::RolledBack { .. }))) => {
            model.refused_to_commit(why_refused(answer, model, place)?);
        }
        // The session cannot know that the server never saw this COMMIT.
        (Phase::Open, Ran::Done(Err(error)))
            if model.harm == Harm::Dead
                && (place.units != Units::Marked || model.unseen)
                && error.is_outcome_unknown() =>
        {
            model.nobody_knows();
        }
        (Phase::Poisoned(_), Ran::Done(Err(error))) if model.is_in_doubt() && error.is_outcome_unknown() => {
            model.nobody_knows();
        }
        (Phase::Poisoned(Poison { why, .. }), Ran::Done(Err(error @ Error::RolledBack { .. }))) => {
            ensure!(why.is_told_by(&error), "commit named the wrong cause: {error}");
            model.refused_to_commit(why);
        }
        (Phase::Unknown, Ran::Done(Err(error))) if error.is_outcome_unknown() => {}
        // The marker is asked again.
        (Phase::Unknown, Ran::Cut) if place.units == Units::Marked => {}
        (Phase::Unknown, Ran::Done(Ok(())))
            if place.units == Units::Marked && model.landed != Some(false) =>
        {
            model.rolled_back();
        }
        (Phase::Unknown, Ran::Done(Err(error @ Error::RolledBack { .. })))
            if place.units == Units::Marked && model.landed != Some(true) =>
        {
            let why = if Why::Failed.is_told_by(&error) { Why::Failed } else { Why::Abandoned };
            ensure!(why.is_told_by(&error), "commit named the wrong cause: {error}");
            model.refused_to_commit(why);
        }
        (phase, ran) => return Err(Stop::Lie(format!("a commit of {phase:?} came to {ran:?}"))),
    }
    stored(&model.stored, place).await
}

/// Why a unit that was open could not be committed.
fn why_refused<T: Target>(answer: Result<(), Error>, model: &Model, place: &Place<T>) -> Result<Why, Stop> {
    // A COMMIT that was never answered is known to have failed if the unit left a marker, or if the server's last word came in
    // the place of what stands before it.
    let failed = model.harm != Harm::None;
    // What is sent in messages before COMMIT can be dropped before anything is committed.
    let before = T::NAME == "MySQL" && (place.units == Units::Marked || model.unseen);
    match answer {
        Err(error) if before && Why::Abandoned.is_told_by(&error) => Ok(Why::Abandoned),
        Err(error) if failed && Why::Failed.is_told_by(&error) => Ok(Why::Failed),
        Err(error) if place.may_be_late() && statement::is_deadline(&error) => Ok(Why::Deadline),
        other => Err(Stop::Lie(format!("there was nothing amiss, and commit answered {other:?}"))),
    }
}

async fn rollback<T: Target>(
    unit: &mut Unit<T>,
    model: &mut Model,
    cut: Cut,
    place: &Place<T>,
) -> Result<(), Stop> {
    let ran = cut.apply(unit.rollback()).await;
    place.note(format!("rollback, cut {cut:?}: {ran:?}"));
    match (model.phase, ran) {
        (_, Ran::Unstarted) => return Ok(()),
        (Phase::Open | Phase::Poisoned(_), Ran::Cut) if model.has_to_ask() => {
            model.nobody_knows();
            return Ok(());
        }
        (Phase::Open | Phase::Poisoned(_), Ran::Cut) => {}
        (Phase::Open | Phase::Poisoned(_), Ran::Done(Err(error)))
            if model.is_in_doubt() && error.is_outcome_unknown() => {}
        (Phase::Unknown, Ran::Done(Err(error))) if error.is_outcome_unknown() => {}
        (Phase::Idle | Phase::Open | Phase::Poisoned(_), Ran::Done(Ok(()))) => {}
        (phase, ran) => return Err(Stop::Lie(format!("a rollback of {phase:?} came to {ran:?}"))),
    }
    model.rolled_back();
    Ok(())
}

/// Compares what the session says of itself with the model.
fn check<T: Target>(unit: &mut Unit<T>, model: &Model, place: &Place<T>) -> Result<(), Stop> {
    let (state, open) = (unit.session().state(), unit.session().is_in_transaction());
    ensure!(state == model.state(), "the session is {state:?}, expected: {:?}", model.phase);
    // What died by a hand from outside may be found out late.
    let told_late = matches!(model.phase, Phase::Poisoned(Poison { gone: true, .. }));
    ensure!(
        open == model.is_in_transaction() || told_late,
        "is_in_transaction() is {open}, expected: {:?}, for {}",
        model.phase,
        place.number
    );
    Ok(())
}

/// Compares what others see with the model.
async fn stored<T: Target>(rows: &Rows, place: &Place<T>) -> Result<(), Stop> {
    let seen = seen::rows(&place.outside, place.number).await;
    ensure!(seen == *rows, "{seen:?} is stored, expected: {rows:?}");
    Ok(())
}
