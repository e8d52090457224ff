//! What nobody may take for a statement that controls the transaction.

use super::*;

/// One statement each, on every engine.
const EVERYWHERE: &[&str] = &[
    "SELECT 1",
    "  \n\tSELECT 1\n;\n",
    "select 'COMMIT'",
    "SELECT 'a; COMMIT; b'",
    "SELECT 'it''s; ROLLBACK'",
    "SELECT '-- COMMIT', '/* ROLLBACK'",
    "SELECT 1 -- ; COMMIT",
    "SELECT 1 -- it's\n, 'a; b'",
    "SELECT 1 /* ; COMMIT; */ + 2",
    "SELECT 1 /* it's \"quoted */ , ';'",
    "-- COMMIT\nSELECT 1",
    "/* BEGIN; */ SELECT 1",
    "SELECT /* hint */ a FROM t",
    "SELECT CASE WHEN a = 1 THEN 'begin' ELSE 'end' END FROM t",
    "SELECT CASE a WHEN 1 THEN CASE b WHEN 2 THEN 3 END END FROM t;",
    "SELECT t.commit, t.rollback, t.savepoint FROM t",
    "SELECT commit FROM commits WHERE release = 'x'",
    "SELECT begin_at, end_at, start_at FROM t",
    "SELECT \"begin\", \"end\" FROM t",
    "SELECT \"a; COMMIT\" FROM t",
    "SELECT a AS \"rollback\" FROM t",
    "SELECT rollback(), commit(1) FROM t",
    "SELECT 'begin' || 'commit'",
    "SELECT a FROM t WHERE note LIKE '%ROLLBACK;%'",
    "SELECT a FROM t WHERE b IN ('COMMIT', 'ABORT', 'END')",
    "SELECT (SELECT max(a) FROM t) AS end_of, (1)",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT count(*) FROM t GROUP BY release HAVING count(*) > 1",
    "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",
    "SELECT a FROM t ORDER BY CASE WHEN a IS NULL THEN 1 ELSE 0 END, a LIMIT 1 OFFSET 2",
    "WITH commit AS (SELECT 1) SELECT * FROM commit",
    "WITH RECURSIVE begin(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM begin WHERE n < 3) SELECT n FROM begin",
    "WITH a AS (SELECT ';') SELECT * FROM a",
    "INSERT INTO commit (begin) VALUES ('end')",
    "INSERT INTO t (a, b) VALUES (1, 'BEGIN; COMMIT'), (2, 'x')",
    "INSERT INTO t SELECT * FROM released",
    "INSERT INTO t (note) VALUES ('multi\nline; COMMIT\n')",
    "UPDATE t SET rollback = TRUE, savepoint = NULL WHERE id = 1",
    "UPDATE t SET note = 'START TRANSACTION' WHERE id = 1;",
    "UPDATE release SET a = a + 1",
    "DELETE FROM t WHERE state = 'END'",
    "DELETE FROM savepoint",
    "delete from t where a = '' or b = ';'",
    "VALUES (1), (2)",
    "EXPLAIN SELECT 1",
    "SELECT 'é; COMMIT', 'ü'",
    "SELECT '\u{A0}COMMIT\u{A0}'",
    "SELECT 'a\u{2028}; COMMIT'",
    "SELECT 1 AS été",
    "SELECT a FROM \"unit; of\" WHERE \"x\"\"y;\" = 1",
    "SELECT 5 - - 3, 5/2, 5*2",
    "SELECT -1, +1, 1e5, .5, 0x1F",
    "SELECT a.\"end\" FROM a JOIN b ON a.id = b.id",
    "SELECT ''",
    "SELECT ';'",
    "",
    ";",
    " ; ; ",
    "-- nothing",
    "/* nothing */",
    "SELECT coalesce(a, 'BEGIN'), nullif(b, 'END') FROM t",
];

const SQLITE: &[&str] = &[
    "SELECT [begin], [a;COMMIT] FROM [end]",
    "SELECT `a;COMMIT`, `rollback` FROM t",
    "SELECT ?, ?1, :commit, @rollback, $end",
    "SELECT $a::b(c;COMMIT)",
    "INSERT OR ROLLBACK INTO t VALUES (1)",
    "INSERT OR REPLACE INTO t VALUES (1) ON CONFLICT DO NOTHING",
    "REPLACE INTO t VALUES (';')",
    "UPDATE OR ABORT t SET a = 1",
    "PRAGMA foreign_keys",
    "CREATE TABLE t (a INTEGER PRIMARY KEY ON CONFLICT ROLLBACK, begin TEXT DEFAULT ';')",
    "CREATE TABLE begin (\"end\" INTEGER)",
    "CREATE TRIGGER a AFTER INSERT ON t BEGIN UPDATE t SET a = 1; DELETE FROM b; END",
    "CREATE TRIGGER a AFTER INSERT ON t WHEN new.a > 1 BEGIN SELECT CASE WHEN 1 THEN RAISE(ROLLBACK, ';') END; END;",
    "CREATE TEMP TRIGGER IF NOT EXISTS a BEFORE UPDATE OF b ON t BEGIN SELECT 1; END",
    "CREATE VIEW v AS SELECT CASE WHEN 1 THEN 2 END",
    "CREATE INDEX i ON t (a) WHERE b = ';'",
    "ALTER TABLE t RENAME COLUMN commit TO rollback",
    "DROP TABLE IF EXISTS commit",
    "SELECT json_extract(a, '$.b;c'), a -> '$.end', a ->> '$.b' FROM t",
    "SELECT x'53514C', 'a\\', ';'",
    "ANALYZE",
    "REINDEX t",
    "\u{FEFF}SELECT 1",
    "\u{A0}SELECT 1\u{A0}",
    "SELECT 'a'; SELECT 'COMMIT'; -- ROLLBACK",
    "EXPLAIN QUERY PLAN SELECT 1",
];

const POSTGRES: &[&str] = &[
    "DO $$ BEGIN RAISE NOTICE 'COMMIT;'; END $$",
    "DO $do$ DECLARE a int; BEGIN a := 1; END; $do$ LANGUAGE plpgsql",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$",
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger AS $body$ BEGIN RETURN new; END; $body$ LANGUAGE plpgsql",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END",
    "SELECT a -> 'b', a ->> 'commit', a #> '{b}', a #>> '{c,d}', a @> '{}', a ? 'end' FROM t",
    "SELECT a ?| array['begin'], a ?& array['end'], a || '{}', a - 'x', a #- '{y}' FROM t",
    "SELECT $1::text, $2",
    "SELECT $1, 'a$b; COMMIT', $2",
    "SELECT $$it's; COMMIT$$",
    "SELECT $a$ $b$ ; COMMIT $b$ $a$",
    "SELECT E'it\\'s; COMMIT'",
    "SELECT e'a' 'b', U&'d\\0061t', B'101', X'1F'",
    "SELECT 'a'\n'; COMMIT'",
    "SELECT U&\"d\\0061t; COMMIT\" FROM t",
    "/* a /* nested; COMMIT */ b */ SELECT 1",
    "SELECT a FROM t WHERE b ~ '^BEGIN;' AND c !~* 'x'",
    "SELECT a::text COLLATE \"C\" FROM t FOR UPDATE SKIP LOCKED",
    "SELECT array[1, 2][1:2], a[1] FROM t",
    "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING a",
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE",
    "SET LOCAL statement_timeout = 5",
    "SET search_path = commit, public",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SHOW transaction_isolation",
    "LOCK TABLE t IN SHARE MODE",
    "PREPARE commit AS SELECT 1",
    "EXECUTE commit",
    "DEALLOCATE ALL",
    "DECLARE c CURSOR FOR SELECT 1",
    "FETCH 1 FROM c",
    "COPY t TO STDOUT",
    "CALL p(1)",
    "COMMENT ON TABLE t IS 'COMMIT;'",
    "CREATE TABLE t (\"begin\" int, \"end\" int DEFAULT 1, CHECK (\"end\" > 0))",
    "CREATE TRIGGER begin AFTER INSERT ON t EXECUTE FUNCTION f()",
    "NOTIFY commit, 'ROLLBACK;'",
    "LISTEN commit",
    "REFRESH MATERIALIZED VIEW release",
    "TABLE commit",
    "SELECT 1; SELECT 'COMMIT'; -- ROLLBACK",
    "ANALYZE t",
];

const MYSQL: &[&str] = &[
    "SELECT `begin`, `a;COMMIT` FROM `end`",
    "SELECT \"a; COMMIT\", 'it\\'s; COMMIT'",
    "SELECT 'a\\\\', ';'",
    "SELECT 1 # ; COMMIT",
    "# COMMIT\nSELECT 1",
    "SELECT 5--1",
    "SELECT a -> '$.b', a ->> '$.commit;' FROM t",
    "SELECT @a := 1, @@autocommit, @`commit`",
    "SELECT /*+ MAX_EXECUTION_TIME(5) */ 1",
    "SELECT 1 /*!50000 + 1 */",
    "SELECT N'a', _utf8mb4'b; COMMIT', x'1F', b'1'",
    "SELECT a FROM t LOCK IN SHARE MODE",
    "SELECT a FROM t WHERE MATCH (b) AGAINST ('+begin -commit' IN BOOLEAN MODE)",
    "INSERT INTO t SET a = 'COMMIT'",
    "INSERT IGNORE INTO t VALUES (1) ON DUPLICATE KEY UPDATE b = values(b)",
    "INSERT INTO t VALUES (1) RETURNING a",
    "REPLACE INTO t VALUES ('; ROLLBACK')",
    "SET @a = 'COMMIT;'",
    "SET @autocommit = 1, @b = 2",
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = 'ANSI_QUOTES'",
    "SET @@session.max_statement_time = 5",
    "SET STATEMENT max_statement_time = 5 FOR SELECT 1",
    "SHOW VARIABLES LIKE 'autocommit'",
    "DESCRIBE t",
    "DESC t",
    "DO sleep(0)",
    "USE commit",
    "HANDLER t OPEN",
    "KILL QUERY 5",
    "CREATE TEMPORARY TABLE t (a INT)",
    "DROP TEMPORARY TABLE IF EXISTS t",
    "LOAD DATA LOCAL INFILE 'a' INTO TABLE t",
    "PREPARE s FROM 'COMMIT'",
    "EXECUTE s",
    "DEALLOCATE PREPARE s",
    "DROP PREPARE s",
    "CALL p('COMMIT')",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ROLLBACK'",
    "CHECKSUM TABLE t",
    "ANALYZE FORMAT=JSON SELECT 1",
    "BEGIN NOT ATOMIC SELECT 1; END",
    "IF 1 THEN SELECT 1; END IF",
    "SELECT GET_LOCK('commit', 5), RELEASE_LOCK('commit')",
];

#[test]
fn no_harmless_text_is_refused() {
    for (dialect, own) in [(Dialect::Sqlite, SQLITE), (Dialect::Postgres, POSTGRES), (Dialect::MySql, MYSQL)]
    {
        let texts: Vec<&str> = EVERYWHERE.iter().chain(own).copied().collect();
        assert!(texts.len() >= 80, "{}", texts.len());
        for text in texts {
            assert_eq!(refused(text, dialect), None, "{text:?} on {dialect:?}");
            // Nor behind another one, nor among blanks and comments.
            for around in
                ["SELECT ';'; {}", "/* COMMIT; */ {}\n-- ROLLBACK\n", "\r\n{};\n;", "{}\n; SELECT 'END'"]
            {
                let text = around.replace("{}", text);
                assert_eq!(refused(&text, dialect), None, "{text:?} on {dialect:?}");
            }
            assert!(look(text, dialect, true).is_ok(), "{text:?} on {dialect:?}");
        }
    }
}

#[test]
fn a_harmless_statement_is_not_in_doubt() {
    for dialect in ALL {
        for text in EVERYWHERE {
            assert!(effect(text, dialect) < Effect::Opaque, "{text:?} on {dialect:?}");
        }
    }
}
