//! What the tests of the derives share.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote;

/// The expansion as a person would have laid it out.
pub(crate) fn pretty(expansion: TokenStream) -> syn::Result<String> {
    let laid_out = prettyplease::unparse(&syn::parse2(opened(expansion))?);
    let start = laid_out.replace("const POSTGRES_ONLY: () = ();", "_uow::postgres_only! {");
    Ok(start.replace("const END_OF_POSTGRES_ONLY: () = ();", "}"))
}

/// Nobody can lay out what is inside of a macro, so `_uow::postgres_only!` is made two constants around it.
fn opened(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            out.push(token);
            continue;
        };
        let inner = opened(group.stream());
        let is_ours = out.iter().rev().nth(1).is_some_and(|name| name.to_string() == "postgres_only");
        if is_ours {
            // `_uow`, `::`, the name and `!`.
            out.truncate(out.len() - 5);
            out.extend(quote!(const POSTGRES_ONLY: () = (); #inner const END_OF_POSTGRES_ONLY: () = ();));
        } else {
            out.push(Group::new(group.delimiter(), inner).into());
        }
    }
    out.into_iter().collect()
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
