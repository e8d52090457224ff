//! `#[derive(Entity)]`.

mod arrays;
mod expand;
mod fallback;
mod methods;
mod model;
mod naming;
mod new;
mod references;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::DeriveInput;

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    match model::from_input(&input) {
        Ok(entity) => expand::expand(&entity),
        Err(rejected) => fallback::expand(&rejected),
    }
}
