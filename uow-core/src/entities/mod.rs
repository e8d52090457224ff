//! The ready-made repository: it remembers what it lent, and writes what changed.

mod add;
mod added;
mod children;
mod conflict;
mod delete;
mod find;
mod insert;
mod keys;
mod links;
mod lock;
mod memory;
mod or_ignore;
mod page;
mod parents;
mod plan;
mod read;
mod set;
mod sizes;
mod statement;
mod step;
mod tracked;
mod upsert;
mod waves;
mod write;

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;

use crate::backend::Backend;
use crate::entity::Entity;
use crate::flush::EntitySets;
use crate::repository::Repository;
use crate::session::Session;
pub use added::Added;
use added::AddedKeys;
pub use delete::DeleteWhere;
pub use find::Find;
use links::Link;
pub use lock::Lock;
use memory::Before;
pub use parents::Parents;
#[doc(hidden)]
pub use parents::{Handles, ReferencesAll};
use plan::Plan;
pub(crate) use statement::Via;
use tracked::{Slot, State, Tracked};

/// The entities of one type in a unit of work: an identity map that lends `&mut E`, finds what changed and writes it in few
/// statements.
///
/// Put it into a unit as a `Lazy<Entities<Post, Sqlite>>` field, or into a repository of your own; one for each entity type
/// of a unit. For a statement that touches many rows without looking at them (`UPDATE … SET price = price * 2`) write the
/// statement: it is faster than any unit of work.
///
/// * Each row is there once: asked for again by its key it is the same entity, and nothing is sent.
/// * What is lent as `&mut` is compared with what was loaded when the unit is flushed, which `commit` does first. Only
///   changed columns of changed entities are written; what did not change costs no statement. (Columns are compared with
///   `==`; floats by their bits. Of a `Vec<f64>` or a newtype with a NaN in it nobody can tell that it stayed: it is written
///   at each flush.)
/// * A `read_only` column is fetched after an insert. What a trigger makes of it in an update is seen when the entity is
///   [refreshed](Self::refresh).
/// * A flush writes parents before children and deletes children before parents, in one statement for each entity type and
///   kind (PostgreSQL's batches are one array a column; the others' are rows of values under the engine's limits).
/// * With a version (`#[uow(version)]`) a row that somebody else changed meanwhile makes the flush fail with
///   [`Error::Conflict`](crate::Error::Conflict), which names every such row; nothing of the flush is stored.
/// * Rollback empties the map; what had been added is in [`take_undone`](Self::take_undone), as it was added. A savepoint
///   scope that is undone takes the entities back to what they were before it.
///
/// What is added, changed or removed is held back until the flush, so a query does not see it: call
/// [`flush`](crate::UnitOfWork::flush) first where that matters.
///
/// ```
/// use sqlx::Sqlite;
/// use unit_of_work::{Entities, Entity, Lazy, Session, UnitOfWork};
///
/// #[derive(Entity)]
/// struct Account {
///     #[uow(key)]
///     id: i64,
///     balance: i64,
///     #[uow(version)]
///     version: i64,
/// }
///
/// #[derive(UnitOfWork)]
/// struct Bank {
///     session: Session<Sqlite>,
///     accounts: Lazy<Entities<Account, Sqlite>>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), unit_of_work::Error> {
/// # let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// # sqlx::raw_sql("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, version INTEGER NOT NULL)").execute(&pool).await?;
/// let mut db = Bank::new(&pool);
/// db.accounts().add(Account { id: 1, balance: 100, version: 0 })?;
/// db.accounts().add(Account { id: 2, balance: 0, version: 0 })?;
/// db.commit().await?; // one INSERT
///
/// let [from, to] = db.accounts().get_many([1, 2]).await?;
/// from.balance -= 10;
/// to.balance += 10;
/// db.commit().await?; // BEGIN, one UPDATE, COMMIT
/// # assert_eq!(sqlx::query_scalar::<_, i64>("SELECT sum(balance * id * version) FROM account").fetch_one(&pool).await?, 110);
/// # Ok(())
/// # }
/// ```
pub struct Entities<E: Entity<DB> + 'static, DB: Backend> {
    session: Session<DB>,
    tracked: Tracked<E, DB>,
    /// The keys that were generated in this transaction, for whoever holds an [`Added`].
    keys: AddedKeys<E::Key>,
    /// What new entities wait for: the keys of others.
    links: HashMap<usize, Link<E>>,
    /// What those that were inserted in this transaction were before, but for the most common.
    before: HashMap<usize, Box<Before<E, E::Key>>, RandomState>,
    /// What was added in a transaction, or a scope, that was undone.
    undone: Vec<E>,
    /// Whether new rows whose keys the database makes are inserted one by one: of several nobody could tell which is whose.
    one_by_one: bool,
    /// What the flush that is going on has to write, and has written.
    plan: Plan,
}

// Whoever forgot a derive is not helped by hearing of it.
#[diagnostic::do_not_recommend]
impl<E: Entity<DB> + 'static, DB: Backend> Repository for Entities<E, DB> {
    type Database = DB;

    fn new(session: Session<DB>) -> Self {
        session.shared().count_entity_set(true);
        Self {
            session,
            tracked: Tracked::default(),
            keys: AddedKeys::default(),
            links: HashMap::new(),
            before: HashMap::default(),
            undone: Vec::new(),
            one_by_one: false,
            plan: Plan::default(),
        }
    }

    fn entity_sets<'r>(&'r mut self, sets: &mut EntitySets<'r, DB>) {
        sets.push(self);
    }

    fn schema(schema: &mut crate::schema::Schema<DB>) {
        schema.entity::<E>();
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// How many savepoint scopes are open: what is changed now may have to be taken back.
    fn depth(&self) -> u32 {
        self.session.shared().depth()
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> Drop for Entities<E, DB> {
    fn drop(&mut self) {
        self.session.shared().count_entity_set(false);
        // (Finding changes costs as much as a flush that has nothing to write.)
        let heard = tracing::enabled!(tracing::Level::WARN);
        let is_held_back = |(at, slot): &(usize, &Slot<E, E::Key>)| match slot.state {
            State::New | State::Offered | State::Removed => true,
            State::Stored => heard && slot.stored.is_some() && !self.changes_of(*at).is_empty(),
            State::Given | State::Gone => false,
        };
        let held_back = self.tracked.slots().iter().enumerate().filter(is_held_back).count();
        if held_back > 0 {
            tracing::warn!(
                entity = E::NAME,
                held_back,
                "a unit of work was dropped with entities that were never written"
            );
        }
    }
}

impl<E: Entity<DB> + 'static, DB: Backend> fmt::Debug for Entities<E, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entities")
            .field("entity", &E::NAME)
            .field("tracked", &self.len())
            .finish_non_exhaustive()
    }
}
