//! A repository as the user wrote it, checked as far as tokens can be checked.

use proc_macro2::Ident;
use syn::{Data, DeriveInput, Field, Type};

use crate::attrs::{self, Key, Place};
use crate::database::Database;
use crate::errors::Errors;
use crate::shape;
use crate::target::Target;
use crate::types;

const CRATE: Key = Key::path("crate");
const SKIP: Key = Key::flag("skip");
const SESSION: Key = Key::flag("session");
const ENTITIES: Key = Key::flag("entities");

static ON_STRUCT: Place = Place { what: "the struct of a repository", keys: &[CRATE], other: &ON_FIELD };
static ON_FIELD: Place =
    Place { what: "a field of a repository", keys: &[SKIP, SESSION, ENTITIES], other: &ON_STRUCT };

/// A repository without mistakes.
pub(crate) struct Repository<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) holds: Holds<'a>,
    pub(crate) sets: Vec<Set<'a>>,
    pub(crate) skipped: Vec<Skipped<'a>>,
}

/// What could be understood of a repository with mistakes, and the mistakes.
pub(crate) struct Rejected<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) database: Option<Database<'a>>,
    pub(crate) errors: Errors,
}

/// What a repository is sure to hold.
pub(crate) enum Holds<'a> {
    Session(Session<'a>),
    /// Entities only, of which this is the type of the first.
    Sets(&'a Type),
}

pub(crate) struct Session<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// A field of entities.
pub(crate) struct Set<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// A field that starts as its type's default.
pub(crate) struct Skipped<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

impl<'a> Holds<'a> {
    fn new(session: Option<Session<'a>>, sets: &[Set<'a>]) -> Option<Self> {
        let first = || sets.first().map(|set| Self::Sets(set.ty));
        session.map(Self::Session).or_else(first)
    }

    /// The type that says which database the repository is for.
    pub(crate) fn first(&self) -> &'a Type {
        match self {
            Self::Session(session) => session.ty,
            Self::Sets(ty) => ty,
        }
    }

    pub(crate) fn database(&self) -> Database<'a> {
        match self {
            Self::Session(session) => Database::OfSession(session.ty),
            Self::Sets(ty) => Database::OfRepository(ty),
        }
    }
}

pub(crate) fn from_input(input: &DeriveInput) -> Result<Repository<'_>, Box<Rejected<'_>>> {
    let mut errors = Errors::default();
    let crate_path = attrs::read(&input.attrs, &ON_STRUCT, &mut errors).into_path(&CRATE);
    let target = Target::new(input, crate_path);
    let Some(fields) = shape::named_fields(input, "Repository", "{ session: Session<Sqlite> }", &mut errors)
    else {
        return Err(Box::new(Rejected { target, database: database_among(input), errors }));
    };
    let mut draft = Draft { errors, ..Draft::default() };
    for (name, field) in fields.iter().filter_map(|field| Some((field.ident.as_ref()?, field))) {
        draft.field(name, field);
    }
    draft.finish(target)
}

/// The repository, field by field.
#[derive(Default)]
struct Draft<'a> {
    session: Option<Session<'a>>,
    sets: Vec<Set<'a>>,
    skipped: Vec<Skipped<'a>>,
    errors: Errors,
}

impl<'a> Draft<'a> {
    fn field(&mut self, name: &'a Ident, field: &'a Field) {
        let options = attrs::read(&field.attrs, &ON_FIELD, &mut self.errors);
        let ty = &field.ty;
        let (session, entities) = (options.span(&SESSION), options.span(&ENTITIES));
        // What the user says of a field goes before what its type looks like.
        if options.span(&SKIP).is_some() {
            if let Some((other, span)) = options.beside(&SKIP) {
                let message =
                    format!("a skipped field is neither session nor entities: remove `{other}` or `skip`");
                self.errors.at(span, message);
            }
            self.skipped.push(Skipped { field: name, ty });
        } else if let (Some(_), Some(entities)) = (session, entities) {
            self.errors
                .at(entities, "a field is the session or entities, not both: remove `entities` or `session`");
        } else if session.is_some() {
            self.session(Session { field: name, ty });
        } else if entities.is_some() || types::is_called(ty, "Entities") {
            self.sets.push(Set { field: name, ty });
        } else if types::is_called(ty, "Session") {
            self.session(Session { field: name, ty });
        } else if !options.is_broken() {
            // A key that could not be read may be the one that is missing.
            let message = "this field is neither the session nor entities: write `#[uow(skip)]` for a field that starts as \
                           its default, `#[uow(session)]` or `#[uow(entities)]` for a session or entities by another type \
                           name";
            self.errors.on(ty, message);
        }
    }

    fn session(&mut self, session: Session<'a>) {
        match &self.session {
            None => self.session = Some(session),
            Some(first) => {
                let message = format!(
                    "a repository has one session, and that is `{}`: remove this one, or write `#[uow(skip)]` on it if it \
                     is another kind of session",
                    first.field
                );
                self.errors.on(session.field, message);
            }
        }
    }

    fn finish(mut self, target: Target<'a>) -> Result<Repository<'a>, Box<Rejected<'a>>> {
        let holds = Holds::new(self.session, &self.sets);
        // With another mistake about, what it holds may be the field that was mistaken.
        if holds.is_none() && self.errors.is_empty() {
            let message = "a repository holds a session or entities: write a field `session: Session<Sqlite>` (or of another \
                           database) or `blogs: Entities<Blog, Sqlite>`, or `#[uow(session)]` or `#[uow(entities)]` on a \
                           field whose type is an alias of one";
            self.errors.on(target.name, message);
        }
        match holds {
            Some(holds) if self.errors.is_empty() => {
                Ok(Repository { target, holds, sets: self.sets, skipped: self.skipped })
            }
            holds => {
                let database = holds.map(|holds| holds.database());
                Err(Box::new(Rejected { target, database, errors: self.errors }))
            }
        }
    }
}

/// The database of a struct whose fields have no names.
fn database_among(input: &DeriveInput) -> Option<Database<'_>> {
    let Data::Struct(data) = &input.data else {
        return None;
    };
    let called = |name| data.fields.iter().map(|field| &field.ty).find(|ty| types::is_called(ty, name));
    let of_session = called("Session").map(Database::OfSession);
    of_session.or_else(|| called("Entities").map(Database::OfRepository))
}
