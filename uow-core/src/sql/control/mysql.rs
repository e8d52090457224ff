//! The statements that MySQL and MariaDB alone have, or take otherwise.

use super::super::reader::Reader;
use super::{BEGINS, OPAQUE, Verdict, WRITES};

const COMMITS_IMPLICITLY: &str =
    "MySQL commits implicitly before and after it: run it outside of the unit, on the pool or in a migration";

/// MySQL and MariaDB: what commits implicitly is refused, what is known to do no such thing passes, and all else may run
/// other statements, as CALL, EXECUTE and the compound statements do.
pub(super) fn verdict(first: &str, reader: &mut Reader<'_>) -> Verdict {
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    let any = |words: &[&str]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
    let implicit = |commits| if commits { Verdict::Refuse(COMMITS_IMPLICITLY) } else { WRITES };
    if is("SET") {
        verdict_of_set(reader)
    } else if any(&["CALL", "EXECUTE"]) {
        OPAQUE
    } else if any(&["CREATE", "DROP"]) {
        // Temporary tables are the exception to the rule, and nothing else that is temporary.
        let before = reader.rest;
        let _ = reader.next_is("OR") && reader.next_is("REPLACE");
        let temporary = reader.next_is("TEMPORARY") && (reader.next_is("TABLE") || reader.next_is("TABLES"));
        // (`DROP PREPARE` is another word for DEALLOCATE.)
        let prepared = is("DROP") && reader.next_is("PREPARE");
        reader.rest = before;
        implicit(!(temporary || prepared))
    } else if is("ANALYZE") {
        // MariaDB's ANALYZE of a statement runs it, and tells how.
        let of_statement = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "FORMAT"];
        implicit(!of_statement.iter().any(|word| reader.next_is(word)))
    } else if is("LOAD") {
        implicit(reader.next_is("INDEX"))
    } else if any(&IMPLICIT) {
        implicit(true)
    } else if any(&HARMLESS) || (first.is_empty() && reader.rest.starts_with('(')) {
        WRITES
    } else {
        Verdict::PassAll
    }
}

/// The first words of the other statements that MySQL and MariaDB commit implicitly for.
const IMPLICIT: [&str; 21] = [
    "ALTER",
    "TRUNCATE",
    "RENAME",
    "GRANT",
    "REVOKE",
    "LOCK",
    "UNLOCK",
    "XA",
    "OPTIMIZE",
    "REPAIR",
    "CHECK",
    "CACHE",
    "FLUSH",
    "RESET",
    "START",
    "STOP",
    "CHANGE",
    "INSTALL",
    "UNINSTALL",
    "SHUTDOWN",
    "BACKUP",
];

/// Those of statements that run no other.
const HARMLESS: [&str; 11] = [
    "REPLACE",
    "DO",
    "DESC",
    "HANDLER",
    "USE",
    "PREPARE",
    "DEALLOCATE",
    "KILL",
    "CHECKSUM",
    "SIGNAL",
    "HELP",
];

/// `SET TRANSACTION …`, `SET …, autocommit = …`, `SET STATEMENT … FOR …`, and what commits implicitly.
fn verdict_of_set(reader: &mut Reader<'_>) -> Verdict {
    // SET STATEMENT may stand in front of another SET STATEMENT: a loop, because a recursion would overflow the stack.
    while reader.next_is("STATEMENT") {
        if !reader.skip_to(Some("FOR")) {
            return Verdict::PassAll;
        }
        reader.skip_space();
        let first = reader.word();
        if !first.eq_ignore_ascii_case("SET") {
            return super::verdict(first, reader);
        }
    }
    let before = reader.rest;
    if reader.next_is("PASSWORD") || (reader.next_is("DEFAULT") && reader.next_is("ROLE")) {
        return Verdict::Refuse(COMMITS_IMPLICITLY);
    }
    reader.rest = before;
    loop {
        // Variables are set in a list, so it may stand anywhere in it.
        let controls = |name: &str| {
            ["AUTOCOMMIT", "COMPLETION_TYPE", "TRANSACTION"]
                .iter()
                .any(|word| name.eq_ignore_ascii_case(word))
        };
        if reader.variable().is_some_and(controls) {
            return Verdict::Refuse(BEGINS);
        }
        if !reader.skip_to(None) {
            // A prepared statement is in doubt here too: its quotes may hide another variable.
            return if reader.may_hide_a_statement { OPAQUE } else { WRITES };
        }
    }
}
