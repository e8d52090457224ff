//! The impl of a repository without mistakes.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Repository, Session, Skipped};
use crate::types;

pub(crate) fn expand(repository: &Repository<'_>) -> TokenStream {
    let itself = repository.target.itself();
    let (parameters, _, bounds) = repository.target.generics.split_for_impl();
    let ty = repository.session.ty;
    let database = quote_spanned!(types::place(ty)=> <#ty as _uow::SessionField>::Database);
    let new = new(repository);
    repository.target.enclose(&quote! {
        #[automatically_derived]
        impl #parameters _uow::Repository for #itself #bounds {
            type Database = #database;
            #new
        }
    })
}

/// All of it is reported at the session's type, so that a wrong type is one error.
fn new(repository: &Repository<'_>) -> TokenStream {
    let Session { field, ty } = repository.session;
    let skipped = repository.skipped.iter().map(|&Skipped { field, ty }| {
        let default = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
        quote!(#field: #default)
    });
    quote_spanned! {types::place(ty)=>
        fn new(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                #field: _uow::SessionField::from_session(__session),
                #(#skipped,)*
            }
        }
    }
}
