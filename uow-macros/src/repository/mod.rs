//! `#[derive(Repository)]`.

mod expand;
mod fallback;
mod model;
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
        Ok(repository) => expand::expand(&repository),
        Err(rejected) => fallback::expand(&rejected),
    }
}
