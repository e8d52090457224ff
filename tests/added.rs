//! The handle of what was added, and the entity and the key that it stands for.

mod common;

use common::*;

engines! {
    async fn what_was_added_is_at_hand_after_the_commit(lab) {
        let mut db = Shelf::new(&lab.pool);
        let blog = db.blogs().add(Blog::named("a")).unwrap();
        let gone = db.blogs().add(Blog::named("b")).unwrap();
        assert!(matches!(blog.require_key(), Err(Error::NoKeyYet { entity: "Blog" })));
        assert_eq!(db.blogs().require_added(&blog).unwrap().name, "a");
        db.blogs().remove_added(&gone);
        db.commit().await.unwrap();
        let key = blog.require_key().unwrap();
        assert_eq!(db.blogs().require_added(&blog).unwrap().id, key);
        // Through the next transaction as well.
        db.blogs().require_added(&blog).unwrap().name = "c".into();
        db.commit().await.unwrap();
        assert_eq!(lab.blogs().await, ["c"]);
        assert_eq!(db.blogs().require_added(&blog).unwrap().version, 1);

        let missing = db.blogs().require_added(&gone).unwrap_err();
        assert!(matches!(missing, Error::NotTracked { .. }), "{missing}");
        assert!(gone.require_key().unwrap_err().to_string().contains("taken back"));
        // What is undone has neither.
        let undone = db.blogs().add(Blog::named("d")).unwrap();
        db.flush().await.unwrap();
        undone.require_key().unwrap();
        db.rollback().await.unwrap();
        undone.require_key().unwrap_err();
        db.blogs().require_added(&undone).unwrap_err();
    }
}
