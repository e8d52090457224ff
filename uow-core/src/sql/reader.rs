//! Reads SQL as far as telling where its statements begin takes: comments, quotes, bodies.
//!
//! It reads as the engine would, character by character; where that depends on how the session is set up it reads as by default,
//! and says that the text may be read in another way.

use crate::backend::Dialect;

/// Reads a text from its front, as its engine would.
pub(super) struct Reader<'t> {
    pub(super) rest: &'t str,
    pub(super) dialect: Dialect,
    /// Whether what was skipped may be statements: quotes that end elsewhere if a backslash means something else, semicolons in
    /// the bodies of functions.
    pub(super) may_hide_a_statement: bool,
    /// Whether there was a comment that MySQL runs, or does not run, by its version.
    pub(super) may_be_no_comment: bool,
}

/// What PostgreSQL, MySQL and SQLite make words of: everything beyond ASCII is a letter to them.
fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// A dollar sign may stand inside of a word, which is what keeps `a$b$` from being a quoted text.
fn is_in_word(c: char) -> bool {
    starts_word(c) || c.is_ascii_digit() || c == '$'
}

/// What the engine itself skips between two words. PostgreSQL and MySQL know no blank beyond ASCII.
fn is_space(c: char, dialect: Dialect) -> bool {
    // SQLite takes a byte order mark for a blank, wherever a word may begin.
    c.is_ascii_whitespace() || c == '\u{B}' || (dialect == Dialect::Sqlite && c == '\u{FEFF}')
}

/// What the engine, or the driver in front of it, may skip around a statement. In the middle of a text SQLite takes most of these
/// for letters, and then refuses what this reader takes for a statement.
///
/// Every character up to U+3010 was tried on each layer, in front of a statement, behind it, and behind a semicolon:
///
/// | layer | skips |
/// |---|---|
/// | sqlx-sqlite 0.9, at both ends of a text | 9–D, 20, 85, A0, 1680, 2000–200A, 2028, 2029, 202F, 205F, 3000 |
/// | SQLite 3.51 | 9, A, C, D, 20; B behind another blank; FEFF where a word may begin |
/// | sqlx-postgres, sqlx-mysql 0.9 | nothing |
/// | PostgreSQL 15, beyond ASCII also with 8 other client encodings | 9, A, C, D, 20 (its version 16 adds B) |
/// | MariaDB 10.11, beyond ASCII also with its 36 client character sets | 9–D, 20 |
fn is_blank(c: char, dialect: Dialect) -> bool {
    is_space(c, dialect) || (dialect == Dialect::Sqlite && c.is_whitespace())
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, dialect: Dialect) -> Self {
        Self { rest: text, dialect, may_hide_a_statement: false, may_be_no_comment: false }
    }

    /// Skips white space, comments and empty statements.
    pub(super) fn skip_blank(&mut self) {
        self.skip_space();
        while let Some(rest) = self.rest.strip_prefix(';') {
            self.rest = rest;
            self.skip_space();
        }
    }

    /// Skips white space and comments. What MySQL runs though it stands in a comment is no comment.
    pub(super) fn skip_space(&mut self) {
        loop {
            let rest = self.rest.trim_start_matches(|c| is_blank(c, self.dialect));
            self.rest = if self.is_line_comment(rest) {
                self.after_line(rest)
            } else if let Some(inside) = self.executable_comment(rest) {
                inside
            } else if rest.starts_with("/*") {
                self.after_comment(rest)
            } else if rest.starts_with("*/") && self.dialect == Dialect::MySql {
                &rest[2..]
            } else {
                self.rest = rest;
                return;
            };
        }
    }

    /// `--`, which MySQL wants a blank after, and MySQL's `#`.
    fn is_line_comment(&self, rest: &str) -> bool {
        match (self.dialect, rest.strip_prefix("--")) {
            (Dialect::MySql, Some(after)) => {
                after.chars().next().is_none_or(|c| c == ' ' || c.is_ascii_control())
            }
            (_, Some(_)) => true,
            (dialect, None) => dialect == Dialect::MySql && rest.starts_with('#'),
        }
    }

    /// What follows the line that `rest` starts with. For PostgreSQL a carriage return ends one too.
    fn after_line(&self, rest: &'t str) -> &'t str {
        let ends = |c: char| c == '\n' || (c == '\r' && self.dialect == Dialect::Postgres);
        rest.find(ends).map_or("", |at| &rest[at + 1..])
    }

    /// The inside of `/*!50000 …` and `/*M!100100 …`, which MySQL and MariaDB run if they are of that version.
    fn executable_comment(&mut self, rest: &'t str) -> Option<&'t str> {
        if self.dialect != Dialect::MySql {
            return None;
        }
        let inside = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!"))?;
        self.may_be_no_comment = true;
        Some(inside.trim_start_matches(|c: char| c.is_ascii_digit()))
    }

    /// What follows the comment that `rest` starts with. PostgreSQL's nest.
    fn after_comment(&self, rest: &'t str) -> &'t str {
        let (bytes, mut at, mut depth) = (rest.as_bytes(), 2, 1);
        while at < bytes.len() {
            match &bytes[at..] {
                [b'*', b'/', ..] => {
                    (at, depth) = (at + 2, depth - 1);
                    if depth == 0 {
                        return &rest[at..];
                    }
                }
                [b'/', b'*', ..] if self.dialect == Dialect::Postgres => (at, depth) = (at + 2, depth + 1),
                _ => at += 1,
            }
        }
        ""
    }

    /// Takes the word the text starts with; empty if it starts with something else.
    pub(super) fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c| !is_in_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// Takes the word the text starts with, as far as the first blank: the last word of a text ends where the driver trims it.
    pub(super) fn keyword(&mut self) -> &'t str {
        let end = self.rest.find(|c| !is_in_word(c) || is_blank(c, self.dialect)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// Takes the next word if it is this one.
    pub(super) fn next_is(&mut self, word: &str) -> bool {
        let before = self.rest;
        self.skip_space();
        let found = self.keyword().eq_ignore_ascii_case(word);
        if !found {
            self.rest = before;
        }
        found
    }

    /// Takes the name that MySQL's SET sets next, without its scope; `None` if that is a user's variable.
    pub(super) fn variable(&mut self) -> Option<&'t str> {
        self.skip_space();
        if let Some(system) = self.rest.strip_prefix("@@") {
            self.rest = system;
        } else if self.rest.starts_with('@') {
            return None;
        }
        let mut name = self.name();
        self.skip_space();
        // `SESSION autocommit`, `@@session.autocommit`.
        while self.rest.starts_with('.') || self.rest.starts_with(|c| is_in_word(c) || matches!(c, '`' | '"'))
        {
            self.rest = self.rest.trim_start_matches('.');
            self.skip_space();
            // `SET SESSION TRANSACTION …` goes on in other words.
            if name.eq_ignore_ascii_case("TRANSACTION") {
                break;
            }
            name = self.name();
            self.skip_space();
        }
        Some(name)
    }

    /// Takes a name, which may stand in quotes.
    fn name(&mut self) -> &'t str {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '`' | '"'));
        let Some(quote) = quote else { return self.word() };
        let inside = &self.rest[1..];
        self.skip_quoted(quote, false);
        &inside[..inside.find(quote).unwrap_or(inside.len())]
    }

    /// Skips to behind this word in the rest of the statement, or, where there is none to look for, to behind a comma.
    pub(super) fn skip_to(&mut self, word: Option<&str>) -> bool {
        let mut depth = 0_usize;
        while let Some(next) = self.rest.chars().next() {
            match next {
                ';' if depth == 0 => return false,
                ',' if depth == 0 && word.is_none() => {
                    self.rest = &self.rest[1..];
                    return true;
                }
                next if starts_word(next) => {
                    let found = self.word();
                    if depth == 0 && word.is_some_and(|word| found.eq_ignore_ascii_case(word)) {
                        return true;
                    }
                }
                next => {
                    depth = deeper(depth, next);
                    self.skip_token(next);
                }
            }
        }
        false
    }

    /// Whether a statement that starts with CREATE makes a trigger (SQLite) or a function (PostgreSQL), whose body may hold
    /// statements. (MySQL's are refused.)
    fn has_body(&mut self) -> bool {
        let before = self.rest;
        while ["OR", "REPLACE", "TEMP", "TEMPORARY"].iter().any(|word| self.next_is(word)) {}
        let found = match self.dialect {
            Dialect::Sqlite => self.next_is("TRIGGER"),
            Dialect::Postgres => self.next_is("FUNCTION") || self.next_is("PROCEDURE"),
            Dialect::MySql => false,
        };
        self.rest = before;
        found
    }

    /// Skips the rest of a statement that starts with `first`, and its semicolon.
    pub(super) fn skip_statement(&mut self, first: &str) {
        let may_have_body = first.eq_ignore_ascii_case("CREATE") && self.has_body();
        // In a body, END ends it where a statement could begin.
        let (mut in_body, mut at_start, mut depth) = (false, false, 0);
        while let Some(next) = self.rest.chars().next() {
            if next == ';' {
                self.rest = &self.rest[1..];
                if !in_body {
                    return;
                }
                self.may_hide_a_statement = true;
                at_start = true;
            } else if starts_word(next) && !is_space(next, self.dialect) {
                let word = self.word();
                if may_have_body && !in_body && depth == 0 && word.eq_ignore_ascii_case("BEGIN") {
                    // PostgreSQL's is BEGIN ATOMIC; BEGIN alone is a name there.
                    in_body = self.dialect == Dialect::Sqlite || self.next_is("ATOMIC");
                    at_start = in_body;
                } else {
                    in_body &= !(at_start && word.eq_ignore_ascii_case("END"));
                    at_start = false;
                }
                // A string may have a prefix; in PostgreSQL E'…' alone reads backslashes.
                if self.dialect == Dialect::Postgres && word.eq_ignore_ascii_case("E") {
                    self.skip_escape_string();
                }
            } else {
                depth = deeper(depth, next);
                at_start &= is_space(next, self.dialect)
                    || self.is_line_comment(self.rest)
                    || self.rest.starts_with("/*");
                self.skip_token(next);
            }
        }
    }

    /// Skips a comment, a quoted text, or one character.
    fn skip_token(&mut self, next: char) {
        let mysql = self.dialect == Dialect::MySql;
        match next {
            '\'' => self.skip_quoted('\'', mysql),
            '"' => self.skip_quoted('"', mysql),
            '`' if self.dialect != Dialect::Postgres => self.skip_quoted('`', false),
            '[' if self.dialect == Dialect::Sqlite => self.skip_quoted(']', false),
            '$' if self.dialect == Dialect::Postgres => self.skip_dollar_quoted(),
            '$' | '@' | ':' | '#' if self.dialect == Dialect::Sqlite => self.skip_parameter(),
            '-' | '#' if self.is_line_comment(self.rest) => self.rest = self.after_line(self.rest),
            '/' if self.rest.starts_with("/*") => {
                self.rest = match self.executable_comment(self.rest) {
                    Some(inside) => inside,
                    None => self.after_comment(self.rest),
                };
            }
            other => self.rest = &self.rest[other.len_utf8()..],
        }
    }

    /// Skips a quoted text; a doubled quote ends one and starts the next, which comes to the same.
    fn skip_quoted(&mut self, quote: char, backslash: bool) {
        // NO_BACKSLASH_ESCAPES, ANSI_QUOTES and standard_conforming_strings decide what a backslash is in these.
        let depends = match self.dialect {
            Dialect::MySql => quote != '`',
            Dialect::Postgres => quote == '\'',
            Dialect::Sqlite => false,
        };
        let mut escaped = false;
        let inside = &self.rest[1..];
        for (at, c) in inside.char_indices() {
            if c == quote {
                self.may_hide_a_statement |= escaped && depends;
                if !(escaped && backslash) {
                    self.rest = &inside[at + 1..];
                    return;
                }
            }
            escaped = c == '\\' && !escaped;
        }
        self.rest = "";
    }

    /// Skips what follows the E of PostgreSQL's `E'…'`, if that is one: where the next string goes on behind white space, it
    /// reads backslashes as well.
    fn skip_escape_string(&mut self) {
        let mut rest = self.rest;
        while let Some(inside) = rest.strip_prefix('\'') {
            let mut escaped = false;
            let end = inside.find(|c| {
                let ends = c == '\'' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let length = end.unwrap_or(inside.len());
            self.may_hide_a_statement |= inside[..length].contains(';');
            self.rest = inside.get(length + 1..).unwrap_or_default();
            let mut behind = Reader::new(self.rest, self.dialect);
            behind.skip_space();
            rest = behind.rest;
        }
    }

    /// Skips `$tag$ … $tag$`; a lone `$1` is a parameter.
    fn skip_dollar_quoted(&mut self) {
        let inside = &self.rest[1..];
        let tag = inside.find(|c| !is_in_word(c) || c == '$').unwrap_or(inside.len());
        let numbered = inside.starts_with(|c: char| c.is_ascii_digit());
        if numbered || !inside[tag..].starts_with('$') {
            self.rest = inside;
            return;
        }
        let (delimiter, body) = self.rest.split_at(tag + 2);
        let end = body.find(delimiter);
        self.may_hide_a_statement |= body[..end.unwrap_or(body.len())].contains(';');
        self.rest = end.map_or("", |at| &body[at + delimiter.len()..]);
    }

    /// Skips SQLite's `$name::name(anything)`, and the like.
    fn skip_parameter(&mut self) {
        self.rest = &self.rest[1..];
        let mut is_named = false;
        loop {
            let name = self.word();
            is_named |= !name.is_empty();
            if let Some(rest) = self.rest.strip_prefix("::") {
                self.rest = rest;
                continue;
            }
            if is_named && self.rest.starts_with('(') {
                let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '\u{B}' | ')');
                let end = self.rest.find(ends).unwrap_or(self.rest.len());
                self.rest = self.rest[end..].strip_prefix(')').unwrap_or(&self.rest[end..]);
            }
            return;
        }
    }
}

/// How many parentheses are open behind this character.
fn deeper(depth: usize, c: char) -> usize {
    match c {
        '(' => depth + 1,
        ')' => depth.saturating_sub(1),
        _ => depth,
    }
}
