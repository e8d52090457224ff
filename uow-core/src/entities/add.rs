//! Adding and removing: held back until the flush.

use super::Entities;
use super::added::Added;
use super::links::Link;
use super::parents::{Handles, Parents, ReferencesAll};
use super::tracked::{Slot, State};
use crate::backend::Backend;
use crate::entity::{ColumnSet, Entity};
use crate::error::Error;

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// Adds a new entity: it is inserted by the next flush. Use [`insert`](Self::insert) if the key is wanted now.
    ///
    /// A generated key is left to the database if it is its type's default (`0`), and taken as it is otherwise. It takes
    /// whatever can be made into the entity, as the `NewPost` that `#[uow(new)]` writes beside a `Post`:
    ///
    /// ```
    /// # use unit_of_work::{Added, Entities, Entity, Error};
    /// #[derive(Entity)]
    /// #[uow(new(Debug))]
    /// struct Post {
    ///     #[uow(key, generated)]
    ///     id: i64,
    ///     title: String,
    ///     #[uow(version)]
    ///     version: i64,
    /// }
    ///
    /// # fn example(posts: &mut Entities<Post, sqlx::Sqlite>) -> Result<(), Error> {
    /// posts.add(NewPost { title: "one".into() })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyTracked`] if there is an entity with this key in the unit: that one stays.
    pub fn add(&mut self, entity: impl Into<E>) -> Result<Added<E, DB>, Error> {
        let entity = entity.into();
        let given = entity.has_key().then(|| entity.key());
        let (slot, _) = self.start(entity, given.clone())?;
        Ok(Added { slot, keys: self.keys.clone(), given })
    }

    /// Adds a new entity that refers to another one, whose key need not be known yet: the flush inserts the other one first
    /// and then sets the field that `#[uow(references = …)]` marks. One that refers to several new ones, as the row of a join
    /// table does, is given all of them: `add_to((&post, &tag), link)`.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Error, Lazy, Session, UnitOfWork};
    /// # #[derive(Entity)] #[uow(new)] struct Post { #[uow(key, generated)] id: i64, title: String }
    /// # #[derive(Entity)] #[uow(new)] struct Tag { #[uow(key, generated)] id: i64, name: String }
    /// #[derive(Entity, Default)]
    /// struct PostTag {
    ///     #[uow(key, references = Post)]
    ///     post_id: i64,
    ///     #[uow(key, references = Tag)]
    ///     tag_id: i64,
    /// }
    ///
    /// # #[derive(UnitOfWork)]
    /// # struct Database {
    /// #     session: Session<sqlx::Sqlite>,
    /// #     posts: Lazy<Entities<Post, sqlx::Sqlite>>,
    /// #     tags: Lazy<Entities<Tag, sqlx::Sqlite>>,
    /// #     links: Lazy<Entities<PostTag, sqlx::Sqlite>>,
    /// # }
    /// # async fn example(db: &mut Database) -> Result<(), Error> {
    /// let post = db.posts().add(NewPost { title: "one".into() })?;
    /// let tag = db.tags().add(NewTag { name: "rust".into() })?;
    /// db.links().add_to((&post, &tag), PostTag::default())?;
    /// db.commit().await?; // three INSERTs
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_to<Ps: Parents<DB>>(
        &mut self,
        parents: Ps,
        entity: impl Into<E>,
    ) -> Result<Added<E, DB>, Error>
    where
        E: ReferencesAll<Ps::Handles, DB>,
    {
        self.add_with(parents, entity, E::refer_to_all)
    }

    /// As [`add_to`](Self::add_to), for an entity that refers to one type by several fields: `refer` sets those that are
    /// meant, by the key of the parent, or a tuple of those of several.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_with<Ps: Parents<DB>>(
        &mut self,
        parents: Ps,
        entity: impl Into<E>,
        refer: impl Fn(&mut E, <Ps::Handles as Handles<DB>>::Keys) + Send + Sync + 'static,
    ) -> Result<Added<E, DB>, Error> {
        let entity = entity.into();
        let link = Link::new(parents.handles(), refer);
        let key = link.key(&entity);
        // With what it refers to a key is not given, but made.
        let given = key.clone().filter(|_| !link.is_in_key());
        let (at, _) = self.start(entity, key)?;
        self.links.insert(at, link);
        if let Some(slot) = self.tracked.slot_mut(at) {
            slot.linked = true;
        }
        Ok(Added { slot: at, keys: self.keys.clone(), given })
    }

    /// The entity of a handle: added in this unit, and still there.
    pub fn added(&mut self, added: &Added<E, DB>) -> Option<&mut E> {
        let at = if self.keys.same(&added.keys) { added.slot } else { self.tracked.find(&added.key()?)? };
        let depth = self.depth();
        self.tracked.touch(at, depth);
        let slot = self.tracked.slot_mut(at)?;
        slot.is_there().then(|| slot.lend())
    }

    /// As [`added`](Self::added), where the entity cannot be missing: it was added in this unit, and neither taken back nor undone
    /// since. Sends nothing; after the commit it is the entity as it was stored, with the key that the database made.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Error, Lazy, Session, UnitOfWork};
    /// # #[derive(Debug, Entity)] struct Post { #[uow(key, generated)] id: i64, title: String }
    /// # #[derive(UnitOfWork)] struct Database { session: Session<sqlx::Sqlite>, posts: Lazy<Entities<Post, sqlx::Sqlite>> }
    /// # async fn example(db: &mut Database) -> Result<i64, Error> {
    /// let post = db.posts().add(Post { id: 0, title: "one".into() })?;
    /// db.commit().await?;
    /// println!("{:?} is stored as {}", db.posts().require_added(&post)?, post.require_key()?);
    /// # post.require_key()
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotTracked`] if it is missing all the same.
    pub fn require_added(&mut self, added: &Added<E, DB>) -> Result<&mut E, Error> {
        let missing = || Error::NotTracked {
            entity: E::NAME,
            key: added.key().map_or_else(|| "(new)".to_owned(), |key| format!("{key:?}")),
        };
        self.added(added).ok_or_else(missing)
    }

    /// Removes an entity: its row is deleted by the next flush. To remove one twice is to remove it once.
    ///
    /// # Errors
    ///
    /// [`Error::NotTracked`] if it was neither loaded nor added in this unit.
    pub fn remove(&mut self, key: &E::Key) -> Result<(), Error> {
        let Some(at) = self.tracked.find(key) else {
            return Err(Error::NotTracked { entity: E::NAME, key: format!("{key:?}") });
        };
        self.remove_slot(at);
        Ok(())
    }

    /// Takes back an entity that was [added](Self::add), or removes it if it was flushed since.
    pub fn remove_added(&mut self, added: &Added<E, DB>) {
        let at = if self.keys.same(&added.keys) {
            Some(added.slot)
        } else {
            added.key().and_then(|key| self.tracked.find(&key))
        };
        if let Some(at) = at {
            self.remove_slot(at);
        }
    }

    fn remove_slot(&mut self, at: usize) {
        let depth = self.depth();
        self.tracked.touch(at, depth);
        let Some(slot) = self.tracked.slot_mut(at) else { return };
        match slot.state {
            State::Stored => slot.state = State::Removed,
            State::New => {
                slot.state = State::Gone;
                self.tracked.index_by(at, None);
                self.keys.forget(at);
            }
            State::Offered | State::Given | State::Removed | State::Gone => {}
        }
    }

    /// Tracks a new entity, which is found by this key. If it takes the place of one that was removed, that is returned too.
    pub(super) fn start(&mut self, entity: E, key: Option<E::Key>) -> Result<(usize, Option<E>), Error> {
        let depth = self.depth();
        if let Some(key) = &key
            && let Some(at) = self.tracked.find(key)
        {
            return Ok((at, Some(self.replace(at, key, entity)?)));
        }
        Ok((self.tracked.push(Slot::new(entity, key, State::New), depth), None))
    }

    /// A row that was to be deleted gets its successor: both together are an update.
    fn replace(&mut self, at: usize, key: &E::Key, mut entity: E) -> Result<E, Error> {
        let depth = self.depth();
        self.tracked.touch(at, depth);
        match self.tracked.slot_mut(at) {
            Some(slot) if slot.state == State::Removed => {
                let stored = slot.stored.take().unwrap_or_else(|| slot.entity.snapshot());
                // The version, and what only the database writes, are those of the row.
                let stays = ColumnSet::of(E::COLUMNS, |column| column.is_version() || column.is_read_only());
                stays.iter().for_each(|column| entity.copy(column, &stored));
                slot.stored = Some(stored);
                slot.state = State::Stored;
                slot.linked = false;
                Ok(std::mem::replace(&mut slot.entity, entity))
            }
            _ => Err(Error::AlreadyTracked { entity: E::NAME, key: format!("{key:?}") }),
        }
    }

    /// The successor of a removed row did not come to be: that is to be deleted, as before.
    pub(super) fn put_back(&mut self, at: usize, former: E) {
        if let Some(slot) = self.tracked.slot_mut(at) {
            slot.entity = former;
            slot.state = State::Removed;
        }
    }
}
