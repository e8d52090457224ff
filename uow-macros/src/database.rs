//! The database a struct is for, by the type of one of its fields.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Type;

use crate::types;

/// A type that says which database a struct is for.
#[derive(Clone, Copy)]
pub(crate) enum Database<'a> {
    OfSession(&'a Type),
    OfRepository(&'a Type),
}

impl Database<'_> {
    /// `<Session<Sqlite> as SessionField>::Database`: an alias of a session is one too.
    pub(crate) fn expand(self) -> TokenStream {
        match self {
            Self::OfSession(ty) => {
                quote_spanned!(types::place(ty)=> <#ty as _uow::SessionField>::Database)
            }
            Self::OfRepository(ty) => quote_spanned!(types::place(ty)=> <#ty as _uow::Repository>::Database),
        }
    }
}
