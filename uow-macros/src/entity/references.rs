//! That an entity refers to another one, by a field that holds the other's key.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::model::Column;
use crate::target::Target;
use crate::types;

/// Which types fit is asked when it is used with a database, as for the columns.
pub(super) fn expand(target: &Target<'_>, columns: &[Column<'_>], database: &Ident) -> TokenStream {
    let mut references = TokenStream::new();
    for (Column { field, ty, .. }, to) in lone(columns) {
        let from = quote!(::core::convert::From<<#to as _uow::Entity<#database>>::Key>);
        let body = quote!(self.#field = <#ty as #from>::from(__key););
        references.extend(reference(target, database, to, &quote!(#ty: #from,), &body));
    }
    references
}

/// The same for an entity with mistakes.
pub(super) fn fallback(target: &Target<'_>, columns: &[Column<'_>], database: &Ident) -> TokenStream {
    let body = quote!(::core::unreachable!());
    let mut references = TokenStream::new();
    for (_, to) in lone(columns) {
        references.extend(reference(target, database, to, &TokenStream::new(), &body));
    }
    references
}

/// The columns that are meant when nothing is said but the entity they refer to.
fn lone<'a>(columns: &'a [Column<'a>]) -> impl Iterator<Item = (&'a Column<'a>, &'a Type)> {
    columns.iter().filter_map(|column| {
        let reference = column.reference.as_ref().filter(|reference| reference.alone)?;
        Some((column, &reference.to))
    })
}

fn reference(
    target: &Target<'_>,
    database: &Ident,
    to: &Type,
    bounds: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    // Two names of one entity are two impls in conflict, which is told where the second name stands.
    let at = types::place(to);
    let itself = types::moved_to(at, target.itself());
    let parameters = target.parameters_and(&quote!(#database: _uow::Backend));
    let own = target.predicates();
    let bounds = quote! {
        #own
        Self: _uow::Entity<#database>,
        #to: _uow::Entity<#database>,
        #bounds
    };
    let refer_to = quote! {
        fn refer_to(&mut self, __key: <#to as _uow::Entity<#database>>::Key) {
            #body
        }
    };
    quote_spanned! {at=>
        #[automatically_derived]
        impl #parameters _uow::References<#to, #database> for #itself where #bounds {
            #refer_to
        }
    }
}
