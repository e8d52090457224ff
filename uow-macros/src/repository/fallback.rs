//! The mistakes of a repository, and an impl good enough for the code that uses it.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::Rejected;

pub(crate) fn expand(rejected: &Rejected<'_>) -> TokenStream {
    let errors = rejected.errors.to_compile_errors();
    // Without a session and entities nothing says of which database it is a repository.
    let repository = rejected.database.map(|database| {
        let database = database.expand();
        let itself = rejected.target.itself();
        let (parameters, _, bounds) = rejected.target.generics.split_for_impl();
        // The body never runs, the mistakes stop the compilation: it only has to type-check.
        rejected.target.enclose(&quote! {
            #[automatically_derived]
            impl #parameters _uow::Repository for #itself #bounds {
                type Database = #database;
                fn new(_: _uow::Session<Self::Database>) -> Self {
                    ::core::unreachable!()
                }
            }
        })
    });
    quote! {
        #errors
        #repository
    }
}
