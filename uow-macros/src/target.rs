//! The struct a derive stands on: what every expansion needs to name it and to refer to the runtime.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{DeriveInput, GenericParam, Generics, Lifetime, Path, Visibility};

/// The struct, and the crate its impls are for.
pub(crate) struct Target<'a> {
    pub(crate) visibility: &'a Visibility,
    pub(crate) name: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// The `path` of `#[uow(crate = path)]`.
    pub(crate) crate_path: Option<Path>,
}

impl<'a> Target<'a> {
    pub(crate) fn new(input: &'a DeriveInput, crate_path: Option<Path>) -> Self {
        Self { visibility: &input.vis, name: &input.ident, generics: &input.generics, crate_path }
    }

    /// The struct's name as text, without `r#`.
    pub(crate) fn text(&self) -> String {
        self.name.unraw().to_string()
    }

    /// The struct's name with its generic arguments: `Database<'a, T, N>`.
    pub(crate) fn itself(&self) -> TokenStream {
        let name = self.name;
        let (_, arguments, _) = self.generics.split_for_impl();
        quote!(#name #arguments)
    }

    /// Puts impls where they can say `_uow::…` and nothing they import reaches the user's scope, nor the other way round.
    pub(crate) fn enclose(&self, impls: &TokenStream) -> TokenStream {
        let crate_path =
            self.crate_path.as_ref().map_or_else(|| quote!(::unit_of_work), |path| quote!(#path));
        // The user's own types stand in the impls: what a lint says of them is said where the user wrote them.
        quote! {
            #[allow(deprecated, unused_qualifications)]
            const _: () = {
                use #crate_path::__private as _uow;
                #impls
            };
        }
    }

    /// The parameters for an `impl<…>`, `extra` being one more type parameter with its bounds.
    pub(crate) fn parameters_and(&self, extra: &TokenStream) -> TokenStream {
        let is_lifetime = |parameter: &&GenericParam| matches!(parameter, GenericParam::Lifetime(_));
        let lifetimes = self.generics.params.iter().filter(is_lifetime);
        let others =
            self.generics.params.iter().filter(|parameter| !is_lifetime(parameter)).map(without_default);
        quote!(<#(#lifetimes,)* #extra #(, #others)*>)
    }

    /// The bounds of the struct's `where` clause, each with a comma behind it.
    pub(crate) fn predicates(&self) -> TokenStream {
        let own = self.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
        quote!(#(#own,)*)
    }

    /// A lifetime that none of the struct's own is named like.
    pub(crate) fn fresh_lifetime(&self, name: &str) -> Lifetime {
        let taken = |ident: &Ident| self.generics.lifetimes().any(|own| own.lifetime.ident == *ident);
        Lifetime { apostrophe: Span::call_site(), ident: fresh(name, taken) }
    }

    /// A type parameter that none of the struct's own is named like.
    pub(crate) fn fresh_parameter(&self, name: &str) -> Ident {
        fresh(name, |ident| {
            let types = self.generics.type_params().any(|own| own.ident == *ident);
            types || self.generics.const_params().any(|own| own.ident == *ident)
        })
    }
}

/// `name`, made longer until it is not taken.
pub(crate) fn fresh(name: &str, taken: impl Fn(&Ident) -> bool) -> Ident {
    let mut ident = Ident::new(name, Span::call_site());
    while taken(&ident) {
        ident = format_ident!("{ident}_");
    }
    ident
}

fn without_default(parameter: &GenericParam) -> TokenStream {
    match parameter {
        GenericParam::Type(parameter) => {
            let (ident, colon, bounds) = (&parameter.ident, &parameter.colon_token, &parameter.bounds);
            quote!(#ident #colon #bounds)
        }
        GenericParam::Const(parameter) => {
            let (ident, ty) = (&parameter.ident, &parameter.ty);
            quote!(const #ident: #ty)
        }
        GenericParam::Lifetime(parameter) => parameter.to_token_stream(),
    }
}
