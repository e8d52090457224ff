//! The methods by which a unit learns of its repositories, and of the entities in them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Lifetime, Type};

use crate::target::Target;
use crate::types;

/// The methods `visit_repositories`, of a unit, `entity_sets`, of a repository, and `schema`, of both.
///
/// The signatures are reported at the type that says which database it is, and what is done with a repository at the
/// repository's type: what is wrong with either is said in the same words by the other methods, and read once.
pub(crate) struct Methods {
    at: Span,
    lifetime: Lifetime,
    /// The `self` of the first.
    pub(crate) this: Ident,
    sets: Ident,
    schema: Ident,
}

impl Methods {
    pub(crate) fn new(target: &Target<'_>, at: Span) -> Self {
        let [this, sets, schema] = ["self", "__sets", "__schema"].map(|name| Ident::new(name, at));
        Self { at, lifetime: target.fresh_lifetime("sets"), this, sets, schema }
    }

    /// Has a repository, lent by this expression, hand over its entity sets.
    pub(crate) fn sets_of(&self, ty: &Type, lent: &impl ToTokens) -> TokenStream {
        let at = types::place(ty);
        let sets = types::moved_to(at, self.sets.to_token_stream());
        let sets = quote_spanned!(at=> _uow::SameDatabase::<Self::Database>::sets(#sets));
        quote_spanned!(at=> _uow::Repository::entity_sets(#lent, #sets);)
    }

    /// Has a repository, lent by this expression, go among those that the unit flushes and clears.
    pub(crate) fn visit_of(&self, ty: &Type, lent: &impl ToTokens) -> TokenStream {
        let at = types::place(ty);
        let sets = types::moved_to(at, self.sets.to_token_stream());
        let sets = quote_spanned!(at=> _uow::SameDatabase::<Self::Database>::repositories(#sets));
        quote_spanned!(at=> _uow::Repository::visit(#lent, #sets);)
    }

    /// Has a repository's type name its entities.
    pub(crate) fn schema_of(&self, ty: &Type) -> TokenStream {
        let at = types::place(ty);
        let schema = types::moved_to(at, self.schema.to_token_stream());
        let schema = quote_spanned!(at=> _uow::SameDatabase::<Self::Database>::schema(#schema));
        let ty = types::moved_to(at, ty.to_token_stream());
        quote_spanned!(at=> <#ty as _uow::Repository>::schema(#schema);)
    }

    pub(crate) fn visit_repositories(&self, visits: impl Iterator<Item = TokenStream>) -> TokenStream {
        let Self { at, lifetime, this, sets, .. } = self;
        quote_spanned! {*at=>
            fn visit_repositories<#lifetime>(
                &#lifetime mut #this,
                #sets: &mut _uow::Repositories<#lifetime, Self::Database>,
            ) {
                #(#visits)*
            }
        }
    }

    pub(crate) fn entity_sets(&self, sets: impl Iterator<Item = TokenStream>) -> TokenStream {
        let Self { at, lifetime, this, sets: into_sets, .. } = self;
        quote_spanned! {*at=>
            fn entity_sets<#lifetime>(
                &#lifetime mut #this,
                #into_sets: &mut _uow::EntitySets<#lifetime, Self::Database>,
            ) {
                #(#sets)*
            }
        }
    }

    pub(crate) fn schema(&self, schemas: impl Iterator<Item = TokenStream>) -> TokenStream {
        let Self { at, schema, .. } = self;
        quote_spanned! {*at=>
            fn schema(#schema: &mut _uow::Schema<Self::Database>) {
                #(#schemas)*
            }
        }
    }
}
