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
        fn bind_key(
            &self,
            __arguments: &mut __DB_::Arguments,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            _uow::bind::<__DB_, String>(__arguments, &self.name)?;
            ::core::result::Result::Ok(())
        }
    }
};
