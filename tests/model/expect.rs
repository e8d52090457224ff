//! The model: what a unit of work promises, in a few maps and numbers, with no database.

use std::collections::BTreeMap;

use unit_of_work::{Cause, Error, SessionState};

use super::program::Statement;

/// The rows of a program: slot and value.
pub(crate) type Rows = BTreeMap<i64, i64>;

/// What a unit is, as its promises have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Open,
    Poisoned(Poison),
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Poison {
    /// The scope whose undoing mends it; 0 is the whole unit.
    pub(crate) scope: u32,
    pub(crate) why: Why,
    /// Whether a connection still waits for its ROLLBACK.
    pub(crate) connected: bool,
    /// Whether the engine has ended the transaction already.
    pub(crate) gone: bool,
}

/// The first cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Failed,
    Abandoned,
    Deadline,
}

/// What the session does not know yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    None,
    /// The server refuses everything after a failure on the raw connection (PostgreSQL).
    Spoiled,
    /// The server has ended its side of the connection.
    Dead,
}

/// What is on its way, for the time being, should the future be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InFlight {
    Nothing,
    Statement,
    /// A read outside of any transaction.
    Read,
}

#[derive(Debug)]
pub(crate) struct Model {
    /// What is stored.
    pub(crate) stored: Rows,
    /// What the unit sees.
    pub(crate) work: Rows,
    pub(crate) phase: Phase,
    /// How many scopes are open, and how many of them the server knows of.
    pub(crate) depth: u32,
    pub(crate) sent: u32,
    pub(crate) harm: Harm,
    /// Whether something was done on the raw connection, where a COMMIT would not have been seen.
    pub(crate) unseen: bool,
    pub(crate) in_flight: InFlight,
    /// Whether what is in flight may run a statement outside of the transaction.
    pub(crate) hides: bool,
    /// Whether the last COMMIT that was dropped is stored, where its rows tell.
    pub(crate) landed: Option<bool>,
}

/// How a scope has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// With `Ok`, its work kept.
    Kept,
    /// With the closure's own error.
    Own,
    /// With `RolledBack`: it had swallowed a failure.
    RolledBack,
    /// With the word of a unit that is poisoned, or unknown: undoing the scope is not enough.
    Poisoned,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            stored: Rows::new(),
            work: Rows::new(),
            phase: Phase::Idle,
            depth: 0,
            sent: 0,
            harm: Harm::None,
            unseen: false,
            in_flight: InFlight::Nothing,
            hides: false,
            landed: None,
        }
    }

    /// What the session has to say of itself.
    pub(crate) fn state(&self) -> SessionState {
        match self.phase {
            Phase::Idle => SessionState::Idle,
            Phase::Open => SessionState::Open,
            Phase::Poisoned(_) => SessionState::Poisoned,
            Phase::Unknown => SessionState::Unknown,
        }
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        match self.phase {
            Phase::Open => true,
            Phase::Poisoned(poison) => poison.connected && !poison.gone,
            Phase::Idle | Phase::Unknown => false,
        }
    }

    /// A statement was sent: a transaction is open now, and so are the savepoints of all scopes.
    pub(crate) fn statement_sent(&mut self) {
        self.phase = Phase::Open;
        self.sent = self.depth;
    }

    /// A statement was sent, and failed. `connected`: whether the session kept its connection, should that be dead.
    pub(crate) fn statement_failed(&mut self, gone: bool, connected: bool) {
        if self.harm == Harm::None {
            self.sent = self.depth;
        } // else the savepoint failed already, in the scope around
        let dead = self.harm == Harm::Dead;
        let (gone, connected) = (gone || dead, connected || !dead);
        if self.unseen && !connected {
            return self.lost(Why::Failed);
        }
        self.poison(Poison { scope: self.sent, why: Why::Failed, connected, gone });
    }

    /// A statement was dropped before it was done, and its connection was closed.
    pub(crate) fn statement_abandoned(&mut self) {
        self.lost(Why::Abandoned);
    }

    /// The connection is gone, and what was not committed with it. What may have been, unseen, nobody knows.
    pub(crate) fn lost(&mut self, why: Why) {
        if self.unseen {
            self.nobody_knows();
        } else {
            self.poison_for_good(why);
        }
    }

    /// Nothing was committed, in truth, but the unit cannot know that.
    pub(crate) fn nobody_knows(&mut self) {
        self.over();
        self.phase = Phase::Unknown;
    }

    pub(crate) fn poison_for_good(&mut self, why: Why) {
        self.over();
        self.poison(Poison { scope: 0, why, connected: false, gone: true });
    }

    fn poison(&mut self, poison: Poison) {
        self.phase = Phase::Poisoned(poison);
    }

    /// The transaction is over, and nothing of it stored.
    fn over(&mut self) {
        self.work = self.stored.clone();
        self.sent = 0;
        self.harm = Harm::None;
        self.unseen = false;
    }

    /// Whether the server's word for what was committed unseen cannot be had.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.unseen && self.harm == Harm::Dead
    }

    /// Whether the server has to be asked what was committed unseen, before a unit can be called rolled back.
    pub(crate) fn has_to_ask(&self) -> bool {
        let connected = match self.phase {
            Phase::Open => true,
            Phase::Poisoned(poison) => poison.connected,
            Phase::Idle | Phase::Unknown => false,
        };
        self.unseen && connected
    }

    pub(crate) fn committed(&mut self) {
        self.stored = self.work.clone();
        self.over();
        self.phase = Phase::Idle;
    }

    pub(crate) fn rolled_back(&mut self) {
        self.over();
        self.phase = Phase::Idle;
    }

    /// The unit was committed in vain, and says so until it is rolled back.
    pub(crate) fn refused_to_commit(&mut self, why: Why) {
        self.poison_for_good(why);
    }

    /// COMMIT was dropped: the rows are those of before or those of after, and it is seen now which.
    pub(crate) fn commit_unknown(&mut self, seen: Rows) {
        self.landed = (self.work != self.stored).then_some(seen == self.work);
        self.stored = seen;
        self.over();
        self.phase = Phase::Unknown;
    }

    /// A scope is left: how it has to end. `before` is what the unit saw when it was opened.
    pub(crate) fn scope_ended(&mut self, ok: bool, before: Rows) -> Ends {
        let depth = self.depth;
        let sent = self.sent >= depth;
        self.depth -= 1;
        let ends = match self.phase {
            Phase::Unknown => Ends::Poisoned,
            Phase::Poisoned(poison) if poison.scope < depth => Ends::Poisoned,
            // What ends a scope on a connection that is dead closes it.
            Phase::Poisoned(poison) if sent && poison.connected && self.harm == Harm::Dead => {
                self.lost(poison.why);
                Ends::Poisoned
            }
            Phase::Poisoned(poison) if poison.gone => {
                self.poison(Poison { scope: 0, ..poison });
                Ends::Poisoned
            }
            Phase::Poisoned(poison) => {
                self.phase = if poison.connected { Phase::Open } else { Phase::Idle };
                self.undone(sent, before);
                Ends::RolledBack
            }
            Phase::Open if sent && self.harm == Harm::Dead => {
                self.lost(Why::Failed);
                Ends::Poisoned
            }
            Phase::Open if sent && ok && self.harm == Harm::Spoiled => {
                self.poison(Poison { scope: 0, why: Why::Failed, connected: true, gone: true });
                Ends::Poisoned
            }
            _ if ok => Ends::Kept,
            _ => {
                self.undone(sent, before);
                Ends::Own
            }
        };
        self.sent = self.sent.min(depth - 1);
        if ok { ends } else { Ends::Own }
    }

    fn undone(&mut self, sent: bool, before: Rows) {
        self.work = before;
        // Whatever spoiled the transaction was in the innermost scope that the server knows of.
        if sent && self.harm == Harm::Spoiled {
            self.harm = Harm::None;
        }
    }

    /// A scope was left without its end, by dropping its future or by a panic. What was open inside of it goes with it.
    pub(crate) fn scope_abandoned(&mut self, depth: u32) {
        self.depth = depth - 1;
        if std::mem::replace(&mut self.in_flight, InFlight::Nothing) == InFlight::Statement {
            self.statement_abandoned();
            return;
        }
        if self.phase == Phase::Unknown {
            return;
        }
        let scope = depth - 1;
        self.phase = Phase::Poisoned(match self.phase {
            Phase::Poisoned(poison) => Poison { scope: poison.scope.min(scope), ..poison },
            _ => Poison { scope, why: Why::Abandoned, connected: self.phase == Phase::Open, gone: false },
        });
    }

    /// Whether an error refuses what was asked for because of what the unit is.
    pub(crate) fn refuses(&self, error: &Error) -> bool {
        match self.phase {
            Phase::Poisoned(poison) => error.is_poisoned() && poison.why.is_told_by(error),
            Phase::Unknown => error.is_outcome_unknown(),
            Phase::Idle | Phase::Open => false,
        }
    }

    /// The statement with the slots it wishes for: taken ones if it is to clash, free ones otherwise.
    pub(crate) fn choose(&self, statement: Statement) -> Statement {
        let free = |slot: i64| (slot..).find(|slot| !self.work.contains_key(slot)).unwrap_or(slot);
        let pick = |slot: i64, clash: bool| {
            let taken = self.work.keys().find(|taken| **taken >= slot).or(self.work.keys().next());
            taken.copied().filter(|_| clash).unwrap_or_else(|| free(slot))
        };
        match statement {
            Statement::Insert { slot, value, form, clash } => {
                Statement::Insert { slot: pick(slot, clash), value, form, clash }
            }
            Statement::Pair { first, second, value, clash } => {
                let (first, second) = (pick(first, false), pick(second, clash));
                let second = if first == second && !clash { free(second + 1) } else { second };
                Statement::Pair { first, second, value, clash }
            }
            Statement::OrRollback { slot, value } => Statement::OrRollback { slot: pick(slot, true), value },
            Statement::Raw { slot, value, clash } => Statement::Raw { slot: pick(slot, clash), value, clash },
            other => other,
        }
    }
}

impl Why {
    /// Whether an error names this as the first cause.
    pub(crate) fn is_told_by(self, error: &Error) -> bool {
        match error.cause() {
            Some(Cause::Failed { .. }) => self == Self::Failed,
            Some(Cause::Abandoned { .. }) => self == Self::Abandoned,
            Some(Cause::DeadlineExceeded) => self == Self::Deadline,
            _ => false,
        }
    }
}
