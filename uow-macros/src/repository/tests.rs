use expect_test::expect_file;
use quote::quote;

use super::derive;
use crate::testing::{assert_mistakes, pretty};

#[test]
fn the_repository_of_the_readme() -> syn::Result<()> {
    let expansion = derive(quote!(
        pub struct Blogs {
            session: Session<Sqlite>,
        }
    ));
    expect_file!["snapshots/readme.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_generic_repository_with_every_option() -> syn::Result<()> {
    let expansion = derive(quote! {
        #[uow(crate = crate::database::uow)]
        pub(crate) struct Blogs<DB: Backend = Sqlite, const SIZE: usize = 8> where DB::Row: Send {
            #[uow(session)]
            connection: Conversation<DB>,
            #[uow(skip)]
            cache: [Option<Blog>; SIZE],
        }
    });
    expect_file!["snapshots/options.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_repository_of_a_session_and_entities() -> syn::Result<()> {
    let expansion = derive(quote! {
        struct Blogs<'sets> {
            blogs: Entities<Blog, Sqlite>,
            session: Session<Sqlite>,
            #[uow(entities)]
            posts: Posts<'sets>,
        }
    });
    expect_file!["snapshots/entities.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_repository_of_entities_only() -> syn::Result<()> {
    let expansion = derive(quote! {
        struct Blogs<DB: Backend> where Blog: Entity<DB> {
            #[uow(skip)]
            hits: u64,
            blogs: unit_of_work::Entities<Blog, DB>,
        }
    });
    expect_file!["snapshots/entities_only.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn a_repository_of_entities_with_mistakes_is_still_one() {
    let expansion = derive(quote! {
        struct Blogs { #[uow(session, entities)] session: Session<Sqlite>, blogs: Entities<Blog, Sqlite> }
    });
    let text = expansion.to_string();
    assert!(text.contains("< Entities < Blog , Sqlite > as _uow :: Repository > :: Database"), "{text}");
    assert_mistakes(expansion, &["remove `entities` or `session`"]);
}

#[test]
fn a_repository_with_mistakes_is_still_one() -> syn::Result<()> {
    let expansion = derive(quote!(
        struct Blogs {
            session: Session<Sqlite>,
            cache: Cache,
        }
    ));
    expect_file!["snapshots/fallback.rs"].assert_eq(&pretty(expansion)?);
    Ok(())
}

#[test]
fn every_mistake_is_reported() {
    let expansion = derive(quote! {
        #[uow(crate = "uow")]
        struct Blogs {
            #[uow(session, session)]
            session: Session<Sqlite>,
            #[uow(session)]
            other: Session<Sqlite>,
            #[uow(getter = posts)]
            posts: Posts,
            cache: Cache,
        }
    });
    assert_mistakes(
        expansion,
        &[
            "`crate` takes a path, not a string: write `crate = uow`",
            "`session` is given twice",
            "one session, and that is `session`",
            "unknown key `getter`: the keys on a field of a repository are `skip`, `session` and `entities`",
            "`#[uow(skip)]` for a field that starts as its default",
        ],
    );
}

#[test]
fn one_mistake_is_not_two() {
    assert_mistakes(
        derive(quote!(
            struct Blogs {}
        )),
        &["a repository holds a session or entities"],
    );
    assert_mistakes(
        derive(quote!(
            struct Blogs {
                #[uow(sesion)]
                connection: Conversation,
            }
        )),
        &["mean `session`?"],
    );
}
