//! `split` lends all repositories at once; a second statement while another still streams is `Busy`, at once.

mod common;

use common::*;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::time::Duration;

/// A repository whose rows stream out of it.
#[derive(Repository)]
struct Feed<DB: Backend> {
    session: Session<DB>,
}

#[derive(UnitOfWork)]
struct Press<DB: Backend> {
    session: Session<DB>,
    blogs: Lazy<Blogs<DB>>,
    feed: Lazy<Feed<DB>>,
}

engines! {
    async fn all_repositories_at_once_one_after_the_other(lab) {
        let mut db = Library::new(&lab.pool);
        let LibrarySplit { blogs, posts } = db.split();
        let key = blogs.add("a").await.unwrap();
        posts.add(key, "in a").await.unwrap();
        blogs.add("b").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a", "b"]);
    }

    async fn a_second_statement_while_one_streams_is_busy_at_once(lab) {
        lab.script("INSERT INTO blog (name) VALUES ('a'), ('b'), ('c')").await;
        let mut db = Press::new(&lab.pool);
        let PressSplit { blogs, feed } = db.split();
        let mut rows = sqlx::query("SELECT name FROM blog ORDER BY name").fetch(&mut feed.session);
        rows.next().await.unwrap().unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(2), blogs.add("d")).await.expect("an answer, not a wait");
        let error = Error::from(answer.unwrap_err());
        assert!(error.is_busy(), "{error}");
        // The stream goes on, and when it is done the unit is as good as before.
        assert_eq!(rows.by_ref().try_collect::<Vec<_>>().await.unwrap().len(), 2);
        drop(rows);
        blogs.add("d").await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["a", "b", "c", "d"]);
    }

    async fn two_statements_joined_are_one_done_and_one_busy(lab) {
        let mut db = Library::new(&lab.pool);
        for attempt in 0.. {
            let LibrarySplit { blogs, posts } = db.split();
            let name = format!("{attempt}");
            let (first, second) = tokio::join!(blogs.add(&name), posts.add(1, "at the same time"));
            first.unwrap();
            // (The first may be done before the second is even begun.)
            if let Err(error) = second {
                assert!(Error::from(error).is_busy());
                break;
            }
        }
    }
}
