//! The impls of a unit of work without mistakes.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::lending::{self, Split};
use super::model::{Repository, Session, Skipped, Unit};
use crate::database::Database;
use crate::entities::Methods;
use crate::types;

pub(crate) fn expand(unit: &Unit<'_>) -> TokenStream {
    let split = Split::new(&unit.target, &unit.repositories);
    let split_struct = split.as_ref().map(Split::definition);
    let split_debug = split.as_ref().map(Split::debug);
    let unit_of_work = unit_of_work(unit);
    let lending = split.as_ref().map(|split| lending(unit, split));
    let impls = unit.target.enclose(&quote! {
        #unit_of_work
        #lending
        #split_debug
    });
    quote! {
        #split_struct
        #impls
    }
}

fn unit_of_work(unit: &Unit<'_>) -> TokenStream {
    let name = unit.target.text();
    let itself = unit.target.itself();
    let (parameters, _, bounds) = unit.target.generics.split_for_impl();
    let database = Database::OfSession(unit.session.ty).expand();
    let with_session = with_session(unit);
    let session = session(&unit.session);
    let visits = visits(unit);
    quote! {
        #[automatically_derived]
        impl #parameters _uow::UnitOfWork for #itself #bounds {
            type Database = #database;
            const NAME: &'static ::core::primitive::str = #name;
            #with_session
            #session
            #visits
        }
    }
}

/// All of it is reported at the session's type, so that a wrong type is one error; so in [`session`].
fn with_session(unit: &Unit<'_>) -> TokenStream {
    let Session { field, ty } = unit.session;
    let repositories = unit.repositories.iter().map(|repository| repository.field);
    let skipped = unit.skipped.iter().map(|&Skipped { field, ty }| {
        let default = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
        quote!(#field: #default)
    });
    quote_spanned! {types::place(ty)=>
        fn with_session(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                #field: _uow::SessionField::from_session(__session),
                #(#repositories: ::core::default::Default::default(),)*
                #(#skipped,)*
            }
        }
    }
}

fn session(session: &Session<'_>) -> TokenStream {
    let at = types::place(session.ty);
    let this = this(session);
    let field = types::moved_to(at, session.field.to_token_stream());
    quote_spanned! {at=>
        fn session(&mut #this) -> &mut _uow::Session<Self::Database> {
            _uow::SessionField::get_mut(&mut #this.#field)
        }
    }
}

/// A `self` that is reported at the session's type. Where that came through a `macro_rules!`, a `self` in one place sees
/// only one from the same place, so it must be the parameter as well.
fn this(session: &Session<'_>) -> Ident {
    Ident::new("self", types::place(session.ty))
}

/// What happens to a repository if its getter was called. It is reported at the repository's type: if that is no
/// repository, this and the getter say it in the same words at the same place, and the user reads it once.
fn used(this: &Ident, repository: &Repository<'_>, then: impl Fn(&Ident) -> TokenStream) -> TokenStream {
    let field = repository.field;
    let used = Ident::new("__used", types::place(repository.ty));
    let then = then(&used);
    quote! {
        if let ::core::option::Option::Some(#used) = _uow::Lazy::used(&mut #this.#field) {
            #then
        }
    }
}

/// What the unit asks of its repositories.
fn visits(unit: &Unit<'_>) -> TokenStream {
    let methods = Methods::new(&unit.target, types::place(unit.session.ty));
    let visits = unit
        .repositories
        .iter()
        .map(|repository| used(&methods.this, repository, |used| methods.visit_of(repository.ty, used)));
    let schemas = unit.repositories.iter().map(|repository| methods.schema_of(repository.ty));
    let visit = methods.visit_repositories(visits);
    let schema = methods.schema(schemas);
    quote!(#visit #schema)
}

/// The methods that lend repositories.
fn lending(unit: &Unit<'_>, split: &Split<'_>) -> TokenStream {
    let this = this(&unit.session);
    let at = types::place(unit.session.ty);
    let field = types::moved_to(at, unit.session.field.to_token_stream());
    let session = quote_spanned!(at=> _uow::SessionField::get(&#this.#field));
    let getters = unit.repositories.iter().map(|repository| {
        let lent = lend(&this, &session, repository);
        lending::getter(unit.target.visibility, repository, &this, &lent)
    });
    // What is the same for all of them is said, and checked, once.
    let handle = Ident::new("__session", at).into_token_stream();
    let lent: Vec<TokenStream> =
        unit.repositories.iter().map(|repository| lend(&this, &handle, repository)).collect();
    let value = split.value(&lent);
    let split = split.method(&this, &quote!(let #handle = #session; #value));
    lending::methods(&unit.target, getters.chain([split]))
}

/// The repository in its slot, made with a handle to the session if the slot is empty.
fn lend(this: &Ident, session: &TokenStream, repository: &Repository<'_>) -> TokenStream {
    let field = repository.field;
    let slot = quote!(&mut #this.#field);
    quote_spanned!(types::place(repository.ty)=>
        _uow::Lazy::get(#slot, #session, _uow::Repository::new, _uow::SameDatabase::share)
    )
}
