//! The columns as PostgreSQL's arrays. Whether a type has them is told by which of two methods is nearer to it.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::methods::by_type;
use super::model::{Column, Entity};

/// Without PostgreSQL in the build nothing of it is there, and what the trait provides says that no column has arrays.
pub(super) fn expand(entity: &Entity<'_>, database: &Ident) -> TokenStream {
    let columns = entity.columns.iter().enumerate().filter(|(_, column)| column.array);
    let (positions, types): (Vec<_>, Vec<_>) = by_type(columns.clone()).into_iter().unzip();
    let binds = columns.map(|(position, Column { field, ty, .. })| {
        let position = Literal::usize_unsuffixed(position);
        quote! {
            #position => (&_uow::PgColumn::<#ty>::new())
                .bind_array(::core::iter::Iterator::map(__rows.iter(), |__row| &__row.#field), __arguments)
        }
    });
    quote! {
        _uow::postgres_only! {
            fn has_array(__column: ::core::primitive::usize) -> ::core::primitive::bool {
                use _uow::{Arrays as _, NoArrays as _};
                match __column {
                    #(#positions => (&_uow::PgColumn::<#types>::new()).has_array(),)*
                    _ => false,
                }
            }
            fn bind_array(
                __column: ::core::primitive::usize,
                __rows: &[&Self],
                __arguments: &mut #database::Arguments,
            ) -> ::core::result::Result<(), _uow::BoxDynError> {
                use _uow::{Arrays as _, NoArrays as _};
                let ::core::option::Option::Some(__arguments) = _uow::as_postgres::<#database>(__arguments) else {
                    return ::core::result::Result::Ok(());
                };
                match __column {
                    #(#binds,)*
                    _ => ::core::result::Result::Ok(()),
                }
            }
        }
    }
}
