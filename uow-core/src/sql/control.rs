//! Finds, in a text a user sends, the statements that would end or change the transaction.

mod mysql;
#[cfg(test)]
mod tests;

use super::reader::Reader;
use crate::backend::Dialect;
use crate::error::Error;

/// A statement that must not go through the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its first words, as they stand in the text.
    pub(crate) statement: String,
    /// What to write instead.
    pub(crate) instead: &'static str,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused { statement: refused.statement, instead: refused.instead }
    }
}

const BEGINS: &str = "a unit begins by itself at its first statement; ask for an isolation level and the like with `options(&pool)`";
const COMMITS: &str = "call `commit()` on the unit";
const ROLLS_BACK: &str = "call `rollback()` on the unit, or return `Err` from the closure";
const SNAPSHOTS: &str =
    "give the snapshot to `options(&pool).snapshot(…)`: it has to be set before the first query";
const SAVEPOINTS: &str = "use `savepoint(async |db| …)`";
const ENDS_EARLY: &str = "a NUL byte stands in its text, which an engine takes for the end: bind what holds the byte as a value, as bytes on PostgreSQL";

/// What a statement that was let pass may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// There is no statement in the text, and no answer to it.
    Nothing,
    /// Nothing but an answer.
    Reads,
    /// In doubt, this.
    Writes,
    /// It may end the transaction: it runs other statements, out of sight, or its text reads in two ways.
    Opaque,
}

/// What is to be made of one statement.
enum Verdict {
    /// It controls the transaction: what to write instead.
    Refuse(&'static str),
    Pass(Effect),
    /// It holds other statements, so that where it ends cannot be told either.
    PassAll,
}

const READS: Verdict = Verdict::Pass(Effect::Reads);
const WRITES: Verdict = Verdict::Pass(Effect::Writes);
const OPAQUE: Verdict = Verdict::Pass(Effect::Opaque);

/// What a text may do; or the first statement in it that controls the transaction. Most texts tell at a glance.
pub(crate) fn admit(text: &str, dialect: Dialect, is_one: bool) -> Result<Effect, Refused> {
    plain_effect(text).map_or_else(|| look(text, dialect, is_one), Ok)
}

/// What a text may do; or the first statement in it that controls the transaction.
///
/// `is_one`: the server takes it for one statement, or refuses it, for it comes as a prepared one.
fn look(text: &str, dialect: Dialect, is_one: bool) -> Result<Effect, Refused> {
    let is_long = has_semicolon_or_nul(text.as_bytes());
    if is_long {
        refuse_nul(text)?;
    }
    let mut reader = Reader::new(text, dialect);
    let mut effect = Effect::Nothing;
    let (mut statements, mut ends) = (0, 0);
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            break;
        }
        let start = reader.rest;
        let first = reader.keyword();
        statements += 1;
        match verdict(first, &mut reader) {
            Verdict::Refuse(instead) => {
                let length = start.len() - reader.rest.len();
                return Err(Refused { statement: start[..length].trim_end().to_owned(), instead });
            }
            Verdict::Pass(passed) => effect = effect.max(passed),
            Verdict::PassAll => return Ok(Effect::Opaque),
        }
        // Most texts are one statement, which is over where no semicolon follows.
        if !is_long || !has_semicolon(reader.rest.as_bytes()) {
            break;
        }
        let behind = reader.rest;
        reader.skip_statement(first);
        ends += usize::from(behind[..behind.len() - reader.rest.len()].ends_with(';'));
    }
    // Of a transaction that a cluster aborts between two statements of one message nobody is told.
    let may_lose_transaction = statements > 1 && dialect == Dialect::MySql;
    let may_hide = reader.may_hide_a_statement || may_hide_in_another_character_set(text, dialect, ends);
    let in_doubt = may_lose_transaction || reader.may_be_no_comment || (may_hide && !is_one);
    Ok(if in_doubt { Effect::Opaque } else { effect })
}

/// Whether the engine may end a statement at a semicolon that this reader found in quotes or in a comment. (`ends` is how many
/// semicolons end a statement here.)
///
/// A session can declare that its client speaks GBK, SJIS or the like (`SET NAMES gbk`). The engine then reads the last byte of
/// some characters and the backslash or backtick behind them as one character, so a quote ends elsewhere than in UTF-8.
/// (MariaDB 10.11 and PostgreSQL 15 have no character set in which another character that matters here is read like that.)
fn may_hide_in_another_character_set(text: &str, dialect: Dialect, ends: usize) -> bool {
    dialect != Dialect::Sqlite
        && !text.is_ascii()
        && text.contains(['\\', '`'])
        && text.bytes().filter(|byte| *byte == b';').count() > ends
}

/// What is to be made of the statement whose first word this is; reads on only where that word leaves it open.
fn verdict(first: &str, reader: &mut Reader<'_>) -> Verdict {
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    let any = |words: &[&str]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
    let mysql = reader.dialect == Dialect::MySql;
    // The commonest words first: they decide what this costs.
    if is("SELECT") {
        READS
    } else if any(&["INSERT", "UPDATE", "DELETE", "WITH"]) {
        WRITES
    } else if is("BEGIN") {
        // MariaDB's BEGIN NOT ATOMIC is a block of statements.
        if mysql && reader.next_is("NOT") { Verdict::PassAll } else { Verdict::Refuse(BEGINS) }
    } else if any(&["COMMIT", "END"]) {
        Verdict::Refuse(COMMITS)
    } else if any(&["ROLLBACK", "ABORT"]) {
        Verdict::Refuse(ROLLS_BACK)
    } else if any(&["SAVEPOINT", "RELEASE"]) {
        Verdict::Refuse(SAVEPOINTS)
    } else if is("START") && reader.next_is("TRANSACTION") {
        Verdict::Refuse(BEGINS)
    } else if any(&["SHOW", "EXPLAIN", "DESCRIBE", "VALUES", "TABLE", "PRAGMA"]) {
        READS
    } else if mysql {
        mysql::verdict(first, reader)
    } else if is("SET") {
        verdict_of_set(reader)
    } else if is("PREPARE") && reader.dialect == Dialect::Postgres && reader.next_is("TRANSACTION") {
        Verdict::Refuse(COMMITS)
    } else {
        WRITES
    }
}

/// `SET TRANSACTION …`, `SET SESSION CHARACTERISTICS AS TRANSACTION …`.
fn verdict_of_set(reader: &mut Reader<'_>) -> Verdict {
    let _ = ["SESSION", "LOCAL"].iter().any(|scope| reader.next_is(scope));
    if reader.next_is("CHARACTERISTICS") {
        return Verdict::Refuse(BEGINS);
    }
    match reader.next_is("TRANSACTION") {
        // The first query of a transaction has taken another one by now.
        true if reader.next_is("SNAPSHOT") => Verdict::Refuse(SNAPSHOTS),
        true => Verdict::Refuse(BEGINS),
        false => WRITES,
    }
}

/// The effect of a text that is plainly one statement, and one that never controls the transaction, as most are. Where this
/// is not plain at the first look, the others look closer.
fn plain_effect(text: &str) -> Option<Effect> {
    let (first, rest) = text.as_bytes().split_first_chunk::<6>()?;
    let effect = match first {
        b"SELECT" | b"select" => Effect::Reads,
        b"INSERT" | b"UPDATE" | b"DELETE" | b"insert" | b"update" | b"delete" => Effect::Writes,
        _ => return None,
    };
    let is_word = rest.first().is_none_or(u8::is_ascii_whitespace);
    // No second statement begins without a semicolon.
    (is_word && !has_semicolon_or_nul(rest)).then_some(effect)
}

/// Refuses a text with a NUL byte. sqlx's SQLite driver never gets past it: the thread of the connection spins for ever, with the
/// transaction's locks. On PostgreSQL the byte ends the text inside its message, which the server then finds malformed.
pub(crate) fn refuse_nul(text: &str) -> Result<(), Refused> {
    let Some(at) = text.find('\0') else { return Ok(()) };
    // As much as identifies the text, and the byte where it can be seen.
    let start = text[..at].char_indices().rev().nth(MOST_SHOWN - 1).map_or(0, |(start, _)| start);
    let shown = if start > 0 { "…" } else { "" };
    Err(Refused { statement: format!("{shown}{}\\0", &text[start..at]), instead: ENDS_EARLY })
}

/// How many characters in front of a NUL byte an error shows.
const MOST_SHOWN: usize = 60;

/// Whether there is a semicolon in a text, be it in a string or a comment.
pub(crate) fn has_semicolon(text: &[u8]) -> bool {
    has_byte(text, |byte| byte == b';')
}

/// Whether a text may be more than one plain statement.
fn has_semicolon_or_nul(text: &[u8]) -> bool {
    // Zero for those two bytes alone: one comparison a block, where two of them would be widened first.
    has_byte(text, |byte| byte.min(byte ^ b';') == 0)
}

/// By blocks, and without a way out of one, so that a block is compared at once; the last block reaches back into the one before.
fn has_byte(text: &[u8], is_sought: impl Fn(u8) -> bool) -> bool {
    let is_in = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | is_sought(*byte));
    match text.last_chunk::<16>() {
        Some(last) => text.as_chunks::<16>().0.iter().any(|block| is_in(block)) || is_in(last),
        None => is_in(text),
    }
}
