//! The mistakes of a unit of work, and impls good enough for the code that uses it.
//!
//! Nothing here ever runs: the mistakes stop the compilation. The bodies only have to type-check.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::lending::{self, Split};
use super::model::Rejected;
use crate::database::Database;

pub(crate) fn expand(rejected: &Rejected<'_>) -> TokenStream {
    let errors = rejected.errors.to_compile_errors();
    let lending = lending(rejected);
    let unit_of_work = rejected.database.map(|database| {
        let unit_of_work = unit_of_work(rejected, database);
        rejected.target.enclose(&unit_of_work)
    });
    quote! {
        #errors
        #lending
        #unit_of_work
    }
}

fn lending(rejected: &Rejected<'_>) -> Option<TokenStream> {
    let Rejected { target, repositories, .. } = rejected;
    // Without repositories there is nothing to lend, and the struct may not even be one.
    let split = Split::new(target, repositories)?;
    let this = Ident::new("self", Span::call_site());
    let never = quote!(::core::unreachable!());
    let getters =
        repositories.iter().map(|repository| lending::getter(target.visibility, repository, &this, &never));
    let methods = lending::methods(target, getters.chain([split.method(&this, &never)]));
    let definition = split.definition();
    Some(quote! {
        #definition
        #methods
    })
}

fn unit_of_work(rejected: &Rejected<'_>, database: Database<'_>) -> TokenStream {
    let database = database.expand();
    let name = rejected.target.text();
    let itself = rejected.target.itself();
    let (parameters, _, bounds) = rejected.target.generics.split_for_impl();
    let lifetime = rejected.target.fresh_lifetime("sets");
    quote! {
        #[automatically_derived]
        impl #parameters _uow::UnitOfWork for #itself #bounds {
            type Database = #database;
            const NAME: &'static ::core::primitive::str = #name;
            fn with_session(_: _uow::Session<Self::Database>) -> Self {
                ::core::unreachable!()
            }
            fn session(&mut self) -> &mut _uow::Session<Self::Database> {
                ::core::unreachable!()
            }
            fn visit_repositories<#lifetime>(
                &#lifetime mut self,
                _: &mut _uow::Repositories<#lifetime, Self::Database>,
            ) {}
            fn schema(_: &mut _uow::Schema<Self::Database>) {}
        }
    }
}
