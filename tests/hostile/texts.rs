//! Texts that a reader of SQL may take for something else than the engine does.

use super::random::Random;

const BLANKS: &[&str] = &[
    " ", " ", "\t", "\n", "\r", "\r\n", "\u{B}", "\u{C}", "\u{1}", "\u{1F}", "\u{7F}", "\u{85}", "\u{A0}",
    "\u{AD}", "\u{1680}", "\u{180E}", "\u{2000}", "\u{2009}", "\u{200B}", "\u{2028}", "\u{2029}", "\u{202F}",
    "\u{205F}", "\u{2060}", "\u{3000}", "\u{FEFF}", ";", "",
];

/// What stands inside of quotes and comments, and looks like their end, or like a statement.
const SHARDS: &[&str] = &[
    "; COMMIT",
    ";COMMIT;",
    "; ROLLBACK; BEGIN; ",
    "'",
    "''",
    "\\",
    "\\'",
    "\\\\",
    "\"",
    "\\\"",
    "`",
    "[",
    "]",
    "(",
    ")",
    "/*",
    "*/",
    "/*!",
    "--",
    "-- ",
    "#",
    "\n",
    "\r",
    "$$",
    "$a$",
    "$",
    "a",
    " ",
    "é",
    "\u{A0}",
    "COMMIT",
    " BEGIN ",
    "END;",
    "E'",
    "1",
];

/// A character whose last byte makes one with a backslash or a backtick behind it, if the session's client speaks GBK or SJIS.
const CHARACTERS: &[&str] = &["縗", "縗\\", "縗\\\\", "é", "é\\"];

const MYSQL_SETUPS: &[&str] = &[
    "SET character_set_client = utf8mb4, sql_mode = ''",
    "SET character_set_client = utf8mb4, sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "SET character_set_client = utf8mb4, sql_mode = 'ANSI_QUOTES'",
    "SET character_set_client = utf8mb4, sql_mode = 'ORACLE'",
    "SET character_set_client = gbk, sql_mode = ''",
    "SET character_set_client = sjis, sql_mode = ''",
    "SET character_set_client = latin1, sql_mode = ''",
];

const POSTGRES_SETUPS: &[&str] = &[
    "",
    "",
    "SET LOCAL standard_conforming_strings = off",
    "SET LOCAL client_encoding = 'GBK'",
    "SET LOCAL client_encoding = 'SJIS'",
    "SET LOCAL client_encoding = 'SJIS'; SET LOCAL backslash_quote = on",
];

const CONTROLS: &[&str] = &[
    "COMMIT",
    "COMMIT",
    "COMMIT WORK",
    "ROLLBACK",
    "ROLLBACK",
    "BEGIN",
    "END",
    "COMMIT; BEGIN",
    "ROLLBACK; BEGIN",
    "COMMIT AND CHAIN",
    "ROLLBACK AND CHAIN",
    "START TRANSACTION",
    "END TRANSACTION",
    "COMMIT TRANSACTION",
    "SAVEPOINT a",
    "ROLLBACK TO SAVEPOINT uow",
    "RELEASE SAVEPOINT uow",
    "RELEASE uow",
];

const MYSQL_CONTROLS: &[&str] = &[
    "SET autocommit = 1",
    "SET @a = 1, @@session . `autocommit` = 1",
    "SET completion_type = 1",
    "SET STATEMENT max_statement_time = 5 FOR COMMIT",
    "CREATE TABLE smuggled (a int)",
    "DROP TABLE IF EXISTS smuggled",
    "ANALYZE TABLE post",
    "CALL ends()",
    "EXECUTE IMMEDIATE 'COMMIT'",
    "BEGIN NOT ATOMIC COMMIT; END",
    "IF 1 THEN COMMIT; END IF",
    "/*! COMMIT */",
    "/*M!100100 COMMIT */",
    "/*!999999 ' */ COMMIT /*! ' */",
];

const POSTGRES_CONTROLS: &[&str] =
    &["ABORT", "ABORT WORK", "PREPARE TRANSACTION 'a'", "END AND CHAIN", "DO $$ BEGIN COMMIT; END $$"];

const SQLITE_CONTROLS: &[&str] =
    &["BEGIN IMMEDIATE", "END TRANSACTION", "ROLLBACK TRANSACTION TO uow", "PRAGMA user_version = 1"];

/// What is around a shard: a quoted text, a name, a parameter.
const QUOTES: &[(&str, &str)] = &[("'", "'"), ("'", "'"), ("1 AS \"", "\"")];
const SQLITE_QUOTES: &[(&str, &str)] =
    &[("\"", "\""), ("1 AS `", "`"), ("1 AS [", "]"), ("$a(", ")"), ("@a::b(", ")"), (":a + 1 AS c", "")];
const POSTGRES_QUOTES: &[(&str, &str)] = &[
    ("E'", "'"),
    ("e'", "'"),
    ("$$", "$$"),
    ("$a$", "$a$"),
    ("U&'", "'"),
    ("'a'\n'", "'"),
    ("E'a' -- b\n '", "'"),
    ("1 AS a$b$", ""),
    ("1 AS é$a$", ""),
];
const MYSQL_QUOTES: &[(&str, &str)] =
    &[("\"", "\""), ("1 AS `", "`"), ("N'", "'"), ("_utf8mb4'", "'"), ("5--1, '", "'"), ("5 -- ", "\n")];

const COMMENTS: &[(&str, &str)] = &[
    ("/*", "*/"),
    ("/*", "*/"),
    ("/*", "*/"),
    ("/* /*", "*/"),
    ("/* /* */", "*/ */"),
    ("--", "\n"),
    ("-- ", "\n"),
    ("-- ", "\r"),
];
const MYSQL_COMMENTS: &[(&str, &str)] = &[
    ("#", "\n"),
    ("/*!", "*/"),
    ("/*M!", "*/"),
    ("/*!50000", "*/"),
    ("/*!999999 ", "*/"),
    ("/*!", " /* */ */"),
];

/// An engine, and what it alone knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts {
    /// How a session may be set up before: that decides what its texts mean.
    pub(crate) setups: &'static [&'static str],
    controls: &'static [&'static str],
    quotes: &'static [(&'static str, &'static str)],
    comments: &'static [(&'static str, &'static str)],
    statements: &'static [&'static str],
}

impl Texts {
    pub(crate) fn of(engine: &str) -> Self {
        match engine {
            "PostgreSQL" => Self {
                setups: POSTGRES_SETUPS,
                controls: POSTGRES_CONTROLS,
                quotes: POSTGRES_QUOTES,
                comments: COMMENTS,
                statements: &[
                    "DO $$ BEGIN {} END $$",
                    "CREATE FUNCTION pg_temp.f() RETURNS int BEGIN ATOMIC SELECT 1; {} END",
                ],
            },
            "MySQL" => Self {
                setups: MYSQL_SETUPS,
                controls: MYSQL_CONTROLS,
                quotes: MYSQL_QUOTES,
                comments: MYSQL_COMMENTS,
                statements: &["SELECT 1 {}", "DO 1 {}"],
            },
            _ => Self {
                setups: &[""],
                controls: SQLITE_CONTROLS,
                quotes: SQLITE_QUOTES,
                comments: COMMENTS,
                statements: &[
                    "CREATE TEMP TRIGGER a AFTER INSERT ON post BEGIN SELECT 1; {} END",
                    "CREATE TEMP TRIGGER begin AFTER INSERT ON post BEGIN SELECT 1;END;{}",
                ],
            },
        }
    }

    /// A text, the same for the same chance.
    pub(crate) fn draw(self, random: &mut Random) -> String {
        let mut text = String::new();
        for at in 0..1 + random.below(3) {
            if at > 0 {
                text.push(';');
            }
            let part = if random.percent(if at == 0 { 10 } else { 25 }) {
                self.control(random)
            } else {
                self.statement(random)
            };
            text.push_str(&self.dressed(random, &part));
        }
        if random.percent(10) {
            // One character that does not belong there.
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let at = places[random.below(places.len() as u64) as usize];
            let odd = if random.percent(20) { "\0" } else { pick(random, &[BLANKS, SHARDS]) };
            text.insert_str(at, odd);
        }
        text
    }

    /// A statement that controls the transaction, in odd letters.
    fn control(self, random: &mut Random) -> String {
        let text = pick(random, &[CONTROLS, self.controls]);
        let odd = random.percent(30);
        let blanks = random.percent(20);
        let mut control = String::new();
        for c in text.chars() {
            match c {
                ' ' if blanks => control.push_str(&self.blank(random)),
                c if odd && random.percent(50) => control.extend(c.to_lowercase()),
                c => control.push(c),
            }
        }
        control
    }

    fn dressed(self, random: &mut Random, part: &str) -> String {
        let around =
            |random: &mut Random| -> String { (0..random.below(3)).map(|_| self.blank(random)).collect() };
        let (before, behind) = (around(random), around(random));
        format!("{before}{part}{behind}")
    }

    fn blank(self, random: &mut Random) -> String {
        match random.below(18) {
            0..=12 => pick(random, &[&[" ", "\n", "\t"]]).to_owned(),
            13..=14 => pick(random, &[BLANKS]).to_owned(),
            _ => {
                let quotes = pick(random, &[COMMENTS, self.comments]);
                quoted(random, quotes)
            }
        }
    }

    fn literal(self, random: &mut Random) -> String {
        let quotes = pick(random, &[QUOTES, self.quotes]);
        quoted(random, quotes)
    }

    fn statement(self, random: &mut Random) -> String {
        let literal = self.literal(random);
        match random.below(10) {
            0..=3 => format!("SELECT {literal}"),
            4 => format!("SELECT {literal}, {}", self.literal(random)),
            5 => format!("UPDATE post SET title = {} WHERE id = 0", quoted(random, ("'", "'"))),
            6 => format!("SELECT CASE WHEN 1 = 1 THEN 2 END, {literal}"),
            7 => format!("WITH begin AS (SELECT {literal}) SELECT 1 FROM begin"),
            8 => self.pair(random),
            _ => pick(random, &[self.statements]).replace("{}", &shards(random, 3)),
        }
    }
}

impl Texts {
    /// Two texts in quotes. If the first one ends elsewhere than it seems to, what is inside of the second one is outside.
    fn pair(self, random: &mut Random) -> String {
        let (open, close) = pick(random, &[QUOTES, self.quotes]);
        let (first, control) = (pick(random, &[CHARACTERS]), pick(random, &[CONTROLS]));
        format!("SELECT {open}{first}{close} , {open}; {control}; -- {close}")
    }
}

/// Shards in quotes; most of the time they do not end early, so that the engine runs what the text holds.
fn quoted(random: &mut Random, (open, close): (&str, &str)) -> String {
    let mut inside = shards(random, 4);
    if random.percent(75) {
        inside.retain(|c| !close.contains(c) && c != '\\');
    }
    format!("{open}{inside}{close}")
}

fn shards(random: &mut Random, most: u64) -> String {
    (0..random.below(most + 1)).map(|_| pick(random, &[SHARDS])).collect()
}

pub(crate) fn pick<T: Copy>(random: &mut Random, lists: &[&[T]]) -> T {
    let list = lists[random.below(lists.len() as u64) as usize];
    list[random.below(list.len() as u64) as usize]
}
