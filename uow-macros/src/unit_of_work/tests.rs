use expect_test::expect_file;
use quote::quote;

use super::derive;
use crate::testing::{assert_mistakes, pretty};

#[test]
fn the_unit_of_the_readme() -> syn::Result<()> {
    let expansion = derive(quote! {
        pub struct Database {
            session: Session<Sqlite>,
            blogs: Lazy<Blogs>,
            pub(crate) posts: Lazy<Entities<Post, Sqlite>>,
        }
    });
    expect_file!["snapshots/readme.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

/// What is shown of it to contributors is what it is.
#[test]
fn contributors_are_shown_lines_of_the_snapshot() {
    let guide = include_str!("../../../CONTRIBUTING.md");
    let snapshot: Vec<&str> = include_str!("snapshots/readme.rs").lines().map(str::trim).collect();
    let shown = guide.split_once("```rust,ignore\n").and_then(|(_, rest)| rest.split_once("```"));
    let lines = shown.map_or("", |(shown, _)| shown).lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("// …")).collect();
    assert!(lines.len() > 20, "the guide shows an expansion");
    for line in lines {
        assert!(snapshot.contains(&line), "the derive does not write `{line}`");
    }
}

/// A getter of such a name would hide the method.
#[test]
fn no_getter_may_have_the_name_of_a_method_of_the_trait() {
    let text = include_str!("../../../uow-core/src/unit_of_work.rs");
    let (_, text) = text.split_once("pub trait UnitOfWork").expect("the trait is in this file");
    let (body, _) = text.split_once("\n}").expect("the trait ends");
    let name = |line: &str| Some(line.strip_prefix("    fn ")?.split(['(', '<']).next()?.to_owned());
    let mut methods: Vec<String> = body.lines().filter_map(name).chain(["split".to_owned()]).collect();
    let mut taken = super::model::TAKEN.map(str::to_owned).to_vec();
    methods.sort();
    taken.sort();
    assert_eq!(methods, taken);
}

#[test]
fn a_unit_with_every_option() -> syn::Result<()> {
    let expansion = derive(quote! {
        #[uow(crate = crate::database::uow)]
        pub(crate) struct Database {
            #[uow(session)]
            connection: Conversation,
            #[uow(getter = articles)]
            posts: unit_of_work::Lazy<Posts>,
            #[uow(skip)]
            cache: Cache,
        }
    });
    expect_file!["snapshots/options.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_generic_unit() -> syn::Result<()> {
    let expansion = derive(quote! {
        pub struct Database<'a, DB: Backend, C: Clone + Default = Cache, const SIZE: usize = 8>
        where
            Blogs<'a, DB>: Repository<Database = DB>,
        {
            session: Session<DB>,
            blogs: Lazy<Blogs<'a, DB>>,
            #[uow(skip)]
            cache: [C; SIZE],
        }
    });
    expect_file!["snapshots/generic.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn names_of_the_expansion_do_not_collide() -> syn::Result<()> {
    let expansion = derive(quote! {
        struct Database<'split> where Self: 'static {
            _uow: Session<Sqlite>,
            __unit: Lazy<Blogs>,
            r#type: Lazy<Types<Self>>,
            #[uow(skip)]
            borrowed: Option<&'split str>,
        }
    });
    expect_file!["snapshots/names.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_unit_without_repositories_has_no_split() -> syn::Result<()> {
    let expansion = derive(quote!(
        struct Database {
            session: Session<Sqlite>,
        }
    ));
    expect_file!["snapshots/bare.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_unit_with_mistakes_still_has_its_methods() -> syn::Result<()> {
    let expansion = derive(quote! {
        pub struct Database {
            session: Session<Sqlite>,
            blogs: Lazy<Blogs>,
            posts: Posts,
        }
    });
    expect_file!["snapshots/fallback.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn every_mistake_is_reported() {
    let expansion = derive(quote! {
        #[uow(table = "blog")]
        struct Database {
            session: Session<Sqlite>,
            #[uow(getter = commit)]
            blogs: Lazy<Blogs>,
            #[uow(skp)]
            cache: Cache,
            other: Session<Sqlite>,
            posts: Posts,
        }
    });
    assert_mistakes(
        expansion,
        &[
            "unknown key `table`",
            "every unit of work has a method `commit`",
            "unknown key `skp`, did you mean `skip`?",
            "one session, and that is `session`",
            "write `Lazy<Posts>` for a repository",
        ],
    );
}

#[test]
fn one_mistake_is_not_two() {
    let misspelled = derive(quote!(
        struct Database {
            #[uow(sesion)]
            connection: Conversation,
        }
    ));
    assert_mistakes(misspelled, &["did you mean `session`?"]);
    let unmarked = derive(quote!(
        struct Database {
            connection: Conversation,
        }
    ));
    assert_mistakes(unmarked, &["`#[uow(session)]` for a session by another type name"]);
}

#[test]
fn a_raw_getter_is_the_name_it_stands_for() {
    let expansion = derive(quote!(
        struct Database {
            session: Session<Sqlite>,
            r#new: Lazy<News>,
        }
    ));
    assert_mistakes(expansion, &["every unit of work has a method `new`"]);
    let expansion = derive(quote! {
        struct Database { session: Session<Sqlite>, r#type: Lazy<A>, #[uow(getter = r#type)] types: Lazy<B> }
    });
    assert_mistakes(expansion, &["there is a getter `type` already"]);
}

#[test]
fn skip_goes_before_what_the_type_looks_like() {
    let expansion = derive(quote! {
        struct Database { session: Session<Sqlite>, #[uow(skip)] other: tower::Session, #[uow(skip)] spare: Lazy<A> }
    });
    assert_mistakes(expansion, &[]);
}

#[test]
fn a_type_that_came_through_macro_rules_is_recognised() {
    let group = |tokens| proc_macro2::Group::new(proc_macro2::Delimiter::None, tokens);
    let (session, lazy) = (group(quote!(Session<Sqlite>)), group(quote!(Lazy<Blogs>)));
    assert_mistakes(derive(quote!(struct Database { session: #session, blogs: #lazy })), &[]);
}
