//! The methods of an entity. What concerns one column at a time is a `match` on its position in `COLUMNS`.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::model::{Column, Entity, Role, Skipped};
use crate::types;

pub(super) fn expand(entity: &Entity<'_>, database: &Ident) -> TokenStream {
    let identity = identity(entity);
    let version = version(entity);
    let rows = rows(entity, database);
    let copies = copies(entity);
    let binds = binds(entity, database);
    let types = column_types(entity, database);
    quote! {
        #identity
        #version
        #rows
        #copies
        #binds
        #types
    }
}

fn identity(entity: &Entity<'_>) -> TokenStream {
    let key = entity.columns.iter().filter(|column| column.is_key());
    let key = key.map(|Column { field, .. }| quote!(::core::clone::Clone::clone(&self.#field)));
    let key = one_or_tuple(&key.collect::<Vec<_>>());
    let set_key = entity.columns.iter().filter(|column| column.is_key());
    let set_key: Vec<TokenStream> = set_key.map(|Column { field, .. }| quote!(self.#field)).collect();
    let set_key = one_or_tuple(&set_key);
    let generated = entity.columns.iter().find(|column| matches!(column.role, Role::Key { generated: true }));
    let has_key = generated.map_or_else(
        || quote!(true),
        |Column { field, ty, .. }| {
            let default = default(ty);
            quote!(self.#field != #default)
        },
    );
    quote! {
        fn key(&self) -> Self::Key {
            #key
        }
        fn has_key(&self) -> ::core::primitive::bool {
            #has_key
        }
        fn set_key(&mut self, __key: Self::Key) {
            #set_key = __key;
        }
    }
}

/// The methods are reported at the version's type in the same words, so that a wrong type is one error.
fn version(entity: &Entity<'_>) -> TokenStream {
    let Some(Column { field, ty, .. }) =
        entity.columns.iter().find(|column| matches!(column.role, Role::Version))
    else {
        return quote! {
            fn version(&self) -> ::core::option::Option<::core::primitive::i64> {
                ::core::option::Option::None
            }
            fn set_version(&mut self, _: ::core::primitive::i64) {}
            fn raise_version(&mut self) {}
        };
    };
    let version = quote_spanned!(types::place(ty)=> <#ty as _uow::VersionType>);
    quote! {
        fn version(&self) -> ::core::option::Option<::core::primitive::i64> {
            ::core::option::Option::Some(#version::number(self.#field))
        }
        fn set_version(&mut self, __number: ::core::primitive::i64) {
            self.#field = #version::of(__number);
        }
        fn raise_version(&mut self) {
            self.#field = #version::next(self.#field);
        }
    }
}

fn rows(entity: &Entity<'_>, database: &Ident) -> TokenStream {
    let fields: Vec<&Ident> = entity.columns.iter().map(|column| column.field).collect();
    let value = |at: &dyn ToTokens, ty| quote!(<#database as _uow::Backend>::column::<#ty>(__row, #at)?);
    // The columns of a query for whole entities come in the order of `COLUMNS`.
    let values: Vec<TokenStream> =
        positions(entity).map(|(position, column)| value(&position, column.ty)).collect();
    let skipped = skipped(entity);
    let at = Ident::new("__at", Span::call_site());
    let reads = positions(entity).map(|(position, Column { field, ty, .. })| {
        let value = value(&at, ty);
        quote!(#position => self.#field = #value)
    });
    quote! {
        fn load(__row: &#database::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::result::Result::Ok(Self { #(#fields: #values,)* #skipped })
        }
        fn reload(&mut self, __row: &#database::Row) -> ::core::result::Result<(), _uow::SqlxError> {
            (#(self.#fields,)*) = (#(#values,)*);
            ::core::result::Result::Ok(())
        }
        fn read(
            &mut self,
            __column: ::core::primitive::usize,
            __row: &#database::Row,
            __at: ::core::primitive::usize,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            match __column {
                #(#reads,)*
                _ => {}
            }
            ::core::result::Result::Ok(())
        }
    }
}

/// A column's type as what can be copied and compared. If it cannot, that is told in the same words at the first field of the
/// type, and so once.
fn as_value(entity: &Entity<'_>, ty: &Type) -> TokenStream {
    let text = ty.to_token_stream().to_string();
    let is_same = |column: &&Column<'_>| column.ty.to_token_stream().to_string() == text;
    let at = types::place(entity.columns.iter().find(is_same).map_or(ty, |column| column.ty));
    let ty = types::moved_to(at, ty.to_token_stream());
    quote_spanned!(at=> <#ty as _uow::ColumnValue>)
}

fn copies(entity: &Entity<'_>) -> TokenStream {
    let fields = entity.columns.iter().map(|column| column.field);
    let skipped = skipped(entity);
    let values: Vec<TokenStream> = entity.columns.iter().map(|column| as_value(entity, column.ty)).collect();
    let copies = positions(entity).zip(&values).map(|((position, Column { field, .. }), value)| {
        quote!(#position => self.#field = #value::copied(&__from.#field))
    });
    let changes = positions(entity).zip(&values).map(|((position, Column { field, .. }), value)| {
        quote! {
            if __columns.contains(#position) && #value::differs(&self.#field, &__from.#field) {
                __changes.insert(#position);
            }
        }
    });
    quote! {
        fn snapshot(&self) -> Self {
            Self { #(#fields: #values::copied(&self.#fields),)* #skipped }
        }
        fn copy(&mut self, __column: ::core::primitive::usize, __from: &Self) {
            match __column {
                #(#copies,)*
                _ => {}
            }
        }
        fn changes_in(&self, __columns: _uow::ColumnSet, __from: &Self) -> _uow::ColumnSet {
            let mut __changes = _uow::ColumnSet::EMPTY;
            #(#changes)*
            __changes
        }
    }
}

fn binds(entity: &Entity<'_>, database: &Ident) -> TokenStream {
    let binds = positions(entity).map(|(position, Column { field, ty, .. })| {
        quote!(#position => _uow::bind::<#database, #ty>(__values, &self.#field))
    });
    let key: Vec<&Type> =
        entity.columns.iter().filter(|column| column.is_key()).map(|column| column.ty).collect();
    let bind_key = match key.as_slice() {
        [only] => quote!(_uow::bind::<#database, #only>(__values, __key)),
        several => {
            let parts = (0..several.len()).map(Literal::usize_unsuffixed);
            quote! {
                #(_uow::bind::<#database, #several>(__values, &__key.#parts)?;)*
                ::core::result::Result::Ok(())
            }
        }
    };
    quote! {
        fn bind(
            &self,
            __column: ::core::primitive::usize,
            __values: &mut _uow::Values<'_, #database>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            match __column {
                #(#binds,)*
                _ => ::core::result::Result::Ok(()),
            }
        }
        fn bind_key(
            __key: &Self::Key,
            __values: &mut _uow::Values<'_, #database>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            #bind_key
        }
    }
}

fn column_types(entity: &Entity<'_>, database: &Ident) -> TokenStream {
    let columns = by_type(entity.columns.iter().enumerate());
    let (positions, types): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    quote! {
        fn type_info(
            __column: ::core::primitive::usize,
        ) -> ::core::option::Option<#database::TypeInfo> {
            ::core::option::Option::Some(match __column {
                #(#positions => _uow::type_info::<#database, #types>(),)*
                _ => return ::core::option::Option::None,
            })
        }
        fn compatible(
            __column: ::core::primitive::usize,
            __info: &#database::TypeInfo,
        ) -> ::core::primitive::bool {
            match __column {
                #(#positions => _uow::compatible::<#database, #types>(__info),)*
                _ => false,
            }
        }
    }
}

/// The types of these columns, each with the pattern of the positions it is at: what is asked of a type is asked once.
pub(super) fn by_type<'a>(
    columns: impl Iterator<Item = (usize, &'a Column<'a>)>,
) -> Vec<(TokenStream, &'a Type)> {
    let mut types: Vec<(String, TokenStream, &Type)> = Vec::new();
    for (position, Column { ty, .. }) in columns {
        let position = Literal::usize_unsuffixed(position);
        let name = ty.to_token_stream().to_string();
        match types.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, positions, _)) => positions.extend(quote!(| #position)),
            None => types.push((name, position.to_token_stream(), ty)),
        }
    }
    types.into_iter().map(|(_, positions, ty)| (positions, ty)).collect()
}

fn positions<'a>(entity: &'a Entity<'a>) -> impl Iterator<Item = (Literal, &'a Column<'a>)> {
    entity.columns.iter().enumerate().map(|(at, column)| (Literal::usize_unsuffixed(at), column))
}

fn skipped(entity: &Entity<'_>) -> TokenStream {
    let skipped = entity.skipped.iter().map(|&Skipped { field, ty }| {
        let default = default(ty);
        quote!(#field: #default)
    });
    quote!(#(#skipped,)*)
}

fn default(ty: &Type) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default())
}

fn one_or_tuple(values: &[TokenStream]) -> TokenStream {
    match values {
        [only] => only.clone(),
        _ => quote!((#(#values),*)),
    }
}
