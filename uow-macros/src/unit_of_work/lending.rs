//! What a unit of work gets besides its trait: a getter for each repository, and `split` for all of them at once.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{GenericParam, Lifetime, Visibility};

use super::model::Repository;
use crate::target::{Target, fresh};
use crate::types;

/// The inherent impl. A unit is a list of what there is: that the program does not use all of it is no mistake.
pub(super) fn methods(target: &Target<'_>, methods: impl Iterator<Item = TokenStream>) -> TokenStream {
    let itself = target.itself();
    let (parameters, _, bounds) = target.generics.split_for_impl();
    // Not `automatically_derived`, which the compiler wants on impls of traits alone; so Clippy takes it for the user's.
    quote! {
        #[allow(dead_code, clippy::used_underscore_binding)]
        impl #parameters #itself #bounds {
            #(#methods)*
        }
    }
}

/// The method that lends one repository. `this` is the `self` of its body.
pub(super) fn getter(
    visibility: &Visibility,
    repository: &Repository<'_>,
    this: &Ident,
    body: &TokenStream,
) -> TokenStream {
    let Repository { getter, ty, .. } = repository;
    // (What an editor shows beside the compiler's E0499, which no `#[diagnostic]` can explain.)
    let doc = format!(
        " Lends the unit's `{}`, made when first asked for. For several at once: [`split`](Self::split).",
        getter.unraw()
    );
    // What a lint says of the getter it says at the field.
    let visibility = types::moved_to(getter.span(), visibility.to_token_stream());
    quote! {
        #[doc = #doc]
        #visibility fn #getter(&mut #this) -> &mut #ty {
            #body
        }
    }
}

/// `<Struct>Split`: all repositories of a unit, each lent.
pub(super) struct Split<'a> {
    target: &'a Target<'a>,
    repositories: &'a [Repository<'a>],
    name: Ident,
    lifetime: Lifetime,
    /// The field that stands for generic parameters no repository has. The compiler allows none to be unused.
    marker: Option<Ident>,
}

impl<'a> Split<'a> {
    /// There is nothing to split in a unit without repositories.
    pub(super) fn new(target: &'a Target<'a>, repositories: &'a [Repository<'a>]) -> Option<Self> {
        if repositories.is_empty() {
            return None;
        }
        let name = format_ident!("{}Split", target.name.unraw(), span = target.name.span());
        let mut types = TokenStream::new();
        repositories.iter().for_each(|repository| repository.ty.to_tokens(&mut types));
        let unused = target.generics.params.iter().any(|parameter| match parameter {
            GenericParam::Lifetime(parameter) => !types::mentions(types.clone(), &parameter.lifetime.ident),
            GenericParam::Type(parameter) => !types::mentions(types.clone(), &parameter.ident),
            GenericParam::Const(_) => false,
        });
        let taken = |ident: &Ident| repositories.iter().any(|repository| repository.getter == *ident);
        let marker = unused.then(|| fresh("__unit", taken));
        Some(Self { target, repositories, name, lifetime: target.fresh_lifetime("split"), marker })
    }

    /// The struct. It stands outside the `const _`, where the user can name it. It is not `Debug`: it could say nothing of its
    /// repositories, which need not be, and to compile that would cost as much as three getters.
    pub(super) fn definition(&self) -> TokenStream {
        let Self { target, name, lifetime, .. } = self;
        let visibility = target.visibility;
        let itself = target.itself();
        let parameters = types::outside_of(&itself, target.generics.params.to_token_stream());
        let bounds = types::outside_of(&itself, target.generics.where_clause.to_token_stream());
        let fields = self.repositories.iter().map(|Repository { getter, ty, .. }| {
            let doc = format!(" The unit's `{}`.", getter.unraw());
            let ty = types::outside_of(&itself, ty.to_token_stream());
            let visibility = types::moved_to(getter.span(), visibility.to_token_stream());
            quote! {
                #[doc = #doc]
                #visibility #getter: &#lifetime mut #ty
            }
        });
        let marker = self
            .marker
            .iter()
            .map(|marker| quote!(#marker: ::core::marker::PhantomData<&#lifetime mut #itself>));
        let unit = target.text();
        let doc = format!(" All repositories of [`{unit}`], lent at once by [`{unit}::split`].");
        quote! {
            #[doc = #doc]
            #[allow(dead_code, deprecated, missing_debug_implementations)]
            #visibility struct #name<#lifetime, #parameters> #bounds {
                #(#fields,)*
                #(#marker,)*
            }
        }
    }

    /// The method `split`. `this` is the `self` of its body.
    pub(super) fn method(&self, this: &Ident, body: &TokenStream) -> TokenStream {
        let Self { target: Target { visibility, .. }, name, .. } = self;
        let arguments = self.arguments();
        quote! {
            /// Lends all repositories at once.
            ///
            /// They share the unit's session: a statement that is sent while the rows of another are still streaming fails
            /// at once, as busy.
            #visibility fn split(&mut #this) -> #name #arguments {
                #body
            }
        }
    }

    /// The struct's value, given an expression for each repository.
    pub(super) fn value(&self, lent: &[TokenStream]) -> TokenStream {
        let name = &self.name;
        let getters = self.repositories.iter().map(|repository| &repository.getter);
        let marker = self.marker.iter();
        quote! {
            #name {
                #(#getters: #lent,)*
                #(#marker: ::core::marker::PhantomData,)*
            }
        }
    }

    /// `<'_, T, N>`, where the lifetime of the borrow can be left to the compiler.
    fn arguments(&self) -> TokenStream {
        let arguments = self.target.generics.params.iter().map(|parameter| match parameter {
            GenericParam::Lifetime(parameter) => parameter.lifetime.to_token_stream(),
            GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
            GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
        });
        quote!(<'_ #(, #arguments)*>)
    }
}
