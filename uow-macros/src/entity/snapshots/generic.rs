#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<
        'a,
        __DB_: _uow::Backend,
        __DB: Clone + Send,
        T: Default,
        const SIZE: usize,
    > _uow::Entity<__DB_> for Setting<'a, __DB, T, SIZE>
    where
        T: Send,
        String: _uow::ColumnType<__DB_>,
        __DB: _uow::ColumnType<__DB_>,
        __DB: _uow::ColumnValue,
    {
        type Key = String;
        const NAME: &'static ::core::primitive::str = "Setting";
        const TABLE: _uow::Table = _uow::Table::new("setting");
        const COLUMNS: &'static [_uow::Column] = &[
            _uow::Column::new("name").key(),
            _uow::Column::new("value"),
        ];
        fn key(&self) -> Self::Key {
            ::core::clone::Clone::clone(&self.name)
        }
        fn has_key(&self) -> ::core::primitive::bool {
            true
        }
        fn set_key(&mut self, __key: Self::Key) {
            self.name = __key;
        }
        fn version(&self) -> ::core::option::Option<::core::primitive::i64> {
            ::core::option::Option::None
        }
        fn set_version(&mut self, _: ::core::primitive::i64) {}
        fn raise_version(&mut self) {}
        fn load(__row: &__DB_::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::result::Result::Ok(Self {
                name: <__DB_ as _uow::Backend>::column::<String>(__row, 0)?,
                value: <__DB_ as _uow::Backend>::column::<__DB>(__row, 1)?,
                spare: <PhantomData<
                    &'a [T; SIZE],
                > as ::core::default::Default>::default(),
            })
        }
        fn reload(
            &mut self,
            __row: &__DB_::Row,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            (self.name, self.value) = (
                <__DB_ as _uow::Backend>::column::<String>(__row, 0)?,
                <__DB_ as _uow::Backend>::column::<__DB>(__row, 1)?,
            );
            ::core::result::Result::Ok(())
        }
        fn read(
            &mut self,
            __column: ::core::primitive::usize,
            __row: &__DB_::Row,
            __at: ::core::primitive::usize,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            match __column {
                0 => self.name = <__DB_ as _uow::Backend>::column::<String>(__row, __at)?,
                1 => self.value = <__DB_ as _uow::Backend>::column::<__DB>(__row, __at)?,
                _ => {}
            }
            ::core::result::Result::Ok(())
        }
        fn snapshot(&self) -> Self {
            Self {
                name: <String as _uow::ColumnValue>::copied(&self.name),
                value: <__DB as _uow::ColumnValue>::copied(&self.value),
                spare: <PhantomData<
                    &'a [T; SIZE],
                > as ::core::default::Default>::default(),
            }
        }
        fn copy(&mut self, __column: ::core::primitive::usize, __from: &Self) {
            match __column {
                0 => self.name = <String as _uow::ColumnValue>::copied(&__from.name),
                1 => self.value = <__DB as _uow::ColumnValue>::copied(&__from.value),
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
                && <String as _uow::ColumnValue>::differs(&self.name, &__from.name)
            {
                __changes.insert(0);
            }
            if __columns.contains(1)
                && <__DB as _uow::ColumnValue>::differs(&self.value, &__from.value)
            {
                __changes.insert(1);
            }
            __changes
        }
        fn bind(
            &self,
            __column: ::core::primitive::usize,
            __values: &mut _uow::Values<'_, __DB_>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            match __column {
                0 => _uow::bind::<__DB_, String>(__values, &self.name),
                1 => _uow::bind::<__DB_, __DB>(__values, &self.value),
                _ => ::core::result::Result::Ok(()),
            }
        }
        fn bind_key(
            __key: &Self::Key,
            __values: &mut _uow::Values<'_, __DB_>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            _uow::bind::<__DB_, String>(__values, __key)
        }
        fn type_info(
            __column: ::core::primitive::usize,
        ) -> ::core::option::Option<__DB_::TypeInfo> {
            ::core::option::Option::Some(
                match __column {
                    0 => _uow::type_info::<__DB_, String>(),
                    1 => _uow::type_info::<__DB_, __DB>(),
                    _ => return ::core::option::Option::None,
                },
            )
        }
        fn compatible(
            __column: ::core::primitive::usize,
            __info: &__DB_::TypeInfo,
        ) -> ::core::primitive::bool {
            match __column {
                0 => _uow::compatible::<__DB_, String>(__info),
                1 => _uow::compatible::<__DB_, __DB>(__info),
                _ => false,
            }
        }
        _uow::postgres_only! {
        fn has_array(__column: ::core::primitive::usize) -> ::core::primitive::bool {
            use _uow::{Arrays as _, NoArrays as _};
            match __column {
                0 => (&_uow::PgColumn::<String>::new()).has_array(),
                1 => (&_uow::PgColumn::<__DB>::new()).has_array(),
                _ => false,
            }
        }
        fn bind_array(
            __column: ::core::primitive::usize,
            __rows: &[&Self],
            __arguments: &mut __DB_::Arguments,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            use _uow::{Arrays as _, NoArrays as _};
            let ::core::option::Option::Some(__arguments) = _uow::as_postgres::<
                __DB_,
            >(__arguments) else {
                return ::core::result::Result::Ok(());
            };
            match __column {
                0 => {
                    (&_uow::PgColumn::<String>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.name,
                            ),
                            __arguments,
                        )
                }
                1 => {
                    (&_uow::PgColumn::<__DB>::new())
                        .bind_array(
                            ::core::iter::Iterator::map(
                                __rows.iter(),
                                |__row| &__row.value,
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
