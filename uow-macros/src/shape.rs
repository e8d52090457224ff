//! The shape every derive asks for: a struct with named fields.

use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Field, Fields, Token};

use crate::errors::Errors;

/// The named fields, or a mistake at what the input is instead. `derive` and `example` go into the message.
pub(crate) fn named_fields<'a>(
    input: &'a DeriveInput,
    derive: &str,
    example: &str,
    errors: &mut Errors,
) -> Option<&'a Punctuated<Field, Token![,]>> {
    let wants = format!(
        "`{derive}` is derived for a struct with named fields: write `struct {} {example}`",
        input.ident
    );
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Some(&fields.named),
            Fields::Unnamed(fields) => errors.on(fields, wants),
            Fields::Unit => errors.on(&input.ident, wants),
        },
        Data::Enum(data) => errors.at(data.enum_token.span, wants),
        Data::Union(data) => errors.at(data.union_token.span, wants),
    }
    None
}
