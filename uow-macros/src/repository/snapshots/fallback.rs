::core::compile_error! {
    "this field is neither the session nor entities: write `#[uow(skip)]` for a field that starts as its default, `#[uow(session)]` or `#[uow(entities)]` for a session or entities by another type name"
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl _uow::Repository for Blogs {
        type Database = _uow::DatabaseOf<Session<Sqlite>>;
        fn new(_: _uow::Session<Self::Database>) -> Self {
            ::core::unreachable!()
        }
    }
};
