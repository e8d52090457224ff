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
        fn bind_key(
            &self,
            __arguments: &mut __DB::Arguments,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            _uow::bind::<__DB, i64>(__arguments, &self.post)?;
            _uow::bind::<__DB, String>(__arguments, &self.tag)?;
            ::core::result::Result::Ok(())
        }
    }
};
