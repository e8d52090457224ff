//! The impl of an entity without mistakes.

use std::collections::HashSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::model::{Column, Entity, Role, Skipped};

pub(crate) fn expand(entity: &Entity<'_>) -> TokenStream {
    let database = entity.target.fresh_parameter("__DB");
    let parameters = entity.target.parameters_and(&quote!(#database: _uow::Backend));
    let itself = entity.target.itself();
    let bounds = bounds(entity, &database);
    let key = entity.columns.iter().filter(|column| column.is_key()).map(|column| column.ty);
    let key = key_type(key);
    let constants = constants(entity);
    let methods = methods(entity, &database);
    entity.target.enclose(&quote! {
        #[automatically_derived]
        impl #parameters _uow::Entity<#database> for #itself #bounds {
            type Key = #key;
            #constants
            #methods
        }
    })
}

/// The type itself for a key of one column, a tuple for one of several.
pub(super) fn key_type<'a>(types: impl Iterator<Item = &'a Type>) -> TokenStream {
    let types: Vec<&Type> = types.collect();
    match types.as_slice() {
        [only] => only.to_token_stream(),
        _ => quote!((#(#types),*)),
    }
}

/// Whether a type fits a database is asked when an entity is used with one. Each type is asked for once.
fn bounds(entity: &Entity<'_>, database: &Ident) -> TokenStream {
    let own = entity.target.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let mut asked = HashSet::new();
    let types = entity.columns.iter().map(|column| column.ty);
    let types = types.filter(|ty| asked.insert(ty.to_token_stream().to_string()));
    let columns = types.map(|ty| quote_spanned!(ty.span()=> #ty: _uow::ColumnType<#database>));
    quote!(where #(#own,)* #(#columns,)*)
}

fn constants(entity: &Entity<'_>) -> TokenStream {
    let name = entity.target.text();
    let table = &entity.table;
    let schema = entity.schema.iter();
    let columns = entity.columns.iter().map(column);
    quote! {
        const NAME: &'static ::core::primitive::str = #name;
        const TABLE: _uow::Table = _uow::Table::new(#table) #(.schema(#schema))*;
        const COLUMNS: &'static [_uow::Column] = &[#(#columns),*];
    }
}

fn column(column: &Column<'_>) -> TokenStream {
    let name = &column.name;
    let role = match column.role {
        Role::Key { generated: true } => quote!(.key().generated()),
        Role::Key { generated: false } => quote!(.key()),
        Role::Version => quote!(.version()),
        Role::Data => TokenStream::new(),
    };
    quote!(_uow::Column::new(#name) #role)
}

fn methods(entity: &Entity<'_>, database: &Ident) -> TokenStream {
    let key = entity.columns.iter().filter(|column| column.is_key());
    let key_value = key_value(key.clone().map(|column| column.field));
    let binds =
        key.map(|Column { field, ty, .. }| quote!(_uow::bind::<#database, #ty>(__arguments, &self.#field)?;));
    let fields: Vec<&Ident> = entity.columns.iter().map(|column| column.field).collect();
    let values = entity.columns.iter().enumerate().map(|(at, column)| value(at, column, database));
    let values: Vec<TokenStream> = values.collect();
    let skipped = entity.skipped.iter().map(|&Skipped { field, ty }| {
        let default = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
        quote!(#field: #default)
    });
    quote! {
        fn key(&self) -> Self::Key {
            #key_value
        }
        fn load(__row: &#database::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::result::Result::Ok(Self { #(#fields: #values,)* #(#skipped,)* })
        }
        fn reload(&mut self, __row: &#database::Row) -> ::core::result::Result<(), _uow::SqlxError> {
            (#(self.#fields,)*) = (#(#values,)*);
            ::core::result::Result::Ok(())
        }
        fn bind_key(&self, __arguments: &mut #database::Arguments) -> ::core::result::Result<(), _uow::BoxDynError> {
            #(#binds)*
            ::core::result::Result::Ok(())
        }
    }
}

fn key_value<'a>(fields: impl Iterator<Item = &'a Ident>) -> TokenStream {
    let values: Vec<TokenStream> =
        fields.map(|field| quote!(::core::clone::Clone::clone(&self.#field))).collect();
    match values.as_slice() {
        [only] => only.clone(),
        _ => quote!((#(#values),*)),
    }
}

/// The value of a column, read by its position: the columns of a query come in the order of `COLUMNS`.
fn value(at: usize, column: &Column<'_>, database: &Ident) -> TokenStream {
    let at = Literal::usize_unsuffixed(at);
    let ty = column.ty;
    quote!(<#database as _uow::Backend>::column::<#ty>(__row, #at)?)
}
