//! One statement of a program, and what it has to answer.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use unit_of_work::{Cause, Error, SessionState};

use super::cut::{Cut, Ran};
use super::expect::{Harm, InFlight, Model, Phase, Poison, Why};
use super::play::{Place, Stop, ensure};
use super::program::{Form, Statement};
use super::seen;
use super::unit::{Answer, Cell, Target, Unit, UnitSplit};

/// What a statement came to.
#[derive(Debug)]
enum Came {
    To(Answer),
    /// Its row stream was dropped before the end, after these rows.
    Dropped(Vec<(i64, i64)>),
    /// What was done on the raw connection, where the session does not look, failed.
    FailedUnseen(sqlx::Error),
    Failed(Error),
    Lied(String),
}

/// What a statement has to come to.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Answer(Answer),
    /// An error that says there is no such row. The unit is as good as before.
    NoRow,
    /// A failure; `gone`: the engine ends the whole transaction with it.
    Failure {
        gone: bool,
    },
    FailureUnseen,
}

/// Runs it and compares.
pub(crate) async fn run<T: Target>(
    unit: &mut Unit<T>,
    model: &mut Model,
    wish: Statement,
    cut: Cut,
    place: &Place<T>,
) -> Result<(), Stop> {
    let statement = model.choose(wish);
    if statement == Statement::Kill && (!T::SHARED || model.phase != Phase::Open || model.harm != Harm::None)
    {
        return Ok(());
    }
    let idle_read = model.phase == Phase::Idle && matches!(statement, Statement::Refresh { .. });
    if !matches!(model.phase, Phase::Poisoned(_) | Phase::Unknown) {
        model.in_flight = if idle_read { InFlight::Read } else { InFlight::Statement };
    }
    model.hides = hides_a_statement(statement, place);
    place.note(format!("{statement:?}, cut {cut:?}"));
    let ran = cut.apply(send(unit, statement, place.number, place.returning)).await;
    model.in_flight = InFlight::Nothing;
    place.note(format!("  {ran:?}"));
    let came = match ran {
        Ran::Unstarted => return Ok(()),
        Ran::Cut if matches!(model.phase, Phase::Poisoned(_) | Phase::Unknown) => {
            return Err(Stop::Lie("a statement that is refused had to be waited for".into()));
        }
        Ran::Cut => {
            note_unseen(unit, model);
            if !idle_read {
                model.statement_abandoned();
            }
            return Ok(());
        }
        Ran::Done(came) => came,
    };
    if let Statement::Refused(_) = statement {
        ensure!(matches!(came, Came::Failed(Error::Refused { .. })), "it was not refused: {came:?}");
        return Ok(());
    }
    match came {
        Came::Lied(lie) => Err(Stop::Lie(lie)),
        Came::Failed(error) if matches!(model.phase, Phase::Poisoned(_) | Phase::Unknown) => {
            ensure!(model.refuses(&error), "refused with the wrong reason: {error}");
            Ok(())
        }
        came if matches!(model.phase, Phase::Poisoned(_) | Phase::Unknown) => {
            let unread = matches!(&came, Came::Dropped(rows) if rows.is_empty());
            ensure!(unread, "it was not refused: {came:?}");
            Ok(())
        }
        Came::Failed(error) if place.may_be_late() && is_deadline(&error) => {
            note_unseen(unit, model);
            deadline(unit, model);
            Ok(())
        }
        Came::Dropped(rows) => dropped(model, &rows),
        Came::To(Answer::Rows(session)) if statement == Statement::Kill => {
            model.statement_sent();
            seen::kill(&place.outside, session[0].0).await;
            model.harm = Harm::Dead;
            Ok(())
        }
        came => {
            if model.harm == Harm::None {
                model.unseen |= model.hides;
            }
            compare(unit, model, statement, &came)
        }
    }
}

/// Whether it is a text of several statements where one of them may be run outside of the transaction, unseen.
fn hides_a_statement<T: Target>(statement: Statement, place: &Place<T>) -> bool {
    let several = match statement {
        Statement::Pair { .. } => true,
        Statement::Insert { form: Form::One | Form::Optional | Form::All, .. } => !place.returning,
        _ => false,
    };
    several && T::NAME == "MySQL"
}

/// Of such a text that was cut off the session alone knows whether it came to be sent.
pub(crate) fn note_unseen<T: Target>(unit: &Unit<T>, model: &mut Model) {
    model.unseen |= model.hides && unit.session.state() == SessionState::Unknown;
}

/// Whether an error says that the unit's deadline is past.
pub(crate) fn is_deadline(error: &Error) -> bool {
    matches!(error, Error::RolledBack { .. } | Error::OutcomeUnknown { .. }) && names_deadline(error)
}

/// Whether an error has the deadline for its cause.
pub(crate) fn names_deadline(error: &Error) -> bool {
    match error.cause() {
        Some(Cause::DeadlineExceeded) => true,
        Some(Cause::Unseen { first }) => matches!(**first, Cause::DeadlineExceeded),
        _ => false,
    }
}

fn is_deadlock(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// The unit took too long: all of it can only be rolled back. (Whether a connection is left depends on the moment.)
pub(crate) fn deadline<T: Target>(unit: &mut Unit<T>, model: &mut Model) {
    let connected = unit.session.is_in_transaction();
    if !connected {
        return model.lost(Why::Deadline);
    }
    let (harm, unseen) = (model.harm, model.unseen);
    model.poison_for_good(Why::Deadline);
    if let Phase::Poisoned(poison) = model.phase {
        model.phase = Phase::Poisoned(Poison { connected, ..poison });
        (model.harm, model.unseen) = (harm, unseen);
    }
}

/// A row stream was dropped: unpolled it is nothing; else it is abandoned.
fn dropped(model: &mut Model, rows: &[(i64, i64)]) -> Result<(), Stop> {
    if rows.is_empty() {
        return Ok(());
    }
    let seen = model.work.iter().take(rows.len()).map(|(slot, value)| (*slot, *value));
    ensure!(seen.eq(rows.iter().copied()), "the stream gave {rows:?} of {:?}", model.work);
    model.statement_abandoned();
    Ok(())
}

fn compare<T: Target>(
    unit: &Unit<T>,
    model: &mut Model,
    statement: Statement,
    came: &Came,
) -> Result<(), Stop> {
    let expected = expected::<T>(model, statement);
    let lent = matches!(statement, Statement::Raw { .. } | Statement::Lend);
    model.unseen |= lent && !matches!(came, Came::Failed(_));
    let plain_read = model.phase == Phase::Idle && matches!(statement, Statement::Refresh { .. });
    match (came, &expected) {
        // sqlx has the statement already, or there was nothing to say: the server was not asked.
        (Came::To(Answer::Nothing), Expected::Failure { .. })
            if matches!(statement, Statement::Prepare { sound: true } | Statement::Lend)
                && model.sent == model.depth =>
        {
            return Ok(());
        }
        (Came::FailedUnseen(_), Expected::Failure { .. }) if model.sent == model.depth => return Ok(()),
        (Came::To(answer), Expected::Answer(awaited)) => {
            ensure!(answer == awaited, "{statement:?} answered {answer:?}, expected: {awaited:?}");
        }
        (Came::Failed(Error::Sqlx(sqlx::Error::RowNotFound)), Expected::NoRow) => {}
        (Came::Failed(Error::RowGone { .. }), Expected::NoRow) => {}
        // With a connection that was dropped, and is dying. MariaDB rolls the whole transaction back.
        (Came::Failed(error), _) if error.sqlx().is_some_and(is_deadlock) => {
            model.statement_failed(T::NAME == "MySQL", true);
            return Ok(());
        }
        (Came::FailedUnseen(error), _) if is_deadlock(error) => return Err(Stop::UnseenDeadlock),
        (Came::FailedUnseen(_), Expected::FailureUnseen) => {
            model.statement_sent();
            if T::FAILURE_SPOILS {
                model.harm = Harm::Spoiled;
            }
            return Ok(());
        }
        (Came::Failed(error), Expected::Failure { gone }) => {
            let by_the_engine =
                model.harm == Harm::Dead || matches!(error.sqlx(), Some(sqlx::Error::Database(_)));
            ensure!(by_the_engine, "{statement:?} failed with the wrong error: {error:?}");
            model.statement_failed(*gone, unit.session.is_in_transaction());
            return Ok(());
        }
        _ => return Err(Stop::Lie(format!("{statement:?} came to {came:?}, expected: {expected:?}"))),
    }
    if !plain_read {
        model.statement_sent();
    }
    match statement {
        Statement::Insert { slot, value, .. }
        | Statement::OrRollback { slot, value }
        | Statement::Raw { slot, value, .. } => {
            model.work.insert(slot, value);
        }
        Statement::Pair { first, second, value, .. } => {
            model.work.extend([(first, value), (second, value)]);
        }
        Statement::Update { slot, value } => {
            model.work.entry(slot).and_modify(|stored| *stored = value);
        }
        Statement::Delete { slot } => {
            model.work.remove(&slot);
        }
        _ => {}
    }
    Ok(())
}

fn expected<T: Target>(model: &Model, statement: Statement) -> Expected {
    let taken = |slot: i64| model.work.contains_key(&slot);
    let affected = |rows: bool| Expected::Answer(Answer::Affected(u64::from(rows)));
    let failure = Expected::Failure { gone: false };
    if model.harm != Harm::None {
        return failure;
    }
    match statement {
        Statement::Insert { slot, .. } | Statement::OrRollback { slot, .. } if taken(slot) => {
            let ends = T::NAME == "SQLite" && matches!(statement, Statement::OrRollback { .. });
            Expected::Failure { gone: ends }
        }
        Statement::Pair { first, second, .. } if taken(first) || taken(second) || first == second => failure,
        Statement::Raw { slot, .. } if taken(slot) => Expected::FailureUnseen,
        Statement::Broken | Statement::Prepare { sound: false } => failure,
        Statement::Insert { slot, value, form, .. } => Expected::Answer(form.answer(slot, value)),
        Statement::OrRollback { .. } | Statement::Raw { .. } => affected(true),
        Statement::Pair { .. } => Expected::Answer(Answer::Affected(2)),
        Statement::Update { slot, .. } | Statement::Delete { slot } => affected(taken(slot)),
        Statement::Missing => Expected::NoRow,
        Statement::Refresh { slot } => match model.work.get(&slot) {
            Some(value) => Expected::Answer(Answer::Rows(vec![(slot, *value)])),
            None => Expected::NoRow,
        },
        Statement::ReadAll | Statement::Stream { .. } | Statement::Split { .. } => {
            Expected::Answer(Answer::Rows(model.work.iter().map(|(slot, value)| (*slot, *value)).collect()))
        }
        Statement::Slow
        | Statement::Prepare { .. }
        | Statement::Lend
        | Statement::Refused(_)
        | Statement::Kill => Expected::Answer(Answer::Nothing),
    }
}

/// Sends a statement by its own road.
fn send<T: Target>(
    unit: &mut Unit<T>,
    statement: Statement,
    program: i64,
    returning: bool,
) -> BoxFuture<'_, Came> {
    Box::pin(async move {
        match statement {
            Statement::Stream { rows, pause } => stream(unit, program, rows, pause).await,
            Statement::Split { to_the_end } => split(unit, program, to_the_end).await,
            Statement::Refresh { slot } => {
                let mut cell = Cell { program, slot, value: -1 };
                match T::refresh(unit, &mut cell).await {
                    Ok(()) => Came::To(Answer::Rows(vec![(cell.slot, cell.value)])),
                    Err(error) => Came::Failed(error),
                }
            }
            Statement::Raw { slot, value, .. } => {
                match T::raw_insert(&mut unit.session, Cell { program, slot, value }).await {
                    Ok(Ok(answer)) => Came::To(answer),
                    Ok(Err(error)) => Came::FailedUnseen(error),
                    Err(error) => Came::Failed(error),
                }
            }
            other => match T::send(&mut unit.session, program, other, returning).await {
                Ok(answer) => Came::To(answer),
                Err(error) => Came::Failed(error.into()),
            },
        }
    })
}

async fn stream<T: Target>(unit: &mut Unit<T>, program: i64, limit: Option<usize>, pause: u64) -> Came {
    let mut rows = Vec::new();
    let mut stream = T::stream(&mut unit.session, program);
    while limit.is_none_or(|limit| rows.len() < limit) {
        match stream.next().await {
            None => return Came::To(Answer::Rows(rows)),
            Some(Err(error)) => return Came::Failed(error.into()),
            Some(Ok(row)) => rows.push(row),
        }
        match pause {
            0 => {}
            1 => tokio::task::yield_now().await,
            more => tokio::time::sleep(Duration::from_millis(more)).await,
        }
    }
    Came::Dropped(rows)
}

/// While one repository's rows stream, another one's statement is `Busy`, at once.
async fn split<T: Target>(unit: &mut Unit<T>, program: i64, to_the_end: bool) -> Came {
    let UnitSplit { cells, notes } = unit.split();
    let mut stream = T::stream(&mut cells.session, program);
    let mut rows = match stream.next().await {
        None => return Came::To(Answer::Rows(Vec::new())),
        Some(Err(error)) => return Came::Failed(error.into()),
        Some(Ok(row)) => vec![row],
    };
    let second = T::send(&mut notes.session, program, Statement::ReadAll, true).await.map_err(Error::from);
    if !matches!(second, Err(Error::Busy)) {
        return Came::Lied(format!("a second statement was not told `Busy`, but {second:?}"));
    }
    if !to_the_end {
        return Came::Dropped(rows);
    }
    while let Some(next) = stream.next().await {
        match next {
            Ok(row) => rows.push(row),
            Err(error) => return Came::Failed(error.into()),
        }
    }
    Came::To(Answer::Rows(rows))
}
