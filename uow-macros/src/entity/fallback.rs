//! The mistakes of an entity, and an impl good enough for the code that uses it.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand::key_type;
use super::model::Rejected;

pub(crate) fn expand(rejected: &Rejected<'_>) -> TokenStream {
    let errors = rejected.errors.to_compile_errors();
    let entity = entity(rejected);
    quote! {
        #errors
        #entity
    }
}

/// It is an entity of every database. The bodies never run, the mistakes stop the compilation: they only have to type-check.
fn entity(rejected: &Rejected<'_>) -> TokenStream {
    let database = rejected.target.fresh_parameter("__DB");
    let parameters = rejected.target.parameters_and(&quote!(#database: _uow::Backend));
    let itself = rejected.target.itself();
    let bounds = &rejected.target.generics.where_clause;
    let key = key_type(rejected.key.iter().copied());
    let name = rejected.target.text();
    rejected.target.enclose(&quote! {
        #[automatically_derived]
        impl #parameters _uow::Entity<#database> for #itself #bounds {
            type Key = #key;
            const NAME: &'static ::core::primitive::str = #name;
            const TABLE: _uow::Table = _uow::Table::new(#name);
            const COLUMNS: &'static [_uow::Column] = &[];
            fn key(&self) -> Self::Key {
                ::core::unreachable!()
            }
            fn load(_: &#database::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
                ::core::unreachable!()
            }
            fn reload(&mut self, _: &#database::Row) -> ::core::result::Result<(), _uow::SqlxError> {
                ::core::unreachable!()
            }
            fn bind_key(&self, _: &mut #database::Arguments) -> ::core::result::Result<(), _uow::BoxDynError> {
                ::core::unreachable!()
            }
        }
    })
}
