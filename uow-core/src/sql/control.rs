//! Finds, in a text a user sends, the statements that would end or change the transaction.

use super::reader::Reader;
use crate::backend::Dialect;

/// A statement that must not go through the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its first words, as they stand in the text.
    pub(crate) statement: String,
    /// What to write instead.
    pub(crate) instead: &'static str,
}

const BEGINS: &str = "a unit begins by itself at its first statement; ask for an isolation level and the like with `options(&pool)`";
const COMMITS: &str = "call `commit()` on the unit";
const ROLLS_BACK: &str = "call `rollback()` on the unit, or return `Err` from the closure";
const SAVEPOINTS: &str = "use `savepoint(async |db| …)`";
const COMMITS_IMPLICITLY: &str =
    "MySQL commits implicitly before and after it: run it outside of the unit, on the pool or in a migration";

/// The first statement of `text` that controls the transaction, if there is one.
pub(crate) fn transaction_control(text: &str, dialect: Dialect) -> Option<Refused> {
    let mut reader = Reader { rest: text, dialect };
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            return None;
        }
        let start = reader.rest;
        let first = reader.word();
        if let Some(instead) = instead_of(first, &mut reader, dialect) {
            let length = start.len() - reader.rest.len();
            return Some(Refused { statement: start[..length].trim_end().to_owned(), instead });
        }
        // Most texts are one statement, which is over where no semicolon follows.
        if !reader.rest.as_bytes().contains(&b';') {
            return None;
        }
        reader.skip_statement(first);
    }
}

/// What to write instead of the statement whose first word this is; reads on only where that word leaves it open.
fn instead_of(first: &str, reader: &mut Reader<'_>, dialect: Dialect) -> Option<&'static str> {
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    let any = |words: &[&str]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
    // The commonest words first: they decide what this costs.
    if any(&["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"]) {
        None
    } else if is("BEGIN") {
        // MariaDB's BEGIN NOT ATOMIC is a block of statements.
        (dialect != Dialect::MySql || !reader.next_is("NOT")).then_some(BEGINS)
    } else if is("START") {
        reader.next_is("TRANSACTION").then_some(BEGINS).or_else(|| implicit(true, dialect))
    } else if any(&["COMMIT", "END"]) {
        Some(COMMITS)
    } else if any(&["ROLLBACK", "ABORT"]) {
        Some(ROLLS_BACK)
    } else if any(&["SAVEPOINT", "RELEASE"]) {
        Some(SAVEPOINTS)
    } else if is("SET") {
        instead_of_set(reader)
    } else if is("PREPARE") && dialect == Dialect::Postgres {
        reader.next_is("TRANSACTION").then_some(COMMITS)
    } else if any(&["CREATE", "DROP"]) {
        // Temporary tables are the exception to MySQL's rule.
        let before = reader.rest;
        let _ = reader.next_is("OR") && reader.next_is("REPLACE");
        let temporary = reader.next_is("TEMPORARY");
        reader.rest = before;
        implicit(!temporary, dialect)
    } else if is("ANALYZE") {
        // MariaDB's ANALYZE of a statement runs it, and tells how.
        let of_statement = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "FORMAT"];
        implicit(!of_statement.iter().any(|word| reader.next_is(word)), dialect)
    } else if is("LOAD") {
        implicit(reader.next_is("INDEX"), dialect)
    } else {
        implicit(any(&IMPLICIT), dialect)
    }
}

/// The first words of the other statements that MySQL and MariaDB commit implicitly for.
const IMPLICIT: [&str; 20] = [
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
    "STOP",
    "CHANGE",
    "INSTALL",
    "UNINSTALL",
    "SHUTDOWN",
    "BACKUP",
];

fn implicit(commits: bool, dialect: Dialect) -> Option<&'static str> {
    (commits && dialect == Dialect::MySql).then_some(COMMITS_IMPLICITLY)
}

/// `SET TRANSACTION …`, `SET SESSION CHARACTERISTICS AS TRANSACTION …`, `SET …, autocommit = …`.
fn instead_of_set(reader: &mut Reader<'_>) -> Option<&'static str> {
    if reader.dialect == Dialect::MySql {
        // Variables are set in a list, so it may stand anywhere in it.
        let mut rest = Reader { rest: reader.rest, dialect: reader.dialect };
        if rest.has_word(&["AUTOCOMMIT", "TRANSACTION", "COMPLETION_TYPE"]) {
            reader.rest = rest.rest;
            return Some(BEGINS);
        }
        return None;
    }
    let _ = ["SESSION", "LOCAL"].iter().any(|scope| reader.next_is(scope));
    if reader.next_is("CHARACTERISTICS") {
        return Some(BEGINS);
    }
    // (A snapshot that another session exported is for its own transaction to take.)
    (reader.next_is("TRANSACTION") && !reader.next_is("SNAPSHOT")).then_some(BEGINS)
}

/// What a statement that was let pass may do, told by its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing but an answer.
    Reads,
    /// In doubt, this.
    Writes,
    /// It runs other statements, out of sight.
    Opaque,
}

/// The effect of a text that is plainly one statement, and one that never controls the transaction, as most are. Where this
/// is not plain at the first look, the others look closer.
pub(crate) fn plain_effect(text: &str) -> Option<Effect> {
    let (first, rest) = text.as_bytes().split_first_chunk::<6>()?;
    let effect = match first {
        b"SELECT" | b"select" => Effect::Reads,
        b"INSERT" | b"UPDATE" | b"DELETE" | b"insert" | b"update" | b"delete" => Effect::Writes,
        _ => return None,
    };
    let is_word = rest.first().is_none_or(u8::is_ascii_whitespace);
    // No second statement begins without a semicolon.
    (is_word && !has_semicolon(rest)).then_some(effect)
}

/// (By blocks, and without a way out of one, for so a block is compared at once.)
fn has_semicolon(text: &[u8]) -> bool {
    let is_in = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | (*byte == b';'));
    let (blocks, rest) = text.as_chunks::<8>();
    blocks.iter().any(|block| is_in(block)) || is_in(rest)
}

pub(crate) fn effect(text: &str) -> Effect {
    const READS: [&str; 7] = ["SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "VALUES", "TABLE", "PRAGMA"];
    const OPAQUE: [&str; 3] = ["CALL", "EXECUTE", "BEGIN"];
    let text = text.trim_start();
    let starts = |word: &&str| text.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
    if READS.iter().any(starts) {
        Effect::Reads
    } else if OPAQUE.iter().any(starts) {
        Effect::Opaque
    } else {
        Effect::Writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, dialect: Dialect) -> Option<String> {
        transaction_control(text, dialect).map(|refused| refused.statement)
    }

    const ALL: [Dialect; 3] = [Dialect::Sqlite, Dialect::Postgres, Dialect::MySql];

    #[test]
    fn transaction_control_is_found_wherever_it_stands() {
        for dialect in ALL {
            for (text, found) in [
                ("COMMIT", "COMMIT"),
                ("  begin immediate", "begin"),
                ("start transaction read only", "start transaction"),
                ("/* a; */ rollback", "rollback"),
                ("-- note\nSAVEPOINT a", "SAVEPOINT"),
                ("RELEASE SAVEPOINT a", "RELEASE"),
                ("end", "end"),
                ("SELECT 1; COMMIT", "COMMIT"),
                ("SELECT ';'; ; /* x */ Commit ;", "Commit"),
                ("INSERT INTO t VALUES ('it''s; fine'); ABORT", "ABORT"),
                ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET TRANSACTION"),
                ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET SESSION CHARACTERISTICS"),
            ] {
                let refused = refused(text, dialect);
                assert!(
                    refused.as_ref().is_some_and(|text| text.starts_with(found)),
                    "{text} on {dialect:?}: {refused:?}"
                );
            }
        }
    }

    #[test]
    fn other_statements_pass() {
        for dialect in ALL {
            for text in [
                "",
                ";",
                "SELECT 'COMMIT; ROLLBACK'",
                "SELECT 1; -- COMMIT\nSELECT 2",
                "UPDATE t SET commit = 1; UPDATE t SET \"a;COMMIT\" = 2",
                "INSERT INTO commits VALUES (1);",
                "SELECT CASE WHEN 1 THEN 2 END; SELECT 3",
                "WITH begun AS (SELECT 1) SELECT * FROM begun",
                "(SELECT 1)",
                "SET LOCAL statement_timeout = 5",
                "é; SELECT 1",
            ] {
                assert_eq!(refused(text, dialect), None, "{text} on {dialect:?}");
            }
        }
    }

    #[test]
    fn what_is_plain_is_what_a_closer_look_says() {
        for text in [
            "SELECT 1",
            "select\n1",
            "SELECT",
            "INSERT INTO t VALUES (1)",
            "UPDATE t SET commit = 1",
            "delete from t",
        ] {
            assert_eq!(plain_effect(text), Some(effect(text)), "{text}");
            for dialect in ALL {
                assert_eq!(refused(text, dialect), None, "{text} on {dialect:?}");
            }
        }
        for text in [
            "",
            "COMMIT",
            "SELECT 1; COMMIT",
            "SELECT 1;",
            "SELECTED",
            "SELECT;COMMIT",
            " SELECT 1",
            "INSERé",
            "SELECT 12345678901234567890;",
        ] {
            assert_eq!(plain_effect(text), None, "{text}");
        }
    }

    #[test]
    fn quotes_and_comments_are_read_as_the_engine_reads_them() {
        assert_eq!(refused(r"SELECT 'a\'; COMMIT; --'", Dialect::MySql), None);
        assert!(refused(r"SELECT 'a\'; COMMIT; --'", Dialect::Postgres).is_some());
        assert_eq!(refused(r"SELECT E'a\'; COMMIT; --'", Dialect::Postgres), None);
        assert_eq!(refused("SELECT $a$ ; COMMIT; $a$, $1", Dialect::Postgres), None);
        assert!(refused("SELECT $1; COMMIT", Dialect::Postgres).is_some());
        assert_eq!(refused("/* /* */ ; COMMIT */ SELECT 1", Dialect::Postgres), None);
        assert!(refused("SELECT [a;b]; COMMIT", Dialect::Sqlite).is_some());
        assert_eq!(refused("SELECT [a;COMMIT]", Dialect::Sqlite), None);
        assert!(refused("/*!50000 COMMIT */", Dialect::MySql).is_some());
        assert!(refused("SELECT 1 /*M!100100 ; COMMIT */", Dialect::MySql).is_some());
        assert_eq!(refused("SELECT 1 # ; COMMIT", Dialect::MySql), None);
        assert!(refused("SELECT 1 AS a$b$; COMMIT; SELECT 2 AS c$b$", Dialect::Postgres).is_some());
        assert!(refused("-- x\rCOMMIT", Dialect::Postgres).is_some());
        assert_eq!(refused("-- x\rCOMMIT", Dialect::Sqlite), None);
        assert!(refused("SELECT 5--1; COMMIT", Dialect::MySql).is_some());
        assert_eq!(refused("SELECT 5 -- 1; COMMIT", Dialect::MySql), None);
        assert!(refused("\u{FEFF}COMMIT", Dialect::Sqlite).is_some());
    }

    #[test]
    fn a_body_of_statements_is_one_statement() {
        let trigger =
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = 1; DELETE FROM d; END; SELECT 1";
        assert_eq!(refused(trigger, Dialect::Sqlite), None);
        assert!(refused(&format!("{trigger}; COMMIT"), Dialect::Sqlite).is_some());
        let function =
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END";
        assert_eq!(refused(function, Dialect::Postgres), None);
        let empty = "CREATE OR REPLACE FUNCTION f() RETURNS void BEGIN ATOMIC END; COMMIT";
        assert!(refused(empty, Dialect::Postgres).is_some());
        let commented = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM d; /* done */ END; COMMIT";
        assert!(refused(commented, Dialect::Sqlite).is_some());
        assert!(refused("CREATE TABLE s (begin timestamptz); COMMIT", Dialect::Postgres).is_some());
    }

    #[test]
    fn implicit_commits_are_refused_on_mysql_alone() {
        for text in [
            "CREATE TABLE t (a int)",
            "alter table t add b int",
            "SET autocommit = 0",
            "set @@session.autocommit=1",
            "SET @x = 1, autocommit = 0",
            "SET completion_type = CHAIN",
            "ANALYZE TABLE t",
        ] {
            assert!(refused(text, Dialect::MySql).is_some(), "{text}");
        }
        assert_eq!(refused("CREATE TABLE t (a int)", Dialect::Postgres), None);
        assert_eq!(refused("CREATE TEMPORARY TABLE t (a int)", Dialect::MySql), None);
        assert_eq!(refused("DROP TEMPORARY TABLE t", Dialect::MySql), None);
        assert_eq!(refused("CREATE OR REPLACE TEMPORARY TABLE t (a int)", Dialect::MySql), None);
        assert_eq!(refused("ANALYZE SELECT 1", Dialect::MySql), None);
        assert_eq!(refused("LOAD DATA LOCAL INFILE 'a' INTO TABLE t", Dialect::MySql), None);
        assert_eq!(refused("BEGIN NOT ATOMIC SELECT 1; END", Dialect::MySql), None);
        assert_eq!(refused("SET NAMES utf8mb4", Dialect::MySql), None);
        assert_eq!(refused("SET TRANSACTION SNAPSHOT '00000003-1'", Dialect::Postgres), None);
    }
}
