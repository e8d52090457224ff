//! What the tests of the derives share.

use proc_macro2::{TokenStream, TokenTree};

/// The expansion as a person would have laid it out.
pub(crate) fn pretty(expansion: TokenStream) -> syn::Result<String> {
    Ok(prettyplease::unparse(&syn::parse2(expansion)?))
}

/// The texts of the `compile_error!`s in an expansion, in order.
pub(crate) fn mistakes(expansion: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    let mut after_compile_error = false;
    for token in expansion {
        match token {
            TokenTree::Ident(ident) => after_compile_error = ident == "compile_error",
            TokenTree::Group(group) if after_compile_error => {
                found.extend(syn::parse2::<syn::LitStr>(group.stream()).map(|text| text.value()));
                after_compile_error = false;
            }
            _ => {}
        }
    }
    found
}

/// Asserts that there are as many mistakes as texts, each with its text in it.
pub(crate) fn assert_mistakes(expansion: TokenStream, texts: &[&str]) {
    let found = mistakes(expansion);
    assert_eq!(found.len(), texts.len(), "{found:#?}");
    for (found, text) in found.iter().zip(texts) {
        assert!(found.contains(text), "{found:?} does not contain {text:?}");
    }
}
