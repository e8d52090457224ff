//! Which constraint an error of the database is about.

use sqlx_core::error::{DatabaseError, ErrorKind};

use super::Error;
use super::carried::ours;

/// `SQLITE_CONSTRAINT_ROWID`, which sqlx counts among the others.
const ROWID_NOT_UNIQUE: &str = "2579";

impl Error {
    /// The name of the constraint that the database found violated, whatever the error is wrapped in: that of a statement or of
    /// a flush ([`NotStored`](Self::NotStored)), or the first cause of a unit or a scope that was undone.
    ///
    /// Use it to tell two unique columns of a table apart; [`is_unique_violation`](Self::is_unique_violation) and its kin tell
    /// one kind of constraint from another. The engines name a constraint differently:
    ///
    /// | | unique, primary key | foreign key | check | not null |
    /// |---|---|---|---|---|
    /// | PostgreSQL | `blog_name_key` | `post_blog_id_fkey` | `blog_name_check` | the column: `name` |
    /// | MySQL, MariaDB | the index: `name`, `PRIMARY` | `post_ibfk_1` | its name, on MariaDB `blog.name` for one on a column | the column: `name` |
    /// | SQLite | the columns: `blog.name`, `part.a, part.b` | `None` | its name, or its text | the column: `blog.name` |
    ///
    /// (MySQL and SQLite say it only in the text of their message, and PostgreSQL before 18 that of NOT NULL: `None`, where the
    /// server speaks another language than English.)
    ///
    /// ```
    /// # use unit_of_work::Error;
    /// fn status(error: &Error) -> u16 {
    ///     match error.constraint() {
    ///         Some("account_email_key" | "account.email") => 409,
    ///         _ if error.is_unique_violation() => 409,
    ///         _ if error.is_foreign_key_violation() => 404,
    ///         _ => 500,
    ///     }
    /// }
    /// # assert_eq!(status(&Error::Busy), 500);
    /// ```
    pub fn constraint(&self) -> Option<&str> {
        let error = self.database()?;
        error.constraint().or_else(|| told_by_message(&error.kind(), error.message()))
    }

    /// A row with the same value, or key, is there already.
    pub fn is_unique_violation(&self) -> bool {
        self.is_violation(&ErrorKind::UniqueViolation)
            || self.database().is_some_and(|error| error.code().as_deref() == Some(ROWID_NOT_UNIQUE))
    }

    /// The row that is referred to is not there, or the one that was to be deleted is referred to.
    pub fn is_foreign_key_violation(&self) -> bool {
        self.is_violation(&ErrorKind::ForeignKeyViolation)
    }

    /// A value is missing in a column that must have one.
    pub fn is_not_null_violation(&self) -> bool {
        self.is_violation(&ErrorKind::NotNullViolation)
    }

    /// A CHECK of the table refused a value.
    pub fn is_check_violation(&self) -> bool {
        self.is_violation(&ErrorKind::CheckViolation)
    }

    fn is_violation(&self, of: &ErrorKind) -> bool {
        // (sqlx's kinds are not comparable.)
        self.database()
            .is_some_and(|error| std::mem::discriminant(&error.kind()) == std::mem::discriminant(of))
    }

    /// The error of the database behind this one, if there is one.
    fn database(&self) -> Option<&dyn DatabaseError> {
        match self.sqlx()? {
            sqlx_core::Error::Database(error) => Some(&**error),
            other => ours(other)?.database(),
        }
    }
}

/// The constraint's name out of a message of SQLite's or MySQL's, or of PostgreSQL's about NOT NULL.
fn told_by_message<'m>(kind: &ErrorKind, message: &'m str) -> Option<&'m str> {
    if let Some((_, name)) = message.split_once(" constraint failed: ") {
        let index = name.strip_prefix("index '").and_then(|name| name.strip_suffix('\''));
        return Some(index.unwrap_or(name));
    }
    match kind {
        // `Duplicate entry 'x' for key 'name'`; MySQL 8 puts the table before it. The value may read like anything.
        ErrorKind::UniqueViolation => {
            let (_, key) = message.rsplit_once(" for key '")?;
            let key = key.strip_suffix('\'')?;
            Some(key.split_once('.').map_or(key, |(_, index)| index))
        }
        ErrorKind::ForeignKeyViolation => behind(message, "CONSTRAINT `", '`'),
        // MariaDB's words, and MySQL's.
        ErrorKind::CheckViolation => {
            behind(message, "CONSTRAINT `", '`').or_else(|| behind(message, "Check constraint '", '\''))
        }
        // MySQL's words for NULL and for no value at all, and PostgreSQL's.
        ErrorKind::NotNullViolation => ["Column '", "Field '"]
            .iter()
            .find_map(|start| behind(message, start, '\''))
            .or_else(|| behind(message, "in column \"", '"')),
        _ => None,
    }
}

/// What stands between these two.
fn behind<'m>(message: &'m str, start: &str, end: char) -> Option<&'m str> {
    Some(message.split_once(start)?.1.split_once(end)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_each_engines_words_and_not_in_a_value() {
        use ErrorKind::{CheckViolation, ForeignKeyViolation, NotNullViolation, Other, UniqueViolation};
        let unique = |message| told_by_message(&UniqueViolation, message);
        assert_eq!(unique("UNIQUE constraint failed: part.a, part.b"), Some("part.a, part.b"));
        assert_eq!(unique("UNIQUE constraint failed: index 'lower_name'"), Some("lower_name"));
        assert_eq!(unique("Duplicate entry 'a' for key 'name'"), Some("name"));
        assert_eq!(unique("Duplicate entry 'a' for key 'blog.name'"), Some("name"));
        assert_eq!(unique("Duplicate entry 'x' for key 'y'' for key 'blog.PRIMARY'"), Some("PRIMARY"));
        assert_eq!(unique("Doppelter Eintrag"), None);
        let foreign = "Cannot add or update a child row: a foreign key constraint fails (`lab`.`post`, CONSTRAINT `of_blog` \
                       FOREIGN KEY (`blog_id`) REFERENCES `blog` (`id`))";
        assert_eq!(told_by_message(&ForeignKeyViolation, foreign), Some("of_blog"));
        assert_eq!(told_by_message(&ForeignKeyViolation, "FOREIGN KEY constraint failed"), None);
        let check = |message| told_by_message(&CheckViolation, message);
        assert_eq!(check("CONSTRAINT `positive` failed for `lab`.`blog`"), Some("positive"));
        assert_eq!(check("Check constraint 'positive' is violated."), Some("positive"));
        assert_eq!(check("CHECK constraint failed: n > 0"), Some("n > 0"));
        let missing = |message| told_by_message(&NotNullViolation, message);
        assert_eq!(missing("Column 'name' cannot be null"), Some("name"));
        assert_eq!(missing("Field 'name' doesn't have a default value"), Some("name"));
        assert_eq!(missing("NOT NULL constraint failed: blog.name"), Some("blog.name"));
        let postgres = "null value in column \"name\" of relation \"blog\" violates not-null constraint";
        assert_eq!(missing(postgres), Some("name"));
        assert_eq!(told_by_message(&Other, "Column 'name' not found"), None);
    }
}
