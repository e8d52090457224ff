//! The rows that refer to others: the children of one parent, or of many.

use std::any::TypeId;
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};

use sqlx_core::Error as SqlxError;

use super::Entities;
use crate::backend::{Backend, Query};
use crate::entity::{Column, Entity, References, Values};
use crate::error::Error;
use crate::sql::Shape;

/// How many parents one statement is asked for where there are no arrays: less than the values that any engine takes.
const MOST: usize = 1 << 14;

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The entities that refer to this one, by the field that `#[uow(references = …)]` marks, in the order of their keys: one
    /// `SELECT`. They are tracked, as those of a [`query`](Self::query) are.
    ///
    /// # Errors
    ///
    /// As [`of_all`](Self::of_all).
    pub async fn of<P: Entity<DB> + 'static>(&mut self, parent: &P) -> Result<Vec<&mut E>, Error>
    where
        E: References<P, DB>,
    {
        let key = parent.key();
        Ok(self.of_all(&[parent]).await?.remove(&key).unwrap_or_default())
    }

    /// The entities that refer to any of these, by the field that `#[uow(references = …)]` marks, for each parent by its key
    /// and in the order of their own keys; a parent without any has an empty list. They are tracked, as those of a
    /// [`query`](Self::query) are: one that is tracked already comes as it is here, in the list of the parent it has in the
    /// database, which does not know yet what is held back here.
    ///
    /// Use it in place of a query in a loop: it is one `SELECT` for any number of parents on PostgreSQL, whose keys are one
    /// array; elsewhere it is one for every 16,384.
    ///
    /// ```
    /// # use unit_of_work::{Entities, Entity, Error, Lazy, Session, UnitOfWork};
    /// # #[derive(Entity)] struct Order { #[uow(key)] id: i64 }
    /// # #[derive(Entity)] struct Line { #[uow(key)] id: i64, #[uow(references = Order)] order_id: i64, price: i64 }
    /// # #[derive(UnitOfWork)]
    /// # struct Shop {
    /// #     session: Session<sqlx::Sqlite>,
    /// #     orders: Lazy<Entities<Order, sqlx::Sqlite>>,
    /// #     lines: Lazy<Entities<Line, sqlx::Sqlite>>,
    /// # }
    /// # async fn example(shop: &mut Shop) -> Result<(), Error> {
    /// let ShopSplit { orders, lines } = shop.split();
    /// let orders = orders.all().limit(100).fetch().await?;
    /// let lines = lines.of_all(&orders).await?;
    /// for order in orders {
    ///     let total: i64 = lines[&order.id].iter().map(|line| line.price).sum();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Where entities of this type refer to several others, say which are meant: `of_all::<Order>(&orders)`.
    ///
    /// # Errors
    ///
    /// Those of a statement through the [`Session`](crate::Session).
    pub async fn of_all<P: Entity<DB> + 'static>(
        &mut self,
        parents: &[impl Borrow<P>],
    ) -> Result<HashMap<P::Key, Vec<&mut E>>, Error>
    where
        E: References<P, DB>,
    {
        let mut distinct: Vec<&P> = parents.iter().map(Borrow::borrow).collect();
        let mut seen = HashSet::new();
        distinct.retain(|parent| seen.insert(parent.key()));
        let mut children: HashMap<P::Key, Vec<&mut E>> =
            seen.into_iter().map(|key| (key, Vec::new())).collect();
        let key = Shape::of::<DB, P>().keys();
        let arrays = DB::HAS_ARRAYS && key.iter().all(|&key| P::has_array(key));
        let mut found = Vec::new();
        for parents in distinct.chunks(if arrays { usize::MAX } else { MOST }) {
            self.read_children(parents, arrays, &mut found).await?;
        }
        let depth = self.depth();
        self.tracked.reserve(found.len());
        let mut slots = Vec::with_capacity(found.len());
        let mut keys = Vec::with_capacity(found.len());
        for (child, key) in found {
            let at = self.track(child);
            if self.is_there(at) {
                self.tracked.touch(at, depth);
                slots.push(at);
                keys.push(key);
            }
        }
        for (child, key) in self.tracked.lend(&slots).into_iter().zip(keys) {
            children.entry(key).or_default().push(child);
        }
        Ok(children)
    }

    /// Reads the children of these, each with the key of its parent.
    async fn read_children<P: Entity<DB> + 'static>(
        &self,
        parents: &[&P],
        arrays: bool,
        found: &mut Vec<(E, P::Key)>,
    ) -> Result<(), Error> {
        let shape = Shape::of::<DB, E>();
        let refers = |column: &Column| column.referred() == Some(TypeId::of::<P>());
        let (reference, parent_key) = (shape.positions(refers), Shape::of::<DB, P>().keys());
        let ([reference], [parent_key]) = (reference.as_slice(), parent_key.as_slice()) else {
            return Err(no_one_column::<E, P, DB>());
        };
        let mut arguments = DB::Arguments::default();
        let mut text = shape.select();
        text.sql(" WHERE ");
        shape.returned(&mut text, &[*reference]);
        if arrays {
            P::bind_array(*parent_key, parents, &mut arguments).map_err(SqlxError::Encode)?;
            text.sql(" = ANY(").value().sql(")");
        } else {
            // Few sizes, for each is a text to prepare; a key may be looked for twice.
            let rows = parents.len().next_power_of_two();
            for parent in parents.iter().chain(parents.last().into_iter().cycle()).take(rows) {
                parent.bind(*parent_key, &mut Values::bound(&mut arguments)).map_err(SqlxError::Encode)?;
            }
            text.sql(" IN ").rows(1, rows);
        }
        text.sql(" ORDER BY ");
        shape.returned(&mut text, &shape.keys());
        // The key is read as the parent has it, be the child's column of a type of its own.
        let Some(mut scratch) = parents.first().map(|parent| parent.snapshot()) else { return Ok(()) };
        let mut broken = None;
        let each = |row: DB::Row| {
            let child = E::load(&row).and_then(|child| {
                scratch.read(*parent_key, &row, *reference)?;
                Ok((child, scratch.key()))
            });
            match child {
                Ok(child) => found.push(child),
                Err(error) => broken = broken.take().or(Some(error)),
            }
        };
        let query = Query::with_arguments(text.finish(), arguments);
        self.session.shared().select(query, each).await?;
        broken.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// What a [`References`] that is written by hand may come to.
fn no_one_column<E: Entity<DB>, P: Entity<DB>, DB: Backend>() -> Error {
    let (child, parent) = (E::NAME, P::NAME);
    let text = format!(
        "`{child}` has no one column that holds the key of `{parent}`, so nothing was sent; write a `query` for its rows"
    );
    SqlxError::Protocol(text).into()
}
