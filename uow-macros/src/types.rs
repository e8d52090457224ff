//! What can be said of a type by its tokens alone.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::TokenStreamExt;
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// The last segment of a path type, as in `Lazy<Blogs>` of `unit_of_work::Lazy<Blogs>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        // A type that came through `macro_rules!` as `$ty` is in an invisible group.
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Whether the type is called `name`, wherever it comes from.
pub(crate) fn is_called(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The `T` of a type like `Lazy<T>`: its one generic argument.
pub(crate) fn only_argument(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last_segment(ty)?.arguments else {
        return None;
    };
    match (arguments.args.first(), arguments.args.len()) {
        (Some(GenericArgument::Type(argument)), 1) => Some(argument),
        _ => None,
    }
}

/// The type's name if that is all there is to it, for use in a message.
pub(crate) fn plain_name(ty: &Type) -> Option<&Ident> {
    last_segment(ty).filter(|segment| segment.arguments.is_none()).map(|segment| &segment.ident)
}

/// Whether `ident` occurs among the tokens, at any depth.
pub(crate) fn mentions(tokens: TokenStream, ident: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(found) => found == *ident,
        TokenTree::Group(group) => mentions(group.stream(), ident),
        _ => false,
    })
}

/// The tokens of the struct `itself` for use in another: there, `Self` would be that other one.
pub(crate) fn outside_of(itself: &TokenStream, tokens: TokenStream) -> TokenStream {
    let mut outside = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => outside.extend(itself.clone()),
            TokenTree::Group(group) => {
                let mut replaced = Group::new(group.delimiter(), outside_of(itself, group.stream()));
                replaced.set_span(group.span());
                outside.append(replaced);
            }
            other => outside.append(other),
        }
    }
    outside
}

/// The one token that what is wrong with a type is reported at. (A span of several tokens cannot be made on stable, and
/// only what is reported in the same words at the same place is shown once.)
pub(crate) fn place(ty: &Type) -> Span {
    last_segment(ty).map_or_else(|| ty.span(), |segment| segment.ident.span())
}

/// The tokens as if they had been written at `at`, for code that is to be reported there.
pub(crate) fn moved_to(at: Span, tokens: TokenStream) -> TokenStream {
    let mut there = TokenStream::new();
    for token in tokens {
        let mut moved = match token {
            TokenTree::Group(group) => Group::new(group.delimiter(), moved_to(at, group.stream())).into(),
            other => other,
        };
        moved.set_span(at.resolved_at(moved.span()));
        there.append(moved);
    }
    there
}
