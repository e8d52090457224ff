//! The impl of a repository without mistakes.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Holds, Repository, Session, Set, Skipped};
use crate::entities::Methods;
use crate::types;

pub(crate) fn expand(repository: &Repository<'_>) -> TokenStream {
    let itself = repository.target.itself();
    let (parameters, _, bounds) = repository.target.generics.split_for_impl();
    let database = repository.holds.database().expand();
    let new = new(repository);
    let entities = entities(repository);
    repository.target.enclose(&quote! {
        #[automatically_derived]
        impl #parameters _uow::Repository for #itself #bounds {
            type Database = #database;
            #new
            #entities
        }
    })
}

/// What concerns the session is reported at its type, so that a wrong type is one error; so for each field of entities.
fn new(repository: &Repository<'_>) -> TokenStream {
    let at = types::place(repository.holds.first());
    // A name that came through a `macro_rules!` is only seen by one from the same place.
    let handle = Ident::new("__session", at);
    let sets = repository.sets.iter().map(|&Set { field, ty }| {
        let at = types::place(ty);
        let handle = types::moved_to(at, handle.to_token_stream());
        let made_on = repository.holds.database().repository(ty).function("made_on");
        quote_spanned!(at=> #field: #made_on(&#handle))
    });
    // The last of them, for it takes the session itself.
    let session = match &repository.holds {
        Holds::Session(Session { field, .. }) => {
            Some(quote_spanned!(at=> #field: _uow::SessionField::from_session(#handle),))
        }
        Holds::Sets(_) => None,
    };
    let skipped = repository.skipped.iter().map(|&Skipped { field, ty }| {
        let default = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
        quote!(#field: #default)
    });
    let database = repository.holds.database().expand();
    quote_spanned! {at=>
        fn new(#handle: _uow::Session<#database>) -> Self {
            Self {
                #(#sets,)*
                #session
                #(#skipped,)*
            }
        }
    }
}

/// A repository of no entities leaves these methods as they are.
fn entities(repository: &Repository<'_>) -> Option<TokenStream> {
    if repository.sets.is_empty() {
        return None;
    }
    let methods = Methods::new(&repository.target, repository.holds.database());
    let database = repository.holds.database();
    let sets: Vec<_> = repository.sets.iter().map(|set| (set.field, database.repository(set.ty))).collect();
    let schema = methods.schema(sets.iter().map(|(_, set)| methods.schema_of(set)));
    let sets = methods.entity_sets(sets.iter().map(|(field, set)| methods.sets_of(field, set)));
    Some(quote!(#sets #schema))
}
