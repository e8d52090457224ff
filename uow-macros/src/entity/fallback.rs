//! The mistakes of an entity, and an impl good enough for the code that uses it.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::expand::key_type;
use super::model::Rejected;
use super::{new, references};

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
    let methods = methods(&database);
    let references = references::fallback(&rejected.target, &rejected.columns, &database);
    let (new, from_new) = new::fallback(rejected);
    let impls = rejected.target.enclose(&quote! {
        #[automatically_derived]
        impl #parameters _uow::Entity<#database> for #itself #bounds {
            type Key = #key;
            const NAME: &'static ::core::primitive::str = #name;
            const TABLE: _uow::Table = _uow::Table::new(#name);
            const COLUMNS: &'static [_uow::Column] = &[];
            #methods
        }
        #references
        #from_new
    });
    quote!(#impls #new)
}

fn methods(database: &Ident) -> TokenStream {
    let usize = quote!(::core::primitive::usize);
    let result = |value| quote!(::core::result::Result<#value, _uow::SqlxError>);
    let (loaded, read) = (result(quote!(Self)), result(quote!(())));
    let bound = quote!(::core::result::Result<(), _uow::BoxDynError>);
    let never = quote!({ ::core::unreachable!() });
    quote! {
        fn key(&self) -> Self::Key #never
        fn has_key(&self) -> ::core::primitive::bool #never
        fn version(&self) -> ::core::option::Option<::core::primitive::i64> #never
        fn set_version(&mut self, _: ::core::primitive::i64) {}
        fn raise_version(&mut self) {}
        fn set_key(&mut self, _: Self::Key) {}
        fn load(_: &#database::Row) -> #loaded #never
        fn reload(&mut self, _: &#database::Row) -> #read #never
        fn read(&mut self, _: #usize, _: &#database::Row, _: #usize) -> #read #never
        fn snapshot(&self) -> Self #never
        fn copy(&mut self, _: #usize, _: &Self) {}
        fn changes_in(&self, _: _uow::ColumnSet, _: &Self) -> _uow::ColumnSet #never
        fn bind(&self, _: #usize, _: &mut _uow::Values<'_, #database>) -> #bound #never
        fn bind_key(_: &Self::Key, _: &mut _uow::Values<'_, #database>) -> #bound #never
        fn type_info(_: #usize) -> ::core::option::Option<#database::TypeInfo> #never
        fn compatible(_: #usize, _: &#database::TypeInfo) -> ::core::primitive::bool #never
    }
}
