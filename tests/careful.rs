//! The flush's second try: rows that only came too early, and the one that is refused.

mod common;

use common::*;
use unit_of_work::Entities;

#[derive(Debug, UnitOfWork)]
struct Office<DB: Backend>
where
    Company: Entity<DB>,
    Person: Entity<DB>,
    Seat: Entity<DB>,
    Desk: Entity<DB>,
    Node: Entity<DB>,
    Tag: Entity<DB>,
    Place: Entity<DB>,
    Pair: Entity<DB>,
{
    session: Session<DB>,
    companies: Lazy<Entities<Company, DB>>,
    people: Lazy<Entities<Person, DB>>,
    seats: Lazy<Entities<Seat, DB>>,
    desks: Lazy<Entities<Desk, DB>>,
    nodes: Lazy<Entities<Node, DB>>,
    tags: Lazy<Entities<Tag, DB>>,
    places: Lazy<Entities<Place, DB>>,
    pairs: Lazy<Entities<Pair, DB>>,
}

/// Companies and people refer to each other.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Company {
    #[uow(key, generated)]
    id: i64,
    #[uow(unique)]
    name: String,
    #[uow(references = Person)]
    chief_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Person {
    #[uow(key, generated)]
    id: i64,
    #[uow(references = Company)]
    employer_id: Option<i64>,
}

/// Two columns are unique together, which cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Seat {
    #[uow(key, generated)]
    id: i64,
    line: i64,
    place: i64,
}

/// A unique value that not all have.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Desk {
    #[uow(key)]
    id: i64,
    #[uow(unique)]
    badge: Option<i64>,
}

/// A tree whose branches go with their trunk.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Node {
    #[uow(key)]
    id: i64,
    #[uow(references = Node)]
    above: Option<i64>,
    #[uow(version)]
    version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Tag {
    #[uow(key)]
    id: i64,
    #[uow(unique)]
    name: String,
}

/// A list with an order.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Place {
    #[uow(key)]
    id: i64,
    #[uow(unique)]
    position: i64,
}

/// Not every value of it can be written.
#[derive(Debug, Clone, PartialEq, Eq, Entity)]
struct Pair {
    #[uow(key)]
    id: i64,
    number: Even,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Even(i64);

impl<DB: sqlx::Database> sqlx::Type<DB> for Even
where
    i64: sqlx::Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <i64 as sqlx::Type<DB>>::type_info()
    }
}

impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for Even
where
    i64: sqlx::Encode<'q, DB>,
{
    fn encode_by_ref(
        &self,
        buffer: &mut <DB as sqlx::Database>::ArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        if self.0 % 2 == 0 { self.0.encode_by_ref(buffer) } else { Err("it is odd".into()) }
    }
}

impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for Even
where
    i64: sqlx::Decode<'r, DB>,
{
    fn decode(value: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        i64::decode(value).map(Self)
    }
}

fn code_of(error: &Error) -> String {
    let Error::NotStored { source, .. } = error else { panic!("{error:?}") };
    source.as_database_error().unwrap().code().unwrap().into_owned()
}

fn company(name: &str) -> Company {
    Company { id: 0, name: name.into(), chief_id: None }
}

fn tag(id: i64, name: &str) -> Tag {
    Tag { id, name: name.into() }
}

async fn make_tables<DB: Engine>(lab: &Lab<DB>) {
    let key = DB::GENERATED_KEY;
    let later = "ALTER TABLE company ADD FOREIGN KEY (chief_id) REFERENCES person (id);";
    lab.script(&format!(
        "CREATE TABLE company (id {key}, name VARCHAR(50) NOT NULL UNIQUE, chief_id BIGINT {}); \
         CREATE TABLE person (id {key}, employer_id BIGINT, FOREIGN KEY (employer_id) REFERENCES company (id)); {} \
         CREATE TABLE desk (id BIGINT PRIMARY KEY, badge BIGINT UNIQUE); \
         CREATE TABLE seat (id {key}, line BIGINT NOT NULL, place BIGINT NOT NULL, UNIQUE (line, place)); \
         CREATE TABLE node (id BIGINT NOT NULL PRIMARY KEY, above BIGINT, version BIGINT NOT NULL, \
            FOREIGN KEY (above) REFERENCES node (id) ON DELETE CASCADE); \
         CREATE TABLE tag (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE); \
         CREATE TABLE pair (id BIGINT NOT NULL PRIMARY KEY, number BIGINT NOT NULL); \
         CREATE TABLE place (id BIGINT NOT NULL PRIMARY KEY, position BIGINT NOT NULL UNIQUE)",
        if DB::NAME == "SQLite" { "REFERENCES person (id)" } else { "" },
        if DB::NAME == "SQLite" { "" } else { later },
    ))
    .await;
}

/// A chain of three nodes.
async fn chain<DB: Engine>(lab: &Lab<DB>) -> Office<DB>
where
    Node: Entity<DB, Key = i64>,
    Company: Entity<DB>,
    Person: Entity<DB>,
    Seat: Entity<DB>,
    Desk: Entity<DB>,
    Tag: Entity<DB>,
    Place: Entity<DB>,
    Pair: Entity<DB>,
{
    let mut db = Office::new(&lab.pool);
    for id in 1..=3 {
        db.nodes().add(Node { id, above: (id > 1).then_some(id - 1), version: 0 }).unwrap();
    }
    db.commit().await.unwrap();
    for id in 1..=3 {
        db.nodes().remove(&id).unwrap();
    }
    db
}

engines! {
    async fn a_key_that_a_removal_frees_goes_to_another_row(lab) {
        make_tables(lab).await;
        let mut db = Office::new(&lab.pool);
        db.tags().add(tag(1, "first")).unwrap();
        db.tags().add(tag(2, "second")).unwrap();
        db.commit().await.unwrap();
        let undone: Result<(), Error> = db
            .savepoint(async |db| {
                db.tags().remove(&1)?;
                db.tags().require(2).await?.id = 1;
                db.flush().await?;
                assert_eq!(db.tags().require(1).await?.name, "second");
                Err(Error::Busy)
            })
            .await;
        assert!(undone.as_ref().is_err_and(Error::is_busy), "{undone:?}");
        let [first, second] = db.tags().get_many([1, 2]).await.unwrap();
        assert_eq!((first.name.as_str(), second.name.as_str()), ("first", "second"));
        db.tags().remove(&1).unwrap();
        db.tags().require(2).await.unwrap().id = 1;
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id, ' ', name) FROM tag").await, ["1 second"]);
        assert_eq!(db.tags().require(1).await.unwrap().name, "second");
        assert!(db.tags().get(2).await.unwrap().is_none());
    }

    async fn values_that_are_unique_together_move_as_well(lab) {
        make_tables(lab).await;
        let mut db = Office::new(&lab.pool);
        let mut seats: Vec<_> = (0..50).map(|place| db.seats().add(Seat { id: 0, line: 1, place }).unwrap()).collect();
        db.commit().await.unwrap();
        for seat in seats.drain(..) {
            db.seats().remove(&seat.key().unwrap()).unwrap();
        }
        for place in 0..50 {
            db.seats().add(Seat { id: 0, line: 1, place }).unwrap();
        }
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM seat").await, ["50"]);
        assert_eq!(db.seats().len(), 50);
    }

    async fn each_type_is_deleted_when_it_can_be(lab) {
        make_tables(lab).await;
        let mut db = Office::new(&lab.pool);
        db.tags().add(tag(1, "a")).unwrap();
        db.tags().add(tag(2, "b")).unwrap();
        let [old, new] = ["old", "new"].map(|name| db.companies().add(company(name)).unwrap());
        let person = db.people().add_to(&old, Person { id: 0, employer_id: None }).unwrap();
        db.commit().await.unwrap();
        let (old, new, person) = (old.key().unwrap(), new.key().unwrap(), person.key().unwrap());
        // The tag has to go before its name is taken; the company after its last employee.
        db.tags().remove(&1).unwrap();
        db.tags().require(2).await.unwrap().name = "a".into();
        db.companies().remove(&old).unwrap();
        db.companies().require(new).await.unwrap().name = "newer".into();
        db.people().require(person).await.unwrap().employer_id = Some(new);
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id, name) FROM tag").await, ["2a"]);
        assert_eq!(Db::texts(&lab.outside, "SELECT name FROM company").await, ["newer"]);
    }

    async fn types_that_refer_to_each_other_are_written_row_by_row_where_the_rows_have_an_order(lab) {
        make_tables(lab).await;
        let mut db = Office::new(&lab.pool);
        let chief = db.people().add(Person { id: 0, employer_id: None }).unwrap();
        let company_of = db.companies().add_with(&chief, company("a"), |company, key| company.chief_id = Some(key)).unwrap();
        let employees: Vec<_> = (0..20).map(|_| db.people().add_to(&company_of, Person { id: 0, employer_id: None }).unwrap()).collect();
        db.commit().await.unwrap();
        let stored = "SELECT concat(count(*)) FROM company JOIN person ON person.employer_id = company.id WHERE chief_id IS NOT NULL";
        assert_eq!(Db::texts(&lab.outside, stored).await, ["20"]);
        assert_eq!(db.people().require(employees[7].key().unwrap()).await.unwrap().employer_id, company_of.key());

        // And removed again, by keys that the types' order does not help with.
        db.companies().remove(&company_of.key().unwrap()).unwrap();
        db.people().remove(&chief.key().unwrap()).unwrap();
        for employee in &employees {
            db.people().remove(&employee.key().unwrap()).unwrap();
        }
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM person").await, ["0"]);

        // With keys that are given.
        db.companies().add(Company { id: 7, chief_id: Some(8), ..company("b") }).unwrap();
        db.people().add(Person { id: 8, employer_id: None }).unwrap();
        db.people().add(Person { id: 9, employer_id: Some(7) }).unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, stored).await, ["1"]);
    }

    async fn rows_in_a_circle_are_told(lab) {
        make_tables(lab).await;
        let mut db = Office::new(&lab.pool);
        let mut other = Office::new(&lab.pool);
        let stranger = other.people().add(Person { id: 0, employer_id: None }).unwrap();
        let chief = db.people().add(Person { id: 0, employer_id: None }).unwrap();
        let company_of = db.companies().add_with(&chief, company("a"), |company, key| company.chief_id = Some(key)).unwrap();
        db.companies().add_with(&stranger, company("b"), |company, key| company.chief_id = Some(key)).unwrap();
        db.people().remove_added(&chief);
        let error = db.commit().await.unwrap_err();
        assert!(matches!(error, Error::ParentNotStored { entity: "Company" }), "{error}");
        assert!(error.to_string().contains("in a circle"), "{error}");
        assert_eq!(company_of.key(), None);
        assert_eq!(db.companies().len(), 2);
        assert_eq!(Db::texts(&lab.outside, "SELECT name FROM company").await, [""; 0]);
    }

    async fn rows_that_a_cascade_takes_along_are_deleted_too(lab) {
        make_tables(lab).await;
        let mut db = chain(lab).await;
        db.commit().await.unwrap();
        assert!(db.nodes().is_empty());
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id) FROM node").await, [""; 0]);
    }

    async fn a_stale_row_that_a_cascade_would_take_along_is_a_conflict(lab) {
        make_tables(lab).await;
        let mut db = chain(lab).await;
        sqlx::raw_sql("UPDATE node SET version = 5 WHERE id = 2").execute(db.session()).await.unwrap();
        let error = db.commit().await.unwrap_err();
        let keys: Vec<&str> = error.conflict().unwrap().rows().iter().map(|row| row.key()).collect();
        assert_eq!(keys, ["2"], "{error}");
        db.nodes().keep_mine(error.conflict().unwrap()).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id) FROM node").await, [""; 0]);
    }

    async fn what_is_no_rows_fault_is_told_as_it_is(lab) {
        let mut db = Shelf::new(&lab.pool);
        for at in 0..100 {
            db.blogs().add(Blog::named(&at.to_string())).unwrap();
        }
        lab.script("ALTER TABLE blog RENAME TO gone").await;
        let error = db.flush().await.unwrap_err();
        assert!(matches!(error, Error::Sqlx(sqlx::Error::Database(_))), "{error}");
        db.rollback().await.unwrap();
        assert_eq!(db.blogs().take_undone().len(), 100);
    }

    async fn a_row_that_a_trigger_refuses_is_named(lab) {
        make_tables(lab).await;
        lab.script(match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN IF new.name = 'bad' THEN RAISE 'no' USING ERRCODE = 'UOW01'; END IF; \
                             RETURN new; END $$ LANGUAGE plpgsql; \
                             CREATE TRIGGER refuse BEFORE INSERT ON tag FOR EACH ROW EXECUTE FUNCTION refuse()",
            "MySQL" => "CREATE TRIGGER refuse BEFORE INSERT ON tag FOR EACH ROW \
                        IF new.name = 'bad' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF",
            _ => "CREATE TRIGGER refuse BEFORE INSERT ON tag WHEN new.name = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
        })
        .await;
        let mut db = Office::new(&lab.pool);
        for id in 1..=40 {
            db.tags().add(tag(id, &if id == 23 { "bad".to_owned() } else { id.to_string() })).unwrap();
        }
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains("`Tag` 23 could not be inserted"), "{error}");
        db.tags().require(23).await.unwrap().name = "good".into();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM tag").await, ["40"]);
    }

    async fn a_row_that_postgres_refuses_in_a_way_of_its_own_is_named(lab) {
        if <Db as sqlx::Database>::NAME != "PostgreSQL" {
            return;
        }
        make_tables(lab).await;
        let pool = lab.pool_of(1).await;
        // The check of a view, and that of a policy, which a superuser need not pass.
        for (refuse, code) in [
            (
                "ALTER TABLE tag RENAME TO tags; \
                 CREATE VIEW tag AS SELECT id, name FROM tags WHERE name <> 'bad' WITH CHECK OPTION",
                "44000",
            ),
            (
                "DROP VIEW tag; ALTER TABLE tags RENAME TO tag; GRANT ALL ON tag TO pg_monitor; \
                 DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO pg_monitor', current_schema); END $$; \
                 ALTER TABLE tag ENABLE ROW LEVEL SECURITY; CREATE POLICY good ON tag USING (name <> 'bad')",
                "42501",
            ),
        ] {
            lab.script(refuse).await;
            if code == "42501" {
                sqlx::raw_sql("SET ROLE pg_monitor").execute(&pool).await.unwrap();
            }
            let mut db = Office::new(&pool);
            for id in 1..=40 {
                db.tags().add(tag(id, &if id == 23 { "bad".to_owned() } else { id.to_string() })).unwrap();
            }
            let error = db.commit().await.unwrap_err();
            assert!(error.to_string().contains("`Tag` 23 could not be inserted"), "{error}");
            assert_eq!(code_of(&error), code, "{error}");
            db.rollback().await.unwrap();
        }
    }

    async fn a_key_that_only_postgres_may_give_is_told_with_its_entity(lab) {
        if <Db as sqlx::Database>::NAME != "PostgreSQL" {
            return;
        }
        make_tables(lab).await;
        lab.script("ALTER TABLE company ALTER id SET GENERATED ALWAYS").await;
        let mut db = Office::new(&lab.pool);
        for (id, name) in [(0, "a"), (0, "b"), (23, "c"), (0, "d")] {
            db.companies().add(Company { id, ..company(name) }).unwrap();
        }
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains("`Company` 23 could not be inserted"), "{error}");
        assert_eq!(code_of(&error), "428C9", "{error}");
    }

    async fn a_value_that_cannot_be_written_is_told_with_its_entity(lab) {
        make_tables(lab).await;
        let mut db = Office::new(&lab.pool);
        for id in 1..=40 {
            db.pairs().add(Pair { id, number: Even(if id == 23 { 1 } else { 2 * id }) }).unwrap();
        }
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains("`Pair` 23 could not be inserted"), "{error}");
        db.pairs().require(23).await.unwrap().number = Even(0);
        db.commit().await.unwrap();
        db.pairs().require(7).await.unwrap().number = Even(3);
        let error = db.commit().await.unwrap_err();
        assert!(error.to_string().contains("`Pair` 7 could not be updated"), "{error}");
        db.pairs().refresh(7).await.unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM pair").await, ["40"]);
    }

    async fn a_list_moves_up_by_one(lab) {
        make_tables(lab).await;
        let mut db = Office::new(&lab.pool);
        for id in 1..=200 {
            db.places().add(Place { id, position: id }).unwrap();
        }
        db.commit().await.unwrap();
        for place in db.places().iter_mut() {
            place.position += 1;
        }
        db.places().add(Place { id: 1000, position: 1 }).unwrap();
        db.commit().await.unwrap();
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM place WHERE position = id + 1").await, ["200"]);
        assert_eq!(Db::texts(&lab.outside, "SELECT concat(id) FROM place WHERE position = 1").await, ["1000"]);
    }
}

mod on_the_wire {
    use super::*;

    /// Moves each of a thousand places by so much, and tells how many round trips that took.
    async fn move_a_thousand<DB: Engine>(lab: &Lab<DB>, by: fn(i64) -> i64) -> u64
    where
        Company: Entity<DB>,
        Person: Entity<DB>,
        Seat: Entity<DB>,
        Desk: Entity<DB>,
        Node: Entity<DB>,
        Tag: Entity<DB>,
        Place: Entity<DB>,
        Pair: Entity<DB>,
    {
        make_tables(lab).await;
        let (pool, proxy) = lab.through_proxy(1).await;
        let mut db = Office::new(&pool);
        for id in 1..=1000 {
            db.places().add(Place { id, position: id }).unwrap();
        }
        db.commit().await.unwrap();
        for place in db.places().iter_mut() {
            place.position += by(place.id);
        }
        let before = proxy.round_trips();
        db.commit().await.unwrap();
        proxy.round_trips() - before
    }

    uow_test_support::servers! {
        async fn a_list_of_a_thousand_moves_up_by_one_in_few_statements(lab) {
            let round_trips = move_a_thousand(lab, |_| 1).await;
            // Row by row, each with its savepoint: who gives a position up goes before who takes it.
            assert!(round_trips < 3100, "{round_trips}");
            assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM place WHERE position = id + 1").await, ["1000"]);
        }

        async fn one_position_that_is_handed_on_costs_a_thousand_rows_one_more_statement(lab) {
            let round_trips = move_a_thousand(lab, |id| if id == 1 { 1 } else { 10_000 }).await;
            assert!(round_trips < 24, "{round_trips}");
            assert_eq!(Db::texts(&lab.outside, "SELECT concat(id) FROM place WHERE position = 2").await, ["1"]);
        }

        async fn a_thousand_badges_of_which_one_is_given_back_are_handed_on_in_few_statements(lab) {
            make_tables(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Office::new(&pool);
            for id in 1..=1000 {
                db.desks().add(Desk { id, badge: (id < 1000).then_some(id) }).unwrap();
            }
            db.commit().await.unwrap();
            for desk in db.desks().iter_mut() {
                desk.badge = match desk.id {
                    999 => None,
                    1000 => Some(1),
                    id => Some(id + 1),
                };
            }
            let before = proxy.round_trips();
            db.commit().await.unwrap();
            let round_trips = proxy.round_trips() - before;
            assert!(round_trips < 3100, "{round_trips}");
            assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM desk WHERE badge = id + 1").await, ["998"]);
            assert_eq!(Db::texts(&lab.outside, "SELECT concat(id) FROM desk WHERE badge = 1").await, ["1000"]);
        }

        async fn five_hundred_badges_that_change_hands_are_handed_over_in_few_statements(lab) {
            make_tables(lab).await;
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Office::new(&pool);
            for id in 1..=1000 {
                db.desks().add(Desk { id, badge: (id > 500).then_some(id) }).unwrap();
            }
            db.commit().await.unwrap();
            for desk in db.desks().iter_mut() {
                desk.badge = if desk.id > 500 { None } else { Some(desk.id + 500) };
            }
            let before = proxy.round_trips();
            db.commit().await.unwrap();
            // Those that hold none wait for nobody: nothing is a place that only one can have.
            let round_trips = proxy.round_trips() - before;
            assert!(round_trips < 100, "{round_trips}");
            assert_eq!(Db::texts(&lab.outside, "SELECT concat(count(*)) FROM desk WHERE badge = id + 500").await, ["500"]);
        }

        async fn what_is_no_rows_fault_is_not_tried_again(lab) {
            let (pool, proxy) = lab.through_proxy(1).await;
            let mut db = Shelf::new(&pool);
            for at in 0..1000 {
                db.blogs().add(Blog::named(&at.to_string())).unwrap();
            }
            lab.script("ALTER TABLE blog RENAME TO gone").await;
            let before = proxy.round_trips();
            db.flush().await.unwrap_err();
            let round_trips = proxy.round_trips() - before;
            assert!(round_trips < 20, "{round_trips}");
        }

        async fn a_statement_that_takes_too_long_is_not_tried_for_each_row(lab) {
            let mut db = Shelf::new(&lab.pool);
            for at in 0..100 {
                db.blogs().add(Blog::named(&at.to_string())).unwrap();
            }
            db.commit().await.unwrap();
            let mut holder = lab.outside.begin().await.unwrap();
            sqlx::raw_sql("UPDATE blog SET name = 'held' WHERE name = '50'").execute(&mut *holder).await.unwrap();
            let begun = std::time::Instant::now();
            let limit = std::time::Duration::from_millis(300);
            // (MySQL ends a write by the second only.)
            let mut db: Shelf<Db> =
                Shelf::options(&lab.pool).statement_timeout(limit).lock_timeout(3 * limit).build().unwrap();
            for blog in db.blogs().all().fetch().await.unwrap() {
                blog.name.push('!');
            }
            let error = db.commit().await.unwrap_err();
            assert!(!matches!(error, Error::NotStored { .. }), "{error}");
            assert!(begun.elapsed() < std::time::Duration::from_secs(4), "{:?}", begun.elapsed());
            holder.rollback().await.unwrap();
        }
    }
}
