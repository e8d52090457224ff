//! What the application gives of a new row, as a struct of its own: `NewPost` beside `Post`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::model::{Column, Entity, New, Rejected, Role, Skipped};
use crate::target::Target;
use crate::types;

/// The struct, and the impl that makes an entity of one. Neither, if nobody asked.
pub(super) fn expand(entity: &Entity<'_>) -> (TokenStream, TokenStream) {
    let Some(new) = &entity.new else { return Default::default() };
    let given = given(&entity.columns).map(|Column { field, .. }| quote!(#field: __new.#field));
    let made = entity.columns.iter().filter(|column| is_made(column)).map(|column| (column.field, column.ty));
    let skipped = entity.skipped.iter().map(|&Skipped { field, ty }| (field, ty));
    let made = made.chain(skipped).map(|(field, ty): (&Ident, &Type)| {
        let default = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
        quote!(#field: #default)
    });
    let body = quote!(Self { #(#given,)* #(#made,)* });
    (structure(new, &entity.target, &entity.columns), from_new(new, &entity.target, &body))
}

/// The same for an entity with mistakes.
pub(super) fn fallback(rejected: &Rejected<'_>) -> (TokenStream, TokenStream) {
    // (One with parameters is one of the mistakes.)
    let Some(new) = rejected.new.as_ref().filter(|_| rejected.target.generics.params.is_empty()) else {
        return Default::default();
    };
    let never = quote!(::core::unreachable!());
    (structure(new, &rejected.target, &rejected.columns), from_new(new, &rejected.target, &never))
}

/// Whether the value is the database's, or the unit's, to make.
fn is_made(column: &Column<'_>) -> bool {
    matches!(column.role, Role::Key { generated: true } | Role::Version | Role::ReadOnly)
}

fn given<'c, 'a>(columns: &'c [Column<'a>]) -> impl Iterator<Item = &'c Column<'a>> {
    columns.iter().filter(|column| !is_made(column))
}

fn structure(New { name, derives }: &New, target: &Target<'_>, columns: &[Column<'_>]) -> TokenStream {
    let (visibility, itself) = (target.visibility, target.itself());
    let fields = given(columns).map(|Column { visibility, attributes, field, ty, .. }| {
        let docs = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
        let ty = types::outside_of(&itself, quote!(#ty));
        quote!(#(#docs)* #visibility #field: #ty)
    });
    let doc = format!(
        " What is given of a new [`{}`]: all but what the database and the unit of work make of it.",
        target.name.unraw()
    );
    let derives = (!derives.is_empty()).then(|| quote!(#[derive(#(#derives),*)]));
    quote! {
        #[doc = #doc]
        #derives
        #visibility struct #name {
            #(#fields,)*
        }
    }
}

fn from_new(New { name, .. }: &New, target: &Target<'_>, body: &TokenStream) -> TokenStream {
    let itself = target.itself();
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<#name> for #itself {
            fn from(__new: #name) -> Self {
                #body
            }
        }
    }
}
