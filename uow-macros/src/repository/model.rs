//! A repository as the user wrote it, checked as far as tokens can be checked.

use proc_macro2::Ident;
use syn::{Data, DeriveInput, Field, Type};

use crate::attrs::{self, Key, Place};
use crate::errors::Errors;
use crate::shape;
use crate::target::Target;
use crate::types;

const CRATE: Key = Key::path("crate");
const SKIP: Key = Key::flag("skip");
const SESSION: Key = Key::flag("session");

static ON_STRUCT: Place = Place { what: "the struct of a repository", keys: &[CRATE], other: &ON_FIELD };
static ON_FIELD: Place = Place { what: "a field of a repository", keys: &[SKIP, SESSION], other: &ON_STRUCT };

/// A repository without mistakes.
pub(crate) struct Repository<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) session: Session<'a>,
    pub(crate) skipped: Vec<Skipped<'a>>,
}

/// What could be understood of a repository with mistakes, and the mistakes.
pub(crate) struct Rejected<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) session: Option<&'a Type>,
    pub(crate) errors: Errors,
}

pub(crate) struct Session<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// A field that starts as its type's default.
pub(crate) struct Skipped<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

pub(crate) fn from_input(input: &DeriveInput) -> Result<Repository<'_>, Box<Rejected<'_>>> {
    let mut errors = Errors::default();
    let crate_path = attrs::read(&input.attrs, &ON_STRUCT, &mut errors).into_path(&CRATE);
    let target = Target::new(input, crate_path);
    let Some(fields) = shape::named_fields(input, "Repository", "{ session: Session<Sqlite> }", &mut errors)
    else {
        return Err(Box::new(Rejected { target, session: session_among(input), errors }));
    };
    let mut draft = Draft { session: None, skipped: Vec::new(), errors };
    for (name, field) in fields.iter().filter_map(|field| Some((field.ident.as_ref()?, field))) {
        draft.field(name, field);
    }
    draft.finish(target)
}

/// The repository, field by field.
struct Draft<'a> {
    session: Option<Session<'a>>,
    skipped: Vec<Skipped<'a>>,
    errors: Errors,
}

impl<'a> Draft<'a> {
    fn field(&mut self, name: &'a Ident, field: &'a Field) {
        let options = attrs::read(&field.attrs, &ON_FIELD, &mut self.errors);
        let ty = &field.ty;
        // What the user says of a field goes before what its type looks like.
        if options.span(&SKIP).is_some() {
            if let Some((other, span)) = options.beside(&SKIP) {
                self.errors
                    .at(span, format_args!("a skipped field is not the session: remove `{other}` or `skip`"));
            }
            self.skipped.push(Skipped { field: name, ty });
        } else if options.span(&SESSION).is_some() || types::is_called(ty, "Session") {
            self.session(Session { field: name, ty });
        } else if !options.is_broken() {
            // A key that could not be read may be the one that is missing.
            let message = "this field is not the session: write `#[uow(skip)]` for a field that starts as its default, \
                           `#[uow(session)]` for a session by another type name";
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
        // With another mistake about, the session may be the field that was mistaken.
        if self.session.is_none() && self.errors.is_empty() {
            let message = "this repository has no session: write a field `session: Session<Sqlite>` (or of another \
                           database), or `#[uow(session)]` on a field whose type is an alias of one";
            self.errors.on(target.name, message);
        }
        match self.session {
            Some(session) if self.errors.is_empty() => {
                Ok(Repository { target, session, skipped: self.skipped })
            }
            session => {
                let session = session.map(|session| session.ty);
                Err(Box::new(Rejected { target, session, errors: self.errors }))
            }
        }
    }
}

/// The session of a struct whose fields have no names.
fn session_among(input: &DeriveInput) -> Option<&Type> {
    let Data::Struct(data) = &input.data else {
        return None;
    };
    data.fields.iter().map(|field| &field.ty).find(|ty| types::is_called(ty, "Session"))
}
