//! An entity as the user wrote it, checked as far as tokens can be checked.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::{Attribute, DeriveInput, Field, LitStr, Type, Visibility};

use super::naming::snake_case;
use crate::attrs::{self, Key, Options, Place};
use crate::errors::Errors;
use crate::shape;
use crate::target::Target;
use crate::types;

const CRATE: Key = Key::path("crate");
const TABLE: Key = Key::text("table");
const SCHEMA: Key = Key::text("schema");
const NEW: Key = Key::derives("new");
const KEY: Key = Key::flag("key");
const GENERATED: Key = Key::flag("generated");
const VERSION: Key = Key::flag("version");
const READ_ONLY: Key = Key::flag("read_only");
const UNIQUE: Key = Key::flag("unique");
const REFERENCES: Key = Key::ty("references");
const NO_ARRAY: Key = Key::flag("no_array");
const COLUMN: Key = Key::text("column");
const SKIP: Key = Key::flag("skip");

static ON_STRUCT: Place =
    Place { what: "the struct of an entity", keys: &[TABLE, SCHEMA, NEW, CRATE], other: &ON_FIELD };
static ON_FIELD: Place = Place {
    what: "a field of an entity",
    keys: &[KEY, GENERATED, VERSION, READ_ONLY, UNIQUE, REFERENCES, COLUMN, NO_ARRAY, SKIP],
    other: &ON_STRUCT,
};

/// As many as a `ColumnSet` has bits.
const MOST_COLUMNS: usize = 128;

/// An entity without mistakes: it has a key.
pub(crate) struct Entity<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) table: String,
    pub(crate) schema: Option<String>,
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) skipped: Vec<Skipped<'a>>,
    pub(crate) new: Option<New>,
}

/// That a struct of what the application gives of a new row is asked for.
pub(crate) struct New {
    pub(crate) name: Ident,
    pub(crate) derives: Vec<TokenStream>,
}

/// What could be understood of an entity with mistakes, and the mistakes.
pub(crate) struct Rejected<'a> {
    pub(crate) target: Target<'a>,
    /// The types of what is the key or seems to be.
    pub(crate) key: Vec<&'a Type>,
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) new: Option<New>,
    pub(crate) errors: Errors,
}

/// A field with a column.
pub(crate) struct Column<'a> {
    pub(crate) visibility: &'a Visibility,
    pub(crate) attributes: &'a [Attribute],
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
    /// The column's name in the database.
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) unique: bool,
    /// Whether it may be NULL. Only a type that is called so can be told, but an alias of `Option` is rare.
    pub(crate) nullable: bool,
    /// Whether PostgreSQL may be sent many of its values as one array.
    pub(crate) array: bool,
    pub(crate) reference: Option<Reference>,
}

/// What a column is for.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Key { generated: bool },
    Version,
    ReadOnly,
    Data,
}

impl Column<'_> {
    pub(crate) fn is_key(&self) -> bool {
        matches!(self.role, Role::Key { .. })
    }
}

/// The other entity whose key a column holds.
pub(crate) struct Reference {
    pub(crate) to: Type,
    /// Whether no other column refers to that entity, so that its name says which column is meant.
    pub(crate) alone: bool,
}

/// A field without a column: it starts as its type's default.
pub(crate) struct Skipped<'a> {
    pub(crate) field: &'a Ident,
    pub(crate) ty: &'a Type,
}

pub(crate) fn from_input(input: &DeriveInput) -> Result<Entity<'_>, Box<Rejected<'_>>> {
    let mut errors = Errors::default();
    let options = attrs::read(&input.attrs, &ON_STRUCT, &mut errors);
    let text = |key: &Key| options.text(key).map(LitStr::value);
    let table = text(&TABLE).unwrap_or_else(|| snake_case(&input.ident.unraw().to_string()));
    let schema = text(&SCHEMA);
    let new = options.span(&NEW).map(|span| New {
        name: format_ident!("New{}", input.ident.unraw(), span = span),
        derives: options.derives(&NEW).to_vec(),
    });
    let target = Target::new(input, options.into_path(&CRATE));
    let Some(fields) = shape::named_fields(input, "Entity", "{ #[uow(key)] id: i64 }", &mut errors) else {
        return Err(Box::new(Rejected { target, key: Vec::new(), columns: Vec::new(), new: None, errors }));
    };
    let mut draft = Draft { errors, ..Draft::default() };
    for (name, field) in fields.iter().filter_map(|field| Some((field.ident.as_ref()?, field))) {
        draft.field(name, field);
    }
    draft.check_key(&target);
    draft.check_count(&target);
    draft.find_lone_references(&target);
    draft.check_new(new.as_ref(), &target);
    if draft.errors.is_empty() {
        Ok(Entity { target, table, schema, columns: draft.columns, skipped: draft.skipped, new })
    } else {
        let key = draft.key().iter().map(|column| column.ty).collect();
        Err(Box::new(Rejected { target, key, columns: draft.columns, new, errors: draft.errors }))
    }
}

/// The entity, field by field.
#[derive(Default)]
struct Draft<'a> {
    columns: Vec<Column<'a>>,
    skipped: Vec<Skipped<'a>>,
    /// Each `generated` on a key, which is right only if that key is the only one.
    generated: Vec<Span>,
    errors: Errors,
}

impl<'a> Draft<'a> {
    fn field(&mut self, field: &'a Ident, Field { attrs, ty, vis, .. }: &'a Field) {
        let options = attrs::read(attrs, &ON_FIELD, &mut self.errors);
        if options.span(&SKIP).is_some() {
            if let Some((other, span)) = options.beside(&SKIP) {
                self.errors
                    .at(span, format_args!("a skipped field has no column: remove `{other}` or `skip`"));
            }
            self.skipped.push(Skipped { field, ty });
            return;
        }
        let role = self.role(&options);
        let name = self.column_name(field, &options);
        let unique = options.span(&UNIQUE).is_some();
        let nullable = types::is_called(ty, "Option");
        let array = options.span(&NO_ARRAY).is_none();
        let reference = options.into_type(&REFERENCES).map(|to| Reference { to, alone: false });
        let (visibility, attributes) = (vis, attrs.as_slice());
        self.columns.push(Column {
            visibility,
            attributes,
            field,
            ty,
            name,
            role,
            unique,
            nullable,
            array,
            reference,
        });
    }

    fn role(&mut self, options: &Options) -> Role {
        self.check_generated(options);
        self.check_read_only(options);
        let (key, version) = (options.span(&KEY), options.span(&VERSION));
        if key.is_some() {
            if let Some(version) = version {
                self.errors.at(version, "a version changes and a key does not: remove `version` or `key`");
            }
            return Role::Key { generated: options.span(&GENERATED).is_some() };
        }
        if let Some(version) = version {
            self.check_only_version(version);
            return Role::Version;
        }
        if options.span(&READ_ONLY).is_some() { Role::ReadOnly } else { Role::Data }
    }

    fn check_generated(&mut self, options: &Options) {
        match options.span(&GENERATED) {
            Some(generated) if options.span(&KEY).is_some() => self.generated.push(generated),
            // The key that could not be read may be the `key`.
            Some(generated) if !options.is_broken() => {
                let message = "only a key is generated by the database: write `#[uow(key, generated)]`, or `#[uow(read_only)]` \
                               for another column that it fills";
                self.errors.at(generated, message);
            }
            _ => {}
        }
    }

    fn check_read_only(&mut self, options: &Options) {
        let Some(read_only) = options.span(&READ_ONLY) else {
            return;
        };
        if options.span(&KEY).is_some() {
            let message = "a key that the database makes is `#[uow(key, generated)]`: remove `read_only`";
            self.errors.at(read_only, message);
        } else if options.span(&VERSION).is_some() {
            self.errors
                .at(read_only, "a version is written with every change: remove `read_only` or `version`");
        }
    }

    fn check_only_version(&mut self, version: Span) {
        if let Some(first) = self.columns.iter().find(|column| matches!(column.role, Role::Version)) {
            let message =
                format!("an entity has one version, and that is `{}`: remove this one", first.field);
            self.errors.at(version, message);
        }
    }

    fn column_name(&mut self, field: &Ident, options: &Options) -> String {
        let given = options.text(&COLUMN);
        let name = given.map_or_else(|| field.unraw().to_string(), LitStr::value);
        if let Some(first) = self.columns.iter().find(|column| column.name == name) {
            let span = given.map_or_else(|| field.span(), LitStr::span);
            let message = format!(
                "`{}` has the column \"{name}\" already: give this field another with `#[uow(column = \"…\")]`, or none \
                 with `#[uow(skip)]`",
                first.field
            );
            self.errors.at(span, message);
        }
        name
    }

    fn check_key(&mut self, target: &Target<'_>) {
        let keys = self.columns.iter().filter(|column| column.is_key()).count();
        if keys > 1 {
            for &generated in &self.generated {
                let message =
                    "a generated key is a single column: remove `generated`, or `key` from the other fields";
                self.errors.at(generated, message);
            }
        }
        // With another mistake about, the key may be the field that was mistaken.
        if keys > 0 || !self.errors.is_empty() {
            return;
        }
        match self.columns.iter().find(|column| column.field == "id") {
            Some(id) => {
                self.errors
                    .on(id.field, "this entity has no key: write `#[uow(key)]` on `id` if that is the key");
            }
            None => {
                let message = "this entity has no key: write `#[uow(key)]` on the field, or the fields, that tell one row \
                               from all others";
                self.errors.on(target.name, message);
            }
        }
    }

    fn check_count(&mut self, target: &Target<'_>) {
        let count = self.columns.len();
        if count > MOST_COLUMNS {
            let message = format!(
                "an entity has {MOST_COLUMNS} columns at the most, and this one has {count}: leave out those that are not \
                 needed, or share them out among several entities of the same table"
            );
            self.errors.on(target.name, message);
        }
    }

    fn check_new(&mut self, new: Option<&New>, target: &Target<'_>) {
        if let Some(new) = new.filter(|_| !target.generics.params.is_empty()) {
            let message = "`new` writes a struct without generic parameters: remove `new`, or the parameters";
            self.errors.at(new.name.span(), message);
        }
    }

    fn find_lone_references(&mut self, target: &Target<'_>) {
        let itself = target.itself();
        // `Self` and the struct's own name are one entity.
        let entity = |to: &Type| types::outside_of(&itself, to.to_token_stream()).to_string();
        let referred = self.columns.iter().filter_map(|column| column.reference.as_ref());
        let referred: Vec<String> = referred.map(|reference| entity(&reference.to)).collect();
        let references = self.columns.iter_mut().filter_map(|column| column.reference.as_mut());
        for (reference, name) in references.zip(&referred) {
            reference.alone = referred.iter().filter(|other| *other == name).count() == 1;
        }
    }

    /// The key, or what it was probably meant to be.
    fn key(&self) -> Vec<&Column<'a>> {
        let key: Vec<&Column<'a>> = self.columns.iter().filter(|column| column.is_key()).collect();
        if key.is_empty() { self.columns.iter().filter(|column| column.field == "id").collect() } else { key }
    }
}
