//! Reads SQL as far as telling where its statements begin takes: comments, quotes, bodies.

use crate::backend::Dialect;

/// Reads a text from its front, as its engine would.
pub(super) struct Reader<'t> {
    pub(super) rest: &'t str,
    pub(super) dialect: Dialect,
}

impl<'t> Reader<'t> {
    /// Skips white space, comments and empty statements. What MySQL runs though it stands in a comment is no comment.
    pub(super) fn skip_blank(&mut self) {
        loop {
            // (A byte order mark is white space to SQLite.)
            let rest =
                self.rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ';' | '\u{FEFF}'));
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
                after.chars().next().is_none_or(|c| c.is_whitespace() || c.is_control())
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

    /// The inside of `/*!50000 …` and `/*M!100100 …`, which MySQL and MariaDB run.
    fn executable_comment(&self, rest: &'t str) -> Option<&'t str> {
        if self.dialect != Dialect::MySql {
            return None;
        }
        let inside = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!"))?;
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
        // A dollar sign may stand inside of a word, which is what keeps `a$b$` from being a quoted text.
        let is_end = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
        let (word, rest) = self.rest.split_at(self.rest.find(is_end).unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    /// Takes the next word if it is this one.
    pub(super) fn next_is(&mut self, word: &str) -> bool {
        let before = self.rest;
        self.skip_blank();
        let found = self.word().eq_ignore_ascii_case(word);
        if !found {
            self.rest = before;
        }
        found
    }

    /// Whether one of these words stands in the rest of the statement, which is skipped up to and with it.
    pub(super) fn has_word(&mut self, words: &[&str]) -> bool {
        while let Some(next) = self.rest.chars().next() {
            if next == ';' {
                return false;
            } else if next.is_alphabetic() || next == '_' {
                let word = self.word();
                if words.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)) {
                    return true;
                }
            } else {
                self.skip_token(next);
            }
        }
        false
    }

    /// Whether a statement that starts with CREATE makes a trigger or a function, whose body may hold statements.
    fn has_body(&mut self) -> bool {
        let before = self.rest;
        while ["OR", "REPLACE", "TEMP", "TEMPORARY", "CONSTRAINT"].iter().any(|word| self.next_is(word)) {}
        let found = ["TRIGGER", "FUNCTION", "PROCEDURE"].iter().any(|word| self.next_is(word));
        self.rest = before;
        found
    }

    /// Skips the rest of a statement that starts with `first`, and its semicolon.
    pub(super) fn skip_statement(&mut self, first: &str) {
        let may_have_body = first.eq_ignore_ascii_case("CREATE") && self.has_body();
        // In a body, END ends it where a statement could begin. A BEGIN that was let pass is MariaDB's block.
        let (mut in_body, mut at_start) = (first.eq_ignore_ascii_case("BEGIN"), false);
        while let Some(next) = self.rest.chars().next() {
            if next == ';' {
                self.rest = &self.rest[1..];
                if !in_body {
                    return;
                }
                at_start = true;
            } else if next.is_alphabetic() || next == '_' {
                let word = self.word();
                if may_have_body && !in_body && word.eq_ignore_ascii_case("BEGIN") {
                    (in_body, at_start) = (true, true);
                } else if in_body && at_start && word.eq_ignore_ascii_case("END") {
                    in_body = false;
                } else {
                    at_start &= word.eq_ignore_ascii_case("ATOMIC");
                }
                // A string may have a prefix; in PostgreSQL E'…' alone reads backslashes.
                if word.eq_ignore_ascii_case("E") && self.rest.starts_with('\'') {
                    self.skip_quoted('\'', true);
                }
            } else {
                at_start &=
                    next.is_whitespace() || self.is_line_comment(self.rest) || self.rest.starts_with("/*");
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
            '-' | '#' if self.is_line_comment(self.rest) => self.rest = self.after_line(self.rest),
            '/' if self.rest.starts_with("/*") => {
                self.rest =
                    self.executable_comment(self.rest).unwrap_or_else(|| self.after_comment(self.rest));
            }
            other => self.rest = &self.rest[other.len_utf8()..],
        }
    }

    /// Skips a quoted text; a doubled quote ends one and starts the next, which comes to the same.
    fn skip_quoted(&mut self, quote: char, backslash: bool) {
        let mut escaped = false;
        let inside = &self.rest[1..];
        for (at, c) in inside.char_indices() {
            if escaped {
                escaped = false;
            } else if backslash && c == '\\' {
                escaped = true;
            } else if c == quote {
                self.rest = &inside[at + 1..];
                return;
            }
        }
        self.rest = "";
    }

    /// Skips `$tag$ … $tag$`; a lone `$1` is a parameter.
    fn skip_dollar_quoted(&mut self) {
        let inside = &self.rest[1..];
        let tag = inside.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let numbered = inside.starts_with(|c: char| c.is_ascii_digit());
        if numbered || !inside[tag..].starts_with('$') {
            self.rest = inside;
            return;
        }
        let (delimiter, body) = self.rest.split_at(tag + 2);
        self.rest = body.find(delimiter).map_or("", |at| &body[at + delimiter.len()..]);
    }
}
