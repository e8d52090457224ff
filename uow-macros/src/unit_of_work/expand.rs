//! The impls of a unit of work without mistakes.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::lending::{self, Split};
use super::model::{Repository, Session, Skipped, Unit};
use crate::database::{self, Database};
use crate::entities::Methods;
use crate::types;

/// A repository of the unit, and its type in that capacity.
type Lent<'a> = (&'a Repository<'a>, database::Repository);

pub(crate) fn expand(unit: &Unit<'_>) -> TokenStream {
    let split = Split::new(&unit.target, &unit.repositories);
    let split_struct = split.as_ref().map(Split::definition);
    let database = Database::OfSession(unit.session.ty);
    let lent: Vec<Lent<'_>> =
        unit.repositories.iter().map(|repository| (repository, database.repository(repository.ty))).collect();
    let unit_of_work = unit_of_work(unit, &lent);
    let lending = split.as_ref().map(|split| lending(unit, split, &lent));
    let impls = unit.target.enclose(&quote! {
        #unit_of_work
        #lending
    });
    quote! {
        #split_struct
        #impls
    }
}

fn unit_of_work(unit: &Unit<'_>, lent: &[Lent<'_>]) -> TokenStream {
    let name = unit.target.text();
    let itself = unit.target.itself();
    let (parameters, _, bounds) = unit.target.generics.split_for_impl();
    let database = Database::OfSession(unit.session.ty).expand();
    let with_session = with_session(unit, &database);
    let session = session(&unit.session, &database);
    let visits = visits(unit, lent);
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
fn with_session(unit: &Unit<'_>, database: &TokenStream) -> TokenStream {
    let Session { field, ty } = unit.session;
    let repositories = unit.repositories.iter().map(|repository| repository.field);
    let skipped = unit.skipped.iter().map(|&Skipped { field, ty }| {
        let default = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
        quote!(#field: #default)
    });
    quote_spanned! {types::place(ty)=>
        fn with_session(__session: _uow::Session<#database>) -> Self {
            Self {
                #field: _uow::SessionField::from_session(__session),
                #(#repositories: ::core::default::Default::default(),)*
                #(#skipped,)*
            }
        }
    }
}

fn session(session: &Session<'_>, database: &TokenStream) -> TokenStream {
    let at = types::place(session.ty);
    let this = this(session);
    let field = types::moved_to(at, session.field.to_token_stream());
    quote_spanned! {at=>
        fn session(&mut #this) -> &mut _uow::Session<#database> {
            _uow::SessionField::get_mut(&mut #this.#field)
        }
    }
}

/// A `self` that is reported at the session's type. Where that came through a `macro_rules!`, a `self` in one place sees
/// only one from the same place, so it must be the parameter as well.
fn this(session: &Session<'_>) -> Ident {
    Ident::new("self", types::place(session.ty))
}

/// What the unit asks of its repositories.
fn visits(unit: &Unit<'_>, lent: &[Lent<'_>]) -> TokenStream {
    let methods = Methods::new(&unit.target, Database::OfSession(unit.session.ty));
    let visits = lent.iter().map(|(repository, bound)| methods.visit_of(repository.field, bound));
    let visit = methods.visit_repositories(visits);
    let schema = methods.schema(lent.iter().map(|(_, bound)| methods.schema_of(bound)));
    quote!(#visit #schema)
}

/// The methods that lend repositories.
fn lending(unit: &Unit<'_>, split: &Split<'_>, lent: &[Lent<'_>]) -> TokenStream {
    let this = this(&unit.session);
    let session = handle(&unit.session, &this);
    let getters = lent.iter().map(|lent| {
        let body = lend(&this, &session, lent);
        lending::getter(unit.target.visibility, lent.0, &this, &body)
    });
    let all: Vec<TokenStream> = lent.iter().map(|lent| lend(&this, &session, lent)).collect();
    let split = split.method(&this, &split.value(&all));
    lending::methods(&unit.target, getters.chain([split]))
}

/// The session, for a repository to be made on. A `Session<…>` is one at first sight, and the compiler is spared to find out;
/// anything else is asked to be one, so that it is one error if it is none.
fn handle(session: &Session<'_>, this: &Ident) -> TokenStream {
    let at = types::place(session.ty);
    let field = types::moved_to(at, session.field.to_token_stream());
    if types::is_called(session.ty, "Session") && types::only_argument(session.ty).is_some() {
        quote_spanned!(at=> &#this.#field)
    } else {
        quote_spanned!(at=> _uow::SessionField::get(&#this.#field))
    }
}

/// The repository in its slot, made with a handle to the session if the slot is empty. It is reported at the repository's type:
/// if that is no repository, each use of it says so in the same words at the same place, and the user reads it once.
fn lend(this: &Ident, session: &TokenStream, (repository, bound): &Lent<'_>) -> TokenStream {
    let field = repository.field;
    let slot = quote!(&mut #this.#field);
    let lend = bound.function("lend");
    quote_spanned!(bound.at=> #lend(#slot, #session))
}
