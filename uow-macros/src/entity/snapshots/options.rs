#[allow(deprecated, unused_qualifications)]
const _: () = {
    use crate::database::uow::__private as _uow;
    #[automatically_derived]
    impl<__DB: _uow::Backend> _uow::Entity<__DB> for Blog
    where
        i64: _uow::ColumnType<__DB>,
        String: _uow::ColumnType<__DB>,
        Option<String>: _uow::ColumnType<__DB>,
        Vec<i64>: _uow::ColumnType<__DB>,
    {
        type Key = i64;
        const NAME: &'static ::core::primitive::str = "Blog";
        const TABLE: _uow::Table = _uow::Table::new("blogs").schema("app");
        const COLUMNS: &'static [_uow::Column] = &[
            _uow::Column::new("id").key().generated(),
            _uow::Column::new("title"),
            _uow::Column::new("type"),
            _uow::Column::new("created_at").read_only().nullable(),
            _uow::Column::new("tags").unique(),
            _uow::Column::new("author").references::<Person>(),
            _uow::Column::new("version").version(),
        ];
        fn key(&self) -> Self::Key {
            ::core::clone::Clone::clone(&self.id)
        }
        fn has_key(&self) -> ::core::primitive::bool {
            self.id != <i64 as ::core::default::Default>::default()
        }
        fn set_key(&mut self, __key: Self::Key) {
            self.id = __key;
        }
        fn version(&self) -> ::core::option::Option<::core::primitive::i64> {
            ::core::option::Option::Some(
                <i64 as _uow::VersionType>::number(self.version),
            )
        }
        fn set_version(&mut self, __number: ::core::primitive::i64) {
            self.version = <i64 as _uow::VersionType>::of(__number);
        }
        fn raise_version(&mut self) {
            self.version = <i64 as _uow::VersionType>::next(self.version);
        }
        fn load(__row: &__DB::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::result::Result::Ok(Self {
                id: <__DB as _uow::Backend>::column::<i64>(__row, 0)?,
                name: <__DB as _uow::Backend>::column::<String>(__row, 1)?,
                r#type: <__DB as _uow::Backend>::column::<String>(__row, 2)?,
                created_at: <__DB as _uow::Backend>::column::<Option<String>>(__row, 3)?,
                tags: <__DB as _uow::Backend>::column::<Vec<i64>>(__row, 4)?,
                author: <__DB as _uow::Backend>::column::<i64>(__row, 5)?,
                version: <__DB as _uow::Backend>::column::<i64>(__row, 6)?,
                note: <Option<String> as ::core::default::Default>::default(),
            })
        }
        fn reload(
            &mut self,
            __row: &__DB::Row,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            (
                self.id,
                self.name,
                self.r#type,
                self.created_at,
                self.tags,
                self.author,
                self.version,
            ) = (
                <__DB as _uow::Backend>::column::<i64>(__row, 0)?,
                <__DB as _uow::Backend>::column::<String>(__row, 1)?,
                <__DB as _uow::Backend>::column::<String>(__row, 2)?,
                <__DB as _uow::Backend>::column::<Option<String>>(__row, 3)?,
                <__DB as _uow::Backend>::column::<Vec<i64>>(__row, 4)?,
                <__DB as _uow::Backend>::column::<i64>(__row, 5)?,
                <__DB as _uow::Backend>::column::<i64>(__row, 6)?,
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
                0 => self.id = <__DB as _uow::Backend>::column::<i64>(__row, __at)?,
                1 => self.name = <__DB as _uow::Backend>::column::<String>(__row, __at)?,
                2 => {
                    self.r#type = <__DB as _uow::Backend>::column::<String>(__row, __at)?;
                }
                3 => {
                    self.created_at = <__DB as _uow::Backend>::column::<
                        Option<String>,
                    >(__row, __at)?;
                }
                4 => {
                    self.tags = <__DB as _uow::Backend>::column::<Vec<i64>>(__row, __at)?;
                }
                5 => self.author = <__DB as _uow::Backend>::column::<i64>(__row, __at)?,
                6 => self.version = <__DB as _uow::Backend>::column::<i64>(__row, __at)?,
                _ => {}
            }
            ::core::result::Result::Ok(())
        }
        fn snapshot(&self) -> Self {
            Self {
                id: <i64 as _uow::ColumnValue>::copied(&self.id),
                name: <String as _uow::ColumnValue>::copied(&self.name),
                r#type: <String as _uow::ColumnValue>::copied(&self.r#type),
                created_at: <Option<
                    String,
                > as _uow::ColumnValue>::copied(&self.created_at),
                tags: <Vec<i64> as _uow::ColumnValue>::copied(&self.tags),
                author: <i64 as _uow::ColumnValue>::copied(&self.author),
                version: <i64 as _uow::ColumnValue>::copied(&self.version),
                note: <Option<String> as ::core::default::Default>::default(),
            }
        }
        fn copy(&mut self, __column: ::core::primitive::usize, __from: &Self) {
            match __column {
                0 => self.id = <i64 as _uow::ColumnValue>::copied(&__from.id),
                1 => self.name = <String as _uow::ColumnValue>::copied(&__from.name),
                2 => self.r#type = <String as _uow::ColumnValue>::copied(&__from.r#type),
                3 => {
                    self.created_at = <Option<
                        String,
                    > as _uow::ColumnValue>::copied(&__from.created_at);
                }
                4 => self.tags = <Vec<i64> as _uow::ColumnValue>::copied(&__from.tags),
                5 => self.author = <i64 as _uow::ColumnValue>::copied(&__from.author),
                6 => self.version = <i64 as _uow::ColumnValue>::copied(&__from.version),
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
                && <i64 as _uow::ColumnValue>::differs(&self.id, &__from.id)
            {
                __changes.insert(0);
            }
            if __columns.contains(1)
                && <String as _uow::ColumnValue>::differs(&self.name, &__from.name)
            {
                __changes.insert(1);
            }
            if __columns.contains(2)
                && <String as _uow::ColumnValue>::differs(&self.r#type, &__from.r#type)
            {
                __changes.insert(2);
            }
            if __columns.contains(3)
                && <Option<
                    String,
                > as _uow::ColumnValue>::differs(&self.created_at, &__from.created_at)
            {
                __changes.insert(3);
            }
            if __columns.contains(4)
                && <Vec<i64> as _uow::ColumnValue>::differs(&self.tags, &__from.tags)
            {
                __changes.insert(4);
            }
            if __columns.contains(5)
                && <i64 as _uow::ColumnValue>::differs(&self.author, &__from.author)
            {
                __changes.insert(5);
            }
            if __columns.contains(6)
                && <i64 as _uow::ColumnValue>::differs(&self.version, &__from.version)
            {
                __changes.insert(6);
            }
            __changes
        }
        fn bind(
            &self,
            __column: ::core::primitive::usize,
            __values: &mut _uow::Values<'_, __DB>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            match __column {
                0 => _uow::bind::<__DB, i64>(__values, &self.id),
                1 => _uow::bind::<__DB, String>(__values, &self.name),
                2 => _uow::bind::<__DB, String>(__values, &self.r#type),
                3 => _uow::bind::<__DB, Option<String>>(__values, &self.created_at),
                4 => _uow::bind::<__DB, Vec<i64>>(__values, &self.tags),
                5 => _uow::bind::<__DB, i64>(__values, &self.author),
                6 => _uow::bind::<__DB, i64>(__values, &self.version),
                _ => ::core::result::Result::Ok(()),
            }
        }
        fn bind_key(
            __key: &Self::Key,
            __values: &mut _uow::Values<'_, __DB>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            _uow::bind::<__DB, i64>(__values, __key)
        }
        fn type_info(
            __column: ::core::primitive::usize,
        ) -> ::core::option::Option<__DB::TypeInfo> {
            ::core::option::Option::Some(
                match __column {
                    0 | 5 | 6 => _uow::type_info::<__DB, i64>(),
                    1 | 2 => _uow::type_info::<__DB, String>(),
                    3 => _uow::type_info::<__DB, Option<String>>(),
                    4 => _uow::type_info::<__DB, Vec<i64>>(),
                    _ => return ::core::option::Option::None,
                },
            )
        }
        fn compatible(
            __column: ::core::primitive::usize,
            __info: &__DB::TypeInfo,
        ) -> ::core::primitive::bool {
            match __column {
                0 | 5 | 6 => _uow::compatible::<__DB, i64>(__info),
                1 | 2 => _uow::compatible::<__DB, String>(__info),
                3 => _uow::compatible::<__DB, Option<String>>(__info),
                4 => _uow::compatible::<__DB, Vec<i64>>(__info),
                _ => false,
            }
        }
        _uow::postgres_only! {
        fn has_array(__column: ::core::primitive::usize) -> ::core::primitive::bool {
            use _uow::{Arrays as _, NoArrays as _};
            match __column {
                0 | 5 | 6 => (&_uow::PgColumn::<i64>::new()).has_array(),
                1 | 2 => (&_uow::PgColumn::<String>::new()).has_array(),
                3 => (&_uow::PgColumn::<Option<String>>::new()).has_array(),
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
                                |__row| &__row.id,
                            ),
                            __arguments,
                        )
                }
                1 => {
                    (&_uow::PgColumn::<String>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.name,
                            ),
                            __arguments,
                        )
                }
                2 => {
                    (&_uow::PgColumn::<String>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.r#type,
                            ),
                            __arguments,
                        )
                }
                3 => {
                    (&_uow::PgColumn::<Option<String>>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.created_at,
                            ),
                            __arguments,
                        )
                }
                5 => {
                    (&_uow::PgColumn::<i64>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.author,
                            ),
                            __arguments,
                        )
                }
                6 => {
                    (&_uow::PgColumn::<i64>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.version,
                            ),
                            __arguments,
                        )
                }
                _ => ::core::result::Result::Ok(()),
            }
        }
        }
    }
    #[automatically_derived]
    impl<__DB: _uow::Backend> _uow::References<Person, __DB> for Blog
    where
        Self: _uow::Entity<__DB>,
        Person: _uow::Entity<__DB>,
        i64: ::core::convert::From<<Person as _uow::Entity<__DB>>::Key>,
    {
        fn refer_to(&mut self, __key: <Person as _uow::Entity<__DB>>::Key) {
            self.author = <i64 as ::core::convert::From<
                <Person as _uow::Entity<__DB>>::Key,
            >>::from(__key);
        }
    }
};
