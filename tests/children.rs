//! The children of one parent, and of many in one statement.

mod common;

use common::*;
use unit_of_work::Entities;
use uow_test_support::servers;

/// Refers to a blog that it need not have.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Note {
    #[uow(key)]
    name: String,
    #[uow(references = Blog)]
    blog_id: Option<i64>,
    #[uow(references = Note)]
    answers: Option<String>,
}

#[derive(Debug, UnitOfWork)]
struct Desk<DB: Backend>
where
    Blog: Entity<DB>,
    Post: Entity<DB>,
    Note: Entity<DB>,
{
    session: Session<DB>,
    blogs: Lazy<Entities<Blog, DB>>,
    posts: Lazy<Entities<Post, DB>>,
    notes: Lazy<Entities<Note, DB>>,
}

/// Three blogs, of which the second has no post, and the last no note.
async fn rows<DB: Engine>(lab: &Lab<DB>) {
    lab.script(
        "CREATE TABLE note (name VARCHAR(60) NOT NULL PRIMARY KEY, blog_id BIGINT, answers VARCHAR(60)); \
         INSERT INTO blog (name) VALUES ('a'), ('b'), ('c'); \
         INSERT INTO post (blog_id, title) VALUES (3, 'c1'), (1, 'a1'), (3, 'c2'), (1, 'a2'); \
         INSERT INTO note VALUES ('x', 1, NULL), ('y', 2, 'x'), ('z', NULL, 'x'), ('v', 1, 'y')",
    )
    .await;
}

fn titles(posts: &[&mut Post]) -> Vec<String> {
    posts.iter().map(|post| post.title.clone()).collect()
}

engines! {
    async fn the_children_of_many_parents_come_by_their_parents_keys(lab) {
        rows(lab).await;
        let mut db = Desk::new(&lab.pool);
        let DeskSplit { blogs, posts, notes } = db.split();
        let blogs = blogs.all().after(None).fetch().await.unwrap();
        let of = posts.of_all(&blogs).await.unwrap();
        assert_eq!(of.len(), 3);
        let found: Vec<_> = blogs.iter().map(|blog| titles(&of[&blog.id])).collect();
        assert_eq!(found, [vec!["a1", "a2"], vec![], vec!["c1", "c2"]]);
        // By one of several references, of which some are NULL; and of a text.
        let of = notes.of_all::<Blog>(&blogs).await.unwrap();
        let count: Vec<usize> = blogs.iter().map(|blog| of[&blog.id].len()).collect();
        assert_eq!(count, [2, 1, 0]);
        let x = notes.require("x".into()).await.unwrap().clone();
        let answers = notes.of(&x).await.unwrap();
        assert_eq!(answers.iter().map(|note| note.name.as_str()).collect::<Vec<_>>(), ["y", "z"]);
        let none: [Note; 0] = [];
        assert!(notes.of_all::<Note>(&none).await.unwrap().is_empty());
    }

    async fn children_are_tracked_and_come_as_they_are_here(lab) {
        rows(lab).await;
        let mut db = Desk::new(&lab.pool);
        let a = db.blogs().require(1).await.unwrap().clone();
        db.posts().require(2).await.unwrap().title = "changed".into();
        db.posts().require(4).await.unwrap();
        db.posts().remove(&4).unwrap();
        let posts = db.posts().of(&a).await.unwrap();
        assert_eq!(titles(&posts), ["changed"]);
        for post in posts {
            post.title.push('!');
        }
        db.commit().await.unwrap();
        assert_eq!(<Db as Engine>::texts(&lab.outside, "SELECT title FROM post ORDER BY id").await, ["c1", "changed!", "c2"]);
        // A parent given twice is one.
        let of = db.posts().of_all(&[&a, &a]).await.unwrap();
        assert_eq!(titles(&of[&1]), ["changed!"]);
    }
}

/// A key of two references.
#[derive(Debug, Clone, PartialEq, Eq, Default, Entity)]
struct Pair {
    #[uow(key, references = Blog)]
    blog_id: i64,
    #[uow(key, references = Post)]
    post_id: i64,
    kind: String,
}

/// Refers to two of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
#[uow(new)]
struct Friends {
    #[uow(key, generated)]
    id: i64,
    #[uow(references = Blog)]
    a: i64,
    #[uow(references = Blog)]
    b: i64,
}

#[derive(Debug, UnitOfWork)]
struct Pairs<DB: Backend>
where
    Blog: Entity<DB>,
    Post: Entity<DB>,
    Pair: Entity<DB>,
    Friends: Entity<DB>,
{
    session: Session<DB>,
    pairs: Lazy<Entities<Pair, DB>>,
    friends: Lazy<Entities<Friends, DB>>,
    posts: Lazy<Entities<Post, DB>>,
    blogs: Lazy<Entities<Blog, DB>>,
}

mod new_parents {
    use super::*;

    engines! {
        async fn a_row_refers_to_two_new_ones_in_one_flush(lab) {
            lab.script(&format!(
                "CREATE TABLE pair (blog_id BIGINT NOT NULL, post_id BIGINT NOT NULL, kind VARCHAR(9) NOT NULL, \
                 PRIMARY KEY (blog_id, post_id), FOREIGN KEY (blog_id) REFERENCES blog (id), \
                 FOREIGN KEY (post_id) REFERENCES post (id)); \
                 CREATE TABLE friends (id {}, a BIGINT NOT NULL, b BIGINT NOT NULL, FOREIGN KEY (a) REFERENCES blog (id), \
                 FOREIGN KEY (b) REFERENCES blog (id))",
                <Db as Engine>::GENERATED_KEY
            )).await;
            lab.script("INSERT INTO blog (name) VALUES ('first')").await;
            let mut db = Pairs::new(&lab.pool);
            let blog = db.blogs().add(Blog::named("a")).unwrap();
            let other = db.blogs().add(Blog::named("b")).unwrap();
            let mut posts = Vec::new();
            for title in ["x", "y"] {
                let post = db.posts().add_to(&blog, Post::titled(title)).unwrap();
                db.pairs().add_to((&blog, &post), Pair { kind: title.into(), ..Pair::default() }).unwrap();
                posts.push(post);
            }
            let crossed = db.pairs().add_to((&other, &posts[0]), Pair::default()).unwrap();
            let friends = db
                .friends()
                .add_with((&blog, &other), NewFriends { a: 0, b: 0 }, |friends, (a, b)| (friends.a, friends.b) = (a, b))
                .unwrap();
            assert_eq!(crossed.key(), None);
            // A flush that is undone takes the fields back, and the next one sets them anew.
            let undone: Result<(), Error> = db
                .savepoint(async |db| {
                    db.flush().await?;
                    Err(Error::Busy)
                })
                .await;
            undone.unwrap_err();
            assert_eq!(db.pairs().added(&crossed).map(|pair| (pair.blog_id, pair.post_id)), Some((0, 0)));
            db.commit().await.unwrap();
            let (a, b) = (blog.require_key().unwrap(), other.require_key().unwrap());
            let x = posts[0].require_key().unwrap();
            assert_eq!(crossed.require_key().unwrap(), (b, x));
            assert_eq!(db.pairs().require_added(&crossed).unwrap().blog_id, b);
            let friends = db.friends().require_added(&friends).unwrap();
            assert_eq!((friends.a, friends.b), (a, b));
            let text = "SELECT kind FROM pair JOIN post ON post.id = post_id WHERE kind IN ('', title) ORDER BY kind";
            assert_eq!(Db::texts(&lab.outside, text).await, ["", "x", "y"]);
        }
    }
}

mod wire {
    use super::*;

    servers! {
        async fn the_children_of_a_thousand_parents_are_one_statement(lab) {
            rows(lab).await;
            lab.script("DELETE FROM blog").await;
            let list = |row: fn(usize) -> String| (1..=1000).map(row).collect::<Vec<_>>().join(", ");
            lab.script(&format!("INSERT INTO blog (id, name) VALUES {}", list(|at| format!("({at}, 'b{at}')")))).await;
            lab.script("DELETE FROM post").await;
            for _ in 0..10 {
                lab.script(&format!("INSERT INTO post (blog_id, title) VALUES {}", list(|at| format!("({at}, 'p')")))).await;
            }
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Desk::new(&pool);
            let DeskSplit { blogs, posts, .. } = db.split();
            let blogs = blogs.all().fetch().await.unwrap();
            proxy.sent();
            let of = posts.of_all(&blogs).await.unwrap();
            assert!(of.len() == 1000 && of.values().all(|posts| posts.len() == 10));
            let selects = Db::statements(&proxy.sent()).iter().filter(|text| text.starts_with("SELECT")).count();
            assert_eq!(selects, 1);
        }
    }
}
