//! The database a struct is for, by the type of one of its fields.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Type;

use crate::types;

/// A type that says which database a struct is for.
#[derive(Clone, Copy)]
pub(crate) enum Database<'a> {
    OfSession(&'a Type),
    OfRepository(&'a Type),
}

impl Database<'_> {
    /// What is wrong with it is reported there.
    pub(crate) fn place(self) -> Span {
        let (Self::OfSession(ty) | Self::OfRepository(ty)) = self;
        types::place(ty)
    }

    /// `DatabaseOf<Session<Sqlite>>`: an alias of a session is one too.
    ///
    /// Methods have it in their signatures too. `Self::Database` would be shorter; but the compiler then looks through the whole
    /// impl and all its fields for each of them, which takes as long as all the rest.
    pub(crate) fn expand(self) -> TokenStream {
        let at = self.place();
        match self {
            Self::OfSession(ty) => quote_spanned!(at=> _uow::DatabaseOf<#ty>),
            Self::OfRepository(ty) => quote_spanned!(at=> <#ty as _uow::Repository>::Database),
        }
    }

    /// The repository of this type there.
    pub(crate) fn repository(self, ty: &Type) -> Repository {
        let at = types::place(ty);
        let ty = types::moved_to(at, ty.to_token_stream());
        let database = types::moved_to(self.place(), self.expand());
        Repository { at, bound: quote_spanned!(at=> <#ty as _uow::RepositoryOf<#database>>) }
    }
}

/// A type in its capacity as a repository of a database: `<Blogs as RepositoryOf<…>>`.
///
/// Everything is said, and nothing left for the compiler to find out: that is what makes all that is wrong with a repository one
/// error.
pub(crate) struct Repository {
    /// Where it is reported.
    pub(crate) at: Span,
    bound: TokenStream,
}

impl Repository {
    /// The path of a function of the trait.
    pub(crate) fn function(&self, name: &str) -> TokenStream {
        let bound = &self.bound;
        let name = Ident::new(name, self.at);
        quote_spanned!(self.at=> #bound::#name)
    }
}
