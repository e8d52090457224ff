#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<__DB: _uow::Backend> _uow::Entity<__DB> for PostTag
    where
        i64: _uow::ColumnType<__DB>,
        String: _uow::ColumnType<__DB>,
    {
        type Key = (i64, String);
        const NAME: &'static ::core::primitive::str = "PostTag";
        const TABLE: _uow::Table = _uow::Table::new("post_tag");
        const COLUMNS: &'static [_uow::Column] = &[
            _uow::Column::new("post").key(),
            _uow::Column::new("tag").key(),
        ];
        fn key(&self) -> Self::Key {
            (
                ::core::clone::Clone::clone(&self.post),
                ::core::clone::Clone::clone(&self.tag),
            )
        }
        fn has_key(&self) -> ::core::primitive::bool {
            true
        }
        fn set_key(&mut self, __key: Self::Key) {
            (self.post, self.tag) = __key;
        }
        fn version(&self) -> ::core::option::Option<::core::primitive::i64> {
            ::core::option::Option::None
        }
        fn set_version(&mut self, _: ::core::primitive::i64) {}
        fn raise_version(&mut self) {}
        fn load(__row: &__DB::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::result::Result::Ok(Self {
                post: <__DB as _uow::Backend>::column::<i64>(__row, 0)?,
                tag: <__DB as _uow::Backend>::column::<String>(__row, 1)?,
            })
        }
        fn reload(
            &mut self,
            __row: &__DB::Row,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            (self.post, self.tag) = (
                <__DB as _uow::Backend>::column::<i64>(__row, 0)?,
                <__DB as _uow::Backend>::column::<String>(__row, 1)?,
            );
            ::core::result::Result::Ok(())
        }
        fn read(
            &mut self,
            __column: ::core::primitive::usize,
            __row: &__DB::Row,
            __at: ::core::primitive::usize,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            match __column {
                0 => self.post = <__DB as _uow::Backend>::column::<i64>(__row, __at)?,
                1 => self.tag = <__DB as _uow::Backend>::column::<String>(__row, __at)?,
                _ => {}
            }
            ::core::result::Result::Ok(())
        }
        fn snapshot(&self) -> Self {
            Self {
                post: <i64 as _uow::ColumnValue>::copied(&self.post),
                tag: <String as _uow::ColumnValue>::copied(&self.tag),
            }
        }
        fn copy(&mut self, __column: ::core::primitive::usize, __from: &Self) {
            match __column {
                0 => self.post = <i64 as _uow::ColumnValue>::copied(&__from.post),
                1 => self.tag = <String as _uow::ColumnValue>::copied(&__from.tag),
                _ => {}
            }
        }
        fn changes_in(
            &self,
            __columns: _uow::ColumnSet,
            __from: &Self,
        ) -> _uow::ColumnSet {
            let mut __changes = _uow::ColumnSet::EMPTY;
            if __columns.contains(0)
                && <i64 as _uow::ColumnValue>::differs(&self.post, &__from.post)
            {
                __changes.insert(0);
            }
            if __columns.contains(1)
                && <String as _uow::ColumnValue>::differs(&self.tag, &__from.tag)
            {
                __changes.insert(1);
            }
            __changes
        }
        fn bind(
            &self,
            __column: ::core::primitive::usize,
            __values: &mut _uow::Values<'_, __DB>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            match __column {
                0 => _uow::bind::<__DB, i64>(__values, &self.post),
                1 => _uow::bind::<__DB, String>(__values, &self.tag),
                _ => ::core::result::Result::Ok(()),
            }
        }
        fn bind_key(
            __key: &Self::Key,
            __values: &mut _uow::Values<'_, __DB>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            _uow::bind::<__DB, i64>(__values, &__key.0)?;
            _uow::bind::<__DB, String>(__values, &__key.1)?;
            ::core::result::Result::Ok(())
        }
        fn type_info(
            __column: ::core::primitive::usize,
        ) -> ::core::option::Option<__DB::TypeInfo> {
            ::core::option::Option::Some(
                match __column {
                    0 => _uow::type_info::<__DB, i64>(),
                    1 => _uow::type_info::<__DB, String>(),
                    _ => return ::core::option::Option::None,
                },
            )
        }
        fn compatible(
            __column: ::core::primitive::usize,
            __info: &__DB::TypeInfo,
        ) -> ::core::primitive::bool {
            match __column {
                0 => _uow::compatible::<__DB, i64>(__info),
                1 => _uow::compatible::<__DB, String>(__info),
                _ => false,
            }
        }
        _uow::postgres_only! {
        fn has_array(__column: ::core::primitive::usize) -> ::core::primitive::bool {
            use _uow::{Arrays as _, NoArrays as _};
            match __column {
                0 => (&_uow::PgColumn::<i64>::new()).has_array(),
                1 => (&_uow::PgColumn::<String>::new()).has_array(),
                _ => false,
            }
        }
        fn bind_array(
            __column: ::core::primitive::usize,
            __rows: &[&Self],
            __arguments: &mut __DB::Arguments,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            use _uow::{Arrays as _, NoArrays as _};
            let ::core::option::Option::Some(__arguments) = _uow::as_postgres::<
                __DB,
            >(__arguments) else {
                return ::core::result::Result::Ok(());
            };
            match __column {
                0 => {
                    (&_uow::PgColumn::<i64>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.post,
                            ),
                            __arguments,
                        )
                }
                1 => {
                    (&_uow::PgColumn::<String>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.tag,
                            ),
                            __arguments,
                        )
                }
                _ => ::core::result::Result::Ok(()),
            }
        }
        }
    }
};
