//! Reads `#[uow(…)]`: every key with its span, every mistake on its own token.
//!
//! What a key means is not known here; each derive says in a [`Place`] which keys it understands where.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, LitStr, Meta, Path, Token, Type};

use crate::errors::Errors;
use crate::nearest;

/// What stands after a key.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Path,
    Name,
    Text,
    Type,
    Derives,
}

/// A key of `#[uow(…)]`.
pub(crate) struct Key {
    name: &'static str,
    takes: Takes,
}

impl Key {
    /// A key that stands alone: `skip`.
    pub(crate) const fn flag(name: &'static str) -> Self {
        Self { name, takes: Takes::Nothing }
    }

    /// A key with a path: `crate = my::path`.
    pub(crate) const fn path(name: &'static str) -> Self {
        Self { name, takes: Takes::Path }
    }

    /// A key with an identifier: `getter = posts`.
    pub(crate) const fn name(name: &'static str) -> Self {
        Self { name, takes: Takes::Name }
    }

    /// A key with a string: `table = "blog"`.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, takes: Takes::Text }
    }

    /// A key with a type: `references = Blog`.
    pub(crate) const fn ty(name: &'static str) -> Self {
        Self { name, takes: Takes::Type }
    }

    /// A key that stands alone, or with derives: `new`, `new(Debug, Clone)`.
    pub(crate) const fn derives(name: &'static str) -> Self {
        Self { name, takes: Takes::Derives }
    }

    /// The key as the user writes it, in backticks.
    fn usage(&self) -> String {
        let name = self.name;
        match self.takes {
            Takes::Nothing | Takes::Derives => format!("`{name}`"),
            Takes::Path => format!("`{name} = path`"),
            Takes::Name => format!("`{name} = name`"),
            Takes::Text => format!("`{name} = \"…\"`"),
            Takes::Type => format!("`{name} = Type`"),
        }
    }
}

/// Where an attribute stands, and the keys that are valid there.
pub(crate) struct Place {
    /// As in "… on `{what}`".
    pub(crate) what: &'static str,
    pub(crate) keys: &'static [Key],
    /// The place of the same derive where a key may have been meant to stand.
    pub(crate) other: &'static Place,
}

impl Place {
    fn find(&'static self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// "on a field of an entity are `key`, `generated` and `skip`".
    fn list(&self) -> String {
        let usages: Vec<String> = self.keys.iter().map(Key::usage).collect();
        match usages.split_last() {
            Some((only, [])) => format!("the only key on {} is {only}", self.what),
            Some((last, rest)) => format!("the keys on {} are {} and {last}", self.what, rest.join(", ")),
            None => format!("there is no key on {}", self.what),
        }
    }

    fn unknown(&'static self, name: &str) -> String {
        if self.other.find(name).is_some() {
            return format!("`{name}` belongs on {}; {}", self.other.what, self.list());
        }
        let names = self.keys.iter().map(|key| key.name);
        match nearest::nearest(name, names) {
            Some(meant) => format!("unknown key `{name}`, did you mean `{meant}`? {}", capital(&self.list())),
            None => format!("unknown key `{name}`: {}", self.list()),
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

enum Value {
    Nothing,
    Path(Path),
    Name(Ident),
    Text(LitStr),
    Type(Type),
    Derives(Vec<TokenStream>),
}

/// A key the user wrote, and where.
struct Given {
    key: &'static Key,
    span: Span,
    value: Value,
}

/// The keys of all `#[uow(…)]` on one item, each at most once.
pub(crate) struct Options {
    given: Vec<Given>,
    broken: bool,
}

impl Options {
    /// Whether a key could not be read: what seems to be missing may be what it meant.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The span of the key, if it was given.
    pub(crate) fn span(&self, key: &Key) -> Option<Span> {
        self.get(key).map(|given| given.span)
    }

    /// The identifier given for the key.
    pub(crate) fn name(&self, key: &Key) -> Option<&Ident> {
        self.get(key).and_then(|given| match &given.value {
            Value::Name(name) => Some(name),
            _ => None,
        })
    }

    /// The string given for the key.
    pub(crate) fn text(&self, key: &Key) -> Option<&LitStr> {
        self.get(key).and_then(|given| match &given.value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// The derives given for the key.
    pub(crate) fn derives(&self, key: &Key) -> &[TokenStream] {
        match self.get(key).map(|given| &given.value) {
            Some(Value::Derives(derives)) => derives,
            _ => &[],
        }
    }

    /// The type given for the key.
    pub(crate) fn into_type(self, key: &Key) -> Option<Type> {
        self.given.into_iter().find(|given| given.key.name == key.name).and_then(|given| match given.value {
            Value::Type(ty) => Some(ty),
            _ => None,
        })
    }

    /// The path given for the key.
    pub(crate) fn into_path(self, key: &Key) -> Option<Path> {
        self.given.into_iter().find(|given| given.key.name == key.name).and_then(|given| match given.value {
            Value::Path(path) => Some(path),
            _ => None,
        })
    }

    /// The first key given that is not `key`, with its name and span.
    pub(crate) fn beside(&self, key: &Key) -> Option<(&'static str, Span)> {
        let other = self.given.iter().find(|given| given.key.name != key.name);
        other.map(|given| (given.key.name, given.span))
    }

    fn get(&self, key: &Key) -> Option<&Given> {
        self.given.iter().find(|given| given.key.name == key.name)
    }
}

/// Reads all `#[uow(…)]` among `attributes`. A key with a mistake is reported and left out, the others are kept.
pub(crate) fn read(attributes: &[Attribute], place: &'static Place, errors: &mut Errors) -> Options {
    let found_before = errors.len();
    let mut reader = Reader { place, given: Vec::new(), errors };
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("uow")) {
        reader.attribute(attribute);
    }
    let Reader { given, errors, .. } = reader;
    Options { given, broken: errors.len() > found_before }
}

struct Reader<'e> {
    place: &'static Place,
    given: Vec<Given>,
    errors: &'e mut Errors,
}

impl Reader<'_> {
    fn attribute(&mut self, attribute: &Attribute) {
        let Meta::List(list) = &attribute.meta else {
            let message = format!("write the keys in parentheses, `#[uow(…)]`: {}", self.place.list());
            return self.errors.on(&attribute.meta, message);
        };
        let keys = |input: ParseStream<'_>| self.keys(input);
        if let Err(error) = keys.parse2(list.tokens.clone()) {
            self.errors.push(error);
        }
    }

    fn keys(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            match self.key(input) {
                Ok(given) => self.accept(given),
                Err(error) => {
                    self.errors.push(error);
                    skip_to_comma(input)?;
                }
            }
            if !input.is_empty() && input.parse::<Option<Token![,]>>()?.is_none() {
                self.errors.at(input.span(), "write a `,` before this");
                skip_to_comma(input)?;
                input.parse::<Option<Token![,]>>()?;
            }
        }
        Ok(())
    }

    fn key(&self, input: ParseStream<'_>) -> syn::Result<Given> {
        // `crate` is a key, so keywords must be read too.
        let Ok(ident) = input.call(Ident::parse_any) else {
            return Err(syn::Error::new(input.span(), format!("this is not a key: {}", self.place.list())));
        };
        let name = ident.to_string();
        let Some(key) = self.place.find(&name) else {
            return Err(syn::Error::new(ident.span(), self.place.unknown(&name)));
        };
        let value = value(key, ident.span(), input)?;
        Ok(Given { key, span: ident.span(), value })
    }

    fn accept(&mut self, given: Given) {
        if self.given.iter().any(|earlier| earlier.key.name == given.key.name) {
            let message = format!("`{}` is given twice: remove this one", given.key.name);
            return self.errors.at(given.span, message);
        }
        self.given.push(given);
    }
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

fn value(key: &'static Key, span: Span, input: ParseStream<'_>) -> syn::Result<Value> {
    let ends = input.is_empty() || input.peek(Token![,]);
    match key.takes {
        Takes::Derives => derives(key, span, input),
        Takes::Nothing if ends => Ok(Value::Nothing),
        Takes::Nothing if !input.peek(Token![=]) && !input.peek(syn::token::Paren) => Ok(Value::Nothing),
        Takes::Nothing => {
            Err(syn::Error::new(span, format!("`{0}` takes no value: write `#[uow({0})]`", key.name)))
        }
        _ if input.parse::<Option<Token![=]>>()?.is_none() || input.is_empty() || input.peek(Token![,]) => {
            Err(syn::Error::new(span, format!("`{}` needs a value: write {}", key.name, key.usage())))
        }
        Takes::Path => path(key, input),
        Takes::Name => name(key, input),
        Takes::Text => text(key, input),
        Takes::Type => ty(key, input),
    }
}

fn derives(key: &Key, span: Span, input: ParseStream<'_>) -> syn::Result<Value> {
    if input.peek(Token![=]) {
        let name = key.name;
        let message = format!(
            "`{name}` takes no value: write `#[uow({name})]`, or `#[uow({name}(Debug))]` to have it derive more"
        );
        return Err(syn::Error::new(span, message));
    }
    if !input.peek(syn::token::Paren) {
        return Ok(Value::Derives(Vec::new()));
    }
    let inside;
    syn::parenthesized!(inside in input);
    let paths = inside.parse_terminated(Path::parse_mod_style, Token![,])?;
    Ok(Value::Derives(paths.iter().map(ToTokens::to_token_stream).collect()))
}

fn path(key: &Key, input: ParseStream<'_>) -> syn::Result<Value> {
    if let Some(literal) = input.parse::<Option<LitStr>>()? {
        return Err(not_a_string(key, "path", &literal, literal.parse_with(Path::parse_mod_style).is_ok()));
    }
    let span = input.span();
    let path = input.call(Path::parse_mod_style);
    path.map(Value::Path).map_err(|_| expected(key, span, "a path"))
}

fn name(key: &Key, input: ParseStream<'_>) -> syn::Result<Value> {
    if let Some(literal) = input.parse::<Option<LitStr>>()? {
        return Err(not_a_string(key, "name", &literal, literal.parse::<Ident>().is_ok()));
    }
    let span = input.span();
    input.parse().map(Value::Name).map_err(|_| expected(key, span, "a name"))
}

fn text(key: &Key, input: ParseStream<'_>) -> syn::Result<Value> {
    let span = input.span();
    let bare = input.fork().parse::<Ident>().ok();
    match input.parse::<LitStr>() {
        Ok(text) if text.value().is_empty() => {
            Err(syn::Error::new(span, format!("`{}` is empty: write a name, or remove the key", key.name)))
        }
        Ok(text) => Ok(Value::Text(text)),
        Err(_) => Err(match bare {
            Some(bare) => {
                let name = key.name;
                syn::Error::new(span, format!("`{name}` takes a string: write `{name} = \"{bare}\"`"))
            }
            None => expected(key, span, "a string"),
        }),
    }
}

fn ty(key: &Key, input: ParseStream<'_>) -> syn::Result<Value> {
    if let Some(literal) = input.parse::<Option<LitStr>>()? {
        return Err(not_a_string(key, "type", &literal, literal.parse::<Type>().is_ok()));
    }
    let span = input.span();
    input.parse().map(Value::Type).map_err(|_| expected(key, span, "a type"))
}

fn expected(key: &Key, span: Span, what: &str) -> syn::Error {
    syn::Error::new(span, format!("`{}` takes {what}: write {}", key.name, key.usage()))
}

fn not_a_string(key: &Key, what: &str, literal: &LitStr, fits: bool) -> syn::Error {
    let usage = if fits { format!("`{} = {}`", key.name, literal.value()) } else { key.usage() };
    syn::Error::new(literal.span(), format!("`{}` takes a {what}, not a string: write {usage}", key.name))
}
