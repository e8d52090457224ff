//! Random programs: what one unit of work after the other is made to do.

use std::fmt;
use std::time::Duration;

use super::cut::Cut;
use super::random::Random;

/// A program, and the seed it was drawn from.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) seed: u64,
    pub(crate) units: Units,
    pub(crate) ops: Vec<Op>,
}

/// How the units of a program are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units {
    Lazy,
    /// Begun at once; the future that begins may be cut off.
    Begun(Cut),
    Isolated,
    /// With timeouts so long that only their being set and restored matters.
    Timeouts,
    Marked,
    Deadline(Duration),
}

#[derive(Debug)]
pub(crate) enum Op {
    Statement(Statement, Cut),
    Scope {
        ops: Vec<Op>,
        end: End,
        cut: Cut,
    },
    /// At the top it ends the transaction; inside of a scope it is refused.
    Commit(Cut),
    Rollback(Cut),
    /// Drops the unit and makes another.
    Renew,
    /// The program's own waiting, in which no statement is in flight.
    Wait(u64),
}

/// How a scope's closure ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    Err,
    Panic,
}

/// A statement. Its slots are wishes until the model has seen which of them are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statement {
    Insert {
        slot: i64,
        value: i64,
        form: Form,
        clash: bool,
    },
    /// Two inserts in one message.
    Pair {
        first: i64,
        second: i64,
        value: i64,
        clash: bool,
    },
    /// An insert that on SQLite ends the whole transaction when the slot is taken.
    OrRollback {
        slot: i64,
        value: i64,
    },
    Update {
        slot: i64,
        value: i64,
    },
    Delete {
        slot: i64,
    },
    ReadAll,
    /// Asks `fetch_one` for a row that is not there: an answer, not a failure.
    Missing,
    Broken,
    Slow,
    Prepare {
        sound: bool,
    },
    /// Reads so many rows and drops the stream; all of them, and the end, if `None`.
    Stream {
        rows: Option<usize>,
        pause: u64,
    },
    /// A stream from one repository, and meanwhile a statement from another.
    Split {
        to_the_end: bool,
    },
    Refused(usize),
    Refresh {
        slot: i64,
    },
    /// Borrows the raw connection and gives it back.
    Lend,
    /// Inserts on the raw connection, where the session does not look.
    Raw {
        slot: i64,
        value: i64,
        clash: bool,
    },
    /// The server ends the unit's session, as an administrator would.
    Kill,
}

/// By which road of the executor a statement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Execute,
    Text,
    Unnamed,
    One,
    Optional,
    All,
    Prepared,
}

/// Slots are few, so that they clash.
const SLOTS: u64 = 10;

impl Program {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut draw = Draw { random: Random::new(seed), left: 0, raw: false };
        draw.raw = draw.random.percent(60);
        draw.left = 5 + draw.random.below(56);
        let units = draw.units();
        let mut ops = Vec::new();
        while draw.left > 0 {
            ops.push(draw.op(0, false));
        }
        Self { seed, units, ops }
    }
}

struct Draw {
    random: Random,
    /// How many operations the program may still have.
    left: u64,
    /// Whether it uses the raw connection. What ends a transaction behind that cannot be told from what ended it through
    /// it, so the two are not in one program: `tests/raw.rs` and the hazards have them together.
    raw: bool,
}

impl Draw {
    fn units(&mut self) -> Units {
        match self.random.below(16) {
            0..8 => Units::Lazy,
            8..11 => Units::Begun(self.cut(60)),
            11 => Units::Isolated,
            12 => Units::Timeouts,
            13 => Units::Marked,
            _ => Units::Deadline(Duration::from_millis(1 + self.random.below(40))),
        }
    }

    fn op(&mut self, depth: u32, inside_cut: bool) -> Op {
        self.left = self.left.saturating_sub(1);
        let ends = if depth == 0 { 10 } else { 2 };
        let renew = if depth == 0 { 3 } else { 0 };
        let scope = if depth < 4 { 13 } else { 0 };
        match self.random.weighted(&[(62, 0), (scope, 1), (ends, 2), (ends * 2 / 3, 3), (renew, 4), (5, 5)]) {
            0 => {
                let statement = self.statement(inside_cut);
                let cut = match statement {
                    Statement::Slow => self.cut(20),
                    // What is left half-read on the raw connection stays on it: its documentation says so.
                    Statement::Raw { .. } | Statement::Kill => Cut::Never,
                    _ => self.cut(88),
                };
                Op::Statement(statement, cut)
            }
            1 => {
                let cut = match self.random.below(100) {
                    0..76 => Cut::Never,
                    76..92 => Cut::AfterPolls(self.random.below(14) as u32),
                    _ => Cut::Timeout(Duration::from_millis(self.random.below(5))),
                };
                let end = self.random.weighted(&[(60, End::Ok), (35, End::Err), (5, End::Panic)]);
                let inside_cut = inside_cut || cut != Cut::Never;
                let ops = (0..self.random.below(7)).map(|_| self.op(depth + 1, inside_cut)).collect();
                Op::Scope { ops, end, cut }
            }
            2 => Op::Commit(self.cut(72)),
            3 => Op::Rollback(self.cut(72)),
            4 => Op::Renew,
            _ => Op::Wait(self.random.below(3)),
        }
    }

    fn cut(&mut self, never: u64) -> Cut {
        if self.random.percent(never) {
            Cut::Never
        } else if self.random.percent(75) {
            Cut::AfterPolls(self.random.below(6) as u32)
        } else {
            Cut::Timeout(Duration::from_millis(self.random.below(4)))
        }
    }

    fn statement(&mut self, inside_cut: bool) -> Statement {
        let random = &mut self.random;
        let slot = random.below(SLOTS) as i64;
        let value = random.below(1000) as i64;
        let clash = random.percent(12);
        let raw = if inside_cut { 0 } else { 5 };
        let kind = random.weighted(&[
            (34, 0),
            (5, 1),
            (2, 2),
            (12, 3),
            (8, 4),
            (9, 5),
            (4, 6),
            (2, 7),
            (3, 8),
            (3, 9),
            (8, 10),
            (3, 11),
            (3, 12),
            (6, 13),
            (2, 14),
            (raw, 15),
            (raw / 5, 16),
        ]);
        match kind {
            0 => {
                let forms = [
                    Form::Execute,
                    Form::Text,
                    Form::Unnamed,
                    Form::One,
                    Form::Optional,
                    Form::All,
                    Form::Prepared,
                ];
                let form = forms[random.below(forms.len() as u64) as usize];
                Statement::Insert { slot, value, form, clash }
            }
            1 => Statement::Pair { first: slot, second: random.below(SLOTS) as i64, value, clash },
            2 if !self.raw => Statement::OrRollback { slot, value },
            2 => Statement::Update { slot, value },
            3 => Statement::Update { slot, value },
            4 => Statement::Delete { slot },
            5 => Statement::ReadAll,
            6 => Statement::Missing,
            7 => Statement::Broken,
            8 => Statement::Slow,
            9 => Statement::Prepare { sound: random.percent(80) },
            10 => Statement::Stream {
                rows: random.percent(35).then(|| random.below(5) as usize),
                pause: random.below(4),
            },
            11 => Statement::Split { to_the_end: random.percent(60) },
            12 => Statement::Refused(random.below(4) as usize),
            13 => Statement::Refresh { slot },
            14 | 15 if !self.raw => Statement::Missing,
            14 => Statement::Lend,
            15 => Statement::Raw { slot, value, clash },
            _ => Statement::Kill,
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, ops: &[Op], depth: usize) -> fmt::Result {
            for op in ops {
                match op {
                    Op::Scope { ops, end, cut } => {
                        writeln!(f, "{:depth$}Scope, cut {cut:?} {{", "")?;
                        list(f, ops, depth + 4)?;
                        writeln!(f, "{:depth$}}} ends {end:?}", "")?;
                    }
                    other => writeln!(f, "{:depth$}{other:?}", "")?,
                }
            }
            Ok(())
        }
        writeln!(f, "units: {:?}", self.units)?;
        list(f, &self.ops, 4)
    }
}
