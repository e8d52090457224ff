//! The impls of an entity without mistakes.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Type, TypeParam};

use super::model::{Column, Entity, Role};
use super::{arrays, methods, new, references};
use crate::types;

pub(crate) fn expand(entity: &Entity<'_>) -> TokenStream {
    let database = entity.target.fresh_parameter("__DB");
    let parameters = entity.target.parameters_and(&quote!(#database: _uow::Backend));
    let itself = entity.target.itself();
    let bounds = bounds(entity, &database);
    let key = entity.columns.iter().filter(|column| column.is_key()).map(|column| column.ty);
    let key = key_type(key);
    let constants = constants(entity);
    let methods = methods::expand(entity, &database);
    let arrays = arrays::expand(entity, &database);
    let references = references::expand(&entity.target, &entity.columns, &database);
    let (new, from_new) = new::expand(entity);
    let impls = entity.target.enclose(&quote! {
        #[automatically_derived]
        impl #parameters _uow::Entity<#database> for #itself #bounds {
            type Key = #key;
            #constants
            #methods
            #arrays
        }
        #references
        #from_new
    });
    quote!(#impls #new)
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
    let own = entity.target.predicates();
    let (mut asked, mut columns) = (Vec::new(), TokenStream::new());
    for ty in entity.columns.iter().map(|column| column.ty) {
        let text = ty.to_token_stream().to_string();
        if !asked.contains(&text) {
            asked.push(text);
            columns.extend(quote_spanned!(ty.span()=> #ty: _uow::ColumnType<#database>,));
            // (Of a type without parameters the compiler would say so on the spot, and again at each use.)
            let is_generic = |own: &TypeParam| types::mentions(ty.to_token_stream(), &own.ident);
            if entity.target.generics.type_params().any(is_generic) {
                columns.extend(quote_spanned!(ty.span()=> #ty: _uow::ColumnValue,));
            }
        }
    }
    quote!(where #own #columns)
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
        Role::ReadOnly => quote!(.read_only()),
        Role::Data => TokenStream::new(),
    };
    let unique = column.unique.then(|| quote!(.unique()));
    let nullable = column.nullable.then(|| quote!(.nullable()));
    let references = column.reference.as_ref().map(|reference| {
        let to = &reference.to;
        quote!(.references::<#to>())
    });
    quote!(_uow::Column::new(#name) #role #unique #nullable #references)
}
