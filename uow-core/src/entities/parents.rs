//! What a new entity refers to: one that was added, or several at once.

use std::any::TypeId;

use super::added::Added;
use crate::backend::Backend;
use crate::entity::{Column, Entity, References};

/// What a new entity refers to: the handle of one that was [added](super::Entities::add), `&post`, or those of two or three,
/// `(&post, &tag)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a new entity refers to",
    label = "not the handle of an entity that was added",
    note = "give the `&Added<…>` that `add` returned, or a tuple of two or three of them: `(&post, &tag)`"
)]
pub trait Parents<DB: Backend> {
    /// The handles themselves, to be kept until the flush.
    type Handles: Handles<DB>;

    /// Keeps them.
    #[doc(hidden)]
    fn handles(self) -> Self::Handles;
}

/// The handle of an entity that was added, or those of several.
#[doc(hidden)]
pub trait Handles<DB: Backend>: Send + Sync + 'static {
    /// Their keys: that of one, or a tuple.
    type Keys;

    /// Their keys, once all of them are known.
    fn keys(&self) -> Option<Self::Keys>;

    /// Whether a column refers to one of them.
    fn are_referred_by(column: &Column) -> bool;
}

/// An entity that [refers](References) to each of these by one field. Not for use by hand.
#[doc(hidden)]
pub trait ReferencesAll<Hs: Handles<DB>, DB: Backend> {
    /// Sets the fields.
    fn refer_to_all(&mut self, keys: Hs::Keys);
}

impl<P: Entity<DB> + 'static, DB: Backend> Parents<DB> for &Added<P, DB> {
    type Handles = Added<P, DB>;

    fn handles(self) -> Added<P, DB> {
        self.clone()
    }
}

impl<P: Entity<DB> + 'static, DB: Backend> Handles<DB> for Added<P, DB> {
    type Keys = P::Key;

    fn keys(&self) -> Option<P::Key> {
        self.key()
    }

    fn are_referred_by(column: &Column) -> bool {
        column.referred() == Some(TypeId::of::<P>())
    }
}

// Whoever refers to no such entity is not helped by hearing of these.
#[diagnostic::do_not_recommend]
impl<E: References<P, DB>, P: Entity<DB> + 'static, DB: Backend> ReferencesAll<Added<P, DB>, DB> for E {
    fn refer_to_all(&mut self, key: P::Key) {
        self.refer_to(key);
    }
}

macro_rules! several {
    ($($parent:ident $at:tt),*) => {
        impl<$($parent: Parents<DB>,)* DB: Backend> Parents<DB> for ($($parent,)*) {
            type Handles = ($($parent::Handles,)*);

            fn handles(self) -> Self::Handles {
                ($(self.$at.handles(),)*)
            }
        }

        impl<$($parent: Handles<DB>,)* DB: Backend> Handles<DB> for ($($parent,)*) {
            type Keys = ($($parent::Keys,)*);

            fn keys(&self) -> Option<Self::Keys> {
                Some(($(self.$at.keys()?,)*))
            }

            fn are_referred_by(column: &Column) -> bool {
                $($parent::are_referred_by(column))||*
            }
        }

        #[diagnostic::do_not_recommend]
        impl<E, $($parent: Handles<DB>,)* DB: Backend> ReferencesAll<($($parent,)*), DB> for E
        where
            $(E: ReferencesAll<$parent, DB>,)*
        {
            fn refer_to_all(&mut self, keys: ($($parent::Keys,)*)) {
                $(ReferencesAll::<$parent, DB>::refer_to_all(self, keys.$at);)*
            }
        }
    };
}
several!(A 0, B 1);
several!(A 0, B 1, C 2);
