#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl _uow::Repository for Blogs {
        type Database = <Session<Sqlite> as _uow::SessionField>::Database;
        fn new(__session: _uow::Session<Self::Database>) -> Self {
            Self {
                session: _uow::SessionField::from_session(__session),
            }
        }
    }
};
