#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::unit_of_work::__private as _uow;
    #[automatically_derived]
    impl _uow::UnitOfWork for Database {
        type Database = _uow::DatabaseOf<Session<Sqlite>>;
        const NAME: &'static ::core::primitive::str = "Database";
        fn with_session(
            __session: _uow::Session<_uow::DatabaseOf<Session<Sqlite>>>,
        ) -> Self {
            Self {
                session: _uow::SessionField::from_session(__session),
            }
        }
        fn session(&mut self) -> &mut _uow::Session<_uow::DatabaseOf<Session<Sqlite>>> {
            _uow::SessionField::get_mut(&mut self.session)
        }
        fn visit_repositories<'sets>(
            &'sets mut self,
            __sets: &mut _uow::Repositories<'sets, _uow::DatabaseOf<Session<Sqlite>>>,
        ) {}
        fn schema(__schema: &mut _uow::Schema<_uow::DatabaseOf<Session<Sqlite>>>) {}
    }
};
