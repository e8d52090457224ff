#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl _uow::Repository for Blogs {
        type Database = _uow::DatabaseOf<Session<Sqlite>>;
        fn new(__session: _uow::Session<_uow::DatabaseOf<Session<Sqlite>>>) -> Self {
            Self {
                session: _uow::SessionField::from_session(__session),
            }
        }
    }
};
