//! Finding out what became of a COMMIT that was never answered.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx_core::Error as SqlxError;
use sqlx_core::connection::Connection as _;
use sqlx_core::pool::Pool;

use crate::backend::{self, Backend, Query};
use crate::clock;
use crate::connection::Held;
use crate::error::Error;
use crate::transaction_options::TransactionOptions;

/// The table of markers: a row for each unit that asked for [`Verification::marker`].
///
/// A unit writes its row in its own transaction, in the message of COMMIT (on MySQL in one of its own before it). When COMMIT is not answered, a fresh connection
/// writes the *same* row as a void one. The key is unique, so exactly one of the two can ever be stored: if ours is, the
/// unit was not committed and never will be, even if its COMMIT is still on its way; if ours is refused, the unit is stored.
/// The fresh connection goes where the pool connects *now*: let that be the primary, and no proxy that reads elsewhere.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), unit_of_work::Error> {
/// # let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
/// use std::time::Duration;
/// use unit_of_work::Marker;
///
/// Marker::create_table(&pool).await?;                                  // or put Marker::<Sqlite>::MIGRATION among yours
/// Marker::clean_up(&pool, Duration::from_secs(7 * 24 * 3600)).await?;  // once a day, say
/// # Ok(())
/// # }
/// ```
pub struct Marker<DB> {
    database: PhantomData<DB>,
}

impl<DB: Backend> Marker<DB> {
    /// The migration that makes the table.
    pub const MIGRATION: &'static str = DB::MARKER_TABLE;

    /// Makes the table, if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlx`] if the statement failed.
    pub async fn create_table(pool: &Pool<DB>) -> Result<(), Error> {
        run(pool, [Query::fixed(DB::MARKER_TABLE)]).await
    }

    /// Removes the markers that are older than this. Leave them longer than any unit or its verification may take.
    ///
    /// # Errors
    ///
    /// [`Error::Sqlx`] if the statement failed.
    pub async fn clean_up(pool: &Pool<DB>, older_than: Duration) -> Result<(), Error> {
        // With a COMMIT of its own, for a server where that is not a matter of course.
        let clean_up = DB::marker_clean_up(older_than.as_secs());
        run(pool, [Query::fixed(DB::BEGIN), Query::unprepared(clean_up), Query::fixed(DB::COMMIT)]).await
    }
}

/// How long a table may take to be made, or cleaned up: minutes, where there are millions of rows or somebody locks it.
const TABLE_LIMIT: Duration = Duration::from_secs(600);

async fn run<DB: Backend>(
    pool: &Pool<DB>,
    queries: impl IntoIterator<Item = Query<DB>>,
) -> Result<(), Error> {
    let mut connection = Held::acquire(pool).await?;
    for query in queries {
        let answer = clock::timeout(TABLE_LIMIT, backend::send::<DB>(connection.get()?, query)).await;
        let no_answer = || Err(backend::no_answer("the table of markers", TABLE_LIMIT));
        answer.map_or_else(no_answer, |answer| answer.outcome)?;
    }
    connection.release();
    Ok(())
}

impl<DB> fmt::Debug for Marker<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker")
    }
}

/// The row a unit leaves: its own number, drawn at its BEGIN, and the table by its whole name.
#[derive(Debug, Clone)]
pub(crate) struct MarkerRow {
    id: u128,
    table: Arc<str>,
}

impl MarkerRow {
    /// What the unit itself writes before COMMIT.
    pub(crate) fn insert(&self) -> String {
        format!("INSERT INTO {} (id, void) VALUES ('{}', FALSE)", self.table, self.id())
    }

    fn id(&self) -> String {
        format!("{:032x}", self.id)
    }
}

/// A number nobody else draws: 128 bits of two hashers, whose keys the standard library takes from the system's randomness.
fn random_number() -> u128 {
    let half = |salt: u8| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u8(salt);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// How to find out whether a unit was committed whose COMMIT was not answered. Given to
/// [`Options::verify`](crate::Options::verify).
pub struct Verification<DB: Backend> {
    check: Check<DB>,
    within: Duration,
}

enum Check<DB: Backend> {
    /// With the whole name of the table, once a unit has asked for it: the connection that asks may look elsewhere.
    Marker(Arc<OnceLock<Arc<str>>>),
    Own(OwnCheck<DB>),
}

type OwnCheck<DB> = Arc<dyn Fn(Pool<DB>) -> BoxFuture<'static, Result<bool, SqlxError>> + Send + Sync>;

impl<DB: Backend> Verification<DB> {
    /// By a row in the table of [`Marker`], which has to be there. The row is written in COMMIT's message, which costs no round
    /// trip; on MySQL, where COMMIT travels alone, in a message before it, which costs one. (The first unit asks for the table's
    /// whole name before it begins.) A read-only unit leaves none.
    pub fn marker() -> Self {
        Self { check: Check::Marker(Arc::default()), within: Duration::from_secs(30) }
    }

    /// By a check of your own, which answers whether the unit is stored.
    ///
    /// The server may still be busy with the COMMIT when it is asked: a check that only looks can answer "not stored" too
    /// early, which the marker cannot. Let it wait for, or lock, what the unit would have written.
    pub fn by<F, Fut>(check: F) -> Self
    where
        F: Fn(Pool<DB>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<bool, SqlxError>> + Send + 'static,
    {
        let check: OwnCheck<DB> = Arc::new(move |pool| Box::pin(check(pool)));
        Self { check: Check::Own(check), within: Duration::from_secs(30) }
    }

    /// How long to go on asking a server that does not answer (30 s). After that the outcome stays unknown.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// The marker of a unit that begins on this connection, if it is to leave one.
    pub(crate) async fn draw(&self, connection: &mut DB::Connection) -> Result<Option<MarkerRow>, SqlxError> {
        let Check::Marker(known) = &self.check else { return Ok(None) };
        let table = match known.get() {
            Some(table) => Arc::clone(table),
            None => {
                let table = Arc::from(DB::marker_table(connection).await?);
                Arc::clone(known.get_or_init(|| table))
            }
        };
        Ok(Some(MarkerRow { id: random_number(), table }))
    }

    /// Whether the unit is stored; `None` if nobody could be asked in time.
    pub(crate) async fn ask(&self, pool: &Pool<DB>, marker: Option<&MarkerRow>) -> Option<bool> {
        let mut pause = Duration::from_millis(20);
        let asking = async {
            loop {
                let answer = match (&self.check, marker) {
                    (Check::Own(check), _) => check(pool.clone()).await,
                    (Check::Marker(_), Some(marker)) => {
                        let fenced = clock::timeout(FENCE_LIMIT, fence(pool, marker)).await;
                        fenced.unwrap_or_else(|| Err(backend::no_answer("the marker", FENCE_LIMIT)))
                    }
                    // Never drawn: there is nothing to ask for.
                    (Check::Marker(_), None) => return None,
                };
                match answer {
                    Ok(stored) => return Some(stored),
                    Err(error) => {
                        tracing::debug!(%error, "the outcome of a commit could not be asked for; trying again");
                    }
                }
                clock::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        };
        clock::timeout(self.within, asking).await.flatten()
    }
}

/// How long one connection is asked; then it is another one's turn, for this one may lead to a server that hangs.
const FENCE_LIMIT: Duration = Duration::from_secs(5);

/// How long that one waits for the unit's own transaction, so that the server gives up before its client does.
const FENCE_LOCK_LIMIT: Duration = Duration::from_secs(3);

/// Writes the unit's row as a void one, on a connection of its own to wherever the pool connects now.
///
/// While the unit's transaction is still open on the server, the unique key makes this wait for its end. It answers only what
/// it has read and committed: whatever else happens is an error, and asked again.
async fn fence<DB: Backend>(pool: &Pool<DB>, marker: &MarkerRow) -> Result<bool, SqlxError> {
    let MarkerRow { table, .. } = marker;
    let id = marker.id();
    let options = pool.connect_options();
    let mut connection = DB::Connection::connect_with(&options).await?;
    let options =
        TransactionOptions { lock_timeout: Some(FENCE_LOCK_LIMIT), ..TransactionOptions::default() };
    let begin = DB::plan(&options)?.begin;
    backend::send::<DB>(&mut connection, Query::fixed(begin)).await.outcome?;
    backend::send::<DB>(&mut connection, Query::unprepared(DB::marker_fence(table, &id))).await.outcome?;
    let mut is = [false; 2];
    for (is, what) in is.iter_mut().zip(["NOT void", "void"]) {
        let row = Query::unprepared(format!("SELECT 1 FROM {table} WHERE id = '{id}' AND {what}"));
        *is = backend::fetch_optional::<DB>(&mut connection, row).await?.is_some();
    }
    backend::send::<DB>(&mut connection, Query::fixed(DB::COMMIT)).await.outcome?;
    match is {
        [true, false] => Ok(true),
        [false, true] => Ok(false),
        _ => Err(SqlxError::RowNotFound),
    }
}

impl<DB: Backend> Clone for Verification<DB> {
    fn clone(&self) -> Self {
        let check = match &self.check {
            Check::Marker(table) => Check::Marker(Arc::clone(table)),
            Check::Own(check) => Check::Own(Arc::clone(check)),
        };
        Self { check, within: self.within }
    }
}

impl<DB: Backend> fmt::Debug for Verification<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = match self.check {
            Check::Marker(_) => "marker",
            Check::Own(_) => "own check",
        };
        f.debug_struct("Verification").field("check", &check).field("within", &self.within).finish()
    }
}
