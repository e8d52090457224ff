#[allow(deprecated, unused_qualifications)]
const _: () = {
    use crate::database::uow::__private as _uow;
    #[automatically_derived]
    impl<__DB: _uow::Backend> _uow::Entity<__DB> for Blog
    where
        i64: _uow::ColumnType<__DB>,
        String: _uow::ColumnType<__DB>,
    {
        type Key = i64;
        const NAME: &'static ::core::primitive::str = "Blog";
        const TABLE: _uow::Table = _uow::Table::new("blogs").schema("app");
        const COLUMNS: &'static [_uow::Column] = &[
            _uow::Column::new("id").key().generated(),
            _uow::Column::new("title"),
            _uow::Column::new("type"),
            _uow::Column::new("version").version(),
        ];
        fn key(&self) -> Self::Key {
            ::core::clone::Clone::clone(&self.id)
        }
        fn load(__row: &__DB::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::result::Result::Ok(Self {
                id: <__DB as _uow::Backend>::column::<i64>(__row, 0)?,
                name: <__DB as _uow::Backend>::column::<String>(__row, 1)?,
                r#type: <__DB as _uow::Backend>::column::<String>(__row, 2)?,
                version: <__DB as _uow::Backend>::column::<i64>(__row, 3)?,
                note: <Option<String> as ::core::default::Default>::default(),
            })
        }
        fn reload(
            &mut self,
            __row: &__DB::Row,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            (self.id, self.name, self.r#type, self.version) = (
                <__DB as _uow::Backend>::column::<i64>(__row, 0)?,
                <__DB as _uow::Backend>::column::<String>(__row, 1)?,
                <__DB as _uow::Backend>::column::<String>(__row, 2)?,
                <__DB as _uow::Backend>::column::<i64>(__row, 3)?,
            );
            ::core::result::Result::Ok(())
        }
        fn bind_key(
            &self,
            __arguments: &mut __DB::Arguments,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            _uow::bind::<__DB, i64>(__arguments, &self.id)?;
            ::core::result::Result::Ok(())
        }
    }
};
