//! The methods by which a unit learns of its repositories, and of the entities in them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Lifetime;

use crate::database::{Database, Repository};
use crate::target::Target;
use crate::types;

/// The methods `visit_repositories`, of a unit, `entity_sets`, of a repository, and `schema`, of both.
///
/// The signatures are reported at the type that says which database it is, and what is done with a repository at the
/// repository's type: what is wrong with either is said in the same words by the other methods, and read once.
pub(crate) struct Methods {
    at: Span,
    database: TokenStream,
    lifetime: Lifetime,
    /// The `self` of the first.
    this: Ident,
    sets: Ident,
    schema: Ident,
}

impl Methods {
    pub(crate) fn new(target: &Target<'_>, database: Database<'_>) -> Self {
        let at = database.place();
        let [this, sets, schema] = ["self", "__sets", "__schema"].map(|name| Ident::new(name, at));
        Self { at, database: database.expand(), lifetime: target.fresh_lifetime("sets"), this, sets, schema }
    }

    /// Has the repository in this field hand over its entity sets.
    pub(crate) fn sets_of(&self, field: &Ident, repository: &Repository) -> TokenStream {
        self.of_field(field, repository, "sets")
    }

    /// Has the repository in this field's slot go among those that the unit flushes and clears.
    pub(crate) fn visit_of(&self, field: &Ident, repository: &Repository) -> TokenStream {
        self.of_field(field, repository, "visit")
    }

    fn of_field(&self, field: &Ident, repository: &Repository, function: &str) -> TokenStream {
        let at = repository.at;
        let moved = |ident: &Ident| types::moved_to(at, ident.to_token_stream());
        let [this, field, sets] = [&self.this, field, &self.sets].map(moved);
        let function = repository.function(function);
        quote_spanned!(at=> #function(&mut #this.#field, #sets);)
    }

    /// Has a repository's type name its entities.
    pub(crate) fn schema_of(&self, repository: &Repository) -> TokenStream {
        let schema = types::moved_to(repository.at, self.schema.to_token_stream());
        let function = repository.function("name_entities");
        quote_spanned!(repository.at=> #function(#schema);)
    }

    pub(crate) fn visit_repositories(&self, visits: impl Iterator<Item = TokenStream>) -> TokenStream {
        let Self { at, database, lifetime, this, sets, .. } = self;
        quote_spanned! {*at=>
            fn visit_repositories<#lifetime>(
                &#lifetime mut #this,
                #sets: &mut _uow::Repositories<#lifetime, #database>,
            ) {
                #(#visits)*
            }
        }
    }

    pub(crate) fn entity_sets(&self, sets: impl Iterator<Item = TokenStream>) -> TokenStream {
        let Self { at, database, lifetime, this, sets: into_sets, .. } = self;
        quote_spanned! {*at=>
            fn entity_sets<#lifetime>(
                &#lifetime mut #this,
                #into_sets: &mut _uow::EntitySets<#lifetime, #database>,
            ) {
                #(#sets)*
            }
        }
    }

    pub(crate) fn schema(&self, schemas: impl Iterator<Item = TokenStream>) -> TokenStream {
        let Self { at, database, schema, .. } = self;
        quote_spanned! {*at=>
            fn schema(#schema: &mut _uow::Schema<#database>) {
                #(#schemas)*
            }
        }
    }
}
