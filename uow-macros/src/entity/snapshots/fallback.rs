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
        fn load(_: &__DB::Row) -> ::core::result::Result<Self, _uow::SqlxError> {
            ::core::unreachable!()
        }
        fn reload(
            &mut self,
            _: &__DB::Row,
        ) -> ::core::result::Result<(), _uow::SqlxError> {
            ::core::unreachable!()
        }
        fn bind_key(
            &self,
            _: &mut __DB::Arguments,
        ) -> ::core::result::Result<(), _uow::BoxDynError> {
            ::core::unreachable!()
        }
    }
};
