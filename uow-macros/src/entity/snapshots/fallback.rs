::core::compile_error! {
    "this entity has no key: write `#[uow(key)]` on `id` if that is the key"
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl<__DB: _uow::Backend> _uow::Entity<__DB> for Blog {
        type Key = i64;
        const NAME: &'static ::core::primitive::str = "Blog";
        const TABLE: _uow::Table = _uow::Table::new("Blog");
        const COLUMNS: &'static [_uow::Column] = &[];
        fn key(&self) -> Self::Key {
            ::core::unreachable!()
        }
        fn has_key(&self) -> ::core::primitive::bool {
            ::core::unreachable!()
        }
        fn version(&self) -> ::core::option::Option<::core::primitive::i64> {
            ::core::unreachable!()
        }
        fn set_version(&mut self, _: ::core::primitive::i64) {}
        fn raise_version(&mut self) {}
        fn set_key(&mut self, _: Self::Key) {}
        fn load(_: &__DB::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::unreachable!()
        }
        fn reload(
            &mut self,
            _: &__DB::Row,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            ::core::unreachable!()
        }
        fn read(
            &mut self,
            _: ::core::primitive::usize,
            _: &__DB::Row,
            _: ::core::primitive::usize,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            ::core::unreachable!()
        }
        fn snapshot(&self) -> Self {
            ::core::unreachable!()
        }
        fn copy(&mut self, _: ::core::primitive::usize, _: &Self) {}
        fn changes_in(&self, _: _uow::ColumnSet, _: &Self) -> _uow::ColumnSet {
            ::core::unreachable!()
        }
        fn bind(
            &self,
            _: ::core::primitive::usize,
            _: &mut _uow::Values<'_, __DB>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            ::core::unreachable!()
        }
        fn bind_key(
            _: &Self::Key,
            _: &mut _uow::Values<'_, __DB>,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            ::core::unreachable!()
        }
        fn type_info(
            _: ::core::primitive::usize,
        ) -> ::core::option::Option<__DB::TypeInfo> {
            ::core::unreachable!()
        }
        fn compatible(
            _: ::core::primitive::usize,
            _: &__DB::TypeInfo,
        ) -> ::core::primitive::bool {
            ::core::unreachable!()
        }
    }
    #[automatically_derived]
    impl<__DB: _uow::Backend> _uow::References<Person, __DB> for Blog
    where
        Self: _uow::Entity<__DB>,
        Person: _uow::Entity<__DB>,
    {
        fn refer_to(&mut self, __key: <Person as _uow::Entity<__DB>>::Key) {
            ::core::unreachable!()
        }
    }
};
