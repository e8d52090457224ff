//! What passes, what is refused, and what is in doubt.

mod harmless;

use super::*;

fn refused(text: &str, dialect: Dialect) -> Option<String> {
    look(text, dialect, false).err().map(|refused| refused.statement)
}

/// What a text does that comes in the text protocol, and is let pass.
fn effect(text: &str, dialect: Dialect) -> Effect {
    look(text, dialect, false).unwrap_or_else(|refused| panic!("{text} on {dialect:?}: {refused:?}"))
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
        for dialect in ALL {
            assert_eq!(plain_effect(text), Some(effect(text, dialect)), "{text} on {dialect:?}");
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
        "SELECT 12345678901234567890\0",
        "SELECT\0",
        "SELECT\u{A0}",
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
fn a_blank_is_what_the_driver_or_the_engine_skips() {
    let unicode: Vec<char> = ('\0'..=char::MAX).filter(|c| c.is_whitespace()).collect();
    assert_eq!(unicode.len(), 25);
    for blank in unicode {
        for text in
            [format!("COMMIT{blank}"), format!("{blank}COMMIT"), format!("SELECT 1;{blank} COMMIT{blank}")]
        {
            assert_eq!(refused(&text, Dialect::Sqlite).as_deref(), Some("COMMIT"), "{text:?}");
            for dialect in [Dialect::Postgres, Dialect::MySql] {
                // Beyond ASCII these are letters.
                assert_eq!(refused(&text, dialect).is_some(), blank.is_ascii(), "{text:?} on {dialect:?}");
            }
        }
        // sqlx trims it all away, and then the text has no result to end with.
        assert_eq!(effect(&format!("{blank}-- x{blank}\n{blank}"), Dialect::Sqlite), Effect::Nothing);
    }
    // SQLite takes a byte order mark for a blank in the middle of a text too.
    let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM d;\u{FEFF}END;\u{FEFF}COMMIT";
    assert!(refused(trigger, Dialect::Sqlite).is_some());
    assert!(refused("SELECT $a(\u{FEFF}');COMMIT;SELECT $b(')", Dialect::Sqlite).is_some());
}

#[test]
fn a_text_with_a_nul_byte_is_refused() {
    for dialect in ALL {
        for text in
            ["SELECT 1\0", "SELECT 1; -- a\0b", "\0", "INSERT INTO t VALUES ('\0')", "/* \0 */ CALL p()"]
        {
            assert_eq!(plain_effect(text), None, "{text:?}");
            let refused = refused(text, dialect).unwrap();
            assert!(refused.ends_with("\\0") && !refused.contains('\0'), "{refused}");
        }
        let long = refused(&format!("{}é\0", "é".repeat(100)), dialect).unwrap();
        assert_eq!(long, format!("…{}\\0", "é".repeat(60)));
    }
}

#[test]
fn a_body_of_statements_is_one_statement() {
    let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = 1; DELETE FROM d; END; SELECT 1";
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
    let snapshot = look("SET TRANSACTION SNAPSHOT '00000003-1'", Dialect::Postgres, false).unwrap_err();
    assert!(snapshot.instead.contains("options(&pool).snapshot("), "{snapshot:?}");
}

#[test]
fn what_runs_other_statements_is_opaque_wherever_it_stands() {
    for text in [
        "CALL p()",
        "/* job */ CALL p()",
        "-- job\nCALL p()",
        "# job\nCALL p()",
        "SELECT 1; CALL p()",
        "SELECT ';'; execute s",
        "PREPARE s FROM 'CALL p()'; EXECUTE s",
        "EXECUTE IMMEDIATE 'CALL p()'",
        "SET STATEMENT max_statement_time = 5, sort_buffer_size = (SELECT 1 FOR UPDATE) FOR CALL p()",
        "BEGIN NOT ATOMIC CALL p(); END",
        "IF 1 THEN CALL p(); END IF",
        "CASE 1 WHEN 1 THEN CALL p(); END CASE",
        "WHILE 1 DO CALL p(); END WHILE",
        "a: LOOP CALL p(); END LOOP",
        "`a`: LOOP CALL p(); END LOOP",
        "/*! CALL p() */",
        "SELECT 1 /*!999999 , 2 */; SELECT 3",
        "p()",
        // A transaction that a cluster aborts between the two is not there for the second.
        "SELECT 1; UPDATE t SET a = 'it''s; done'",
    ] {
        assert_eq!(effect(text, Dialect::MySql), Effect::Opaque, "{text}");
    }
    for text in ["CALL p()", "DO $$ BEGIN END $$", "EXECUTE s", "SELECT 1 -- CALL p()"] {
        assert_ne!(effect(text, Dialect::Postgres), Effect::Opaque, "it cannot end its transaction: {text}");
    }
    for text in [
        "REPLACE INTO t VALUES (1)",
        "(SELECT 1) UNION (SELECT 2)",
        "DO release_lock('call')",
        "PREPARE s FROM 'CALL p()'",
        "SET @a = 'CALL p()'",
        "SET STATEMENT max_statement_time = 5 FOR SELECT 1",
        "LOAD DATA LOCAL INFILE 'a' INTO TABLE t",
        "CREATE TEMPORARY TABLE t (a int)",
        "SIGNAL SQLSTATE '45000'",
        "UPDATE t SET a = 'it''s; done';",
    ] {
        assert!(effect(text, Dialect::MySql) < Effect::Opaque, "{text}");
    }
}

#[test]
fn what_reads_in_two_ways_is_opaque_where_a_statement_may_hide_in_it() {
    for (dialect, text) in [
        // As by default, a backslash is a character, or takes the next one's meaning: the sessions can be set up otherwise.
        (Dialect::MySql, r"SELECT 'a\'; COMMIT; -- '"),
        (Dialect::MySql, r#"SELECT "a\"; COMMIT; -- ""#),
        (Dialect::Postgres, r"SELECT 'a\''; COMMIT; SELECT '"),
        // What is hidden well, it seems: the sentinel shall have the last word.
        (Dialect::Postgres, "SELECT $a$ ; COMMIT; $a$"),
        (Dialect::Postgres, r"SELECT E'a\'; COMMIT; --'"),
        (Dialect::Postgres, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END"),
        (Dialect::Sqlite, "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END"),
    ] {
        assert_eq!(effect(text, dialect), Effect::Opaque, "{text}");
        let prepared = look(text, dialect, dialect != Dialect::Sqlite).unwrap();
        assert_eq!(
            prepared == Effect::Opaque,
            dialect == Dialect::Sqlite,
            "one statement hides none: {text}"
        );
    }
    for (dialect, text) in [
        (Dialect::MySql, r"SELECT 'it\'s'"),
        (Dialect::MySql, r"INSERT INTO t VALUES ('a\\;')"),
        (Dialect::Postgres, r"INSERT INTO t VALUES ('a\b;'); SELECT 1"),
        (Dialect::Postgres, "SELECT $a$ COMMIT $a$; SELECT 1"),
        (Dialect::Sqlite, r"INSERT INTO t VALUES ('a\'); SELECT ';'"),
    ] {
        assert!(effect(text, dialect) < Effect::Opaque, "{text}");
    }
}

#[test]
fn what_another_character_set_reads_otherwise_is_opaque() {
    for (dialect, text) in [
        (Dialect::MySql, "SELECT 1 AS `縗` , `; COMMIT ; -- `"),
        (Dialect::MySql, "SELECT 1 AS `縗` , `; COMMIT ; -- `;"),
        (Dialect::MySql, "SELECT `縗` /* ` ; COMMIT; -- */"),
        (Dialect::Postgres, r"SELECT E'縗\\' , '; COMMIT; -- '"),
    ] {
        assert_eq!(effect(text, dialect), Effect::Opaque, "{text}");
        assert!(look(text, dialect, true).unwrap() < Effect::Opaque, "one statement hides none: {text}");
    }
    for text in [
        "SELECT `縗`",
        "SELECT `縗`;",
        "UPDATE t SET a = 'é; b'",
        "UPDATE t SET a = 'é\\n'; -- done",
        "UPDATE `t` SET a = 'b; c'",
    ] {
        for dialect in ALL {
            assert!(effect(text, dialect) < Effect::Opaque, "{text} on {dialect:?}");
        }
    }
}

#[test]
fn one_statement_that_sets_more_than_it_seems_to_is_opaque() {
    // Where the session has NO_BACKSLASH_ESCAPES, this sets two variables.
    let text = r"SET @a = 'b\', autocommit = 0 -- '";
    assert_eq!(look(text, Dialect::MySql, true), Ok(Effect::Opaque));
    assert_eq!(look(r"SET @a = 'b\n'", Dialect::MySql, true), Ok(Effect::Writes));
}

#[test]
fn a_text_of_any_depth_is_read() {
    // Each of these stands in front of a statement, which may be the next one. (A test has two megabytes of stack.)
    let deep = "SET STATEMENT max_statement_time = 5 FOR ".repeat(100_000);
    assert_eq!(refused(&format!("{deep}COMMIT"), Dialect::MySql), Some(format!("{deep}COMMIT")));
    assert_eq!(effect(&format!("{deep}SELECT 1"), Dialect::MySql), Effect::Reads);
    assert_eq!(effect(&"/*".repeat(100_000), Dialect::Postgres), Effect::Nothing);
}

#[test]
fn nothing_is_smuggled_in() {
    for (dialect, text) in [
        (Dialect::Postgres, "SELECT E'a'\n'\\'' ; COMMIT; SELECT '1'"),
        (Dialect::Postgres, "SELECT e'a' -- b\n -- c\n '\\'' ; COMMIT; SELECT '1'"),
        (Dialect::Postgres, "SELECT €E'a\\'; COMMIT; SELECT '1'"),
        (
            Dialect::Postgres,
            "CREATE FUNCTION f(begin timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT",
        ),
        (Dialect::Postgres, "CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT"),
        (Dialect::Postgres, "CREATE TRIGGER begin AFTER INSERT ON a EXECUTE FUNCTION f(); COMMIT"),
        (Dialect::Postgres, "SELECT 1 AS x€$a$; COMMIT; SELECT 2 AS y€$a$"),
        (Dialect::Postgres, "SELECT $€$ x $€$; COMMIT"),
        (Dialect::Sqlite, "SELECT $a(');commit;select $b(')"),
        (Dialect::Sqlite, "SELECT @a::b(');commit;select $b(')"),
        (Dialect::Sqlite, "CREATE TRIGGER begin AFTER INSERT ON a BEGIN DELETE FROM b; END; COMMIT"),
        (Dialect::MySql, "SET STATEMENT max_statement_time = 5 FOR COMMIT"),
        (Dialect::MySql, "SET STATEMENT max_statement_time = 5 FOR CREATE TABLE t (a int)"),
        (Dialect::MySql, "CREATE TEMPORARY SEQUENCE s"),
        (Dialect::MySql, "SET DEFAULT ROLE NONE"),
        (Dialect::MySql, "SET PASSWORD = 'a'"),
        (Dialect::MySql, "SET `autocommit` = 0"),
        (Dialect::MySql, "SET @@session.`autocommit` = 0"),
        (Dialect::MySql, "SET @a = f(1, 2), @@LOCAL . AutoCommit := 0"),
        (Dialect::MySql, "SET SESSION TRANSACTION READ ONLY"),
        (Dialect::MySql, "SELECT 5--\u{A0}; COMMIT"),
        (Dialect::MySql, "BEGIN; NOT"),
    ] {
        assert!(refused(text, dialect).is_some(), "{text}");
    }
}

#[test]
fn a_word_that_stands_for_something_else_is_not_refused() {
    for (dialect, text) in [
        (Dialect::MySql, "SET @n = (SELECT count(*) FROM transaction)"),
        (Dialect::MySql, "SET @transaction = 1, @autocommit = 2"),
        (Dialect::MySql, "SET max_statement_time = @autocommit"),
        (Dialect::MySql, "SET NAMES utf8mb4"),
        (Dialect::MySql, "BEGIN NOT ATOMIC IF 1 THEN SELECT 1; END IF; END"),
        (Dialect::MySql, "BEGIN NOT ATOMIC WHILE 0 DO BEGIN END; END WHILE; END"),
        (Dialect::MySql, "IF 1 THEN SELECT 1; END IF"),
        (Dialect::Postgres, "SELECT $€$ ; COMMIT; $€$"),
        (Dialect::Postgres, "SELECT E'a'\n'\\'; COMMIT; --'"),
        (Dialect::Sqlite, "SELECT $a(;), $b(;)"),
    ] {
        assert_eq!(refused(text, dialect), None, "{text}");
    }
}

#[test]
fn a_semicolon_is_found_wherever_it_stands() {
    for length in 0..70 {
        let mut text = vec![b'a'; length];
        assert!(!has_semicolon(&text), "{length}");
        for position in 0..length {
            text[position] = b';';
            assert!(has_semicolon(&text), "at {position} of {length}");
            text[position] = b'a';
        }
    }
}

#[test]
fn a_semicolon_and_a_nul_byte_are_found_in_one_scan() {
    for byte in u8::MIN..=u8::MAX {
        for length in [1, 15, 16, 17, 40] {
            let mut text = vec![b'a'; length];
            text[length / 2] = byte;
            assert_eq!(has_semicolon_or_nul(&text), matches!(byte, 0 | b';'), "{byte} in {length}");
        }
    }
}
