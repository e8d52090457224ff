use expect_test::expect_file;
use quote::quote;

use super::derive;
use crate::testing::{assert_mistakes, pretty};

#[test]
fn an_entity_with_every_option() -> syn::Result<()> {
    let expansion = derive(quote! {
        #[uow(table = "blogs", schema = "app", crate = crate::database::uow)]
        pub struct Blog {
            #[uow(key, generated)]
            id: i64,
            #[uow(column = "title")]
            name: String,
            r#type: String,
            #[uow(read_only)]
            created_at: Option<String>,
            #[uow(unique, no_array)]
            tags: Vec<i64>,
            #[uow(references = Person)]
            author: i64,
            #[uow(version)]
            version: i64,
            #[uow(skip)]
            note: Option<String>,
        }
    });
    expect_file!["snapshots/options.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_key_of_two_columns_is_a_tuple() -> syn::Result<()> {
    let expansion = derive(quote! {
        struct PostTag {
            #[uow(key)]
            post: i64,
            #[uow(key)]
            tag: String,
        }
    });
    expect_file!["snapshots/composite.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn what_is_given_of_a_new_row() -> syn::Result<()> {
    let expansion = derive(quote! {
        #[uow(new(Debug, serde::Deserialize))]
        pub struct Post {
            #[uow(key, generated)]
            id: i64,
            /// What it is about.
            pub title: String,
            #[uow(references = Self)]
            answers: Option<i64>,
            #[uow(read_only)]
            created_at: String,
            #[uow(version)]
            version: i64,
            #[uow(skip)]
            note: Option<String>,
        }
    });
    let pretty = pretty(expansion)?;
    // The impl of the entity is the others' business.
    let new = pretty.split("impl ::core::convert::From<NewPost> for Post").nth(1).unwrap_or_default();
    expect_file!["snapshots/new.rs"].assert_eq(new);
    Ok(())
}

#[test]
fn a_generic_entity() -> syn::Result<()> {
    let expansion = derive(quote! {
        struct Setting<'a, __DB: Clone + Send, T: Default = i64, const SIZE: usize = 8>
        where
            T: Send,
        {
            #[uow(key)]
            name: String,
            value: __DB,
            #[uow(skip)]
            spare: PhantomData<&'a [T; SIZE]>,
        }
    });
    expect_file!["snapshots/generic.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn an_entity_refers_by_the_only_field_that_does() {
    let expansion = derive(quote! {
        struct Category {
            #[uow(key)]
            id: i64,
            #[uow(references = Self)]
            parent: Option<i64>,
            #[uow(references = Category)]
            sibling: Option<i64>,
            #[uow(references = crate::Person)]
            owner: Option<i64>,
        }
    });
    let text = expansion.to_string();
    assert!(text.contains("_uow :: References < crate :: Person , __DB >"), "{text}");
    assert!(
        !text.contains("_uow :: References < Self") && !text.contains("_uow :: References < Cat"),
        "{text}"
    );
    assert!(text.contains("new (\"sibling\") . nullable () . references :: < Category > ()"), "{text}");
}

#[test]
fn an_entity_has_as_many_columns_as_a_set_has_bits() {
    let entity = |columns: usize| {
        let fields = (1..columns).map(|at| quote::format_ident!("field_{at}"));
        derive(quote!(struct Wide { #[uow(key)] id: i64, #(#fields: i64,)* #[uow(skip)] skipped: i64 }))
    };
    assert_mistakes(entity(128), &[]);
    assert_mistakes(entity(129), &["128 columns at the most, and this one has 129"]);
}

#[test]
fn what_only_the_database_writes_is_neither_key_nor_version() {
    let expansion = derive(quote! {
        struct Blog {
            #[uow(key, read_only)]
            id: i64,
            #[uow(version, read_only)]
            version: i64,
            #[uow(skip, read_only)]
            note: String,
            #[uow(references = "Person")]
            author: i64,
            #[uow(references)]
            editor: i64,
            #[uow(unique = true)]
            slug: String,
            #[uow(references = 5)]
            owner: i64,
        }
    });
    assert_mistakes(
        expansion,
        &[
            "a key that the database makes is `#[uow(key, generated)]`: remove `read_only`",
            "a version is written with every change: remove `read_only` or `version`",
            "remove `read_only` or `skip`",
            "`references` takes a type, not a string: write `references = Person`",
            "`references` needs a value: write `references = Type`",
            "`unique` takes no value: write `#[uow(unique)]`",
            "`references` takes a type: write `references = Type`",
        ],
    );
}

#[test]
fn an_entity_with_mistakes_is_still_one() -> syn::Result<()> {
    let expansion = derive(quote!(
        struct Blog {
            id: i64,
            #[uow(references = Person)]
            author: i64,
        }
    ));
    expect_file!["snapshots/fallback.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn every_mistake_is_reported() {
    let expansion = derive(quote! {
        #[uow(tabel = "blog", schema = "")]
        struct Blog {
            #[uow(key, generated)]
            id: i64,
            #[uow(key)]
            other: i64,
            #[uow(generated)]
            name: String,
            #[uow(version)]
            first: i64,
            #[uow(version)]
            second: i64,
            #[uow(column = "name")]
            title: String,
            #[uow(skip, column = "note")]
            note: String,
        }
    });
    assert_mistakes(
        expansion,
        &[
            "unknown key `tabel`, did you mean `table`?",
            "`schema` is empty",
            "only a key is generated",
            "one version, and that is `first`",
            "`name` has the column \"name\" already",
            "remove `column` or `skip`",
            "a generated key is a single column",
        ],
    );
}

#[test]
fn one_mistake_is_not_two() {
    assert_mistakes(
        derive(quote!(
            struct Blog {
                #[uow(kye)]
                id: i64,
            }
        )),
        &["did you mean `key`?"],
    );
    assert_mistakes(
        derive(quote!(
            struct Blog {
                id: i64,
            }
        )),
        &["write `#[uow(key)]` on `id`"],
    );
    assert_mistakes(
        derive(quote!(
            struct Blog {
                name: String,
            }
        )),
        &["this entity has no key"],
    );
    assert_mistakes(
        derive(quote!(
            enum Blog {
                A,
            }
        )),
        &["derived for a struct with named fields"],
    );
}

#[test]
fn a_value_of_another_kind_is_told_what_to_be() {
    let expansion = derive(quote! {
        #[uow(table = blog)]
        #[uow(schema)]
        struct Blog {
            #[uow(key = true)]
            id: i64,
            #[uow]
            name: String,
            #[uow(column = 7, version generated)]
            version: i64,
        }
    });
    assert_mistakes(
        expansion,
        &[
            "`table` takes a string: write `table = \"blog\"`",
            "`schema` needs a value: write `schema = \"…\"`",
            "`key` takes no value: write `#[uow(key)]`",
            "write the keys in parentheses, `#[uow(…)]`: the keys on a field of an entity are `key`, `generated`",
            "`column` takes a string: write `column = \"…\"`",
            "write a `,` before this",
        ],
    );
}

#[test]
fn a_key_on_the_wrong_item_is_told_where_it_belongs() {
    let expansion = derive(quote!(
        #[uow(key)]
        struct Blog {
            #[uow(key, table = "blog")]
            id: i64,
        }
    ));
    assert_mistakes(
        expansion,
        &["`key` belongs on a field of an entity", "`table` belongs on the struct of an entity"],
    );
}
