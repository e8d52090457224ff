//! A unit of work as the user wrote it, checked as far as tokens can be checked.

use std::fmt::Display;

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Field, Type};

use crate::attrs::{self, Key, Options, Place};
use crate::database::Database;
use crate::errors::Errors;
use crate::shape;
use crate::target::Target;
use crate::types;

const CRATE: Key = Key::path("crate");
const GETTER: Key = Key::name("getter");
const SKIP: Key = Key::flag("skip");
const SESSION: Key = Key::flag("session");

static ON_STRUCT: Place = Place { what: "the struct of a unit of work", keys: &[CRATE], other: &ON_FIELD };
static ON_FIELD: Place =
    Place { what: "a field of a unit of work", keys: &[GETTER, SKIP, SESSION], other: &ON_STRUCT };

/// What every unit of work has by this name: the methods of the trait, and the derived `split`. An inherent getter of such
/// a name would hide it.
pub(super) const TAKEN: [&str; 14] = [
    "new",
    "begin",
    "options",
    "check_schema",
    "commit",
    "rollback",
    "flush",
    "refresh",
    "savepoint",
    "session",
    "with_session",
    "visit_repositories",
    "schema",
    "split",
];

/// A unit of work without mistakes.
pub(crate) struct Unit<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) session: Session<'a>,
    pub(crate) repositories: Vec<Repository<'a>>,
    pub(crate) skipped: Vec<Skipped<'a>>,
}

/// What could be understood of a unit of work with mistakes, and the mistakes.
pub(crate) struct Rejected<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) database: Option<Database<'a>>,
    /// Whatever seems to have a getter.
    pub(crate) repositories: Vec<Repository<'a>>,
    pub(crate) errors: Errors,
}

pub(crate) struct Session<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// A field `Lazy<R>`.
pub(crate) struct Repository<'a> {
    pub(crate) field: &'a Ident,
    /// The name of the method that lends it.
    pub(crate) getter: Ident,
    /// The `R`.
    pub(crate) ty: &'a Type,
}

/// A field that starts as its type's default.
pub(crate) struct Skipped<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

pub(crate) fn from_input(input: &DeriveInput) -> Result<Unit<'_>, Box<Rejected<'_>>> {
    let mut errors = Errors::default();
    let crate_path = attrs::read(&input.attrs, &ON_STRUCT, &mut errors).into_path(&CRATE);
    let target = Target::new(input, crate_path);
    let mut draft = Draft { errors, ..Draft::default() };
    let example = "{ session: Session<Sqlite>, blogs: Lazy<Blogs> }";
    match shape::named_fields(input, "UnitOfWork", example, &mut draft.errors) {
        Some(fields) => {
            for (name, field) in fields.iter().filter_map(|field| Some((field.ident.as_ref()?, field))) {
                draft.field(name, field);
            }
        }
        None => return Err(Box::new(Rejected { database: session_among(input), ..draft.reject(target) })),
    }
    draft.finish(target)
}

/// The unit, field by field.
#[derive(Default)]
struct Draft<'a> {
    session: Option<Session<'a>>,
    repositories: Vec<Repository<'a>>,
    /// Fields that are nothing yet. Whoever wrote one may have meant it to be a repository, and calls its getter.
    unclear: Vec<Repository<'a>>,
    skipped: Vec<Skipped<'a>>,
    errors: Errors,
}

impl<'a> Draft<'a> {
    fn field(&mut self, name: &'a Ident, field: &'a Field) {
        let options = attrs::read(&field.attrs, &ON_FIELD, &mut self.errors);
        let ty = &field.ty;
        // What the user says of a field goes before what its type looks like.
        let repository = types::is_called(ty, "Lazy").then(|| types::only_argument(ty)).flatten();
        if options.span(&SKIP).is_some() {
            if let Some((other, span)) = options.beside(&SKIP) {
                let message =
                    format!("a skipped field is neither session nor repository: remove `{other}` or `skip`");
                self.errors.at(span, message);
            }
            self.skipped.push(Skipped { field: name, ty });
        } else if options.span(&SESSION).is_some() || types::is_called(ty, "Session") {
            self.getter_is_for_a_repository(&options);
            self.session(Session { field: name, ty });
        } else if let Some(repository) = repository {
            self.repository(name, &options, repository);
        } else {
            self.unclear(name, &options, ty);
        }
    }

    fn session(&mut self, session: Session<'a>) {
        match &self.session {
            None => self.session = Some(session),
            Some(first) => {
                let message = format!(
                    "a unit of work has one session, and that is `{}`: remove this one, or write `#[uow(skip)]` on it if \
                     it is another kind of session",
                    first.field
                );
                self.errors.on(session.field, message);
            }
        }
    }

    fn repository(&mut self, field: &'a Ident, options: &Options, ty: &'a Type) {
        let getter = options.name(&GETTER).unwrap_or(field).clone();
        let name = getter.unraw().to_string();
        if TAKEN.contains(&name.as_str()) {
            self.rename(&getter, format_args!("every unit of work has a method `{name}`"));
        } else if self.repositories.iter().any(|earlier| earlier.getter.unraw() == name) {
            self.rename(&getter, format_args!("there is a getter `{name}` already"));
        } else {
            self.repositories.push(Repository { field, getter, ty });
        }
    }

    fn rename(&mut self, getter: &Ident, why: impl Display) {
        self.errors.on(getter, format_args!("{why}: name this getter with `#[uow(getter = other_name)]`"));
    }

    fn unclear(&mut self, name: &'a Ident, options: &Options, ty: &'a Type) {
        if !TAKEN.contains(&name.unraw().to_string().as_str()) {
            self.unclear.push(Repository { field: name, getter: name.clone(), ty });
        }
        // The key that could not be read may be the one that is missing.
        if options.is_broken() {
            return;
        }
        let lazy = match types::plain_name(ty) {
            // `u64` and its kin are hardly repositories.
            Some(plain) if plain != "Lazy" && plain.to_string().starts_with(char::is_uppercase) => {
                format!("`Lazy<{plain}>`")
            }
            _ => "`Lazy<…>`".to_owned(),
        };
        let message = format!(
            "this field is neither the session nor a repository: write {lazy} for a repository, `#[uow(skip)]` for a field \
             that starts as its default, `#[uow(session)]` for a session by another type name"
        );
        self.errors.on(ty, message);
    }

    fn getter_is_for_a_repository(&mut self, options: &Options) {
        if let Some(span) = options.span(&GETTER) {
            self.errors.at(span, "the session has its own getter, `session()`: remove `getter`");
        }
    }

    fn finish(mut self, target: Target<'a>) -> Result<Unit<'a>, Box<Rejected<'a>>> {
        // With another mistake about, the session may be the field that was mistaken.
        if self.session.is_none() && self.errors.is_empty() {
            let message = "this unit of work has no session: write a field `session: Session<Sqlite>` (or of another \
                           database), or `#[uow(session)]` on a field whose type is an alias of one";
            self.errors.on(target.name, message);
        }
        match self.session.take() {
            Some(session) if self.errors.is_empty() => {
                Ok(Unit { target, session, repositories: self.repositories, skipped: self.skipped })
            }
            session => Err(Box::new(Draft { session, ..self }.reject(target))),
        }
    }

    fn reject(mut self, target: Target<'a>) -> Rejected<'a> {
        let of_session = self.session.map(|session| Database::OfSession(session.ty));
        let of_repository = self.repositories.first().map(|repository| Database::OfRepository(repository.ty));
        for unclear in self.unclear {
            if self.repositories.iter().all(|repository| repository.getter != unclear.getter) {
                self.repositories.push(unclear);
            }
        }
        let database = of_session.or(of_repository);
        Rejected { target, database, repositories: self.repositories, errors: self.errors }
    }
}

/// The session of a struct whose fields have no names.
fn session_among(input: &DeriveInput) -> Option<Database<'_>> {
    let Data::Struct(data) = &input.data else {
        return None;
    };
    let mut types = data.fields.iter().map(|field| &field.ty);
    types.find(|ty| types::is_called(ty, "Session")).map(Database::OfSession)
}
